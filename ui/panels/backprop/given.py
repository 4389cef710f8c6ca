"""Weights, inputs and targets that are typed or pasted, and the sheets of their calculation."""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st

from nn_core import ConfigError, RunConfig
from nn_core.config import sentence
from nn_core.config.choices import choices
from nn_core.config.run_config import setting
from nn_core.explain.walkthrough.chain import chain
from nn_core.explain.walkthrough.given import given_network, read_given
from nn_core.explain.walkthrough.sheet import sheet
from nn_core.explain.walkthrough.step import Step, take_step
from nn_core.explain.walkthrough.update import update_lines
from ui import session
from ui.panels.backprop.typed import typed_text
from ui.panels.backprop.weight import picked
from ui.words import plain


def given_step() -> Step | None:
    """The step from what is typed, with its sheets; None, and a sentence, where that cannot be read."""
    left, right = st.columns([1.6, 1], gap="medium")
    with left:
        text = typed_text()
    with right:
        settings = _settings()
    try:
        given, config = read_given(text), RunConfig(**settings)
        step: Step = session.steady("backprop-given", (text, config), lambda: _take(given, config))
    except (ConfigError, ValueError) as error:
        st.warning(plain(sentence(str(error))), icon=":material/edit:")
        return None
    with left:
        st.caption(f"**{plain(given.outline)}**, loss {step.data_loss:.6g}")
    with right:
        _sheets(step, given.outline)
    return step


def _settings() -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, first in (("activation", "sigmoid"), ("loss", "cross_entropy"), ("optimizer", "sgd")):
        names = [each for each in choices(name) if each != "muon"]
        labels = {choices(name)[each].label: each for each in names}
        at, key = names.index(first), f"backprop-given-{name}"
        picked_label = st.selectbox(setting(name).label, list(labels), at, key=key, persist_state="session")
        found[name] = labels[picked_label]
    low, high = float(setting("lr").low), float(setting("lr").high)
    found["lr"] = st.number_input("Learning rate", low, high, 0.5, format="%g", key="backprop-given-lr",
                                  persist_state="session")  # fmt: skip
    return found


def _take(given: Any, config: RunConfig) -> Step:
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        return take_step(given_network(given, config), given.x, given.labels)


def _sheets(step: Step, name: str) -> None:
    """The calculation and the worksheet as files to print."""
    weight, index = picked(step)
    lines = [*chain(step, weight, index), *update_lines(step, weight, index)]
    with st.container(horizontal=True):
        for label, blanks, icon in (("Solution", False, ":material/task:"), ("Worksheet", True, ":material/draft:")):
            html = sheet(step, name, lines, blanks=blanks)
            st.download_button(label, html, f"{label.lower()}-{name}.html", "text/html", icon=icon, on_click="ignore",
                               key=f"backprop-{label.lower()}")  # fmt: skip
