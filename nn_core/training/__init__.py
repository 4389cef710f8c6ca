"""Training: batches, updates, scores along the way, early stopping, exact checkpoints, the film of the weights."""

from nn_core.training.film import Film, Frame, exact_frame, first_frame, halved
from nn_core.training.history import Axis, History, Series, downsample, over_lr_step, smooth
from nn_core.training.profile import measure_epoch_seconds
from nn_core.training.state import Checkpoint, Edit, Parent, Scores, TrainingState, config_at, in_effect
from nn_core.training.trainer import Trainer, stream

__all__ = [
    "Axis",
    "Checkpoint",
    "Edit",
    "Film",
    "Frame",
    "History",
    "Parent",
    "Scores",
    "Series",
    "Trainer",
    "TrainingState",
    "config_at",
    "downsample",
    "exact_frame",
    "first_frame",
    "halved",
    "in_effect",
    "measure_epoch_seconds",
    "over_lr_step",
    "smooth",
    "stream",
]
