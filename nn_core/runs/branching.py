"""A run that begins where another one stood: at one of its checkpoints, or at a frame of its film."""

from __future__ import annotations

from dataclasses import replace

from nn_core.config.choices import choices
from nn_core.config.errors import ConfigError
from nn_core.config.run_config import RunConfig
from nn_core.data import Dataset
from nn_core.nn.network import from_weights
from nn_core.training.film import Frame
from nn_core.training.history import History
from nn_core.training.state import Checkpoint, Edit
from nn_core.training.trainer import Trainer

# settings that decide which arrays a network has, or what goes where in them
SHAPING = ("model", "normalization", *(name for model in choices("model").values() for name in model.uses))
READING = ("activation", "input_scaling")  # settings that decide what the same arrays answer


def check_shape(started_as: RunConfig, config: RunConfig) -> None:
    """Raise ConfigError, naming the field, when a network of `config` cannot hold the weights of the other."""
    for item in started_as.differences(config):
        if item.name in SHAPING:
            old, new = (item.format(getattr(each, item.name)) for each in (started_as, config))
            raise ConfigError(
                f"{item.name} must stay {old} in a branch, because the network keeps its weights; got {new}"
            )


def branch_at_frame(
    frame: Frame, config: RunConfig, data: Dataset, started_as: RunConfig, history: History, edits: tuple[Edit, ...]
) -> Checkpoint:
    """Where a branch of `config` begins that takes a frame's weights; its optimizer starts anew.

    `started_as`, `history` and `edits` are the parent's; what came after the frame is left out. Raises ConfigError.
    """
    check_shape(started_as, config)
    fresh = Trainer(config, data)
    model = from_weights(fresh.config, frame.weights())
    begin = _counted(fresh, frame.step, frame.epoch, frame.images_seen, frame.seconds, history, edits)
    return replace(begin, arrays={**begin.arrays, "params": model.flat, "running": model.running})


def branch_at_checkpoint(parent: Checkpoint, config: RunConfig, data: Dataset) -> tuple[Checkpoint, bool]:
    """Where a branch of `config` begins that takes a checkpoint's weights, and whether its optimizer goes on too.

    It does where the rule stays the same. Raises ConfigError.
    """
    check_shape(parent.config, config)
    fresh = Trainer(config, data)
    seen, seconds = parent.images_seen, parent.seconds
    begin = _counted(fresh, parent.step, parent.epoch, seen, seconds, parent.history, parent.edits)
    arrays = {**begin.arrays, "params": parent.arrays["params"], "running": parent.arrays["running"]}
    exact = config.optimizer == parent.config.optimizer
    if exact:
        arrays |= {name: array for name, array in parent.arrays.items() if name.startswith("optimizer.")}
        begin = replace(begin, updates=parent.updates)
    if config.seed == parent.config.seed:
        begin = replace(begin, dropout_state=parent.dropout_state)
        if begin.augment_state is not None and parent.augment_state is not None:
            begin = replace(begin, augment_state=parent.augment_state)
    return replace(begin, arrays=arrays, batch_losses=parent.batch_losses, instruments=parent.instruments), exact


def reads_alike(one: RunConfig, other: RunConfig) -> bool:
    """Whether equal weights give equal answers under both settings."""
    return not any(item.name in (*SHAPING, *READING) for item in one.differences(other))


def _counted(
    fresh: Trainer,
    step: int,
    epoch: float,
    images_seen: int,
    seconds: float,
    history: History,
    edits: tuple[Edit, ...],
) -> Checkpoint:
    """The state of a fresh trainer, but as far on as the parent was, with its curves and edits up to there."""
    past = history.copy()
    past.drop_after(step)
    inherited = tuple(edit for edit in edits if edit.step <= step)
    images = round(epoch * fresh.config.n_train)  # of all epochs, were they as long as this run's
    return replace(
        fresh.checkpoint(),
        edits=inherited,
        inherited=len(inherited),
        step=step,
        epoch_index=images // fresh.config.n_train,
        position=images % fresh.config.n_train,
        images_seen=images_seen,
        seconds=seconds,
        history=past,
    )
