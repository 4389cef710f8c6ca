"""The list of runs in the browser: sorted, filtered, ticked, starred, renamed, pinned and deleted by run id.

A Streamlit component of our own, because `st.dataframe` knows rows by their place: a run that is added or deleted would
move the ticks to other runs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import streamlit as st

from nn_core.store import MAX_NAME, MAX_NOTE, MAX_TAG, MAX_TAGS
from ui.components.live_plot import to_json

LONGEST = {"name": MAX_NAME, "+note": MAX_NOTE, "+tags": MAX_TAGS * (MAX_TAG + 2)}  # characters that can be typed
_component = st.components.v2.component(
    "glassnet_run_table",
    js="\n".join(Path(__file__).with_name(f"{name}.js").read_text("utf-8") for name in ("run_columns", "run_table")),
    css=Path(__file__).with_suffix(".css").read_text(encoding="utf-8"),
    isolate_styles=False,
)


@dataclass(frozen=True)
class View:
    """How a visitor looks at the list: order, filter, and the ticked runs in the order of their ticking."""

    sort: str = "created"
    descending: bool = True
    text: str = ""
    facets: tuple[str, ...] = ()
    selected: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()  # beside those that are always there

    @classmethod
    def from_browser(cls, sent: Mapping[str, Any]) -> View:
        """What the list in the browser tells."""
        return cls(
            str(sent["sort"]),
            bool(sent["descending"]),
            str(sent["text"])[:200],
            tuple(map(str, sent["facets"])),
            tuple(map(str, sent["selected"])),
            tuple(map(str, sent["columns"])),
        )


@dataclass(frozen=True)
class Shown:
    """What the list shows: rows, facets and further columns of run_rows.py, the ticked runs' colours, the first view.

    The list in the browser keeps its own view as long as its page is open.
    """

    rows: Sequence[Mapping[str, Any]]
    facets: Sequence[tuple[str, str]]
    colours: Mapping[str, str]
    offered: Sequence[tuple[str, str]] = ()
    view: View = field(default_factory=View)


def run_table(shown: Shown, *, key: str, on_view: Callable[[], None], on_act: Callable[[], None]) -> None:
    """Draw the list, or update it in place.

    `on_view` is called when order, filter or ticks changed, `on_act` when something was asked for; what it was is then
    under "view" or "act" in the widget's value.
    """
    message = {**vars(shown), "view": asdict(shown.view), "longest": LONGEST}
    _component(
        key=key,
        data=to_json(message),
        width="stretch",
        height="content",
        on_view_change=on_view,
        on_act_change=on_act,
    )
