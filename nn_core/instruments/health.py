"""What the numbers of a run say about its training: a verdict, why, and its remedy.

The verdict is that of the first rule in `RULES` that finds something. A rule is one decorated function; the page of a
run, and whatever else asks for its health, knows it by that alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

import numpy as np

from nn_core.config.run_config import RunConfig
from nn_core.explain.filters import first_filters, hidden_sizes
from nn_core.instruments.remedies import proposed_lr
from nn_core.machine.memory import Array
from nn_core.machine.numbers import percent
from nn_core.nn.losses import loss_of
from nn_core.training.history import Series

Level = Literal["idle", "good", "warning", "bad"]

FAR_ABOVE_CHANCE = 5.0 / math.log(10)  # times the loss of guessing: a loss that has grown beyond overshoots
COPY = 1e-4  # of the largest weight: units that differ by less are copies of one


@dataclass(frozen=True)
class Health:
    """A verdict ("learning well"), why, and, where something can be mended, the settings that would mend it.

    `restart` says that they help a new network only: this one has lost units, or its weights, for good. A remedy is one
    that was seen to cure, by tests/instruments/test_remedies.py.
    """

    level: Level
    verdict: str
    why: str
    fix: Mapping[str, Any] = field(default_factory=dict)
    restart: bool = False


def are_copies(weights: Mapping[str, Array]) -> bool:
    """Whether all units of the first hidden layer carry the same weights, up to rounding (as after zero weights).

    Some processors' matrix products round one column otherwise than its neighbour.
    """
    W, n_layers = first_filters(weights), sum(name.endswith(".W") for name in weights)
    if n_layers < 2 or W.shape[1] < 2:
        return False
    return bool(np.abs(W - W[:, :1]).max() <= COPY * np.abs(W).max())


# ---------------------------------------------------------------------------------------------- what rules look at


@dataclass(frozen=True)
class Evidence:
    """What is known of a run at one step. The curves are there once the rule "just begun" has let it pass."""

    config: RunConfig
    series: Mapping[str, Series]
    weights: Mapping[str, Array]
    step: int
    epoch: float
    stopped: str  # why training ended by itself, or ""
    dead: Sequence[int]  # how many units of each hidden layer are, or nothing where nobody has looked

    def __repr__(self) -> str:
        return f"Evidence(step {self.step}, epoch {self.epoch:.1f})"

    @property
    def train_loss(self) -> Array:
        """The loss (n,) on training images at each scoring."""
        return self.series["train/loss"].value

    @property
    def val_loss(self) -> Array:
        """The loss (n,) on validation images at each scoring."""
        return self.series["val/loss"].value

    @property
    def chance(self) -> float:
        """The loss of guessing, in the unit of the curves."""
        return loss_of(self.config).chance

    @property
    def val_accuracy(self) -> float:
        """The newest, in [0, 1]."""
        return self.series["val/accuracy"].last

    @property
    def gap(self) -> float:
        """How much higher the accuracy on training images is."""
        return self.series["train/accuracy"].last - self.val_accuracy

    @cached_property
    def recent_and_before(self) -> tuple[float, float]:
        """The mean validation loss over the newest quarter of the scorings, and over the quarter before it."""
        val = self.val_loss
        quarter = max(1, len(val) // 4)
        before = val[-2 * quarter : -quarter].mean() if len(val) > quarter else val[0]
        return val[-quarter:].mean(), before

    @cached_property
    def dead_by_kind(self) -> dict[str, tuple[int, int]]:
        """Of a network's "channels", and of its "units": how many are dead, and how many there are."""
        sizes, n_blocks = hidden_sizes(self.weights), sum(W.ndim == 4 for W in self.weights.values())
        kinds = {"channels": slice(n_blocks), "units": slice(n_blocks, None)}
        return {kind: (sum(self.dead[layers]), sum(sizes[layers])) for kind, layers in kinds.items()}

    @property
    def kinds_with_many_dead(self) -> list[str]:
        """Of "channels" and "units", those of which more than a quarter are dead."""
        return [kind for kind, (n_dead, n) in self.dead_by_kind.items() if n_dead > 0.25 * n]

    @property
    def about_the_dead(self) -> str:
        """A sentence on how many there are."""
        found = " and ".join(f"{n_dead} of {n} {kind}" for kind, (n_dead, n) in self.dead_by_kind.items() if n_dead)
        return f"{found} are dead: always 0, so their gradient is 0 and they cannot recover."


def health(
    config: RunConfig,
    series: Mapping[str, Series],
    weights: Mapping[str, Array],
    *,
    step: int,
    epoch: float,
    stopped: str = "",
    dead: Sequence[int] | None = None,
) -> Health:
    """The verdict on a run. `stopped` is why training ended by itself; `dead` comes from `dead_units.count_dead`."""
    seen = Evidence(config, series, weights, step, epoch, stopped, dead or [])
    for each in RULES:
        if why := each.why(seen):
            return Health(each.level, each.verdict(seen), why, each.remedy(seen), each.restart(seen))
    now, start = seen.val_loss[-1], seen.val_loss[0]
    return Health("good", "learning well", f"The validation loss has fallen from {start:.3g} to {now:.3g}.")


# ---------------------------------------------------------------------------------------------- the table of rules

Remedy = Callable[[Evidence], Mapping[str, Any]]
Words = Callable[[Evidence], str]


@dataclass(frozen=True)
class Rule:
    """One thing that can be said of a run."""

    name: str
    level: Level
    looks_at: str
    why: Words  # a sentence, or "" where the rule finds nothing
    remedy: Remedy  # the settings that would mend it
    verdict: Words  # its name, unless it depends on what is found
    restart: Callable[[Evidence], bool]  # whether the remedy helps a new network only

    def __repr__(self) -> str:
        return f"Rule({self.name}: {self.level}, from {self.looks_at})"


RULES: list[Rule] = []  # in order of precedence


def rule(
    name: str,
    level: Level,
    *,
    looks_at: str,
    remedy: Remedy = lambda seen: {},
    restart: Callable[[Evidence], bool] = lambda seen: False,
    verdict: Words | None = None,
    before: str = "",
) -> Callable[[Words], Words]:
    """Decorator: register a function that gives the reason, or "", as a rule; the last one, or `before` another."""

    def add(why: Words) -> Words:
        place = [each.name for each in RULES].index(before) if before else len(RULES)
        RULES.insert(place, Rule(name, level, looks_at, why, remedy, verdict or (lambda seen: name), restart))
        return why

    return add


def _lr(change: Callable[[float], float]) -> Remedy:
    """Another learning rate, rounded to one digit and inside the allowed range."""
    return lambda seen: {"lr": proposed_lr(change(seen.config.lr))}


SAFE_LR = {"sgd": 0.1, "momentum": 0.01, "nesterov": 0.01, "adagrad": 0.03, "muon": 0.02}  # of all others 0.001


def _safe_lr(seen: Evidence) -> float:
    """A learning rate that works, smaller for a deep network."""
    n_layers = len(hidden_sizes(seen.weights))
    return SAFE_LR.get(seen.config.optimizer, 0.001) / max(1, n_layers - 1)


def _safer(seen: Evidence) -> Mapping[str, Any]:
    """A tenth of the learning rate, or less where that is known to be too much for the optimizer."""
    return _lr(lambda lr: min(lr / 10, _safe_lr(seen)))(seen)


def _faster(seen: Evidence) -> Mapping[str, Any]:
    """Ten times the learning rate, or more where that is known to be slow for the optimizer."""
    return _lr(lambda lr: max(10 * lr, _safe_lr(seen) / 3))(seen)


def _always(seen: Evidence) -> bool:
    return True


@rule("diverged", "bad", looks_at="why training ended by itself", remedy=_safer, restart=_always)
def _diverged(seen: Evidence) -> str:
    return seen.stopped


@rule("not trained yet", "idle", looks_at="the number of steps")
def _not_trained_yet(seen: Evidence) -> str:
    return "" if seen.step else "Press Train: the weights are still as they were drawn."


@rule("just begun", "idle", looks_at="how often the network was scored")
def _just_begun(seen: Evidence) -> str:
    n_scores = len(seen.series["val/loss"]) if "val/loss" in seen.series else 0
    return f"There are no scores yet from after the start (step {seen.step:,})." if n_scores < 2 else ""


@rule(
    "symmetric", "bad", looks_at="the weights of the first layer", remedy=lambda seen: {"init": "he"}, restart=_always
)
def _symmetric(seen: Evidence) -> str:
    if not are_copies(seen.weights):
        return ""
    n_units = first_filters(seen.weights).shape[1]
    why = f"All {n_units} first-layer units carry the same weights, so they stay copies of one."
    return f"{why} A random initialization breaks the symmetry."


@rule("overshooting", "bad", looks_at="the training loss", remedy=_safer, restart=_always)
def _overshooting(seen: Evidence) -> str:
    now, start = seen.train_loss[-1], seen.train_loss[0]
    if now > max(2 * start, FAR_ABOVE_CHANCE * seen.chance):
        return f"The loss is {now:.3g}, above the {start:.3g} it began with: steps overshoot."
    return ""


def _is_near_chance(seen: Evidence) -> bool:
    return seen.epoch >= 0.5 and seen.val_accuracy < 0.2


def _relu(seen: Evidence) -> Mapping[str, Any]:
    """ReLU, whose gradient does not shrink, at a rate that it can take."""
    return {"activation": "relu", **(_lr(lambda lr: _safe_lr(seen))(seen) if seen.config.lr > _safe_lr(seen) else {})}


@rule(
    "slow start",
    "warning",
    looks_at="validation accuracy, the training loss, and how many sigmoid layers there are",
    remedy=_relu,
    restart=_always,
)
def _slow_start(seen: Evidence) -> str:
    n_layers = len(hidden_sizes(seen.weights))
    is_level = seen.train_loss[-1] < 1.02 * seen.chance
    is_deep = seen.config.activation == "sigmoid" and n_layers >= 2 and seen.config.lr >= _safe_lr(seen) / 3
    if not (is_deep and is_level and _is_near_chance(seen)):
        return ""
    why = (
        f"Each of the {n_layers} sigmoid layers passes on at most a quarter of the gradient, so the first layers learn"
    )
    return f"{why} slowly: it may stay near chance for many epochs and then learn. ReLU learns from the first epoch."


COLLAPSING_L2 = 0.3  # from which the penalty has been seen to draw all weights to 0


def _out_of_chance(seen: Evidence) -> Mapping[str, Any]:
    """No penalty where that holds the weights at 0, another rate where it is too large or too small, else nothing."""
    if seen.config.l2 >= COLLAPSING_L2:
        return {"l2": 0.0}
    if seen.kinds_with_many_dead or seen.config.lr > _safe_lr(seen):
        return _safer(seen)
    return _faster(seen) if seen.config.lr < _safe_lr(seen) / 3 else {}


def _is_ruined(seen: Evidence) -> bool:
    """Whether its units are dead or its weights far off, so that a new network is quicker."""
    return bool(seen.kinds_with_many_dead) or seen.config.l2 >= COLLAPSING_L2 or seen.config.lr > _safe_lr(seen)


@rule("stuck near chance", "bad", looks_at="validation accuracy", remedy=_out_of_chance, restart=_is_ruined)
def _stuck(seen: Evidence) -> str:
    if not _is_near_chance(seen):
        return ""
    now = f"Validation accuracy is {percent(seen.val_accuracy)} after {seen.epoch:.1f} epochs"
    why = f"{now}; guessing gives about 10 %."
    if seen.config.l2 >= COLLAPSING_L2:
        return f"{why} The L2 penalty of {seen.config.l2:g} draws all weights to 0."
    return f"{why} {seen.about_the_dead}" if seen.kinds_with_many_dead else why


@rule(
    "dead units",
    "warning",
    looks_at="which units put out 0 for every image",
    remedy=_safer,
    restart=_always,
    verdict=lambda seen: f"dead {' and '.join(seen.kinds_with_many_dead)}",
)
def _dead_units(seen: Evidence) -> str:
    return seen.about_the_dead if seen.kinds_with_many_dead else ""


@rule(
    "overfitting",
    "warning",
    looks_at="training accuracy above validation, and the validation loss",
    remedy=lambda seen: {"l2": 0.001} if seen.config.l2 < 0.001 else {},
)
def _overfitting(seen: Evidence) -> str:
    now, lowest = seen.val_loss[-1], seen.val_loss.min()
    if seen.gap > 0.03 and now > 1.15 * lowest:
        why = (
            f"Training accuracy is {100 * seen.gap:.1f} percentage points above validation, "
            f"and the validation loss is {now / lowest:.2f} times"
        )
        return f"{why} its lowest. More images, L2 or dropout help."
    return ""


def _slower_where_steps_are_large(seen: Evidence) -> Mapping[str, Any]:
    return _lr(lambda lr: lr / 3)(seen) if seen.config.lr > _safe_lr(seen) else {}


@rule("getting worse", "warning", looks_at="the validation loss of late", remedy=_slower_where_steps_are_large)
def _getting_worse(seen: Evidence) -> str:
    val, (recent, before) = seen.val_loss, seen.recent_and_before
    if len(val) >= 8 and recent > 1.1 * before and val[-1] > 1.1 * val.min():
        return f"The validation loss has risen from {before:.3g} to {recent:.3g} of late."
    return ""


@rule("settled", "good", looks_at="the validation loss of late")
def _settled(seen: Evidence) -> str:
    recent, before = seen.recent_and_before
    if len(seen.val_loss) >= 8 and recent > 0.995 * before:
        return f"The validation loss has stayed near {recent:.3g}; accuracy {percent(seen.val_accuracy)}."
    return ""


@rule("slow", "warning", looks_at="the validation loss of late, and accuracy", remedy=_lr(lambda lr: lr * 3))
def _slow(seen: Evidence) -> str:
    recent, before = seen.recent_and_before
    if seen.epoch >= 2 and seen.val_accuracy < 0.85 and 0.97 * before < recent < before and seen.config.lr < 1:
        return f"Still falling, but only from {before:.3g} to {recent:.3g}: a larger learning rate may be faster."
    return ""
