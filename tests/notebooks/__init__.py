"""The chapters, run from top to bottom and as a reader moves their controls."""
