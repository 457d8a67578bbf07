"""What happens between gradients and new weights: a file for each rule."""

from groundup.optimizers.optimizer import Optimizer
from groundup.optimizers.sgd import SGD

__all__ = ["SGD", "Optimizer"]
