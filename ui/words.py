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

_UNKNOWN = StatusWords("stands in a way that this version does not know", "unknown")


def words_of(status: str) -> StatusWords:
    """The words for a status, also for one that only another version of Glassnet knows."""
    return STATUS_WORDS.get(status, _UNKNOWN)


Html = str  # a text that is drawn as HTML: in it every foreign word is escaped
Markdown = str  # a text that Streamlit draws as Markdown: in it every foreign word is `plain` (a test looks for others)

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
