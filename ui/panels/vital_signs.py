"""The vital signs: a row a layer, each figure with its state, what and why under the pointer, and a fix as a button."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from itertools import pairwise

import streamlit as st

from nn_core.config import RunConfig
from nn_core.config.run_config import setting
from nn_core.instruments.look import n_probed
from nn_core.instruments.readings import NEVER_MEASURED, Reading, layer_titles, most_urgent, readings, vital
from nn_core.instruments.registry import INSTRUMENTS, WHOLE, Instrument
from nn_core.runs import Snapshot
from nn_core.training import Axis
from ui import session
from ui.charts.theme import palette
from ui.components.vital_strip import vital_strip
from ui.panels import ghost, verdict
from ui.panels.over_time import over_time
from ui.words import plain

Table = Mapping[str, Mapping[str, Reading]]  # instrument -> layer -> reading
SIGNS = {"fine": "● fine", "watch": "▲ watch", "broken": "■ broken"}


def show(shot: Snapshot, axis: Axis) -> None:
    """The strip, and beside it one of the instruments over the course of the run."""
    left, right = st.columns([1.55, 1])
    with left:
        _strip(shot)
    with right:
        _over_time(shot, axis)


def _strip(shot: Snapshot) -> None:
    step, pinned = session.looked_at_step(), ghost.behind(shot)
    found = {each.name: readings(each, shot.config, shot.series, shot.switched_off, step) for each in vital()}
    theirs: Table = {}
    if pinned is not None:
        series = session.series_of(pinned)
        theirs = {each.name: readings(each, pinned.config, series, {}, shot.step) for each in vital()}
    urgent = most_urgent(found)
    vital_strip(_html(shot.config, found, theirs, urgent), key="vital-strip")
    fix = urgent.fix(shot.config) if urgent and step is None and shot.is_training | (shot.status == "paused") else {}
    if fix:
        label = ", ".join(f"{setting(name).word} {plain(setting(name).written(value))}" for name, value in fix.items())
        st.button(f"Set {label}", key="vital-fix", on_click=verdict.apply, args=(dict(fix), False))


def _over_time(shot: Snapshot, axis: Axis) -> None:
    drawn = [each for each in INSTRUMENTS.values() if each.series(shot.series)] or [INSTRUMENTS["step_gauge"]]
    drawn.sort(key=lambda each: each.order)
    names = {each.name: each.label for each in drawn}
    name = st.selectbox(
        "Over time",
        list(names),
        format_func=lambda name: names.get(name, name),
        key="vital-over-time",
        persist_state="session",
        label_visibility="collapsed",
    )
    over_time(INSTRUMENTS[name if name in names else drawn[0].name], shot, axis, key="vital-curve", height=235)


# ---------------------------------------------------------------------------------------------- the strip as HTML


def _html(config: RunConfig, found: Table, theirs: Table, urgent: Reading | None) -> str:
    """A line for what the network has as a whole, a row a layer, and a line that explains."""
    dark, titles = session.is_dark(), layer_titles(config)
    colours = palette(dark)
    whole = [_whole(found[name][WHOLE], theirs) for name in found if _is_of_network(found, name)]
    columns = [name for name in found if not _is_of_network(found, name) and not INSTRUMENTS[name].serves(config)]
    measured = [name for name in columns if WHOLE not in found[name]]
    head = "".join(_head(INSTRUMENTS[name], found[name], config) for name in columns)
    rows = "".join(
        f"<tr><td>{escape(title)}</td>{''.join(_cell(found[name].get(layer), theirs, title) for name in columns)}</tr>"
        for layer, title in titles.items()
    )
    table = f"<table><tr><th></th>{head}</tr>{rows}</table>" if measured else ""
    return (
        f'<div class="vital{" dark" if dark else ""}" '
        f'style="--vital-page: {colours.background}; --vital-text: {colours.text}">'
        f'<div class="rows"><div class="whole">{"".join(whole)}</div>{table}</div>'
        f'<div class="summary">{_summary(found, urgent, titles)}</div></div>'
    )


def _is_of_network(found: Table, name: str) -> bool:
    """Whether an instrument has one value for the whole network; where it has none yet, its bar tells."""
    of = found[name].get(WHOLE)
    return of is not None and (of.value is not None or of.instrument.scale is not None)


def _whole(one: Reading, theirs: Table) -> str:
    bar = _bar(one) if one.instrument.scale and one.value is not None else ""
    sign = f'<b class="{one.state}">{SIGNS[one.state]}</b>' if one.state else ""
    label = escape(one.instrument.label)
    return f'<span tabindex="0">{label} <strong>{one.text}</strong>{bar}{sign}{_tip(one, theirs, "the network")}</span>'


def _bar(one: Reading) -> str:
    """The scale of an instrument with its bands, and a mark at the value."""
    low, high = one.instrument.scale or (0.0, 1.0)

    def place(value: float) -> float:
        return 100 * (min(max(value, low), high) - low) / (high - low)

    bands = [band for band in one.instrument.bands if low <= band.start < high]
    ends = [*(place(band.start) for band in bands), 100.0]
    zones = "".join(
        f'<i class="{band.state}" style="left: calc(1% * {left:.1f}); right: calc(1% * {100 - right:.1f})"></i>'
        for band, (left, right) in zip(bands, pairwise(ends), strict=True)
    )
    at = place(one.value or 0.0)
    return f'<span class="bar" role="presentation">{zones}<b style="left: calc(1% * {min(at, 98.5):.1f})"></b></span>'


def _head(each: Instrument, found: Mapping[str, Reading], config: RunConfig) -> str:
    n = min(n_probed(config), len(session.dataset().val_images))
    on = f" Measured on {n:,} validation images, without dropout." if each.needs == "network" else ""
    reason = next((one.missing for one in found.values() if one.missing), "")
    about = f"<b>{escape(each.label)}</b>: {escape(each.reading)}{on} {escape(reason)} Source: {escape(each.source)}."
    return f'<th tabindex="0">{escape(each.label)}<span class="tip">{about}</span></th>'


def _cell(one: Reading | None, theirs: Table, title: str) -> str:
    if one is None or one.value is None:
        return "<td></td>"
    sign = f"<small>{SIGNS[one.state]}</small>" if one.state else ""
    return f'<td tabindex="0" class="{one.state or ""}">{one.text}{sign}{_tip(one, theirs, title)}</td>'


def _tip(one: Reading, theirs: Table, title: str) -> str:
    """What a value says and why, with the ghost's value beside it."""
    each = one.instrument
    if one.value is None:
        return f'<span class="tip">{escape(each.label)}: {escape(one.missing)}</span>'
    other = theirs.get(each.name, {}).get(one.layer)
    beside = f" The ghost there: {other.text}." if other is not None and other.value is not None else ""
    median = f", the median of the newest {each.judged_on}" if each.judged_on > 1 else ""
    why = f" {one.band.words}" if one.band else ""
    unit = f" {each.unit}" if each.unit not in ("", "share") else ""
    said = f"{title}, step {one.step:,}: <b>{escape(each.label)} {one.text}{escape(unit)}</b>{median}."
    return f'<span class="tip">{said}{escape(why)}{escape(beside)} {escape(each.reading)}</span>'


def _summary(found: Table, urgent: Reading | None, titles: Mapping[str, str]) -> str:
    """What is wrong, the worst of it, or that nothing is; and which instruments were switched off."""
    nothing = all(one.value is None for of in found.values() for one in of.values())
    off = [one for of in found.values() for one in of.values() if one.missing.startswith("Switched off")]
    words = [f"<b>{escape(one.instrument.label)}</b>: {escape(one.missing)}" for one in off]
    if nothing and not off:
        reasons = {one.missing for of in found.values() for one in of.values()}
        return escape(NEVER_MEASURED if NEVER_MEASURED in reasons else "Vital signs come with the first step.")
    if urgent is not None and urgent.band is not None:
        where = titles.get(urgent.layer, "")
        words.insert(
            0,
            f'<b class="{urgent.state}">{SIGNS[urgent.state or "watch"]}</b> '
            f"{escape(where)}{', ' if where else ''}{escape(urgent.instrument.label)} {urgent.text}: "
            f"{escape(urgent.band.words)}",
        )
    elif not off:
        words.append("All vital signs are fine. Point at a figure, or tap it, to see what it says and why.")
    return " ".join(words)
