"""Callbacks: each a file, none of them known to the loop."""
