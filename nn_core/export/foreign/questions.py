"""What a file of weights leaves open, asked by name; the likeliest answers are found by trying them on images."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from nn_core.config.choices import choices
from nn_core.config.errors import ConfigError, meant, shorten
from nn_core.data import DataError, Dataset
from nn_core.export.source import ExportError
from nn_core.export.weights import Imported
from nn_core.machine.memory import Array
from nn_core.machine.numbers import percent
from nn_core.nn.network import from_weights

Answers = Mapping[str, str]

N_IMAGES = 500  # of the validation images, on which answers are tried
TRIAL_SECONDS = 4.0
BETTER = 0.95  # of a cross-entropy: from the usual answer on, less of a gain tells nothing
NEVER_LIKELY = ("identity",)  # hidden layers without activation: young networks read as well without


@dataclass(frozen=True)
class Question:
    """One thing that weights do not say. `options`: answer -> its label."""

    name: str
    label: str
    options: Mapping[str, str]
    likeliest: str  # of the options


class Ambiguous(ExportError):
    """A file that leaves something open; the message says how to answer on the command line."""

    def __init__(self, questions: Sequence[Question], understood: str, accuracy: float | None) -> None:
        self.questions, self.understood, self.accuracy = tuple(questions), understood, accuracy
        names = "; ".join(f"{each.name} ({', '.join(each.options)})" for each in questions)
        say = " ".join(f"--say {each.name}={each.likeliest}" for each in questions)
        super().__init__(f"{understood}. It leaves open: {names}. {self.by_trial}: {say}")

    def to_json(self) -> dict[str, Any]:
        """For another process."""
        asked = [asdict(each) for each in self.questions]
        return {"questions": asked, "understood": self.understood, "accuracy": self.accuracy}

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> Ambiguous:
        """What `to_json` gave."""
        return cls([Question(**each) for each in told["questions"]], told["understood"], told["accuracy"])

    @property
    def by_trial(self) -> str:
        """What the likeliest answers rest on."""
        if self.accuracy is None:
            return "The usual answers are these"
        return f"Of the answers that were tried, these read most images, {percent(self.accuracy)} of {N_IMAGES}"


# name -> label; what can be answered
ASKED: Mapping[str, str] = {
    "activation": "Activation",
    "input_scaling": "Pixels were given as",
    "maps": "Padding and pool of each block",
    "pooling": "Pooling",
    "flatten": "Order in which the maps were flattened",
    "orientation": "Square matrices are",
    "epsilon": "Epsilon of the batch normalization",
    "batch_norm": "Batch normalization stood",
}
FOLDED = {"symmetric": (2.0, -1.0), "raw": (255.0, 0.0)}  # of pixels from 0 to 1: goes into the first layer's weights
FIRST, LAST = "channels_first", "channels_last"
BEFORE, BEHIND = "before_pooling", "behind_pooling"
OPTIONS: Mapping[str, Mapping[str, str]] = {
    "flatten": {FIRST: "channel, row, column (PyTorch)", LAST: "row, column, channel (Keras)"},
    "orientation": {"out-in": "(outputs, inputs), as in PyTorch", "in-out": "(inputs, outputs), as in Keras"},
    "epsilon": {"0.001": "0.001 (Keras)", "1e-05": "0.00001 (PyTorch)"},
    "batch_norm": {BEFORE: "before the pooling", BEHIND: "behind the pooling, as here"},
}


def question(name: str, options: Mapping[str, str] | None = None, likeliest: str = "") -> Question:
    """One of ASKED, with the options of a setting where none are given."""
    offered = options or OPTIONS.get(name) or {key: choice.label for key, choice in choices(name).items()}
    offered = {**offered, "symmetric": "-1 to 1", "raw": "0 to 255"} if name == "input_scaling" else offered
    return Question(name, ASKED[name], offered, likeliest or next(iter(offered)))


def check(answers: Answers) -> None:
    """Raise ExportError for an answer to something that is never asked, or that no question offers."""
    for name, value in answers.items():
        if name not in ASKED:
            raise ExportError(f"nothing that is asked of a file is called {shorten(name)}{meant(name, ASKED)}")
        known = [] if name == "maps" else question(name).options
        if known and value not in known:
            raise ExportError(f"{name} must be {', '.join(known)}, got {shorten(value)}{meant(value, known)}")


def tried(
    questions: Sequence[Question], build: Callable[[Answers], Imported], data: Callable[[], Dataset]
) -> tuple[list[Question], float | None]:
    """The questions with the answers that read images best, one varied at a time, and the share that is read right."""
    try:
        images, labels = data().val_images[:N_IMAGES], data().val_labels[:N_IMAGES]
    except DataError:
        return list(questions), None
    until, seen = time.monotonic() + TRIAL_SECONDS, dict[tuple[str, ...], tuple[float, float]]()

    def scored(answers: Answers) -> tuple[float, float]:
        key = tuple(answers.values())
        if key not in seen:
            late = time.monotonic() > until and bool(seen)
            seen[key] = (-np.inf, 0.0) if late else _score(build, answers, images, labels)
        return seen[key]

    best = {each.name: each.likeliest for each in questions}
    scored(best)
    for _ in range(2):  # the second time beside the others' better answers
        for each in questions:
            trials = [{**best, each.name: option} for option in each.options if option not in NEVER_LIKELY]
            better = max(trials, key=scored)
            if scored(better)[0] > BETTER * scored(best)[0]:
                best = better
    return [replace(each, likeliest=best[each.name]) for each in questions], scored(best)[1]


def _score(build: Callable[[Answers], Imported], answers: Answers, images: Array, labels: Array) -> tuple[float, float]:
    """The mean cross-entropy, negative, and the accuracy."""
    try:
        found = build(answers)
        with np.errstate(all="ignore"):
            p = from_weights(found.config, found.weights).predict_proba(images)
    except (ConfigError, ExportError):
        return -np.inf, 0.0
    right = p[np.arange(len(labels)), labels]
    loss = float(-np.log(np.maximum(right, 1e-12)).mean())
    return (-loss if np.isfinite(loss) else -np.inf), float((p.argmax(axis=1) == labels).mean())
