"""The widget of each setting, made from what the setting says about itself: its kind, limits, label and help."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import streamlit as st

from nn_core.config import Applies, ConfigError, Setting, all_settings
from nn_core.config.choices import choices
from nn_core.config.run_config import setting
from ui import session
from ui.texts import linked
from ui.words import Markdown, plain

WIDE = ("lr", "model", "hidden", "channels", "dense_units")  # settings that take the sidebar's whole width


def labels(names: Sequence[str]) -> Markdown:
    """What the settings of these names are called, in a sentence."""
    return ", ".join(setting(name).word for name in names)


def settings(applies: Applies, *more: Callable[[], None]) -> None:
    """The widgets of the settings that take effect now, or in a new network, and `more` after them: two in a row."""
    shown = [item for item in all_settings() if item.applies == applies and not item.folded and has_widget(item)]
    for item in shown:
        if item.name in WIDE:
            widget(item)
    narrow: list[Callable[[], None]] = [partial(widget, item) for item in shown if item.name not in WIDE]
    narrow += more
    for start in range(0, len(narrow), 2):
        for column, draw in zip(st.columns(2, vertical_alignment="bottom"), narrow[start : start + 2], strict=False):
            with column:
                draw()


def has_widget(item: Setting) -> bool:
    """Whether there is something to set: the setting has an effect under the present choices, and has other values."""
    return item.in_sidebar and session.draft().in_use(item) and (item.kind != "choice" or len(choices(item.name)) > 1)


def widget(item: Setting) -> None:
    """Draw the widget of a setting, with its value in the draft."""
    WIDGETS[item.kind](item, getattr(session.draft(), item.name))


# ---------------------------------------------------------------------------------------------- one of several choices


def _help(item: Setting) -> Markdown:
    return "\n\n".join(part for part in (linked(item.help), f"${item.formula}$", item.citation) if part)


def _choice(item: Setting, value: str) -> None:
    known = choices(item.name)
    chosen = known[value]
    key = f"set-{item.name}"
    session.show_in_widget(key, value)
    st.selectbox(
        item.label,
        list(known),
        index=list(known).index(value),  # without it, a browser that is slow to answer sends the first option back
        format_func=lambda name: known[name].label,
        key=key,
        help=linked(f"{item.help}\n\n**{chosen.label}**: {chosen.help}\n\n${chosen.formula}$\n\n{chosen.citation}"),
        on_change=session.by_hand(key, partial(session.edit, item.name)),
    )


# ---------------------------------------------------------------------------------------------- a number


def _stops(item: Setting, value: float) -> list[float]:
    """The values that a slider stops at, the present one among them. Where 0 comes last, it stays last."""
    stops = list(item.steps)
    if value not in stops:
        zero_last = bool(stops) and stops[-1] == 0
        stops = sorted([*stops, value], key=lambda stop: math.inf if zero_last and stop == 0 else stop)
    return stops


def _number(item: Setting, value: float) -> None:
    key = f"set-{item.name}"
    session.show_in_widget(key, value)
    moved = session.by_hand(key, partial(session.edit, item.name))
    if not item.steps:
        st.number_input(
            item.label, int(item.low), int(item.high), int(value), 1, key=key, help=_help(item), on_change=moved
        )
        return
    _slider(item, f"{item.label} **{plain(_shown(item, value))}**", _stops(item, value), value, key, moved)


def _slider(item: Setting, label: Markdown, stops: list[Any], value: Any, key: str, moved: Callable[[], None]) -> None:
    """A slider whose value stands in its label; the thumb shows it only while it is moved."""
    st.select_slider(
        label, stops, value, format_func=lambda stop: _shown(item, stop), key=key, help=_help(item), on_change=moved
    )


def _shown(item: Setting, value: float) -> str:
    if value == 0 and item.zero_means:
        return item.zero_means
    return f"{value:,}" if item.kind in {"int", "sizes"} else f"{value:g}{item.unit}"


# ---------------------------------------------------------------------------------------------- a size for each layer


def _sizes(item: Setting, sizes: tuple[int, ...]) -> None:
    """One slider a hidden layer, and buttons for one more or one less."""

    def resize(at: int, size: int) -> None:
        changed = list(getattr(session.draft(), item.name))
        changed[at] = size
        session.edit(item.name, tuple(changed))

    def moved(at: int, key: str) -> Callable[[], None]:
        return session.by_hand(key, partial(resize, at))

    for at, size in enumerate(sizes[:-1]):
        key = f"set-{item.name}-{at}"
        session.show_in_widget(key, size)
        _slider(
            item,
            f"{plain(item.each.format(at + 1))} **{size:,}**",
            _whole(_stops(item, size)),
            size,
            key,
            moved(at, key),
        )
    longer, shorter = (*sizes, _one_more(item, sizes)), sizes[:-1]
    slider, more, fewer = st.columns([1.75, 1, 1], vertical_alignment="bottom")
    with slider:
        if sizes:
            at, size = len(sizes) - 1, sizes[-1]
            key = f"set-{item.name}-{at}"
            session.show_in_widget(key, size)
            name = item.label if len(sizes) == 1 else item.each.format(at + 1)
            _slider(item, f"{plain(name)} **{size:,}**", _whole(_stops(item, size)), size, key, moved(at, key))
        else:
            st.markdown(f"{item.label} **none**", help=_help(item))
    more.button(
        "Layer",
        icon=":material/add:",
        key=f"more-{item.name}",
        disabled=bool(_refusal(item, longer)),
        on_click=session.edit,
        args=(item.name, longer),
        help=_refusal(item, longer) or "One layer more",
        width="stretch",
    )
    fewer.button(
        "Layer",
        icon=":material/remove:",
        key=f"fewer-{item.name}",
        disabled=not sizes or bool(_refusal(item, shorter)),
        on_click=session.edit,
        args=(item.name, shorter),
        help=_refusal(item, shorter) or "One layer less" + _NONE_LEFT.get(item.name, ""),
        width="stretch",
    )


_NONE_LEFT = {"hidden": "; with none at all this is softmax regression"}


def _one_more(item: Setting, sizes: tuple[int, ...]) -> int:
    """The size that a new layer begins with: that of the last one, else the default, else one in the middle."""
    return next(iter((*sizes[-1:], *item.default)), int(item.steps[len(item.steps) // 2]))


def _refusal(item: Setting, value: Any) -> Markdown:
    """Why the settings cannot take this value, one sentence; "" where they can."""
    try:
        session.draft().replace(**{item.name: value})
    except ConfigError as error:
        return plain(str(error))
    return ""


def _whole(stops: list[float]) -> list[int]:
    return [int(stop) for stop in stops]


WIDGETS: dict[str, Callable[[Setting, Any], None]] = {
    "int": _number,
    "float": _number,
    "sizes": _sizes,
    "choice": _choice,
}
