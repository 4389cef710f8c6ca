"""Words that several pages use: a run's status and its accuracy, and a user's own words made safe for Markdown.

How numbers are written is said in nn_core/machine/numbers.py.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from nn_core.machine.numbers import percent
from nn_core.runs import Snapshot


class StatusWords(NamedTuple):
    """What a status is called under the transport bar and in the list of runs, and how the list colours it."""

    line: str
    short: str
    colour: str = ""  # "training" or "bad" (ui/components/run_table.css), "" for none


STATUS_WORDS: Mapping[str, StatusWords] = {  # every Status of nn_core/runs/snapshot.py
    "ready": StatusWords("ready, not trained yet", "not trained"),
    "training": StatusWords("training", "training", "training"),
    "waiting": StatusWords("waiting for a free place", "waiting", "training"),
    "paused": StatusWords("paused", "paused"),
    "finished": StatusWords("finished", "finished"),
    "diverged": StatusWords("stopped: diverged", "diverged", "bad"),
    "failed": StatusWords("stopped: error", "error", "bad"),
}


def accuracy_of(shot: Snapshot) -> str:
    """The accuracy that stands beside a run: "94.7 %"."""
    return percent(shot.scored.accuracy) if shot.scored is not None else "not scored"


def when_scored(shot: Snapshot) -> str:
    """A sentence on what that number means, "" where there is none."""
    if shot.scored is None:
        return ""
    return f"Of all validation images, read right at step {shot.scored.step:,}, when it was last scored."


def step_of(shot: Snapshot) -> str:
    """Where a run stands: "step 44", or "step 44, scored at 32" where one might take the accuracy for that of now."""
    flies = shot.is_training and shot.speed == "full"  # scored as often as that takes no more than a tenth of the time
    if shot.scored is None or shot.scored.step == shot.step or flies:
        return f"step {shot.step:,}"
    return f"step {shot.step:,}, scored at {shot.scored.step:,}"


_MEANS_SOMETHING = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|~$:])")


def plain(text: str) -> str:
    """The text on one line, with a backslash before every character that means something in Markdown."""
    return _MEANS_SOMETHING.sub(r"\\\1", " ".join(text.split()))
