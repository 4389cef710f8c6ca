"""One training run: batches in a fixed random order, one update a step, scores along the way, exact checkpoints.

Resuming from a checkpoint equals never having stopped, bit for bit; config, seed and the list of edits replay to the
same weights (same machine, same NumPy, same number of BLAS threads).
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from contextvars import Context
from copy import deepcopy
from dataclasses import replace
from typing import Any

import numpy as np

from nn_core.config.errors import ConfigError
from nn_core.config.run_config import RunConfig, setting
from nn_core.data import Dataset
from nn_core.data.augment import Augmenter, augments, noisy_labels
from nn_core.kernels.choose import training_step
from nn_core.machine.memory import Array
from nn_core.nn.flat import is_finite
from nn_core.nn.network import Network, build_model
from nn_core.nn.optimizers import make_optimizer
from nn_core.nn.regularizers import clip_to_norm, project_to_max_norm
from nn_core.nn.schedules import lr_multiplier
from nn_core.training.early_stopping import Best
from nn_core.training.history import History
from nn_core.training.scoring import Scoring
from nn_core.training.state import Checkpoint, Edit, Scores, TrainingState, config_at
from nn_core.training.watching import Scored, Update, Watcher

SAVE_EVERY = 16  # steps between two copies of the state that a diverging run falls back to
DENSE_BATCH_POINTS = 1_000  # batch losses kept one by one; later ones are averaged over ever longer stretches

# independent streams of random numbers, spawned from the seed: changing one leaves the others alone
INIT, ORDER, DROPOUT, AUGMENT, LABELS = range(5)


def stream(seed: int, purpose: int, *more: int) -> np.random.Generator:
    """The generator for one purpose (and, for the order, one epoch) of a run."""
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed, spawn_key=(purpose, *more))))


class Trainer:
    """Trains one network. `config` is as edited; `model`, `history`, `step_count`, `epoch`, `stopped` may be read.

    `data` gives the images; the first `config.n_train` training images are learned from. Where `draw_epoch` is given,
    it is asked at the start of each epoch to write the images of that epoch, uint8 (n_train, 28, 28), into its
    argument, where those of the epoch before stand; such a run cannot be resumed. Raises ConfigError when the data hold
    fewer images.
    """

    def __init__(self, config: RunConfig, data: Dataset, draw_epoch: Callable[[Array], None] | None = None) -> None:
        if config.n_train > len(data.train_images):
            if config.n_train != setting("n_train").default:
                raise ConfigError(
                    f"n_train must be at most {len(data.train_images)} for {data.name}, got {config.n_train}"
                )
            config = config.replace(n_train=len(data.train_images))
        self.config = self.initial_config = config
        self.data = data
        self.edits: list[Edit] = []
        self.n_inherited = 0  # the first so many edits were made before this run branched off, and are in `config`
        self.history = History()
        self.stopped = ""  # why training cannot go on, one sentence
        self.step_count = 0
        self.images_seen = 0
        self.seconds = 0.0
        self.scores: Scores | None = None
        # what they need to go on, part of every checkpoint; another value takes the place of one, none is written into
        self.instruments: dict[str, dict[str, Any]] = {}
        self.watcher: Watcher | None = None  # is shown the updates that it wants to see
        self._is_watched = False  # whether the running update is to be shown
        self._update_seen: Update | None = None

        self._dropout_rng = stream(config.seed, DROPOUT)
        self.model = self.initial_model(config, self._dropout_rng)
        self.optimizer = make_optimizer(config, self.model.n_params, weights=self.model.matrices)
        self.train_images = data.train_images[: config.n_train]
        self._draw_epoch, self._n_drawn = draw_epoch, 0  # how many epochs have been drawn
        if draw_epoch is not None:
            self.train_images = np.array(self.train_images)
        self.train_labels = self.labels_of(config, data)
        self._augmenter = self.augmenter(config)
        flat_images = self.train_images.reshape(config.n_train, -1)
        self._kernel = training_step(self.model, flat_images, self.train_labels, self._augmenter)
        self._quiet = Context()  # for updates; entering np.errstate at each of them took 2 us of 120
        self._quiet.run(np.seterr, over="ignore", invalid="ignore")
        self._epoch_index = 0
        self._position = 0
        self._order: Array | None = None  # the running epoch's order of images; drawn when first needed
        self._scoring = Scoring(data, self.train_images, self.train_labels)
        self._batch_losses: list[float] = []
        self._safe: TrainingState | None = None  # a state that is known to be good
        self._best = Best()  # for early stopping
        self.stopped_early = False  # whether `stopped` says that validation no longer improved

    def __repr__(self) -> str:
        return f"<Trainer at step {self.step_count:,}: {self.config.title()}>"

    @staticmethod
    def initial_model(config: RunConfig, dropout_rng: np.random.Generator | None = None) -> Network:
        """The network of these settings before any learning."""
        return build_model(config, stream(config.seed, INIT), dropout_rng)

    @staticmethod
    def labels_of(config: RunConfig, data: Dataset) -> Array:
        """The labels (n_train,) that networks of these settings learn from, some of them redrawn with label noise."""
        labels = data.train_labels
        if config.label_noise:
            labels = noisy_labels(labels, config.label_noise, stream(config.seed, LABELS))
        return labels[: config.n_train]

    @staticmethod
    def augmenter(config: RunConfig) -> Augmenter | None:
        """What changes the training images of these settings, at its beginning; None where nothing does."""
        if not augments(config):
            return None
        return Augmenter(config, stream(config.seed, AUGMENT), stream(config.seed, AUGMENT, 1))

    # -- where it stands

    @property
    def epoch(self) -> float:
        """Passes over the training images so far, with fraction."""
        return self._epoch_index + self._position / self.config.n_train

    @property
    def lr_multiplier(self) -> float:
        """What the schedule multiplies the learning rate by in the next update; past the budget, as in its last."""
        config = self.config
        if config.schedule == "constant":
            return 1.0
        size = config.effective_batch(config.n_train)
        steps_an_epoch = -(-config.n_train // size)
        made = self._epoch_index * steps_an_epoch + self._position / size
        return lr_multiplier(made, config.epochs * steps_an_epoch, config)

    # -- training

    def step(self) -> bool:
        """One update on the next batch; False, with the reason in `stopped`, when training cannot go on."""
        if self.stopped:
            return False
        if self._draw_epoch is not None and self._n_drawn <= self._epoch_index:
            self._draw_epoch(self.train_images)
            self._n_drawn += 1
        if self.step_count == 0 and self.scores is None:
            self.score()
        started = time.perf_counter()
        safe = self._safe
        before = self._state() if safe is None or self.step_count % SAVE_EVERY == 0 else safe
        is_new = before is not safe
        self._is_watched = self.watcher is not None and self.watcher.wants(self.step_count, self.seconds)
        loss = self._update()
        # weights that are not finite almost always show in the next loss; the few that do not (behind a dead unit) are
        # looked for every SAVE_EVERY steps: at each step it took 3 us of 60
        diverged = not math.isfinite(loss) or (is_new and not self._is_finite())
        if diverged:
            self._fall_back(safe or before)
        elif is_new:
            self._safe = before  # now its loss is known to be finite
        self.seconds += time.perf_counter() - started
        if diverged:
            self.score()
            return False
        if self._is_watched:
            self._show_the_update()
        self._note_batch_loss(loss)
        if self._scoring.is_due(self.step_count, self.seconds, self.config.eval_every, self.scores):
            self.score()
        if self.config.early_stopping and self._position == 0:
            self._look_at_validation()
        return True

    def train_for(self, seconds: float) -> int:
        """Steps until `seconds` of wall time are over or training stops; returns the steps made."""
        before, until = self.step_count, time.perf_counter() + seconds
        while self.step() and time.perf_counter() < until:
            pass
        return self.step_count - before

    def train_epochs(self, n: float = 1, progress: Callable[[Trainer], None] | None = None) -> int:
        """Steps until `n` more epochs are over or training stops; returns the steps made.

        Scores at the end of every epoch, and calls `progress` with this trainer then; what it raises ends the training.
        """
        before, until, goes_on = self.step_count, self.epoch + n, True
        while goes_on and self.epoch < until - 1e-9:
            end = min(until, math.floor(self.epoch + 1e-9) + 1)
            while self.epoch < end - 1e-9 and (goes_on := self.step()):
                pass
            self.score()
            if progress is not None:
                progress(self)
        return self.step_count - before

    def change(self, name: str, value: Any) -> None:
        """Change a live setting from the next step on; the edit is recorded. Raises ConfigError."""
        changed = self.config.edited(name, value)
        old, new = getattr(self.config, name), getattr(changed, name)
        if old != new:
            self.edits.append(Edit(self.step_count, name, old, new))
            self.config = changed
            self.stopped = ""  # after a divergence, another setting may go on from the last finite weights
            if self.stopped_early:
                self.stopped_early, self._best = False, replace(self._best, waited=0)

    def replay(self, edits: Iterable[Edit], steps: int) -> None:
        """Train to step `steps`, making each edit where it was made first."""
        pending = sorted(edits, key=lambda edit: edit.step)
        while self.step_count < steps:
            while pending and pending[0].step <= self.step_count:
                edit = pending.pop(0)
                self.change(edit.setting, edit.new)
            if not self.step():
                break

    def _update(self) -> float:
        """One update; returns the mean loss. It may overflow: whoever calls looks at the loss and the weights."""
        return self._quiet.run(self._learn_from_the_next_batch)

    def _learn_from_the_next_batch(self) -> float:
        """Gradients of the next batch and the penalties, one step of the optimizer; returns the batch's mean loss."""
        rate = self.lr_multiplier
        indices, n = self._next_batch()
        model, config = self.model, self.config
        if config.label_smoothing != self._kernel.smoothing:
            self._kernel.smooth(config.label_smoothing)
        loss = self._kernel.gradients(indices, config.dropout, self._dropout_rng)
        if config.l2 or config.l1:
            model.add_penalties(config.l2, config.l1)
        if self._is_watched:
            with suppress(MemoryError):  # then nobody sees it; training goes on
                self._update_seen = Update(model, self._kernel, config, indices, loss, config.lr * rate)
        if config.clip_norm:
            clip_to_norm(model.flat_grads, config.clip_norm)
        self.optimizer.step(model.flat, model.flat_grads, config, rate)
        if config.max_norm:
            project_to_max_norm(model.matrices, config.max_norm)
        self.step_count += 1
        self.images_seen += n
        return loss

    def _show_the_update(self) -> None:
        """Let the watcher look at the update that was just made; its time is part of the training time."""
        started = time.perf_counter()
        if self.watcher is not None and self._update_seen is not None:
            self._quiet.run(self.watcher.saw, self._update_seen)
        self._update_seen = None
        self.seconds += time.perf_counter() - started

    def record(self, name: str, value: float) -> None:
        """Append a point to a series of the history, at the step that training stands at."""
        self.history.record(
            name, value, step=self.step_count, epoch=self.epoch, images=self.images_seen, seconds=self.seconds
        )

    def _next_batch(self) -> tuple[Array | slice, int]:
        """The indices of the next batch, and how many; the last batch of an epoch may be smaller."""
        n_train = self.config.n_train
        size = self.config.effective_batch(n_train)
        start, stop = self._position, min(self._position + size, n_train)
        if start == 0 and stop == n_train:
            indices: Array | slice = slice(0, n_train)  # the whole set: the order does not matter
        else:
            if self._order is None:
                self._order = stream(self.config.seed, ORDER, self._epoch_index).permutation(n_train)
            indices = self._order[start:stop]
        self._position = stop
        if stop == n_train:
            self._position, self._order = 0, None
            self._epoch_index += 1
        return indices, stop - start

    # -- early stopping

    def _look_at_validation(self) -> None:
        """At the end of an epoch: note the best weights, or go back to them and stop when they are long past."""
        model, epoch = self.model, self._epoch_index
        self._best = self._best.after(self.score().val_loss, epoch, model.flat, model.running)
        if self._best.waited < self.config.early_stopping:
            return
        if len(self._best.params):
            model.flat[...], model.running[...] = self._best.params, self._best.running
        self.stopped, self.stopped_early = self._best.sentence(epoch), True
        self._safe = None
        self.scores = None
        self.score()  # of the weights that are kept; the curves hold what was there before

    # -- divergence

    def _is_finite(self) -> bool:
        return is_finite(self.model.flat) and is_finite(self.model.running)

    def _fall_back(self, start: TrainingState) -> None:
        """Go back to the last finite weights that gave a finite loss, and say why training stopped.

        `start` is a state from before; the steps from there are made again, each under the settings of its time.
        """
        now, failed_at, good, best = self.config, self.step_count, start, self._best
        self._is_watched, self._update_seen = False, None
        self._restore(start)
        while self.step_count < failed_at:
            self.config = config_at(self.initial_config, self.edits[self.n_inherited :], self.step_count)
            state = self._state()
            if not math.isfinite(self._update()):
                break
            good = state
            if not self._is_finite():
                break
        self._restore(good)
        self._safe = good
        if best.looked <= self._epoch_index:
            self._best = best  # no epoch that it has seen is undone
        self.config = now
        self.edits = [replace(edit, step=min(edit.step, self.step_count)) for edit in self.edits]
        self.history.drop_after(self.step_count)
        self._batch_losses.clear()
        self.stopped = (
            f"Training diverged after step {self.step_count:,}: the loss is no longer a finite number, most likely "
            f"because the learning rate of {self.config.lr:g} is too high for these settings; the last finite "
            "weights are kept."
        )

    # -- scores

    @property
    def n_scored(self) -> dict[str, int]:
        """How many images of "train" and "val" each point of the curves was scored on."""
        return self._scoring.n_images

    def score(self) -> Scores:
        """Score the network on all validation images and the fixed training sample; once a step at most."""
        if self.scores is not None and self.scores.step == self.step_count:
            return self.scores
        started = time.perf_counter()
        scores = self.scores = self._scoring.scores(self.model, self.step_count, self.config.l2)
        spent = time.perf_counter() - started
        self.seconds += spent
        self._scoring.took(spent, self.seconds)
        if self.step_count in self.history.so_far("val/loss").step[-1:]:
            return scores  # scored before, at the step that a diverged run has gone back to
        for name, value in (
            ("train/loss", scores.train_loss),
            ("train/accuracy", scores.train_accuracy),
            ("val/loss", scores.val_loss),
            ("val/accuracy", scores.val_accuracy),
            ("train/l2", scores.l2),
            ("train/lr", self.config.lr * self.lr_multiplier),
        ):
            self.record(name, value)
        if self.watcher is not None:
            started = time.perf_counter()
            self.watcher.scored(Scored(scores, self._scoring.train_logits, self._scoring.train_labels))
            self.seconds += time.perf_counter() - started
        return scores

    def _note_batch_loss(self, loss: float) -> None:
        self._batch_losses.append(loss)
        stride = 1 << max(0, (self.step_count // DENSE_BATCH_POINTS).bit_length() - 1)
        if len(self._batch_losses) >= stride:
            self.record("batch/loss", sum(self._batch_losses) / len(self._batch_losses))
            self._batch_losses.clear()

    # -- its state, and checkpoints

    def _state(self) -> TrainingState:
        """All that an update changes, as copies."""
        optimizer = {f"optimizer.{name}": vector.copy() for name, vector in self.optimizer.state.items()}
        best = self._best
        return TrainingState(
            step=self.step_count,
            epoch_index=self._epoch_index,
            position=self._position,
            images_seen=self.images_seen,
            seconds=self.seconds,
            updates=self.optimizer.t,
            dropout_state=self._dropout_rng.bit_generator.state,
            augment_state=self._augmenter.rng.bit_generator.state if self._augmenter else None,
            early_stopping=(best.val_loss, best.epoch, best.waited, best.looked),
            arrays={
                "params": self.model.flat.copy(),
                "running": self.model.running.copy(),
                "best.params": best.params,
                "best.running": best.running,
                **optimizer,
            },
            instruments={name: dict(values) for name, values in self.instruments.items()},
        )

    def _restore(self, state: TrainingState) -> None:
        """Stand where that state was taken; the seconds stay, for what is undone has taken its time too."""
        arrays = state.arrays
        self.model.flat[...], self.model.running[...] = arrays["params"], arrays["running"]
        self._best = Best(*state.early_stopping, arrays["best.params"], arrays["best.running"])
        for name, vector in self.optimizer.state.items():
            vector[...] = arrays[f"optimizer.{name}"]
        self.optimizer.t = state.updates
        self._dropout_rng.bit_generator.state = state.dropout_state
        if self._augmenter and state.augment_state is not None:
            self._augmenter.rng.bit_generator.state = state.augment_state
        self.step_count, self.images_seen = state.step, state.images_seen
        self._epoch_index, self._position, self._order = state.epoch_index, state.position, None
        self.instruments = {name: dict(values) for name, values in state.instruments.items()}

    def checkpoint(self) -> Checkpoint:
        """The complete state, as copies; `Trainer.resume` goes on from it as if nothing had happened."""
        return Checkpoint(
            **{**vars(self._state()), "instruments": deepcopy(self.instruments)},
            config=self.initial_config,
            edits=tuple(self.edits),
            inherited=self.n_inherited,
            history=self.history.copy(),
            batch_losses=tuple(self._batch_losses),
            scores=self.scores,
            stopped=self.stopped,
            stopped_early=self.stopped_early,
        )

    @classmethod
    def resume(cls, checkpoint: Checkpoint, data: Dataset) -> Trainer:
        """A trainer that goes on from a checkpoint, bit for bit as the one that made it would have."""
        config = checkpoint.config
        trainer = cls(config.replace(init="zeros"), data)  # the first weights are not needed, and may take seconds
        trainer.initial_config = trainer.model.config = trainer.initial_config.replace(init=config.init)
        trainer.edits, trainer.n_inherited = list(checkpoint.edits), checkpoint.inherited
        trainer.config = checkpoint.config_at(checkpoint.step)
        trainer._restore(replace(checkpoint, instruments=deepcopy(checkpoint.instruments)))
        trainer.seconds = checkpoint.seconds
        trainer._scoring.goes_on_at(checkpoint.seconds)
        trainer.history = checkpoint.history.copy()
        trainer._batch_losses = list(checkpoint.batch_losses)
        trainer.scores = checkpoint.scores
        trainer.stopped, trainer.stopped_early = checkpoint.stopped, checkpoint.stopped_early
        return trainer
