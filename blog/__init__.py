"""The series as a site: `python -m blog` builds it, `python -m blog.serve` shows it."""
