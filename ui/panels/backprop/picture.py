"""The network's picture on the page Backprop: lit by the stage, and a way to choose a weight or a unit by a click."""

from __future__ import annotations

import streamlit as st

from nn_core.explain.walkthrough.picture import Edge, StepPicture
from nn_core.explain.walkthrough.stages import Stage
from nn_core.explain.walkthrough.step import Step
from ui import session
from ui.components.network_picture import network_picture
from ui.components.network_scene import scene_message
from ui.panels.backprop.weight import SECTION, pick, picked
from ui.panels.network_picture import how_many
from ui.words import Markdown, plain

KEY = "backprop-picture"
HEIGHT = 215


def network_of(step: Step) -> StepPicture:
    """The picture of the step's network, with the widgets that choose its image and how many units it shows."""
    image = 0
    if step.m > 1:
        image = int(
            st.number_input(
                "Image drawn", 0, step.m - 1, 0, key=f"{KEY}-image-{step.m}", persist_state="session", width=110
            )
        )
    n_shown = how_many(step.config, KEY)
    made: StepPicture = session.steady(KEY, (step, image, n_shown), lambda: StepPicture(step, image, n_shown))
    return made


def take_click(step: Step) -> None:
    """Choose what was clicked in the picture: a unit's bias, or the weight of an edge; and show its numbers."""
    click = session.clicked(KEY)
    of = session.chosen(f"{KEY}-drawn")
    if click is None or of is None or of.step is not step:
        return
    source = click.get("source")
    edge: Edge = int(click["layer"]), None if source is None else int(source), int(click["unit"])
    pick(*of.weight_of(edge))
    session.show_in_widget(SECTION, "follow")


def draw(of: StepPicture, stage: Stage, at: int, n_stages: int) -> None:
    """The picture at a stage, and under it what is chosen."""
    step, (name, index) = of.step, picked(of.step)
    session.choose(f"{KEY}-drawn", of)
    names = class_names(step)
    label = int(step.labels[of.image])
    one = f"Image {of.image} of the batch" if step.m > 1 else "Image" if len(names) > 2 else "Input"
    network_picture(
        scene_message(of, of.at(stage, of.edge_of(name, index)), names, session.is_dark(), of.edge_of(name, index)),
        key=KEY,
        height=HEIGHT,
        caption=f"{one}, labelled {names[label]}",
        label=f"The network at stage {at + 1} of {n_stages}, {stage.title}. {stage.words}",
    )
    st.caption(_about(step))


def class_names(step: Step) -> tuple[str, ...]:
    """The names of the classes; of a network that was given, their numbers."""
    names, n = session.dataset().class_names, step.logits.shape[1]
    return names if len(names) == n else tuple(str(k) for k in range(n))


def _about(step: Step) -> Markdown:
    """The chosen weight in a line, and the way to all of its numbers."""
    name, index = picked(step)
    before, after = float(step.before[name][index]), float(step.after[name][index])
    place, gradient = ", ".join(map(str, index)), float(step.data_gradients[name][index])
    now, slope, then = (f"{value:.6g}".replace("-", "\N{MINUS SIGN}") for value in (before, gradient, after))
    return (
        f"Chosen: **{plain(name)} [{plain(place)}]** = {now}, gradient {slope}, after the step {then}. "
        f"[All of its numbers](#look-closer). Click a unit or an edge for another one."
    )
