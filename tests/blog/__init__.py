"""The site: the step between marimo and MyST-NB, and what a build gives."""
