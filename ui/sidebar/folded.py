"""The settings that are needed less often: a button for each group, which opens a panel with their widgets.

An open panel costs time in every rerun, so a closed one is empty.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import numpy as np
import streamlit as st

from nn_core.config import RunConfig, Setting, all_settings
from nn_core.data.augment import augments
from nn_core.machine.memory import Array
from nn_core.training import Trainer
from ui import session
from ui.sidebar.settings import has_widget, widget
from ui.words import Markdown, plain

PANELS: Mapping[str, str] = {  # a group of settings, or "more" for all others -> the text of its button
    "schedule": "Schedule",
    "regularization": "Regularize",
    "augmentation": "Augment",
    "more": "More",
}
ENLARGED = 2  # times, the images of the preview
N_DRAWS = 2  # rows of changed images in the preview


def panel_of(item: Setting) -> str:
    """The name of the panel that holds a folded setting."""
    return item.group if item.group in PANELS else "more"


def panels() -> list[Callable[[], None]]:
    """For each panel the function that draws its button, and its widgets while it is open."""
    return [partial(_panel, name, label) for name, label in PANELS.items()]


def _panel(name: str, label: str) -> None:
    config = session.draft()
    held = [item for item in all_settings() if item.folded and item.in_sidebar and panel_of(item) == name]
    shown = [item for item in held if has_widget(item)]
    n_changed = sum(config.changed(item) for item in shown)
    key = f"panel-{name}"
    if not session.widget_value(key):
        session.choose(key, n_changed)
    noted = session.chosen(key, n_changed)  # an open panel would close if its button's text changed
    panel = st.popover(
        f"{plain(label)} **{noted:,}**" if noted else plain(label),
        key=key,
        on_change="rerun",
        width="stretch",
        help=_summary(held),
    )
    if not panel.open:
        return
    with panel:
        if name == "augmentation":
            _preview(config)
        for start in range(0, len(shown), 2):
            for column, item in zip(st.columns(2), shown[start : start + 2], strict=False):
                with column:
                    widget(item)


def _summary(held: list[Setting]) -> Markdown:
    """Which settings a panel holds, in a sentence or two."""
    live = [item.label for item in held if item.applies == "now"]
    others = [item.label for item in held if item.applies != "now"]
    parts = [f"Take effect now: {', '.join(live)}."] if live else []
    parts += [f"For a new network: {', '.join(others)}."] if others else []
    return " ".join(parts)


def _preview(config: RunConfig) -> None:
    """Ten training images, and what augmentation makes of them."""
    if augments(config):
        st.image(preview_picture(config, *session.dataset(config.dataset).split("train")), width="stretch")
        st.caption("Top row: training images as they are. Below: the same images changed, as the network may see them.")
    else:
        st.caption("Changes the training images at random in every step. Switch one of these on for a preview.")


def preview_picture(config: RunConfig, images: Array, labels: Array) -> Array:
    """One picture, uint8 (H, W): the first training image of each digit, and under it N_DRAWS changed ones."""
    changing = Trainer.augmenter(config)
    first = images[np.unique(labels, return_index=True)[1]]
    rows = [first]
    for _ in range(N_DRAWS):
        changed = first if changing is None else changing(first.reshape(len(first), -1)).reshape(first.shape)
        rows.append(changed.copy())
    picture = np.concatenate([np.concatenate(list(row), axis=1) for row in rows])
    return picture.repeat(ENLARGED, axis=0).repeat(ENLARGED, axis=1)
