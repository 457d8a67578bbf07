"""The package beside what people use instead, on the same jobs: `make bench`."""
