"""Several runs in one chart, a colour each, and their settings side by side."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping, Sequence
from typing import Literal

import pandas as pd
import streamlit as st

from nn_core.config import RunConfig
from nn_core.nn.losses import loss_of
from nn_core.runs import began_with_its_seed, changed_while_training, side_by_side, telling_names
from nn_core.store import StoredRun
from nn_core.training import Axis, in_effect
from ui import session
from ui.charts.curve_traces import Overlaid, run_colour
from ui.charts.curves import overlay
from ui.components.live_plot import live_plot
from ui.panels.chart_options import chart_options
from ui.panels.gallery import switch
from ui.words import Html, plain

SPLITS = {"val": "validation", "both": "with training (dotted)"}
NUMBER = re.compile(r" \(\d+\)$")  # of a run in the list that would be called like another
MOST_NAMED = 24  # runs in the legend
MOST_COMPARED = 8  # runs whose settings stand side by side


def slots(selected: Sequence[str], before: Mapping[str, int]) -> dict[str, int]:
    """The number of each run's colour: a run keeps the one it had, a new run gets the lowest that is free."""
    kept = {run_id: before[run_id] for run_id in selected if run_id in before}
    free = (number for number in range(len(selected) + len(before)) if number not in set(kept.values()))
    return {run_id: kept[run_id] if run_id in kept else next(free) for run_id in selected}


def curves(runs: Sequence[StoredRun], slot_of: Mapping[str, int], called: Mapping[str, str]) -> None:
    """Loss and accuracy of the runs under one legend, and whether they started alike or were changed on the way.

    `called` are their names in the list.
    """
    names = _names(runs, called)
    charts(
        [
            Overlaid(name, session.series_of(run), slot_of[run.id], loss_of(run.config).unit)
            for run, name in zip(runs, names, strict=True)
        ],
        key="overlay",
        height=300,
    )
    alike = alike_sentence([run.config for run in runs]) if all(map(_began_anew, runs)) else ""
    changed = changed_while_training(
        {f"in {name}": in_effect(run.edits, run.step) for name, run in zip(names, runs, strict=True)}
    )
    if alike or changed:
        st.caption(plain(f"{alike} {changed}"))


def _names(runs: Sequence[StoredRun], called: Mapping[str, str]) -> list[str]:
    """Short names; a run that has a number in the list has it here too."""
    numbers = [NUMBER.search(called[run.id]) for run in runs]
    own = [called[run.id] if run.name else "" for run in runs]
    return telling_names([run.config for run in runs], own, [found[0] if found else "" for found in numbers])


def charts(runs: Sequence[Overlaid], *, key: str, height: int) -> None:
    """Loss and accuracy side by side, with the widgets for their options and one legend above them."""
    axis, splits, log_y, smoothing = _options()
    legend(runs)
    if axis == "lr_step":
        st.caption(
            "Lr × step is the time of gradient flow: rates that are small enough lie on one curve; where one leaves "
            "it, its steps are too long to follow."
        )
    kinds: tuple[Literal["loss", "accuracy"], ...] = ("loss", "accuracy")
    for column, kind in zip(st.columns(2), kinds, strict=True):
        figure = overlay(
            runs, kind=kind, x=axis, log_y=log_y, smoothing=smoothing, splits=splits, dark=session.is_dark()
        )
        with column:
            live_plot(figure, key=f"{key}-{kind}", height=height)


def _began_anew(run: StoredRun) -> bool:
    return run.parent is None and began_with_its_seed(session.series_of(run))


def alike_sentence(configs: Sequence[RunConfig]) -> str:
    """Says so where networks of all these settings start from the same weights; else ""."""
    first, others = configs[0], set(configs[1:])
    if len(configs) < 2 or not all(session.start_alike(first, other) for other in others):
        return ""
    count = "Both" if len(configs) == 2 else f"All {len(configs)}"
    return f"{count} started from the same weights (seed {first.seed})."


def _options() -> tuple[Axis, tuple[str, ...], bool, float]:
    against, which, log, smooth = st.columns([2.6, 1.6, 0.8, 1.1], vertical_alignment="center")
    axis, log_y, smoothing = chart_options(against, log, smooth, key="overlay")
    with which:
        split = switch("Which curves", SPLITS, key="overlay-split")
    return axis, ("val",) if split == "val" else ("val", "train"), log_y, smoothing


def entry(run: Overlaid) -> Html:
    """A run's line and name in a legend, as HTML."""
    line = "display:inline-block;width:1.5rem;margin-right:.4rem;vertical-align:middle;border-top:3px"
    look = f"{'solid' if run.slot < 10 else 'dashed'} {run_colour(run.slot, session.is_dark())}"
    name = html.escape(run.name)
    return f'<span style="margin-right:1.2rem;white-space:nowrap"><i style="{line} {look}"></i>{name}</span>'


def legend(runs: Sequence[Overlaid]) -> None:
    """The names of the runs beside their lines."""
    entries = [entry(run) for run in runs[:MOST_NAMED]]
    entries += [f"and {len(runs) - MOST_NAMED} more"] if len(runs) > MOST_NAMED else []
    st.html(f'<div class="glassnet-legend" style="font-size:.88rem">{"".join(entries)}</div>')


def settings(runs: Sequence[StoredRun], called: Mapping[str, str]) -> None:
    """The settings side by side; equal rows are left out unless asked for."""
    names = _names(runs, called)[:MOST_COMPARED]
    rows = side_by_side([run.config for run in runs[:MOST_COMPARED]])
    n_alike = sum(not row.differs for row in rows)
    title, toggle = st.columns([2.4, 1], vertical_alignment="center")
    of = f", the first {MOST_COMPARED} of {len(runs)}" if len(runs) > MOST_COMPARED else ""
    title.markdown(f"**Settings side by side**{of}" if len(runs) > 1 else "**Settings**")
    everything = True
    if len(runs) > 1:
        everything = toggle.toggle(
            f"Show the {n_alike} equal ones too", key="overlay-all-settings", persist_state="session"
        )
    shown = [row for row in rows if row.differs or everything]
    if not shown:
        st.caption("No setting differs.")
        return
    cells = [[plain(value) for value in row.values] for row in shown]
    st.table(pd.DataFrame(cells, index=[row.label for row in shown], columns=[plain(name) for name in names]))
