"""The training code of deep learning, rebuilt from the ground up."""

from groundup import oracle as oracle
from groundup.callbacks.best_weights import BestWeights
from groundup.callbacks.callback import Callback
from groundup.callbacks.early_stopping import EarlyStopping
from groundup.callbacks.log_file import LogFile
from groundup.callbacks.parameter_history import ParameterHistory
from groundup.callbacks.progress import Progress
from groundup.checkpoints.checkpoint import Checkpoint
from groundup.checkpoints.single_file import load_checkpoint, save_checkpoint
from groundup.config import TrainerConfig
from groundup.data import (
    PENGUIN_FEATURES,
    DataLoader,
    Dataset,
    load_digits,
    load_penguins,
    make_regression,
    random_split,
    standardise,
)
from groundup.losses import (
    accuracy,
    binary_accuracy,
    binary_cross_entropy_with_logits,
    cross_entropy,
    mean_squared_error,
)
from groundup.models import (
    MLP,
    Dropout,
    Linear,
    LinearRegression,
    LogisticRegression,
)
from groundup.naive import NaiveTrainer, NaiveTrainerConfig, NaiveTrainerResult
from groundup.operations import count_operations
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
from groundup.sweep import SweepResult, sweep
from groundup.timing import time_in_turns
from groundup.trainer import Average, Trainer, TrainerResult, evaluate

__all__ = [
    "MLP",
    "PENGUIN_FEATURES",
    "SGD",
    "Accumulated",
    "Adam",
    "AdamRecipe",
    "AdamW",
    "AdamWRecipe",
    "Average",
    "AveragedModel",
    "Averaging",
    "BestWeights",
    "Callback",
    "Checkpoint",
    "Clipped",
    "ConstantSchedule",
    "CosineSchedule",
    "DataLoader",
    "Dataset",
    "Dropout",
    "EarlyStopping",
    "Linear",
    "LinearRegression",
    "LinearSchedule",
    "LogFile",
    "LogisticRegression",
    "NaiveTrainer",
    "NaiveTrainerConfig",
    "NaiveTrainerResult",
    "OneCycleSchedule",
    "Optimizer",
    "ParameterHistory",
    "Progress",
    "SGDRecipe",
    "Scheduled",
    "SweepResult",
    "Trainer",
    "TrainerConfig",
    "TrainerResult",
    "Wrapper",
    "accuracy",
    "binary_accuracy",
    "binary_cross_entropy_with_logits",
    "count_operations",
    "cross_entropy",
    "evaluate",
    "load_checkpoint",
    "load_digits",
    "load_penguins",
    "make_regression",
    "mean_squared_error",
    "random_split",
    "save_checkpoint",
    "standardise",
    "sweep",
    "time_in_turns",
]
