"""What watches a run: each piece a file, none of them known to the loop."""
