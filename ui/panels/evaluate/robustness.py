"""The view Robustness: seven changes of the images as curves, fifteen corruptions at five strengths as a table."""

from __future__ import annotations

from typing import Any

import streamlit as st

from nn_core.evaluation.corruptions import CORRUPTIONS, SWEEPS
from nn_core.evaluation.robustness import N_IMAGES, N_MEASURED, N_STRENGTHS, Robustness
from nn_core.machine.numbers import NOTHING, PERCENT_COLUMN, percent
from ui import session
from ui.charts.robustness import sweep_chart
from ui.components.live_plot import live_plot
from ui.panels.evaluate.place import Place
from ui.session.robustness import Measuring
from ui.words import plain

IN_A_ROW = 4  # charts
EVERY = 0.7  # seconds between two drawings while it is measured


def robustness_view(at: Place) -> None:
    """What has been measured, as it comes, and the button that measures."""
    session.live("The robustness", lambda: _view(at), trains=session.measures_robustness, every=EVERY)


def _view(at: Place) -> None:
    shown = session.robustness()
    _controls(at, shown)
    if shown is None or not shown.found:
        return
    lines = list(zip(shown.names, list(shown.found), strict=False))
    dashed = "" if len(shown.names) == 1 else " Dashed: the other."
    st.caption(f"{plain(shown.when)}; the first n={len(shown.labels):,} images.{dashed}")
    for row in range(0, len(SWEEPS), IN_A_ROW):
        for place, sweep in zip(st.columns(IN_A_ROW), SWEEPS[row : row + IN_A_ROW], strict=False):
            with place:
                figure = sweep_chart(sweep, lines, dark=session.is_dark())
                live_plot(figure, key=f"evaluate-robustness-{sweep.name}", height=170)
    _table(lines)


def _controls(at: Place, shown: Measuring | None) -> None:
    own = ("here", at.reading.run_id, at.reading.step, at.reading.split, at.reading.is_averaged)
    about = (own, at.beside and (at.beside.name, at.beside.reader.name))
    n = min(N_IMAGES, len(at.found.labels))
    with st.container(horizontal=True, vertical_alignment="center"):
        if session.measures_robustness() and shown is not None:
            st.button("Cancel", icon=":material/stop:", key="robustness-cancel", on_click=session.cancel_robustness)
            waits = "Waits for another measurement" if shown.waits else f"{percent(shown.share, 0)} measured"
            st.progress(shown.share, text=waits)
            return
        st.button(
            "Measure the robustness",
            icon=":material/speed:",
            key="robustness-measure",
            type="primary" if shown is None or shown.about != about else "secondary",
            on_click=_begin,
            args=(at, about, n),
        )
        st.caption(
            f"The first {n:,} {plain(at.split)} images are turned, moved, blurred and so on, in {N_MEASURED - 1} ways. "
            "A small network takes seconds, a convolutional one a minute or more."
        )
    if shown is not None and shown.problem:
        st.warning(f"It could not be measured ({plain(shown.problem)}).")
    elif shown is not None and shown.about != about:
        st.caption(f"Below stands what was measured before: {plain(shown.when)}.")


def _begin(at: Place, about: Any, n: int) -> None:
    networks = {"here": session.network_of(at.reading)}
    if at.beside is not None:
        networks["the other"] = at.beside.reader.model
    when = at.of if at.beside is None else f"{at.of}; the other: {at.beside.name}"
    session.measure_robustness(about, when, networks, at.images[:n], at.found.labels[:n])


def _table(lines: list[tuple[str, Robustness]]) -> None:
    """A row a corruption: the accuracy at each strength, and the mean; under them the mean of all."""
    found = lines[0][1]
    columns: dict[str, list[Any]] = {"corruption": [each.label for each in CORRUPTIONS]}
    for at in range(N_STRENGTHS):
        columns[str(at + 1)] = [_of(found.table.get(each.name, ()), at) for each in CORRUPTIONS]
    for who, one in lines:
        name = "mean" if who == lines[0][0] else "mean of the other"
        columns[name] = [_mean(one.table.get(each.name, ())) for each in CORRUPTIONS]
    columns["how it is made, by strength"] = [each.made for each in CORRUPTIONS]
    means = [_mean(columns[str(at + 1)]) for at in range(N_STRENGTHS)]
    last = ["all fifteen", *means, *(None if one.mean is None else 100 * one.mean for _, one in lines), ""]
    for values, value in zip(columns.values(), last, strict=True):
        values.append(value)
    numbers = [name for name in columns if name not in ("corruption", "how it is made, by strength")]
    config: dict[str, Any] = {
        name: st.column_config.NumberColumn(format=PERCENT_COLUMN, width=72 if len(name) < 5 else 120)
        for name in numbers
    }
    st.dataframe(
        columns, hide_index=True, row_height=28, height=28 * 16 + 38, column_config=config, placeholder=NOTHING
    )
    clean = "" if found.clean is None else f"; on the images as they are {percent(found.clean)}"
    mean = "" if found.mean is None else f" The mean of all is {percent(found.mean)}."
    st.caption(
        f"Accuracy at strengths 1 to 5{clean}.{mean} The design is that of "
        "Hendrycks & Dietterich 2019 and of Mu & Gilmer 2019; the code is our own: compare "
        "these figures with one another only."
    )


def _of(shares: tuple[float, ...], at: int) -> float | None:
    return 100 * shares[at] if at < len(shares) else None


def _mean(values: Any) -> float | None:
    """The mean of five shares in [0, 1], or of numbers in percent; None where one is missing."""
    there = [value for value in values if value is not None]
    if not there or len(there) < len(values) or len(there) < N_STRENGTHS:
        return None
    mean = sum(there) / len(there)
    return 100 * mean if isinstance(values, tuple) else mean
