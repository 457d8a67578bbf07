"""A file for each contender; `train(job)` trains from scratch and gives the parameters."""
