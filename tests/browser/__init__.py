"""The chapters in Chromium: live under `marimo run`, and as published pages without a kernel."""
