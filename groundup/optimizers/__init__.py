"""What happens between gradients and new weights: a file for each rule."""

from groundup.optimizers.accumulated import Accumulated
from groundup.optimizers.adam import Adam, AdamRecipe
from groundup.optimizers.adamw import AdamW, AdamWRecipe
from groundup.optimizers.averaged_model import AveragedModel
from groundup.optimizers.averaging import Averaging
from groundup.optimizers.clipped import Clipped
from groundup.optimizers.optimizer import Optimizer
from groundup.optimizers.scheduled import Scheduled
from groundup.optimizers.schedules import (
    ConstantSchedule,
    CosineSchedule,
    LinearSchedule,
    OneCycleSchedule,
)
from groundup.optimizers.sgd import SGD, SGDRecipe
from groundup.optimizers.wrapper import Wrapper

__all__ = [
    "SGD",
    "Accumulated",
    "Adam",
    "AdamRecipe",
    "AdamW",
    "AdamWRecipe",
    "AveragedModel",
    "Averaging",
    "Clipped",
    "ConstantSchedule",
    "CosineSchedule",
    "LinearSchedule",
    "OneCycleSchedule",
    "Optimizer",
    "SGDRecipe",
    "Scheduled",
    "Wrapper",
]
