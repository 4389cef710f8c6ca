"""What the page of the frameworks is made of: the setup, what was measured, and the code of a step side by side."""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Sequence

import pandas as pd
import streamlit as st

from nn_core import RunConfig
from nn_core.frameworks import FRAMEWORKS, Framework, Row, Same, Shown, Task, tasks
from nn_core.machine.facts import computer
from nn_core.machine.numbers import percent
from ui import session
from ui.charts.curve_traces import Overlaid
from ui.charts.curves import overlay
from ui.charts.frameworks import same_losses
from ui.components.live_plot import live_plot
from ui.panels.chart_options import AXES
from ui.panels.gallery import switch
from ui.panels.overlay import legend
from ui.session.frameworks import cancel_comparison, comparison, forget_comparison, may_compare, start_comparison
from ui.texts import linked
from ui.words import plain

EPOCHS = [1, 2, 3, 5, 10, 20]
TOGGLES = {  # name -> words, at the start, help
    "quoted": (
        "Three well-known networks",
        True,
        "784-10-10 by gradient descent, Keras with Adam, a PyTorch CNN.",
    ),
    "quick": ("Quick (fewer epochs)", True, "For those three networks: about three minutes in place of twenty."),
    "identical": (
        "Batch by batch",
        False,
        "The same weights, the same batches: how far do the losses lie apart? It takes some minutes more.",
    ),
}
WORDS = {"waiting": "waits", "starting": "is starting", "training": "is training", "cancelled": "was cancelled"}
SAME_WHY = (
    "All begin with the same weights and see the same batches, so the losses should be equal. They differ because each "
    "library adds the same numbers in another order, and rounds after each addition. The difference grows: each update "
    "starts from weights that differ a little more. Where an input of a ReLU is almost 0, rounding decides its sign, "
    "and the difference jumps. PyTorch differs from itself by as much when the form of its optimizer changes. "
    "Keras rounds Adam's corrections to float32, which alone makes a step differ by 1e-5: its rate makes up for that."
)


def setup() -> None:
    """What will be compared, and the button."""
    st.markdown(
        "How does a network in NumPy alone compare with the frameworks? Train the same network in each of them, in "
        "turns, on this machine. Every figure is measured."
    )
    draft = session.draft()
    left, right = st.columns([1.4, 1], gap="large")
    with right:
        epochs = st.select_slider("Epochs", EPOCHS, value=5, key="frameworks-epochs", persist_state="session")
        options = {name: _toggle(name, *words) for name, words in TOGGLES.items()}
    config = draft.replace(epochs=epochs)
    with left:
        chosen = [name for name, one in FRAMEWORKS.items() if _chosen(one, config)]
    with right:
        st.button(
            "Compare",
            icon=":material/play_arrow:",
            type="primary",
            key="frameworks-start",
            width="stretch",
            disabled=not chosen or not may_compare(),
            on_click=start_comparison,
            args=(config, chosen),
            kwargs=options,
        )
        if not may_compare():
            st.caption("On a shared server only its owner may compare frameworks: it takes the whole machine.")
        titles = [
            plain(task.title) for task in tasks(config, quick=options["quick"], quoted=options["quoted"], only=chosen)
        ]
        st.caption("What is trained: " + "; ".join(titles) + ".")
        st.caption("Weights travel both ways: *Export* and *Import* on the Runs page, from and to PyTorch and Keras.")


def _toggle(name: str, label: str, at_start: bool, help: str) -> bool:
    about, key = linked(plain(help)), f"frameworks-{name}"
    return st.toggle(plain(label), value=at_start, key=key, persist_state="session", help=about)


def _chosen(framework: Framework, config: RunConfig) -> bool:
    """A checkbox for a framework, with what it leaves out of the sidebar's settings; how to install one that is not."""
    if not framework.is_installed:
        st.checkbox(framework.label, value=False, disabled=True, key=f"frameworks-{framework.name}")
        st.code(framework.install, language=None, wrap_lines=True)
        return False
    on = st.checkbox(framework.label, value=True, key=f"frameworks-{framework.name}", persist_state="session")
    said = framework.refuses(config)
    left_out = framework.leaves_out(config)
    if said:
        st.caption(plain(f"{said} It trains the quoted networks alone."))
    elif left_out:
        st.caption(plain(f"It has no equivalent of {', '.join(left_out)}, and trains without it."))
    return bool(on)


def results() -> None:
    """Progress, curves and tables of the comparison, while it runs and afterwards."""
    found = comparison()
    if found is None:  # it has just been put away
        st.rerun()
    shown = found.shown
    _bar(shown)
    titles = [task.title for task in found.tasks]
    at = _task(titles) if len(titles) > 1 else 0
    task = found.tasks[at]
    rows = [row for row in shown.rows if row.task == task.title]
    left, right = st.columns([1, 1.25], gap="medium")
    with left:
        _curves(task, rows)
    with right:
        _table(rows)
    if shown.same:
        _same(shown)


def _bar(shown: Shown) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        if shown.is_over:
            st.button("Compare anew", icon=":material/restart_alt:", key="frameworks-anew", on_click=forget_comparison)
        else:
            st.button("Cancel", icon=":material/stop:", key="frameworks-cancel", on_click=cancel_comparison)
            st.progress(shown.share, text=plain(shown.doing))
        st.markdown(f":small[{plain(computer())}]", width="content")


def _task(titles: Sequence[str]) -> int:
    picked = st.selectbox(
        "Network",
        range(len(titles)),
        format_func=titles.__getitem__,
        key="frameworks-task",
        label_visibility="collapsed",
    )
    return int(picked or 0)


def _curves(task: Task, rows: Sequence[Row]) -> None:
    axis = switch("Horizontal axis", {name: AXES[name] for name in ("seconds", "epoch")}, key="frameworks-axis")
    lanes = [
        Overlaid(row.label, row.series(task.config), slot, "")
        for slot, row in enumerate(rows)
        if row.series(task.config)
    ]
    if not lanes:
        st.caption("The curves begin with the first epoch.")
        return
    legend(lanes)
    figure = overlay(lanes, kind="accuracy", x=axis, dark=session.is_dark())
    live_plot(figure, key="frameworks-accuracy", height=320)


def _table(rows: Sequence[Row]) -> None:
    """A row a framework; the quoted figures beside the measured ones."""
    cells = {row.label: _cells(row) for row in rows if row.seconds is not None}
    if cells:
        names = list(next(iter(cells.values())))
        table = [[plain(column[name]) for column in cells.values()] for name in names]
        st.table(pd.DataFrame(table, index=[plain(name) for name in names], columns=[plain(label) for label in cells]))
    for row in rows:
        if row.said:
            st.caption(plain(row.said))
        elif row.status in WORDS:
            st.caption(plain(f"{row.label} {WORDS[row.status]}."))
    quoted = [row for row in rows if row.quoted]
    for row in quoted:
        if row.quoted:
            figures = f"{percent(row.quoted.train)} on training and {percent(row.quoted.held_out)} on other images"
            st.caption(
                plain(f"Quoted for {row.label}: {figures} ({row.quoted.source}). All other figures are measured here.")
            )
    ways = [f"{row.label}: {'; '.join(row.tried)}" for row in rows if row.tried]
    if ways:
        with st.expander("Ways that were tried, the quickest is used"):
            for way in ways:
                st.markdown(plain(way))


def _cells(row: Row) -> dict[str, str]:
    def number(value: float | None, form: str, unit: str = "") -> str:
        return "" if value is None else f"{value:{form}}{unit}"

    def share(value: float | None) -> str:
        return "" if value is None else percent(value)

    return {
        "training accuracy": share(row.train_accuracy),
        "validation accuracy": share(row.val_accuracy),
        "test accuracy": share(row.test_accuracy),
        "seconds of training": number(row.seconds, ",.1f"),
        "images a second": number(row.samples_per_second, ",.0f"),
        "slowest to quickest": f"{number(row.slowest, ',.0f')} to {number(row.quickest, ',.0f')}",
        **{
            f"seconds to {mark} %": number(row.seconds_to(mark / 100), ",.1f") or "not reached" for mark in (97, 98, 99)
        },
        "first epoch": number(row.first_epoch_seconds, ",.2f", " s"),
        "first step": number(row.first_step_seconds, ".2g", " s"),
        "weights": number(row.n_weights, ","),
        "peak memory": number(row.peak_memory_mb, ",.0f", " MB"),
        "import": number(row.import_seconds, ",.1f", " s"),
        "installed, itself alone": number(row.installed_mb, ",.0f", " MB"),
        "run with": row.way,
        "version": row.versions,
    }


def _same(shown: Shown) -> None:
    """Batch by batch: the largest difference of each, and the two curves of one."""
    st.markdown("**The same weights, the same batches**", help=plain(SAME_WHY))
    columns = ["framework", "network", "optimizer", "updates", "largest relative difference of a batch's loss"]
    table = [
        [plain(one.label), plain(one.network), plain(one.optimizer), f"{one.steps:,}", plain(_apart(one))]
        for one in shown.same
    ]
    left, right = st.columns([1.25, 1], gap="medium")
    left.table(pd.DataFrame(table, columns=columns), hide_index=True)
    drawn = [one for one in shown.same if one.losses]
    with right:
        if drawn:
            names = [f"{one.label}, {one.network}, {one.optimizer}" for one in drawn]
            at = st.selectbox("Curves", range(len(drawn)), format_func=names.__getitem__, key="frameworks-same")
            live_plot(same_losses(drawn[at or 0], session.is_dark()), key="frameworks-same-losses", height=260)
        st.caption(SAME_WHY)


def _apart(one: Same) -> str:
    return one.said if one.max_relative_loss_difference is None else f"{one.max_relative_loss_difference:.1e}"


def code() -> None:
    """A training step in each framework, beside ours: the very functions that run."""
    st.markdown("**One training step, the code that runs**")
    names = {name: one.label for name, one in FRAMEWORKS.items() if name != "glassnet"}
    other = switch("Framework", names, key="frameworks-code")
    places = st.container(key="both-codes").columns(2)
    for column, name in zip(places, ("glassnet", other), strict=True):
        with column:
            st.caption(plain(FRAMEWORKS[name].label))
            st.code(textwrap.dedent(inspect.getsource(FRAMEWORKS[name].code)), language=None, wrap_lines=True)
