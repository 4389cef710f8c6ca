"""What is to be searched: which settings vary, over what ranges, how trials are chosen, and when bad ones end."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

import streamlit as st

from nn_core import ConfigError, RunConfig
from nn_core.config import Setting
from nn_core.config.choices import choices
from nn_core.config.run_config import setting
from nn_core.search import (
    OBJECTIVES,
    PRUNERS,
    SAMPLERS,
    Option,
    SearchSpec,
    Shape,
    Span,
    Values,
    suggested,
    trainability_map,
    varied_settings,
)
from ui import session
from ui.session import searches
from ui.texts import linked
from ui.words import Markdown, plain

FIRST = ("lr", "batch_size", "init")  # what varies unless something else is chosen
MOST_WORKERS = 8  # of one search


def setup() -> None:
    """The form, the button that starts, and the searches that there are."""
    base = session.draft()
    st.markdown(
        "Many short trainings look for settings that work. Choose below what to vary; the rest comes from the sidebar."
    )
    left, right = st.columns([1.6, 1], gap="large")
    with left:
        vary = _ranges(base)
        st.caption(
            "Each trial is a short training with other values of these settings. As they end, the page shows them in a "
            "table, the best first; their curves beside that of the sidebar's settings, which are the ones to beat; "
            "and which setting matters most. Any trial opens as a run."
        )
    with right:
        spec, name, n_workers, problem = _plan(base, vary)
        if problem:
            st.warning(plain(problem), icon=":material/error:")
        st.button(
            f"Search: {spec.n_trials:,} trials" if spec else "Search",
            icon=":material/search:",
            type="primary",
            key="search-start",
            width="stretch",
            disabled=spec is None,
            on_click=searches.begin_search,
            args=(name, spec, n_workers),
        )
        _map_button(base, n_workers)
        _elsewhere()


def _ranges(base: RunConfig) -> dict[str, Any]:
    """A multiselect of the settings that vary, and a range for each."""
    known = {item.name: item for item in varied_settings() if base.in_use(item)}
    chosen = st.multiselect(
        "What varies",
        list(known),
        default=[name for name in FIRST if name in known],
        format_func=lambda name: known[name].label,
        key="search-vary",
        persist_state="session",
        help="Each setting adds a dimension: three or four are enough for twenty trials.",
    )
    vary: dict[str, Any] = {}
    for start in range(0, len(chosen), 2):
        for column, name in zip(st.columns(2), chosen[start : start + 2], strict=False):
            with column:
                vary[name] = _range(known[name])
    if not chosen:
        st.info("Choose at least one setting that varies.")
    return vary


def _range(item: Setting) -> Any:
    """A widget for the range of one setting; it begins with what the setting suggests."""
    return WIDGETS[type(suggested(item))](item, suggested(item))


def _span(item: Setting, first: Span) -> Span:
    stops = sorted({*(stop for stop in item.steps if stop > 0 or not first.log), first.low, first.high})
    low, high = st.select_slider(
        f"{item.label}, from and to",
        stops,
        (first.low, first.high),
        format_func=lambda stop: f"{stop:g}",
        key=f"search-{item.name}",
        persist_state="session",
        help=f"{linked(item.help)}\n\n" + ("Drawn evenly on a logarithmic scale." if first.log else "Drawn evenly."),
    )
    return Span(low, high, first.log)


def _values(item: Setting, first: Values) -> Values:
    known = list(choices(item.name)) if item.kind == "choice" else list(item.steps)
    known += [value for value in first.values if value not in known]
    label: Callable[[Any], str] = (
        (lambda value: choices(item.name)[value].label)
        if item.kind == "choice"
        else (lambda value: item.zero_means if value == 0 and item.zero_means else item.written(value))
    )
    chosen = st.multiselect(
        item.label,
        known,
        default=list(first.values),
        format_func=label,
        key=f"search-{item.name}",
        persist_state="session",
        help=linked(item.help),
    )
    return Values(tuple(chosen))


def _shape(item: Setting, first: Shape) -> Shape:
    stops = sorted({*(int(stop) for stop in item.steps), first.width_low, first.width_high})
    width = st.select_slider(
        f"{item.label}, from and to",
        stops,
        (first.width_low, first.width_high),
        key=f"search-{item.name}-width",
        persist_state="session",
        help=f"{linked(item.help)}\n\nAll layers of a trial are equally wide.",
    )
    depth = st.slider(
        "Layers, from and to",
        1,
        4,
        (first.depth_low, first.depth_high),
        key=f"search-{item.name}-depth",
        persist_state="session",
    )
    return Shape(*width, *depth)


WIDGETS: Mapping[type, Callable[[Setting, Any], Any]] = {Span: _span, Values: _values, Shape: _shape}


def _plan(base: RunConfig, vary: dict[str, Any]) -> tuple[SearchSpec | None, str, int, str]:
    """Sampler, pruner, numbers and objective: (spec, name, workers, why it cannot be)."""
    first, second = st.columns(2)
    with first:
        sampler = _option("Sampler", SAMPLERS, "search-sampler")
        n_trials = st.number_input("Trials", 1, 1000, 20, key="search-trials", persist_state="session")
    with second:
        pruner = _option("Pruner", PRUNERS, "search-pruner")
        about = linked(setting("epochs").help)
        epochs = st.number_input(
            "Epochs per trial", 1, 1000, 2, key="search-epochs", persist_state="session", help=about
        )
    first, second = st.columns(2)
    with first:
        n_workers = st.number_input(
            "Workers",
            1,
            most := min(MOST_WORKERS, searches.most_workers()),
            min(2, os.cpu_count() or 1, most),
            key="search-workers",
            persist_state="session",
            help="Processes on this machine, one thread each; more than there are cores gain nothing.",
        )
    with second:
        taken = set(searches.searches())
        fresh = next(name for n in range(1, len(taken) + 2) if (name := f"search-{n}") not in taken)
        name = st.text_input("Name", fresh, key=f"search-name-{fresh}", max_chars=60).strip()
    objective = _option("Best by", _objectives(), "search-objective")  # as wide as two objectives' names are long
    if not vary:
        return None, name, n_workers, ""
    try:
        spec = SearchSpec(
            base=base.replace(epochs=epochs),
            vary=vary,
            sampler=sampler,
            pruner=pruner,
            n_trials=n_trials,
            objectives=tuple(objective.split("+")),
        )
        spec.check_comparable()
    except ConfigError as error:
        return None, name, n_workers, str(error)
    problem = f"There is a search called {name} already." if name in taken else "" if name else "A search needs a name."
    return (None if problem else spec), name, n_workers, problem


def _objectives() -> dict[str, Option]:
    """What the menu offers: each objective that can stand first, and validation accuracy against each of the others.

    The names of two at once are joined by "+".
    """
    options = []
    for name, each in OBJECTIVES.items():
        if each.can_stand_first:
            options.append(Option(name, each.label, each.help))
    accuracy = OBJECTIVES["val_accuracy"]
    for name, each in OBJECTIVES.items():
        if not each.can_stand_first:
            label = f"{accuracy.label} and {each.label}"
            options.append(
                Option(
                    f"{accuracy.name}+{name}",
                    label,
                    "Two objectives at once: no other trial beats one of the Pareto front in both.",
                )
            )
    return {option.name: option for option in options}


def _option(label: Markdown, options: Mapping[str, Option], key: str) -> str:
    about = "\n\n".join(f"**{option.label}**: {option.help}" for option in options.values())
    return st.selectbox(
        label,
        list(options),
        index=0,
        format_func=lambda name: options[name].label,
        key=key,
        persist_state="session",
        help=about,
    )


def _map_button(base: RunConfig, n_workers: int) -> None:
    spec = trainability_map(base.replace(epochs=1))
    taken = set(searches.searches())
    name = next(name for n in range(1, len(taken) + 2) if (name := f"map-{n}") not in taken)
    st.button(
        f"Map of trainability: {spec.n_trials:,} trials",
        icon=":material/grid_on:",
        key="search-map",
        width="stretch",
        on_click=searches.begin_search,
        args=(name, spec, n_workers),
        help="Gain of the first weights against learning rate, an epoch each: where this network learns, and where it "
        "diverges.",
    )


def _elsewhere() -> None:
    """The searches that there are, and one in another database."""
    known = searches.searches()
    if known:
        st.selectbox(
            "Open an earlier search",
            known,
            index=None,
            placeholder="Choose a search",
            key="search-earlier",
            on_change=lambda: searches.show_search(session.widget_value("search-earlier") or ""),
        )
    if not searches.may_watch():
        return
    with st.expander("Watch a search in another database"):
        url = st.text_input(
            "Storage URL",
            key="search-url",
            type="password",
            placeholder="postgresql://user:password@host/database",
            help="The URL that the workers on other machines were given. It is neither shown nor kept.",
        )
        name = st.text_input("Name of the search", key="search-other")
        st.button(
            "Watch", key="search-watch", disabled=not (url and name), on_click=searches.show_search, args=(name, url)
        )
