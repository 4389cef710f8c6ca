"""A search while it runs and after: how far it is, its trials, its charts, and one trial in full."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
import streamlit as st

from nn_core import RunConfig
from nn_core.config.choices import choices
from nn_core.config.run_config import setting
from nn_core.machine.durations import duration
from nn_core.machine.numbers import exact, percent
from nn_core.search import Objective, SearchView, TrialRow, holds_run, map_of
from ui import session
from ui.charts import search as charts
from ui.components.live_plot import live_plot
from ui.panels.gallery import switch
from ui.session import searches
from ui.words import Markdown, plain

STATES = {  # of a trial, in words
    "waiting": "waiting",
    "running": "running",
    "complete": "done",
    "pruned": "pruned",
    "failed": "failed",
    "lost": "worker lost",
}
PRUNED_AT = "What became of the trial; a pruned one with the epoch after which it was ended."
MORE = 20  # trials that one click adds to a search that is done
MOST_ROWS = 500  # of the table, the first in its order: the browser is sent all of them again and again
HEIGHT = 400  # px of the table and of the chart beside it
TABLE_WIDTH = 600  # px of a table that has a chart beside it on a laptop
WIDTHS = {"ticks": 33, "trial": 44, "state": 84, "value": 94, "seconds": 58}  # px of columns that every search has
SETTING_WIDTH = 6, 18  # px of a letter of a setting, and of the room around it
CONTROLS = {"run": "searching", "pause": "paused", "stop": "stopped"}


def search() -> None:
    """The whole panel; it is drawn again every second while the search runs."""
    view, found = searches.search_view(), searches.watch()
    name, _ = searches.search_on_page() or ("", "")
    if view is None:
        problem = found.problem if found is not None else ""
        if problem:
            st.warning(plain(problem), icon=":material/database_off:")
        else:
            st.info(f"Reading the search {plain(name)}.")
        st.button("Back", key="search-back", on_click=searches.show_search, args=("",))
        return
    _header(view)
    if found is not None and found.problem:
        st.warning(plain(found.problem), icon=":material/database_off:")
    # a table of many settings has the width of the page, so that no column is cut off
    left, right = st.columns([1.6, 1], gap="medium") if _width(view) < TABLE_WIDTH else (st.container(), st.container())
    with left:
        rows = _shown(view)
        row = _table(view, rows)
    with right:
        _chart(view)
    if row is not None:
        _trial(view, row)


# ---------------------------------------------------------------------------------------------- how far it is


def _header(view: SearchView) -> None:
    """Buttons, the state in words, and the progress."""
    done, runs = view.n_done >= view.n_total, view.control == "run"
    here = searches.workers_here()
    with st.container(horizontal=True, vertical_alignment="center"):
        n_workers = int(session.widget_value("search-workers") or 2)
        waiting = searches.workers_waiting()
        if not searches.mine():
            st.markdown(":gray-badge[another visitor's]", width="content")
        elif runs and not done and (here or view.workers or waiting):
            st.button("Pause", icon=":material/pause:", key="search-pause", on_click=searches.pause_search)
            st.button("Stop", icon=":material/stop:", key="search-stop", on_click=searches.stop_search)
        elif done:
            _more(view, n_workers)
        else:
            st.button(
                "Go on",
                icon=":material/play_arrow:",
                type="primary",
                key="search-on",
                on_click=searches.go_on_with_search,
                args=(n_workers,),
                help=f"With {n_workers} worker{'s' if n_workers > 1 else ''} on this machine.",
            )
        state = "done" if done else CONTROLS[view.control]
        if state == "searching" and not here and not view.workers:
            state = "waiting" if waiting else "no worker"
        st.markdown(f"**{plain(view.name)}** :gray-badge[{state}]", width="content")
        st.markdown(_sentence(view, here, waiting), width="content")
        st.space("stretch")
        st.button(
            "Other searches",
            icon=":material/arrow_back:",
            key="search-back",
            type="tertiary",
            on_click=searches.show_search,
            args=("",),
            help="Leaves this one as it is: its workers go on.",
        )
    share = min(1.0, view.n_done / max(1, view.n_total))
    left = "" if view.seconds_left is None or done else f", about {duration(view.seconds_left)} left"
    st.progress(share, f"{view.n_done:,} of {view.n_total:,} trials{left}")


def _more(view: SearchView, n_workers: int) -> None:
    """A button for more trials than were asked for; a grid has no more."""
    if view.spec.sampler == "grid":
        return
    st.button(
        f"{MORE} more trials",
        icon=":material/add:",
        key="search-more",
        on_click=searches.search_more,
        args=(view.n_total + MORE, n_workers),
        help=f"It goes on from what it has learned, with {n_workers} worker{'s' if n_workers > 1 else ''} here.",
    )


def _sentence(view: SearchView, here: int, waiting: list[int]) -> Markdown:
    """The best trial so far, who works and who waits, and what pruning has saved."""
    parts = []
    if view.best is not None:
        parts.append(f"best: trial {view.best.number}, {_values(view, view.best)}")
    elif view.front:
        parts.append(f"{len(view.front)} trials on the Pareto front")
    if view.workers:
        parts.append(f"{len(view.workers)} at work")
    if here and here != len(view.workers):
        parts.append(f"{here} worker process{'es' if here > 1 else ''} of this page")
    if waiting:
        workers = "1 worker waits" if len(waiting) == 1 else f"{len(waiting)} workers wait"
        parts.append(f"{workers} for a place, number {waiting[0]} in the queue")
    if view.default is not None and view.default.values:
        first = view.spec.judged_by[0]
        parts.append(f"{charts.DEFAULT}: {first.unit.text(view.default.values[0])}")
    if view.counts.get("pruned"):
        parts.append(f"pruning saved {percent(view.epochs_saved, 0)} of the epochs")
    return f":small[{plain(' · '.join(parts))}]"


def _values(view: SearchView, row: TrialRow) -> str:
    """What a trial has reached by each objective, in words."""
    pairs = zip(view.spec.judged_by, row.values or (), strict=False)
    return ", ".join(f"{each.label.lower()} {each.unit.text(value)}" for each, value in pairs)


# ---------------------------------------------------------------------------------------------- the trials


def _shown(view: SearchView) -> list[TrialRow]:
    """The trials that the switch above the table lets through."""
    hidden = switch("Trials", {"all": "All trials", "complete": "Without pruned and failed"}, key="search-which")
    rows = [row for row in view.trials if not row.superseded]
    if hidden == "complete":
        rows = [row for row in rows if row.state not in ("pruned", "failed")]
    return rows


def _table(view: SearchView, rows: list[TrialRow]) -> TrialRow | None:
    """The trials, the best first; gives the one that is ticked, else the best."""
    if not rows:
        worker = "its worker waits for a place" if searches.workers_waiting() else "the first worker is starting"
        st.info(f"There are no trials yet: {worker}.")
        return None
    n_rows = len(rows)
    rows = _in_order(view, rows)[:MOST_ROWS]
    event = st.dataframe(
        _as_frame(view, rows),
        hide_index=True,
        height=HEIGHT,
        on_select="rerun",
        selection_mode="single-row",
        key="search-table",
        column_config=_columns(view),
    )
    if n_rows > MOST_ROWS:
        st.caption(f"The first {MOST_ROWS} of {n_rows:,} trials: those at work, then the best.")
    ticked = tuple(event["selection"]["rows"])
    stood = session.chosen("search-order", ()) or tuple(row.number for row in rows)
    if ticked != session.chosen("search-ticked", ()):
        session.choose("search-ticked", ticked)
        session.choose("search-trial", stood[ticked[0]] if ticked and ticked[0] < len(stood) else None)
    session.choose("search-order", tuple(row.number for row in rows))
    wanted = session.chosen("search-trial")
    picked = next((row for row in rows if row.number == wanted), None)
    return picked or view.best or next((row for row in rows if row.state == "complete"), None)


def _in_order(view: SearchView, rows: list[TrialRow]) -> list[TrialRow]:
    """Those at work first, then the best. While one is ticked all keep their places: a tick belongs to a place."""
    first = view.spec.judged_by[0]
    order = {"running": 0, "lost": 0, "complete": 1, "pruned": 2, "waiting": 3, "failed": 4}

    def rank(row: TrialRow) -> tuple[Any, ...]:
        value = _value_so_far(first, row)
        return order[row.state], value is None, -first.sign * (value or 0.0), row.number

    rows = sorted(rows, key=rank)
    if session.chosen("search-ticked"):
        places = {number: at for at, number in enumerate(session.chosen("search-order", ()))}
        rows.sort(key=lambda row: places.get(row.number, len(places)))
    return rows


def _as_frame(view: SearchView, rows: list[TrialRow]) -> pd.DataFrame:
    """A row a trial: its state, its value by each objective, and the settings that vary."""

    def value(row: TrialRow, at: int, objective: Objective) -> float | None:
        if at == 0:
            return _scaled(objective, _value_so_far(objective, row))
        return _scaled(objective, row.values[at] if row.values else None)

    return pd.DataFrame(
        {
            "trial": [row.number for row in rows],
            "state": [_state(view, row) for row in rows],
            **{each.label: [value(row, at, each) for row in rows] for at, each in enumerate(view.spec.judged_by)},
            **{setting(name).label: [_setting(name, row.params) for row in rows] for name in view.spec.vary},
            "seconds": [row.seconds for row in rows],
        }
    )


def _state(view: SearchView, row: TrialRow) -> str:
    """What became of a trial, and after how many epochs where it was not trained to its end."""
    word = "diverged" if row.diverged else STATES[row.state]
    early = row.state == "pruned" and row.epochs < view.spec.base.epochs
    return f"{word} at {row.epochs:.3g}" if early and not row.diverged else word


def _columns(view: SearchView) -> dict[str, Any]:
    """How each column is written, called and how wide it is, so that all are seen."""
    number, text = st.column_config.NumberColumn, st.column_config.TextColumn
    values = {}
    for each in view.spec.judged_by:
        short = each.label.replace("Validation", "Val.")
        values[each.label] = number(short, help=each.label, format=each.unit.column, width=WIDTHS["value"])
    settings = {setting(name).label: text(width=_setting_width(view, name)) for name in view.spec.vary}
    widths = {
        "trial": number("Trial", width=WIDTHS["trial"]),
        "state": text("State", help=PRUNED_AT, width=WIDTHS["state"]),
    }
    return {**widths, **values, **settings, "seconds": number("Seconds", format="%.1f", width=WIDTHS["seconds"])}


def _setting_width(view: SearchView, name: str) -> int:
    """The width of a setting's column in px, for its name and its longest value."""
    texts = [setting(name).label, *(_setting(name, row.params) for row in view.trials[-MOST_ROWS:])]
    letter, around = SETTING_WIDTH
    return around + letter * min(24, max(map(len, texts)))


def _width(view: SearchView) -> int:
    """The width of the whole table in px."""
    always = sum(WIDTHS.values()) + WIDTHS["value"] * (len(view.spec.judged_by) - 1)
    return always + sum(_setting_width(view, name) for name in view.spec.vary)


def _scaled(objective: Objective, value: float | None) -> float | None:
    """As the table shows it: an accuracy in percent, whose column keeps its two decimals."""
    return None if value is None else objective.unit.scale * value


def _value_so_far(objective: Objective, row: TrialRow) -> float | None:
    """The value of a trial; of one that did not come to its end, what it reported last, where that is a value too."""
    if row.values:
        return row.values[0]
    return row.reported[max(row.reported)] if row.reported and objective.other_curve is None else None


def _setting(name: str, params: Mapping[str, Any]) -> str:
    """The value that a trial has drawn for a setting, as the table shows it; "" before it is drawn."""
    if name not in params:
        return ""
    item = setting(name)
    value = params[name]
    if isinstance(value, float):
        return f"{value:.3g}"
    if item.kind == "choice" and value in choices(name):
        return choices(name)[value].label
    try:
        return item.written(value)
    except (TypeError, ValueError):
        return str(value)


def _chart(view: SearchView) -> None:
    """A menu of charts, and the one that is chosen; the others are not worked out."""
    names = {name: charts.CHARTS[name][0] for name in charts.charts_for(view)}
    found = map_of(view)
    if found is not None:
        names = {"map": "Map", **names}
    name = st.selectbox(
        "Chart", list(names), format_func=names.__getitem__, key="search-chart", label_visibility="collapsed"
    )
    dark = session.is_dark()
    if name == "map" and found is not None:
        live_plot(charts.trainability(found, dark), key="search-map-plot", height=HEIGHT)
        return
    _, draw, needed = charts.CHARTS[name]
    only_complete = session.widget_value("search-which") == "complete"
    n_complete = charts.finished(view.trials)
    if name != "curves" and n_complete < needed:
        st.info(f"This chart needs {needed:,} finished trial{'s' if needed > 1 else ''}; there are {n_complete:,}.")
        return
    live: object = _roughly(n_complete)
    if name == "curves":
        live = len(view.trials), sum(row.epochs for row in view.trials), view.best and view.best.number
    counted = (view.name, name, only_complete, dark, live, _roughly(view.counts.get("pruned", 0)), view.n_total)
    try:
        figure = session.steady("search chart", counted, lambda: draw(view, only_complete, dark))
    except (ValueError, ZeroDivisionError, RuntimeError) as error:  # Optuna's, where all trials are alike, say
        st.info(f"This chart cannot be drawn for these trials: {plain(str(error).splitlines()[0])}")
        return
    live_plot(figure, key=f"search-plot-{name}", height=HEIGHT)
    if some := charts.drawn_of(name, view, only_complete):
        st.caption(plain(some))


def _roughly(n: int) -> int:
    """A count that changes when it has grown by some percent: charts of many trials are drawn anew no more often."""
    return n if n < 100 else int(float(f"{n:.2g}"))


# ---------------------------------------------------------------------------------------------- one trial


def _trial(view: SearchView, row: TrialRow) -> None:
    """A trial in one line, and what can be done with it."""
    is_best = view.best is not None and row.number == view.best.number
    settings = ", ".join(
        f"{setting(name).word} {_setting(name, row.params)}" for name in view.spec.vary if name in row.params
    )
    with st.container(horizontal=True, vertical_alignment="center"):
        badge = " :green-badge[best]" if is_best else ""
        st.markdown(f"**Trial {row.number:,}:** {plain(settings)}{badge}", width="content")
        st.space("stretch")
        at_work = row.state in ("running", "waiting", "lost")
        here = holds_run(view.name, row.run) and searches.mine()
        if row.config is not None:
            _use(row, row.config)
        if here and not at_work and row.run:
            _open(row)
        elif row.config is not None and not at_work:
            _train_again(row)
        if row.state == "complete" and here:
            st.button(
                "Test accuracy",
                key="search-test",
                disabled=view.test is not None,
                on_click=searches.score_on_test,
                args=(row.number,),
                help="Once in a search, for the chosen trial: choosing by test images makes results look too good.",
            )
            if view.test is not None and view.test[0] == row.number:
                n = len(session.dataset(view.spec.base.dataset).test_labels)
                st.markdown(f"**{exact(view.test[1])}** of the {n:,} test images", width="content")
    if row.reason:
        st.caption(plain(row.reason))
    if view.test is not None and view.test[0] != row.number:
        st.caption(f"The test images were read once, for trial {view.test[0]:,}: {exact(view.test[1])}.")


def _use(row: TrialRow, config: RunConfig) -> None:
    help_text = "Puts them into the sidebar. Nothing is trained until you press Train."
    if st.button("Use these settings", icon=":material/tune:", key="search-use", help=help_text):
        searches.use_settings_of_trial(config)
        st.toast(f"The sidebar holds the settings of trial {row.number:,}. Train starts a network with them.")
        st.rerun()


def _open(row: TrialRow) -> None:
    help_text = "Makes it the current run, with its curves and frames. Train goes on from where it ended."
    pressed = st.button("Open as a run", icon=":material/open_in_new:", key="search-open", help=help_text)
    if pressed and searches.open_trial_as_run(row.number):
        st.switch_page("pages/play/train.py")


def _train_again(row: TrialRow) -> None:
    help_text = "Its network is not here for you to open; its settings are enough to train it anew."
    pressed = st.button("Train it again", icon=":material/play_arrow:", key="search-again", help=help_text)
    if pressed and searches.train_trial_again(row.number):
        st.switch_page("pages/play/train.py")
