"""A run that begins where another one stood: at one of its checkpoints, or at a frame of its film."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace

from nn_core.config.choices import choices
from nn_core.config.errors import ConfigError
from nn_core.config.run_config import RunConfig
from nn_core.data import Dataset
from nn_core.instruments.events import Event, events_until, from_instruments, to_instruments, without_events
from nn_core.nn.network import from_weights
from nn_core.runs.past import Past
from nn_core.runs.run import Run
from nn_core.store.opened_run import OpenedRun
from nn_core.store.run_store import RunStore, StoreError
from nn_core.training.film import Film, Frame
from nn_core.training.history import History, Series
from nn_core.training.state import Checkpoint, Edit, Parent
from nn_core.training.trainer import Trainer

# settings that decide which arrays a network has, or what goes where in them
SHAPING = ("model", "normalization", *(name for model in choices("model").values() for name in model.uses))
READING = ("activation", "input_scaling")  # settings that decide what the same arrays answer
ANEW = {
    True: "The optimizer starts anew, because only the weights of that step were kept.",
    False: "The optimizer starts anew, because it is another one.",
}  # by whether it is the parent's


@dataclass(frozen=True, eq=False)
class Origin:
    """What a branch takes from the run that it leaves."""

    run_id: str
    started_as: RunConfig  # the settings at step 0
    parent: Parent | None
    film: tuple[Frame, ...]
    series: Mapping[str, Series]
    edits: tuple[Edit, ...]
    events: tuple[Event, ...]
    checkpoint_at: Callable[[int], Checkpoint | None]  # None where there is none of that step

    def __repr__(self) -> str:
        return f"<Origin: run {self.run_id}, {len(self.film)} frames>"

    def history(self) -> History:
        """The curves, as a copy."""
        history = History()
        for name, series in self.series.items():
            history.extend(name, series.points)
        return history


def live_origin(run: Run, store: RunStore | None) -> Origin:
    """A run in memory, with the checkpoints that the store has of it."""
    shot = run.snapshot

    def checkpoint_at(step: int) -> Checkpoint | None:
        return run.checkpoint_at(step) or _stored_checkpoint(store, run.id, step)

    parts = shot.film, shot.series, shot.edits, shot.events
    return Origin(run.id, shot.started_as, shot.parent, *parts, checkpoint_at)


def _stored_checkpoint(store: RunStore | None, run_id: str, step: int) -> Checkpoint | None:
    if store is not None and run_id in store:
        with suppress(StoreError):
            return store.checkpoint(run_id, step)
    return None


def stored_origin(opened: OpenedRun, data: Dataset) -> Origin:
    """A run on disk: as its newest checkpoint shows it, or where none can be read, its summary and its film.

    Raises StoreError.
    """
    run, film, problem = opened.run, opened.film().frames(), ""
    started_as, edits, series = run.config, run.edits, opened.series()
    events: tuple[Event, ...] = ()
    try:
        newest = opened.newest.checkpoint
        started_as, edits, series = newest.config, newest.edits, newest.history.series()
        events = from_instruments(newest.instruments, newest.step)
    except StoreError as error:
        problem = str(error)
    opened.check_data(data)
    if problem and not film:
        raise StoreError(problem)

    def checkpoint_at(step: int) -> Checkpoint | None:
        with suppress(StoreError):
            return opened.load(step).checkpoint
        return None

    return Origin(run.id, started_as, run.parent, film, series, edits, events, checkpoint_at)


def begin_branch(origin: Origin, step: int, config: RunConfig, data: Dataset) -> tuple[Past, Parent]:
    """What a branch of `config` that leaves a run at `step` brings along, and where it branches off.

    Raises ConfigError where the network could not keep its weights, and StoreError where there is neither a frame nor
    a checkpoint of that step.
    """
    check_shape(origin.started_as, config)
    begin, exact = _beginning(origin, step, config, data)
    events = to_instruments(events_until(origin.events, step))
    begin = replace(begin, instruments={**without_events(begin.instruments), **events})
    alike = reads_alike(origin.started_as, config)
    film = Film(tuple(frame for frame in origin.film if frame.step <= step and not frame.exact) if alike else ())
    message = f"Branched from run {origin.run_id} at step {step:,}."
    if not exact:
        message += f" {ANEW[config.optimizer == origin.started_as.optimizer]}"
    return Past(begin, film, message=message), Parent(origin.run_id, step, exact)


def _beginning(origin: Origin, step: int, config: RunConfig, data: Dataset) -> tuple[Checkpoint, bool]:
    """Where a branch begins, and whether the optimizer goes on."""
    checkpoint = origin.checkpoint_at(step)
    if checkpoint is None and step == 0 and origin.parent is None:  # settings and seed give it
        checkpoint = replace(Trainer(origin.started_as, data).checkpoint(), history=origin.history())
    if checkpoint is not None:
        return branch_at_checkpoint(checkpoint, config, data)
    frame = next((frame for frame in origin.film if frame.step == step), None)
    if frame is None:
        nearest = sorted({each.step for each in origin.film}, key=lambda kept: abs(kept - step))[:2]
        near = " and ".join(f"{kept:,}" for kept in sorted(nearest))
        raise StoreError(f"Run {origin.run_id} has no frame of step {step:,}; those nearest to it are of steps {near}.")
    return branch_at_frame(frame, config, data, origin.started_as, origin.history(), origin.edits), False


def check_shape(started_as: RunConfig, config: RunConfig) -> None:
    """Raise ConfigError, naming the setting, when a network of `config` cannot hold the weights of the other."""
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
