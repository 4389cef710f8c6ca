"""The sidebar of every page: transport bar, status, and one widget a hyperparameter, generated from RunConfig."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from threading import Event
from typing import Any

import streamlit as st
from streamlit.navigation.page import Page

from nn_core.augment import FIELDS_OF_AUGMENTATION
from nn_core.config import RunConfig, knob, knobs
from nn_core.knobs import Applies, ConfigError, Knob, choices
from nn_core.network import count_params
from nn_core.presets import PRESETS
from nn_core.runner import SPEEDS, Run, Snapshot
from ui import folded, session, time_machine
from ui.words import plain

WIDE = ("lr", "model", "hidden", "channels", "dense_units")  # settings that take the sidebar's whole width
COSTLY = (  # settings on which the time of a step depends
    *("dataset", "n_train", "input_scaling", "model"),
    *(name for model in choices("model").values() for name in model.uses),
    *("activation", "normalization", "loss", "optimizer"),
    *("batch_size", "l2", "l1", "dropout", "clip_norm", "max_norm", *FIELDS_OF_AUGMENTATION),
)
STATUS_WORDS = {
    "ready": "ready, not trained yet",
    "training": "training",
    "waiting": "waiting for a free place",
    "paused": "paused",
    "finished": "finished",
    "diverged": "stopped: diverged",
    "failed": "stopped: error",
}


def phone_bar(pages: Sequence[Page]) -> None:
    """On a phone's width the navigation and the sidebar are folded away: page links and the main button, in the page.

    The style sheet hides this bar on anything wider.
    """
    with st.container(key="phone-bar", horizontal=True, vertical_alignment="center"):
        _train_button("phone-")
        for page in pages:
            st.page_link(page, label=page.title)
        with st.container(key="phone-machine"):
            time_machine.slider("phone-scrubber", whole=True)


def sidebar() -> None:
    """Everything in the sidebar, in the order of use."""
    with st.sidebar:
        with session.guard("The transport bar"):
            _transport()
        session.live("The status", _status)
        time_machine.origin(session.live_snapshot())
        with session.guard("The settings"):
            _presets()
            st.markdown("**Takes effect now**")
            _settings("now", _speed)
            _new_network_title()
            _settings("new network", *folded.panels(lambda item, value: _WIDGETS[item.kind](item, value)), _share)
            _cost()


# ---------------------------------------------------------------------------------------------- transport


def _transport() -> None:
    train, step, epoch, reset, dice = st.columns([3.2, 1, 1, 1, 1])
    with train:
        _train_button()
    for column, icon, name, help_text, command in (
        (step, ":material/skip_next:", "step", "One step: one batch, one update", _command(Run.step_once)),
        (epoch, ":material/fast_forward:", "epoch", "One epoch: to the end of this pass", _command(Run.epoch_once)),
        (reset, ":material/restart_alt:", "reset", "Reset: the same seed, before any learning", session.reset),
        (dice, ":material/casino:", "dice", "Dice: reset with a new seed", lambda: session.reset(new_seed=True)),
    ):
        column.button("", icon=icon, key=name, help=help_text, on_click=command, width="stretch")


def _train_button(key: str = "") -> None:
    """Train or pause, whichever is possible now; says so when it would start a new network."""
    shot = session.live_snapshot()
    if shot is not None and shot.is_training:
        st.button("Pause", icon=":material/pause:", type="primary", width="stretch", on_click=_pause, key=f"{key}pause")
        return
    pending = session.pending_changes()
    st.button(
        "Train anew" if pending and shot is not None and shot.step else "Train",
        icon=":material/play_arrow:",
        type="primary",
        width="stretch",
        on_click=_command(Run.play),
        key=f"{key}train",
        help=f"Starts a new network. Changed: {_labels(pending)}." if pending else None,
    )


def _command(send: Callable[[Run], Event]) -> Callable[[], None]:
    def act() -> None:
        run = session.run_to_command()
        if run is not None:
            send(run).wait(session.COMMAND_SECONDS)

    return act


def _pause() -> None:
    run = session.current_run()
    if run is not None:
        run.pause().wait(session.COMMAND_SECONDS)


def _status() -> None:
    """How well it reads and where it stands, the scrubber, and what is not being saved."""
    shot, live = session.snapshot(), session.live_snapshot()
    if shot is None or live is None:
        st.markdown("**No network yet**  \n:small[Train makes one from the settings below]")
    elif shot is not live:
        time_machine.status(shot, live, _doing(live))
    else:
        accuracy, scored = "not scored", None
        if shot.scores:
            accuracy = f"{shot.scores.val_accuracy:.1%}"
            scored = f"Of the validation images, read right at step {shot.scores.step:,}, when it was last scored."
        note = "  \n".join(sentence for sentence in (scored, shot.message) if sentence)
        st.markdown(
            f"**{accuracy}** validation · **epoch {shot.epoch:.1f}**  \n:small[step {shot.step:,} · {_doing(shot)}]",
            help=note or None,
        )
    time_machine.slider("scrubber")
    if live is not None and live.not_saved:
        st.markdown(f":small[:orange[{plain(live.not_saved)}]]")


def _doing(shot: Snapshot) -> str:
    return f"{shot.samples_per_second:,.0f} images/s" if shot.status == "training" else STATUS_WORDS[shot.status]


def _speed() -> None:
    speed = session.speed()
    key = "speed"
    session.show_in_widget(key, speed)
    st.select_slider(
        f"Speed **{speed}**" if speed == "full" else f"Steps a frame **{speed}**",
        list(SPEEDS)[::-1],
        speed,
        key=key,
        help="Full, or so many steps a frame (two frames a second), to watch single updates.",
        on_change=session.by_hand(key, session.set_speed),
    )


# ---------------------------------------------------------------------------------------------- settings


def _presets() -> None:
    """A button each, those of one model in a row."""
    for model in dict.fromkeys(preset.config.model for preset in PRESETS.values()):
        of_model = [preset for preset in PRESETS.values() if preset.config.model == model]
        for column, preset in zip(st.columns(len(of_model)), of_model, strict=True):
            chosen = session.draft() == preset.config
            column.button(
                preset.label,
                key=f"preset-{preset.name}",
                help=preset.help,
                on_click=session.set_draft,
                args=(preset.config,),
                width="stretch",
                type="primary" if chosen else "secondary",
            )


def _new_network_title() -> None:
    """Says how many sliders are not those of the network on the page, and offers the way back; of one height."""
    run, pending = session.current_run(), session.pending_changes()
    with st.container(key="new-network-title", horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown("**Starts a new network**", width="content")
        if run is None or not pending:
            return
        st.markdown(f":orange-badge[{len(pending)} changed]", width="content")
        st.button(
            "Undo",
            key="undo-draft",
            on_click=session.set_draft,
            args=(run.settings,),
            type="tertiary",
            help=f"Back to the settings of the network on the page. Changed: {_labels(pending)}.",
        )


def _labels(names: Sequence[str]) -> str:
    return ", ".join(knob(name).label.lower() for name in names)


def _settings(applies: Applies, *more: Callable[[], None]) -> None:
    """The widgets of one group that matter under the present choices, and `more` after them, two in a row."""
    config = session.draft()
    shown = [
        item
        for item in knobs()
        if item.applies == applies
        and item.in_sidebar
        and not item.folded
        and config.in_use(item)
        and (item.kind != "choice" or len(choices(item.name)) > 1)
    ]
    for item in shown:
        if item.name in WIDE:
            _WIDGETS[item.kind](item, getattr(config, item.name))
    narrow: list[Callable[[], None]] = [
        partial(_WIDGETS[item.kind], item, getattr(config, item.name)) for item in shown if item.name not in WIDE
    ]
    narrow += more
    for start in range(0, len(narrow), 2):
        for column, draw in zip(st.columns(2, vertical_alignment="bottom"), narrow[start : start + 2], strict=False):
            with column:
                draw()


def _help(item: Knob) -> str:
    return "\n\n".join(part for part in (item.help, f"${item.formula}$", item.citation) if part)


def _choice(item: Knob, value: str) -> None:
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
        help=f"{item.help}\n\n**{chosen.label}**: {chosen.help}\n\n${chosen.formula}$\n\n{chosen.citation}",
        on_change=session.by_hand(key, partial(session.edit, item.name)),
    )


def _stops(item: Knob, value: float) -> list[float]:
    """The values that a slider stops at, the present one among them; a special 0 keeps its end of the scale."""
    stops = list(item.steps)
    if value not in stops:
        zero_last = bool(stops) and stops[-1] == 0
        stops = sorted([*stops, value], key=lambda stop: math.inf if zero_last and stop == 0 else stop)
    return stops


def _number(item: Knob, value: float) -> None:
    key = f"set-{item.name}"
    session.show_in_widget(key, value)
    moved = session.by_hand(key, partial(session.edit, item.name))
    if not item.steps:
        st.number_input(
            item.label, int(item.low), int(item.high), int(value), 1, key=key, help=_help(item), on_change=moved
        )
        return
    _slider(item, f"{item.label} **{_shown(item, value)}**", _stops(item, value), value, key, moved)


def _slider(item: Knob, label: str, stops: list[Any], value: Any, key: str, moved: Callable[[], None]) -> None:
    """A slider whose value stands in its label; the thumb shows it only while it is moved."""
    st.select_slider(
        label, stops, value, format_func=lambda stop: _shown(item, stop), key=key, help=_help(item), on_change=moved
    )


def _shown(item: Knob, value: float) -> str:
    if value == 0 and item.zero_means:
        return item.zero_means
    return f"{value:,}" if item.kind in {"int", "sizes"} else f"{value:g}"


def _sizes(item: Knob, sizes: tuple[int, ...]) -> None:
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
        _slider(item, f"{item.each.format(at + 1)} **{size:,}**", _whole(_stops(item, size)), size, key, moved(at, key))
    longer, shorter = (*sizes, _one_more(item, sizes)), sizes[:-1]
    slider, more, fewer = st.columns([5, 1, 1], vertical_alignment="bottom")
    with slider:
        if sizes:
            at, size = len(sizes) - 1, sizes[-1]
            key = f"set-{item.name}-{at}"
            session.show_in_widget(key, size)
            name = item.label if len(sizes) == 1 else item.each.format(at + 1)
            _slider(item, f"{name} **{size:,}**", _whole(_stops(item, size)), size, key, moved(at, key))
        else:
            st.markdown(f"{item.label} **none**", help=_help(item))
    more.button(
        "",
        icon=":material/add:",
        key=f"more-{item.name}",
        disabled=bool(_refusal(item, longer)),
        on_click=session.edit,
        args=(item.name, longer),
        help=_refusal(item, longer) or "One layer more",
    )
    fewer.button(
        "",
        icon=":material/remove:",
        key=f"fewer-{item.name}",
        disabled=not sizes or bool(_refusal(item, shorter)),
        on_click=session.edit,
        args=(item.name, shorter),
        help=_refusal(item, shorter) or "One layer less" + _NONE_LEFT.get(item.name, ""),
    )


_NONE_LEFT = {"hidden": "; with none at all this is softmax regression"}


def _one_more(item: Knob, sizes: tuple[int, ...]) -> int:
    """The size that a new layer begins with: that of the last one, else the default, else one in the middle."""
    return next(iter((*sizes[-1:], *item.default)), int(item.steps[len(item.steps) // 2]))


def _refusal(item: Knob, value: Any) -> str:
    """Why the settings cannot take this value, one sentence; "" where they can."""
    try:
        session.draft().replace(**{item.name: value})
    except ConfigError as error:
        return f"{error}"
    return ""


def _whole(stops: list[float]) -> list[int]:
    return [int(stop) for stop in stops]


_WIDGETS: dict[str, Callable[[Knob, Any], None]] = {
    "int": _number,
    "float": _number,
    "sizes": _sizes,
    "choice": _choice,
}


# ---------------------------------------------------------------------------------------------- cost and sharing


def _cost() -> None:
    """What the settings will cost, before they are started."""
    config = session.draft()
    parts = [f"{count_params(config):,} parameters"]
    shot = session.live_snapshot()
    if shot is None or not shot.is_training:  # a measurement beside a training thread would be wrong
        seconds = session.epoch_seconds(_cost_key(config))
        if math.isfinite(seconds):
            parts.append(f"{_duration(seconds)} an epoch")
            parts.append(f"{_duration(seconds * config.epochs)} in all")
    st.markdown(f":small[:gray[{' · '.join(parts)}]]")


def _cost_key(config: RunConfig) -> RunConfig:
    """The settings that decide the cost; the others at fixed values, so that moving them measures nothing again."""
    return RunConfig(**{name: getattr(config, name) for name in COSTLY})


def _duration(seconds: float) -> str:
    return (
        f"{seconds:.2g} s"
        if seconds < 90
        else f"{seconds / 60:.2g} min"
        if seconds < 5400
        else f"{seconds / 3600:.2g} h"
    )


def _share() -> None:
    config = session.draft()
    about = "Links to these settings and to this run; the settings as a command and as Python."
    with st.popover("Share", icon=":material/share:", width="stretch", help=about):
        time_machine.links()
        st.markdown("As a command")
        st.code(config.to_command(), language="bash", wrap_lines=True)
        st.markdown("As Python")
        st.code(config.to_python(), language="python", wrap_lines=True)


def empty_state(what: str) -> bool:
    """Where nothing is trained yet: says so, offers the settings of the sidebar and the quick network, returns True."""
    shot: Snapshot | None = session.snapshot()
    if shot is not None:
        return False
    with st.container(key="verdict"), st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f":gray-badge[no network yet] {what} appears here once one is trained.", width="content")
        st.space("stretch")
        chosen = session.draft() != RunConfig()
        if chosen:
            st.button(
                "Train these settings",
                icon=":material/play_arrow:",
                type="primary",
                key="empty-train",
                on_click=_command(Run.play),
                help=f"Those of the sidebar: {plain(session.draft().title())}.",
            )
        st.button(
            "Train the quick network",
            icon=None if chosen else ":material/play_arrow:",
            type="secondary" if chosen else "primary",
            key="empty-quick",
            on_click=session.train_preset,
            args=("quick",),
        )
    return True
