"""The training code of deep learning, rebuilt from the ground up."""

from groundup.data import make_regression
from groundup.losses import mean_squared_error
from groundup.models import MLP, LinearRegression
from groundup.naive import NaiveTrainer, NaiveTrainerConfig, NaiveTrainerResult
from groundup.operations import count_operations
from groundup.oracle import (
    Quadratic,
    closed_form_path,
    hessian,
    largest_stable_learning_rate,
    least_squares,
    quadratic,
)
from groundup.sweep import SweepResult, sweep

__all__ = [
    "MLP",
    "LinearRegression",
    "NaiveTrainer",
    "NaiveTrainerConfig",
    "NaiveTrainerResult",
    "Quadratic",
    "SweepResult",
    "closed_form_path",
    "count_operations",
    "hessian",
    "largest_stable_learning_rate",
    "least_squares",
    "make_regression",
    "mean_squared_error",
    "quadratic",
    "sweep",
]
