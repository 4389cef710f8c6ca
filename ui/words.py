"""Words that several pages use: what a run's status is called, and a user's own words made safe for Markdown."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple


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
    "elsewhere": StatusWords("trained by another program", "training elsewhere", "training"),
    "interrupted": StatusWords("interrupted", "interrupted"),
    "failed": StatusWords("stopped: error", "error", "bad"),
}

_MEANS_SOMETHING = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|~$:])")


def plain(text: str) -> str:
    """The text on one line, with a backslash before every character that means something in Markdown."""
    return _MEANS_SOMETHING.sub(r"\\\1", " ".join(text.split()))
