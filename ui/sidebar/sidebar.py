"""Puts the sidebar together: transport bar, status, presets, settings, what they cost, and links to share them."""

from __future__ import annotations

import math

import streamlit as st

from nn_core.config import PRESETS, RunConfig
from nn_core.config.choices import choices
from nn_core.data.augment import AUGMENTATION_SETTINGS
from nn_core.machine.durations import duration
from nn_core.nn.network import count_params
from ui import session
from ui.panels import time_machine
from ui.panels.visitors import visitors
from ui.sidebar import folded, titles
from ui.sidebar.settings import settings
from ui.sidebar.transport import speed, status, transport
from ui.words import plain

COSTLY = (  # settings on which the time of a step depends
    *("dataset", "n_train", "input_scaling", "model"),
    *(name for model in choices("model").values() for name in model.uses),
    *("activation", "normalization", "loss", "optimizer"),
    *("batch_size", "l2", "l1", "dropout", "clip_norm", "max_norm", *AUGMENTATION_SETTINGS),
)


def sidebar() -> None:
    """Everything in the sidebar, in the order of use."""
    with st.sidebar:
        with session.guard("The transport bar"):
            transport()
        session.live("The status", status)
        time_machine.origin(session.live_snapshot())
        with session.guard("The settings"):
            _presets()
            titles.takes_effect_now()
            settings("now", speed)
            titles.new_network()
            _data_in_use()
            settings("new network", *folded.panels(), _share)
            _cost()
            visitors()


# ---------------------------------------------------------------------------------------------- settings


def _data_in_use() -> None:
    """Which images the network learns from, where they are not MNIST's."""
    name = session.draft().dataset
    if name != "mnist":
        st.markdown(f":material/database: Data set {plain(name)}")


def _presets() -> None:
    """A button for each preset, row by row."""
    for row in dict.fromkeys(preset.row for preset in PRESETS.values()):
        in_row = [preset for preset in PRESETS.values() if preset.row == row]
        for column, preset in zip(st.columns(len(in_row)), in_row, strict=True):
            config = session.preset_on_this_data(preset.config)
            chosen = session.draft() == config
            column.button(
                preset.label,
                key=f"preset-{preset.name}",
                help=preset.help,
                on_click=session.set_draft,
                args=(config,),
                width="stretch",
                type="primary" if chosen else "secondary",
            )


# ---------------------------------------------------------------------------------------------- cost and sharing


def _cost() -> None:
    """Parameters, and the time that training will take, before it is started."""
    config = session.draft()
    parts = [f"{count_params(config):,} parameters"]
    shot = session.live_snapshot()
    if shot is None or not shot.is_training:  # a measurement beside a training thread would be wrong
        seconds = session.epoch_seconds(_cost_key(config))
        if math.isfinite(seconds):
            parts.append(f"{duration(seconds)} per epoch")
            parts.append(f"{duration(seconds * config.epochs)} in all")
    st.markdown(f":small[:gray[{plain(' · '.join(parts))}]]")


def _cost_key(config: RunConfig) -> RunConfig:
    """The settings that decide the cost; the others at fixed values, so that moving them measures nothing again."""
    return RunConfig(**{name: getattr(config, name) for name in COSTLY})


def _share() -> None:
    config = session.draft()
    about = "Links to these settings and to this run; the settings as a command and as Python."
    with st.popover("Share", icon=":material/share:", width="stretch", help=about):
        time_machine.links()
        st.markdown("As a command")
        st.code(config.to_command(), language="bash", wrap_lines=True)
        st.markdown("As Python")
        st.code(config.to_python(), language="python", wrap_lines=True)
