"""The second network on Evaluate, whose answers to the same images stand beside those of the run on the page."""

from __future__ import annotations

from typing import NamedTuple

import streamlit as st

from nn_core import Dataset
from nn_core.data.dataset import Split
from nn_core.evaluation import Evaluation
from nn_core.nn.network import Network
from ui.session.current import dataset
from ui.session.notices import notify
from ui.session.readers import LIVE, Reader, reader, readers
from ui.session.runs import ghost, stored_run
from ui.session.selection import AVERAGE, answers
from ui.session.shipped import SHIPPED, shown

NOBODY = ""  # beside the keys of readers


class Beside(NamedTuple):
    """A second network and what it makes of a split."""

    name: str
    found: Evaluation
    reader: Reader


def networks_beside() -> dict[str, str]:
    """The networks that Evaluate can set beside the one on the page: key -> label; the ghost first, where there is one.

    Where nothing is pinned, that is nobody.
    """
    shot, pinned = shown(), ghost()
    own = None if shot is None else shot.run_id
    others = {key: label for key, label in readers().items() if key not in (LIVE, AVERAGE, own)}
    nobody = {NOBODY: "No other network"}
    if pinned is None or pinned.id == own:
        return nobody | others
    others.pop(pinned.id, None)
    return {pinned.id: f"The ghost: {pinned.title}"} | nobody | others


def beside(key: str, split: Split) -> Beside | None:
    """The network of that key, with its answers to a split; None for nobody, and where it cannot be read."""
    if key == NOBODY:
        return None
    run = None if key == SHIPPED else stored_run(key)
    if key != SHIPPED and run is None:
        notify("The network that was to stand beside this one is not on this server any more.")
        return None
    of, data = reader(key), dataset()
    if of.name != key:  # it could not be read, which is said
        return None
    name = "the network that comes with Glassnet" if run is None else run.title
    state = None if run is None else (run.step, run.changed)
    found = _answers(key, state, split, data.identity, of.model, data)
    return Beside(name, found, of)


@st.cache_resource(show_spinner=False, max_entries=8)
def _answers(
    key: str, state: tuple[int, float] | None, split: Split, identity: str, _model: Network, _data: Dataset
) -> Evaluation:
    return answers(_model, split, _data)
