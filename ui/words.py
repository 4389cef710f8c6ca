"""Words that a user wrote, such that Markdown shows them as they are."""

from __future__ import annotations

import re

_MEANS_SOMETHING = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|~$:])")


def plain(text: str) -> str:
    """The text with every character that Markdown reads escaped, on one line."""
    return _MEANS_SOMETHING.sub(r"\\\1", " ".join(text.split()))
