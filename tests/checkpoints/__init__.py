"""What watches a run: each piece's tests in a file of their own."""
