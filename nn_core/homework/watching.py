"""Records a training loop that somebody wrote as a run like any other: curves, film, confusion matrix, vital signs."""

from __future__ import annotations

import atexit
import logging
import math
import time
from pathlib import Path
from typing import Any, NamedTuple

from nn_core.config.errors import ConfigError
from nn_core.config.run_config import RunConfig
from nn_core.data import load_dataset
from nn_core.data.dataset import N_CLASSES, N_PIXELS, Dataset
from nn_core.homework.dense_weights import dense_weights
from nn_core.homework.given import GivenError
from nn_core.instruments.recording import Recording
from nn_core.store.recorder import Recorder
from nn_core.store.run_store import RunStore, new_id
from nn_core.store.run_writer import RunWriter
from nn_core.training.followed import FollowedTrainer, Layers

log = logging.getLogger(__name__)

TAG = "watched"
ON_THEIR_OWN_BATCH = ("step_gauge",)  # instruments that say nothing of an update unless its own batch is known
NOTE = (
    "Recorded by nn_core.watch from a training loop that is not ours. Losses of batches are its own; training and "
    "validation are scored here, with its weights. Gradients of the vital signs are of batches as large, drawn here."
)


class _Step(NamedTuple):
    """What was told of one step."""

    step: int
    images: int
    seconds: float
    loss: float | None
    accuracy: float | None


class Watch:
    """One loop that is watched: call it after each update, and `finish` at the end (or use it in a with block).

    `run_id` is the run's id, "" until weights are given: from then on it lies under Runs.
    """

    def __init__(self, name: str, config: RunConfig, store: RunStore, data: Dataset) -> None:
        self.name, self.run_id = name, ""
        self._config, self._store, self._data = config, store, data
        self._pending: list[_Step] = []  # told without weights
        self._last = _Step(0, 0, 0.0, None, None)
        self._seconds = 0.0  # of the loop's own
        self._left = time.perf_counter()
        self._trainer: FollowedTrainer | None = None
        self._recorder: Recorder
        self._recording: Recording
        self._is_named = self._is_over = self._has_warned = False
        atexit.register(self.finish)

    def __repr__(self) -> str:
        where = f"run {self.run_id} in {self._store.folder}" if self.run_id else "no weights yet"
        return f"<Watch {self.name!r}: step {self._last.step:,}, {where}>"

    def __enter__(self) -> Watch:
        self._left = time.perf_counter()
        return self

    def __exit__(self, *_: object) -> None:
        self.finish()

    def __call__(
        self,
        *,
        loss: float | None = None,
        accuracy: float | None = None,
        weights: Any = None,
        step: int | None = None,
        epoch: float | None = None,
        lr: float | None = None,
    ) -> None:
        """After an update: what is known of it. Each may be left out; weights come at least now and then.

        loss: the batch's mean loss. accuracy: of the batch, in [0, 1]. weights: a dict, (W1, b1, W2, b2), pairs (W, b)
        or two lists, in any orientation; they are copied. step: updates so far, by default one more than before; 0 is
        before any learning. epoch: passes over the training images so far, where the batch size does not tell. lr: the
        learning rate from now on, where it changes. Raises GivenError and ConfigError.
        """
        entered = time.perf_counter()
        self._seconds += entered - self._left
        try:
            if not self._is_over:
                self._note(self._told(loss, accuracy, step, epoch), weights, lr)
        finally:
            self._left = time.perf_counter()

    def finish(self, status: str = "finished") -> None:
        """The loop has ended: score the last weights, and write all down."""
        if self._is_over:
            return
        self._is_over = True
        atexit.unregister(self.finish)
        trainer = self._trainer
        if trainer is None:
            if self._pending:
                log.warning("Nothing of %r was kept: a run needs weights at least once.", self.name)
            return
        if self._pending:
            log.warning("%r is kept up to step %d, where its weights were last given.", self.name, trainer.step_count)
        if trainer.step_count:
            trainer.score()
        self._recording.finish()
        self._recorder.note()
        self._recorder.rests(trainer.model.weights())
        self._save(status)

    # -- one step

    def _told(self, loss: Any, accuracy: Any, step: Any, epoch: Any) -> _Step:
        """The step, checked."""
        last = self._pending[-1] if self._pending else self._last
        is_first = not self._pending and self._trainer is None
        if step is None:
            step = last.step + 1
        if isinstance(step, bool) or not isinstance(step, int) or step < 0 or (step <= last.step and not is_first):
            least = 0 if is_first else last.step + 1
            raise GivenError(f"step must be a whole number of at least {least:,}, got {step!r:.40}")
        images = last.images + (step - last.step) * self._config.effective_batch(self._config.n_train)
        if epoch is not None:
            images = round(_number("epoch", epoch, last.images / self._config.n_train, 1e6) * self._config.n_train)
        if loss is not None and not math.isfinite(_number("loss", loss)):
            self._warn_once(f"The loss of step {step:,} is {float(loss)}; curves leave out such points.")
            loss = None
        if accuracy is not None:
            accuracy = _number("accuracy", accuracy, 0, 1, "; in percent? Divide by 100")
        return _Step(step, images, self._seconds, None if loss is None else float(loss), accuracy)

    def _note(self, told: _Step, weights: Any, lr: float | None) -> None:
        if weights is None:
            if lr is not None:
                self._change_lr(lr)
            self._pending.append(told)
            return
        layers = dense_weights(weights, N_PIXELS, N_CLASSES)
        if self._trainer is None:
            self._begin(layers, told)
        trainer = self._trainer
        assert trainer is not None
        self._check_sizes(layers, trainer)
        for each in self._pending:
            trainer.stands_at(each.step, each.images, each.seconds)
            trainer.learned(each.loss, each.accuracy)
        is_next = told.step == self._last.step + 1
        if is_next and not self._pending:
            took = trainer.follow(layers, told.step, told.images, told.seconds)
        else:
            took = trainer.take(layers)
            trainer.stands_at(told.step, told.images, told.seconds)
        self._pending.clear()
        if not took:
            self._diverged(told.step)
            return
        self._last = told
        trainer.learned(told.loss, told.accuracy)
        if lr is not None:
            self._change_lr(lr)
        if trainer.score_if_due() and not is_next:
            self._recording.rests()
        self._recording.note()
        self._recorder.note()
        self._save("training")

    def _begin(self, layers: Layers, told: _Step) -> None:
        """The run begins with these weights."""
        hidden = tuple(W.shape[1] for W, _ in layers[:-1])
        self._config = self._config.replace(hidden=hidden)
        trainer = FollowedTrainer(self._config.replace(init="zeros"), self._data)
        trainer.initial_config = trainer.config = trainer.model.config = trainer.config.replace(init=self._config.init)
        if not trainer.take(layers):
            raise GivenError(f"the weights must be finite numbers at first, got NaN or infinity at step {told.step:,}")
        self._trainer, self.run_id = trainer, new_id()
        trainer.stands_at(told.step, told.images, told.seconds)
        is_full = trainer.config.effective_batch(trainer.config.n_train) == trainer.config.n_train
        without = () if is_full else ON_THEIR_OWN_BATCH
        self._recording = Recording(trainer, first_weights=trainer.model.flat.copy(), without=without)
        self._recorder = Recorder(trainer, RunWriter(self._store, self.run_id, self._data))
        self._last = told._replace(step=max(0, told.step - 1))

    def _check_sizes(self, layers: Layers, trainer: FollowedTrainer) -> None:
        hidden = tuple(W.shape[1] for W, _ in layers[:-1])
        if hidden != trainer.config.hidden:
            raise GivenError(f"the hidden layers must stay {trainer.config.hidden}, as in the first step, got {hidden}")

    def _change_lr(self, lr: float) -> None:
        if self._trainer is None:
            self._config = self._config.replace(lr=lr)
        else:
            self._trainer.change("lr", lr)

    def _diverged(self, step: int) -> None:
        """The weights are no numbers any more: the last ones that were stay."""
        trainer, last = self._trainer, self._last
        assert trainer is not None
        trainer.stands_at(last.step, last.images, last.seconds)
        trainer.stopped = (
            f"Training diverged: the weights of step {step:,} hold NaN or infinity. The last ones before that, of "
            f"step {trainer.step_count:,}, are kept. Try a smaller learning rate."
        )
        log.warning("%s", trainer.stopped)
        self.finish("diverged")

    def _save(self, status: str) -> None:
        self._recorder.keep(status)
        if not self._is_named and self.run_id in self._store:
            self._store.rename(self.run_id, self.name)
            self._store.tag(self.run_id, [TAG])
            self._store.note(self.run_id, NOTE)
            self._is_named = True

    def _warn_once(self, sentence: str) -> None:
        if not self._has_warned:
            self._has_warned = True
            log.warning("%s", sentence)


def watch(
    name: str = "my training",
    config: RunConfig | None = None,
    *,
    folder: str | Path | None = None,
    data: Dataset | None = None,
    **settings: Any,
) -> Watch:
    """Record a training loop of your own: it appears under Runs like any other, while it trains.

    >>> watched = watch("my first network", lr=0.1, batch_size=32)
    >>> for X, Y in batches:
    ...     ...
    ...     watched(loss=loss, accuracy=accuracy, weights=(W1, b1, W2, b2))
    >>> watched.finish()

    `config`, or settings by name, say what your loop does: activation, loss, lr, batch_size, optimizer, n_train, ...;
    what is not said is taken as its default. The hidden sizes are told by the weights. `folder` is where runs lie, by
    default that of the app. Raises ConfigError for settings that make no sense, and for networks that are not made of
    dense layers.
    """
    config = (config or RunConfig()).replace(**settings)
    if config.model != "mlp" or config.normalization != "none":
        what, should = ("model", "mlp") if config.model != "mlp" else ("normalization", "none")
        raise ConfigError(f"{what} must be {should} to be watched, got {getattr(config, what)}")
    data = data or load_dataset(config.dataset)
    config = config.replace(n_train=min(config.n_train, len(data.train_images)))
    store = RunStore(None if folder is None else Path(folder))
    return Watch(" ".join(str(name).split())[:80], config, store, data)


def _number(name: str, value: Any, low: float = -math.inf, high: float = math.inf, hint: str = "") -> float:
    """A number in [low, high]; NaN passes where there are no limits. Raises GivenError."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise GivenError(f"{name} must be a number, got {value!r:.60}") from None
    if (low, high) != (-math.inf, math.inf) and not low <= number <= high:
        raise GivenError(f"{name} must be in [{low:g}, {high:g}], got {number:g}{hint if number > high else ''}")
    return number
