"""What happens between gradients and new weights: a file for each rule."""
