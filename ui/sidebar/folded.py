"""The settings that the sidebar keeps folded away: a popover for each group, filled only while it is open."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
import streamlit as st

from nn_core.config.choices import choices
from nn_core.config.run_config import RunConfig, all_settings
from nn_core.config.setting import Setting
from nn_core.data.augment import augments
from nn_core.machine.memory import Array
from nn_core.training.trainer import Trainer
from ui import session

PANELS: Mapping[str, str] = {  # a group of settings, or "more" for all others: what its button says
    "schedule": "Schedule",
    "regularization": "Regularize",
    "augmentation": "Augment",
    "more": "More",
}
ENLARGED = 2  # pixels of the preview for one of an image
N_DRAWS = 2  # rows of changed images under the row of the images as they are


def panel_of(item: Setting) -> str:
    """The name of the panel that holds a folded setting."""
    return item.group if item.group in PANELS else "more"


def panels(draw: Callable[[Setting, Any], None]) -> list[Callable[[], None]]:
    """What puts each button on the page; `draw` makes the widget of one setting with its value."""
    return [partial(_panel, name, label, draw) for name, label in PANELS.items()]


def _panel(name: str, label: str, draw: Callable[[Setting, Any], None]) -> None:
    config = session.draft()
    held = [item for item in all_settings() if item.folded and item.in_sidebar and panel_of(item) == name]
    shown = [item for item in held if config.in_use(item) and (item.kind != "choice" or len(choices(item.name)) > 1)]
    n_changed = sum(config.changed(item) for item in shown)
    key = f"panel-{name}"
    if not session.widget_value(key):
        session.choose(key, n_changed)
    noted = session.chosen(key, n_changed)  # an open panel would close if its button's text changed
    panel = st.popover(
        f"{label} **{noted}**" if noted else label, key=key, on_change="rerun", width="stretch", help=_summary(held)
    )
    if not panel.open:
        return
    with panel:
        if name == "augmentation":
            _preview(config)
        for start in range(0, len(shown), 2):
            for column, item in zip(st.columns(2), shown[start : start + 2], strict=False):
                with column:
                    draw(item, getattr(config, item.name))


def _summary(held: list[Setting]) -> str:
    live = [item.label for item in held if item.applies == "now"]
    others = [item.label for item in held if item.applies != "now"]
    parts = [f"Take effect now: {', '.join(live)}."] if live else []
    parts += [f"For a new network: {', '.join(others)}."] if others else []
    return " ".join(parts)


def _preview(config: RunConfig) -> None:
    if augments(config):
        st.image(preview_picture(config, *session.dataset(config.dataset).split("train")), width="stretch")
        st.caption("Above the training images as they are, below them what the network may get to see.")
    else:
        st.caption("Changes the training images anew in every step; a preview appears once something is on.")


def preview_picture(config: RunConfig, images: Array, labels: Array) -> Array:
    """The first training image of each digit, and under it what augmentation makes of it: uint8, one picture."""
    changing = Trainer.augmenter(config)
    first = images[[int(np.argmax(labels == digit)) for digit in range(10)]]
    rows = [first]
    for _ in range(N_DRAWS):
        changed = first if changing is None else changing(first.reshape(10, -1)).reshape(first.shape)
        rows.append(changed.copy())
    picture = np.concatenate([np.concatenate(list(row), axis=1) for row in rows])
    return picture.repeat(ENLARGED, axis=0).repeat(ENLARGED, axis=1)
