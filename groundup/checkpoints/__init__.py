"""The state of a run, in files from which it goes on as if nothing had been."""

from groundup.checkpoints._random import ResumedLoader
from groundup.checkpoints.checkpoint import Checkpoint
from groundup.checkpoints.single_file import load_checkpoint, save_checkpoint

__all__ = ["Checkpoint", "ResumedLoader", "load_checkpoint", "save_checkpoint"]
