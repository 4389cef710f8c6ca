"""The settings that a search began with, trained as one of its trials would be: the line to beat."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from nn_core.data import Dataset
from nn_core.search.objectives import NotReached
from nn_core.search.spec import SearchSpec
from nn_core.search.trial_run import TrialRun

DEFAULT = (
    "default"  # an attribute of a study: {} where its first worker is to train these settings, then what they reach
)


@dataclass(frozen=True)
class DefaultScore:
    """What the settings reach without any search."""

    values: tuple[float, ...]  # by the search's objectives; () where they did not come to their end
    reported: Mapping[int, float]  # epoch -> what the first objective reported at its end

    @classmethod
    def from_json(cls, value: Any) -> DefaultScore | None:
        """What `train_default` gave; None before it."""
        if not isinstance(value, Mapping) or "reported" not in value:
            return None
        reported = {int(epoch): float(number) for epoch, number in value["reported"].items()}
        return cls(tuple(map(float, value.get("values", ()))), reported)


def train_default(spec: SearchSpec, data: Dataset, search: str, obey: Callable[[], None]) -> dict[str, Any]:
    """Train the settings of `spec.base`, for as many epochs as a trial, and return their scores, ready for JSON.

    What `obey` raises ends it.
    """
    run = TrialRun(spec.base, data, search)
    report = spec.judged_by[0].report
    assert report is not None  # the spec has checked that it can stand first
    reported: dict[str, float] = {}
    for epoch in range(1, spec.base.epochs + 1):
        run.one_epoch(obey)
        if run.trainer.stopped and not run.trainer.stopped_early:
            return {"reported": reported}
        reported[str(epoch)] = report(run)
        if run.trainer.stopped_early:
            break
    try:
        return {"reported": reported, "values": [each.value(run) for each in spec.judged_by]}
    except NotReached:
        return {"reported": reported}
