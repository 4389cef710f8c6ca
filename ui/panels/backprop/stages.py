"""The stages of the training step, one at a time: stepped, played and wound back; formula, arrays and code."""

from __future__ import annotations

import time

import numpy as np
import pandas as pd
import streamlit as st

from nn_core.explain.walkthrough.code import Code
from nn_core.explain.walkthrough.picture import StepPicture
from nn_core.explain.walkthrough.stages import Named, Stage, stages
from nn_core.explain.walkthrough.step import Step
from nn_core.machine.memory import Array
from ui import session
from ui.charts.arrays import array_picture
from ui.components.live_plot import live_plot
from ui.panels.backprop import picture
from ui.panels.backprop.weight import pick, picked
from ui.words import plain

SECONDS = 2.0  # that a stage is shown while it plays
TABLE = 12  # rows and columns up to which an array is shown in full
MARK = "▸ "  # stands before a line of code that is at work
PARTS = {"forward": "forward pass", "loss": "loss", "backward": "backward pass", "update": "update"}


def plays() -> bool:
    """Whether the stages go on by themselves."""
    return bool(session.chosen("backprop-plays", False))


def show_stages(step: Step) -> None:
    """The transport, and the stage that it stands at."""
    every: list[Stage] = session.steady("backprop-stages", step, lambda: stages(step))
    if plays():
        _play_on(len(every))
    at = min(session.chosen("backprop-at", 0), len(every) - 1)
    of = _transport(step, every, at)
    stage = every[at]
    picture.draw(of, stage, at, len(every))
    left, right = st.columns([1, 1.15], gap="medium")
    with left:
        st.markdown(f"**{plain(stage.title)}** :small[:gray[stage {at + 1:,} of {len(every)}, {PARTS[stage.part]}]]")
        st.markdown(plain(stage.words))
        st.latex(stage.formula)
        if stage.shapes:
            st.caption(plain(stage.shapes))
        for code in stage.codes:
            _show_code(code)
    with right:
        name, _ = picked(step)
        arrays = [each for each in stage.arrays if stage.part != "update" or each.param == name]
        rows = [each for each in arrays if _is_small(each.values) and len(np.atleast_2d(each.values)) == 1]
        alike = [each for each in rows if each.values.size == rows[0].values.size]
        if len(alike) > 1:  # one under the other they would not fit
            st.caption("In full, a row for each value")
            st.dataframe(side_by_side(alike), key="backprop-table", height="content")
            arrays = [each for each in arrays if each not in alike]
        for number, each in enumerate(arrays):
            _show_array(step, each, number)


def _go(to: int) -> None:
    session.choose("backprop-at", to)
    session.choose("backprop-since", time.monotonic())


def _play_on(n: int) -> None:
    """The next stage, when this one was shown long enough; behind the last it stops."""
    at, since = session.chosen("backprop-at", 0), session.chosen("backprop-since", 0.0)
    if time.monotonic() - since < 0.8 * SECONDS:
        return
    if at + 1 >= n:
        session.choose("backprop-plays", False)
    else:
        _go(at + 1)


def _toggle(n: int) -> None:
    if not plays() and session.chosen("backprop-at", 0) >= n - 1:
        _go(0)
    session.choose("backprop-since", time.monotonic())
    session.choose("backprop-plays", not plays())


def _transport(step: Step, every: list[Stage], at: int) -> StepPicture:
    titles = [f"{number + 1} {stage.title}" for number, stage in enumerate(every)]
    with st.container(horizontal=True, vertical_alignment="bottom", key="backprop-transport"):
        last = len(every) - 1
        st.button(
            "First", icon=":material/first_page:", key="backprop-first", on_click=_go, args=(0,), disabled=at == 0
        )
        st.button("Back", icon=":material/chevron_left:", key="backprop-back", on_click=_go, args=(at - 1,),
                  disabled=at == 0, shortcut="B")  # fmt: skip
        icon, label = (":material/pause:", "Hold") if plays() else (":material/play_arrow:", "Play")
        st.button(label, icon=icon, key="backprop-play", on_click=_toggle, args=(len(every),))
        st.button("Forward", icon=":material/chevron_right:", key="backprop-next", on_click=_go, args=(at + 1,),
                  disabled=at == last, shortcut="F", type="primary")  # fmt: skip
        key = f"backprop-stage-{len(every)}"
        session.show_in_widget(key, titles[at])
        st.selectbox(
            "Stage",
            titles,
            at,
            key=key,
            on_change=session.by_hand(key, lambda title: _go(titles.index(title))),
            label_visibility="collapsed",
            width=300,
        )
        return picture.network_of(step)


def _show_code(code: Code) -> None:
    lines = [f"{MARK if at in code.at_work else '  '}{line}" for at, line in enumerate(code.lines)]
    st.caption(f"{plain(code.name)}, {plain(code.path)}, from line {code.first:,}; {MARK.strip()} is at work here")
    st.code("\n".join(lines), language=None, wrap_lines=True)


def _show_array(step: Step, each: Named, number: int) -> None:
    """A small array in full, a large one as a picture; a click on a weight's place picks it."""
    values, (name, index) = each.values, picked(step)
    is_param = each.param != "" and each.param.rpartition(".")[2] in ("W", "b")
    if _is_small(values):
        st.caption(f"{plain(each.name)}, in full")
        st.dataframe(table(values), key=f"backprop-table-{number}")
        return
    click = session.clicked(f"backprop-array-{number}")
    framed = index if each.param == name else None
    figure, laid = array_picture(values, chosen=framed, dark=session.is_dark(), title=each.name)
    if click and is_param and click["x"] is not None and click["y"] is not None:
        pick(each.param, laid.index(int(click["y"]), int(click["x"]) - laid.first))
        figure, laid = array_picture(values, chosen=picked(step)[1], dark=session.is_dark(), title=each.name)
    live_plot(
        figure,
        key=f"backprop-array-{number}",
        height=110 if len(laid.z) == 1 else 300 if number == 0 else 190,
        clickable=is_param,
    )


def _is_small(values: Array) -> bool:
    return values.ndim <= 2 and max(values.shape, default=0) <= TABLE


def side_by_side(arrays: list[Named]) -> pd.DataFrame:
    """Arrays of one row each as columns of a table."""
    return pd.DataFrame({each.name: table(each.values).iloc[0] for each in arrays})


def table(values: Array) -> pd.DataFrame:
    """An array of one or two dimensions to six significant digits."""
    rows = np.atleast_2d(values)
    return pd.DataFrame([[f"{value + 0.0:.6g}".replace("-", "−") for value in row] for row in rows])
