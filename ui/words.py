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


STATUS_WORDS: Mapping[str, StatusWords] = {  # every Status of nn_core/training/state.py
    "ready": StatusWords("ready, not trained yet", "not trained"),
    "training": StatusWords("training", "training", "training"),
    "waiting": StatusWords("waiting for a free place", "waiting", "training"),
    "paused": StatusWords("paused", "paused"),
    "finished": StatusWords("finished", "finished"),
    "diverged": StatusWords("stopped: diverged", "diverged", "bad"),
    "elsewhere": StatusWords("trained by another program", "training elsewhere", "training"),
    "interrupted": StatusWords("interrupted", "interrupted"),
    "failed": StatusWords("stopped: error", "error", "bad"),
}

_UNKNOWN = StatusWords("in a state that this version does not know", "unknown")


def words_of(status: str) -> StatusWords:
    """The words for a status, also for one that only another version of Glassnet knows."""
    return STATUS_WORDS.get(status, _UNKNOWN)


Html = str  # a text that is drawn as HTML: in it every foreign word is escaped
Markdown = str  # a text that Streamlit draws as Markdown: in it every foreign word is `plain` (a test looks for others)


def accuracy_of(shot: Snapshot) -> Markdown:
    """The accuracy that stands beside a run: "94.7 %"."""
    return percent(shot.scored.accuracy) if shot.scored is not None else "not scored"


def when_scored(shot: Snapshot) -> Markdown:
    """A sentence on what that number means, "" where there is none."""
    if shot.scored is None:
        return ""
    return f"Of all validation images, read right at step {shot.scored.step:,}, when it was last scored."


def scored_at(shot: Snapshot) -> Markdown:
    """ ", scored at 32" where the accuracy is that of an earlier step than the run stands at, else ""."""
    return "" if shot.scored is None or shot.scored.step == shot.step else f", scored at {shot.scored.step:,}"


def step_of(shot: Snapshot) -> Markdown:
    """Where a run stands: "step 44", or "step 44, scored at 32" where one might take the accuracy for that of now."""
    flies = shot.is_training and shot.speed == "full"  # scored as often as that takes no more than a tenth of the time
    return f"step {shot.step:,}{'' if flies else scored_at(shot)}"


_MEANS_SOMETHING = re.compile(
    r"[\\`*\[\]<~$&|]|(?<![^\W_])_|_(?![^\W_])|:(?=\w)"
    r"|^[#>=]|^[+-](?=[+\s-]|$)|(?<=^\d)[.)](?=\s|$)|(?<=^\d\d)[.)](?=\s|$)"  # a heading, a quote or a list
)
_STAYS_WHOLE = re.compile(  # becomes a link, an icon or an arrow, backslashes or not, unless something parts it
    r"(?i)(?<=http)(?=s?:)|(?<=www)(?=\.)|(?<=\S)(?=@)|(?<=:)(?=[\w+-]+[/\w+-]*:)"
    r"|(?<=\s-)(?=[->])|(?<=^-)(?=[->])|(?<=[<>~])(?=[-=])|(?<=^\d{3})(?=\d*[.)](?:\s|$))"
)
_UNSEEN = re.compile("[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")  # controls, turns, halves
_JOINER = "\u2060"  # has no width, and no line breaks at it


def plain(text: str) -> Markdown:
    """A foreign word on one line, to be drawn as it is: a run's name, a part of an address or of a file, an error.

    What means something in Markdown where it stands gets a backslash, and nothing becomes a link, an icon or an arrow.
    """
    line = _UNSEEN.sub("\ufffd", " ".join(text.split()))
    return _MEANS_SOMETHING.sub(r"\\\g<0>", _STAYS_WHOLE.sub(_JOINER, line))
