"""What a list of runs shows of one: its status, how far it is, how good; made of a checkpoint, kept as summary.json."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, get_args

import numpy as np

from nn_core.config import foreign
from nn_core.config.errors import shorten
from nn_core.config.run_config import RunConfig
from nn_core.store.files import edits_from_json, edits_to_json
from nn_core.training.history import Series
from nn_core.training.state import Checkpoint, Edit, Parent, Status, config_at

RUN_ID = re.compile(r"[0-9a-f]{8}")
MAX_NAME = 80  # characters of a user's own name
MAX_NOTE = 500  # characters of a note
MAX_TAGS, MAX_TAG = 8, 30  # tags of a run, characters of a tag
UNKNOWN = "unknown"  # what a status is called that only another version knows

TRAINING = ("training", "waiting")  # the status of a run that was saved while it trained


@dataclass(frozen=True)
class StoredRun:
    """One run in a list."""

    id: str
    name: str  # the user's own, or ""
    config: RunConfig  # at the start
    edits: tuple[Edit, ...]
    parent: Parent | None
    created: float  # seconds since 1970
    changed: float
    status: str  # a Status, or UNKNOWN
    step: int
    epoch: float
    seconds: float  # of training
    val_accuracy: float | None  # newest
    best_val_accuracy: float | None
    best_step: int | None
    starred: bool
    size: int  # bytes on disk
    note: str = ""  # the user's own
    tags: tuple[str, ...] = ()
    test: tuple[int, float] | None = None  # the step at which the test images were scored, and the accuracy

    def __repr__(self) -> str:
        return f"<StoredRun {self.id}: {self.title}; {self.status} at step {self.step:,}>"

    @property
    def title(self) -> str:
        """The user's name, else what its settings are."""
        return self.name or self.config.title()

    def settings_at(self, step: int) -> RunConfig:
        """Those under which update number `step` + 1 was made."""
        branched_at = self.parent.step if self.parent else -1  # edits up to there are the parent's
        return config_at(self.config, (edit for edit in self.edits if edit.step > branched_at), step)


def stored_run(run_id: str, summary: Mapping[str, Any], label: Mapping[str, Any]) -> StoredRun:
    """The run of a summary.json and a label.json; raises KeyError, TypeError and ValueError."""
    return StoredRun(
        id=run_id,
        name=_line(label.get("name"), MAX_NAME),
        config=RunConfig.from_dict(summary["config"]),
        edits=edits_from_json(summary["edits"]),
        parent=parent_from_json(summary.get("parent")),
        created=foreign.real(summary, "created" if "created" in summary else "changed", foreign.LATEST),
        changed=foreign.real(summary, "changed", foreign.LATEST),
        status=summary["status"] if summary["status"] in get_args(Status) else UNKNOWN,
        step=foreign.whole(summary, "step"),
        epoch=foreign.real(summary, "epoch"),
        seconds=foreign.real(summary, "seconds"),
        val_accuracy=None if summary["val_accuracy"] is None else foreign.share(summary, "val_accuracy"),
        best_val_accuracy=None if summary["best_val_accuracy"] is None else foreign.share(summary, "best_val_accuracy"),
        best_step=None if summary["best_step"] is None else foreign.whole(summary, "best_step"),
        starred=label.get("starred") is True,
        size=foreign.whole(summary, "size"),
        note=_line(label.get("note"), MAX_NOTE),
        tags=_tags(label.get("tags")),
        test=_test(label.get("test")),
    )


def _line(value: Any, longest: int) -> str:
    """A user's own words on one line; "" for what is none."""
    printable = "".join(c if c.isprintable() else " " for c in value[:longest]) if isinstance(value, str) else ""
    return " ".join(printable.split())


def _tags(value: Any) -> tuple[str, ...]:
    """The tags of a label; none where there are none."""
    lines = [_line(tag, MAX_TAG) for tag in value[:MAX_TAGS]] if isinstance(value, list) else []
    return tuple(filter(None, lines))


def _test(value: Any) -> tuple[int, float] | None:
    """The step and the accuracy on the test images that a label holds; None where it holds none."""
    try:
        found = dict(zip(("step", "accuracy"), value, strict=True))
        return foreign.whole(found, "step"), foreign.share(found, "accuracy")
    except (TypeError, ValueError):
        return None


def summary_of(checkpoint: Checkpoint, status: str, size: int, parent: Parent | None = None) -> dict[str, Any]:
    """What summary.json says of a run that stands at this checkpoint; `size` in bytes."""
    accuracy = checkpoint.history.so_far("val/accuracy")
    best, best_step = best_of(accuracy, parent)
    return {
        "config": checkpoint.config.to_dict(),
        "edits": edits_to_json(checkpoint.edits),
        "status": status,
        "step": checkpoint.step,
        "epoch": checkpoint.epoch,
        "seconds": checkpoint.seconds,
        "val_accuracy": accuracy.last if len(accuracy) else None,
        "best_val_accuracy": best,
        "best_step": best_step,
        "changed": time.time(),
        "size": size,
    }


def best_of(accuracy: Series | None, parent: Parent | None) -> tuple[float, int] | tuple[None, None]:
    """A run's own highest validation accuracy, and the first step that had it; of its curve, where there is one.

    Up to and with the step where it branched off, the curve is its parent's.
    """
    if accuracy is None:
        return None, None
    first = 0 if parent is None else int(np.searchsorted(accuracy.step, parent.step, side="right"))
    if first == len(accuracy):
        return None, None
    at = first + int(np.argmax(accuracy.value[first:]))
    return float(accuracy.value[at]), int(accuracy.step[at])


def parent_to_json(parent: Parent | None) -> dict[str, Any] | None:
    """JSON-ready."""
    return None if parent is None else {"run": parent.run, "step": parent.step, "exact": parent.exact}


def parent_from_json(value: Any) -> Parent | None:
    """The inverse; raises KeyError, TypeError and ValueError."""
    if value is None:
        return None
    if not isinstance(value, dict) or not RUN_ID.fullmatch(foreign.text(value, "run", 8)):
        raise ValueError(f"parent must be a run's id, a step and exact, got {shorten(value)}")
    return Parent(value["run"], foreign.whole(value, "step"), foreign.flag(value, "exact"))
