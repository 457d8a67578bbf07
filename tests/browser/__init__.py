"""The chapters in Chromium: live under `marimo run`, and published, without a kernel."""
