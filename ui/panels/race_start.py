"""What the Race page offers before a race: settings that are worth seeing side by side."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import streamlit as st

from nn_core.config import ConfigError, RunConfig
from nn_core.config.choices import choices
from nn_core.config.run_config import setting
from nn_core.explain import hidden_layers
from ui import session
from ui.words import plain


@dataclass(frozen=True)
class Race:
    """A race that one press starts; `variants` makes the settings of the sidebar into those of its two to four runs."""

    name: str
    title: str
    about: str
    variants: Callable[[RunConfig], Sequence[RunConfig]]
    words: Callable[[RunConfig], str]  # what tells a run from the others, within a sentence

    def __repr__(self) -> str:
        return f"<Race {self.name}>"

    def configs(self, draft: RunConfig) -> list[RunConfig]:
        """The settings of its runs, all different; empty where the sidebar's network cannot race so."""
        try:
            configs = list(dict.fromkeys(self.variants(draft)))
        except ConfigError:
            return []
        return configs if len({config.in_effect() for config in configs}) == len(configs) > 1 else []

    def label(self, configs: Sequence[RunConfig]) -> str:
        """What stands on its button: "Race SGD, momentum and Adam"."""
        words = [self.words(config) for config in configs]
        return f"{', '.join(words[:-1])} and {words[-1]}"


def three_rates(draft: RunConfig) -> list[RunConfig]:
    """The settings of the sidebar at their learning rate and at those about a third and three times as large."""
    rates = {
        min(setting("lr").steps, key=lambda stop: abs(math.log(stop / (draft.lr * times)))) for times in (1 / 3, 3)
    }
    return [draft.replace(lr=lr) for lr in sorted(rates | {draft.lr})]


def _chosen(name: str) -> Callable[[RunConfig], str]:
    """The label of what is chosen for a setting."""
    return lambda config: choices(name)[getattr(config, name)].label


ACTIVATIONS = ("sigmoid", "tanh", "relu")
RATES = {"sgd": 0.1, "momentum": 0.01, "adam": 0.001}  # of each optimizer one that suits it
RACES: tuple[Race, ...] = (
    Race(
        "rates",
        "Learning rate",
        "How long are the steps? A small rate is slow but sure, a large one is fast, until its steps overshoot.",
        three_rates,
        lambda config: f"{config.lr:g}",
    ),
    Race(
        "optimizers",
        "Optimizer",
        "How does a gradient become a step? Each optimizer has a learning rate that suits it.",
        lambda draft: [draft.replace(optimizer=name, lr=lr) for name, lr in RATES.items()],
        _chosen("optimizer"),
    ),
    Race(
        "activations",
        "Activation",
        "What bends between the layers? A sigmoid passes on at most a quarter of the gradient, ReLU all of it or none.",
        lambda draft: [draft.replace(activation=name) for name in ACTIVATIONS if hidden_layers(draft)],
        _chosen("activation"),
    ),
    Race(
        "images",
        "Training images",
        "How much is there to learn from? A network soon knows 500 images by heart, but misreads others: overfitting.",
        lambda draft: [draft.replace(n_train=n) for n in (500, 5_000, 55_000)],
        lambda config: f"{config.n_train:,}",
    ),
)


def offer() -> None:
    """Two to four settings of the sidebar's network, each race with a sentence on what there is to see."""
    draft = session.draft()
    st.markdown(
        "Networks that differ in one setting learn side by side here, in turns, so that each gets as much time as the "
        "others. All other settings come from the sidebar."
    )
    found = [(race, configs) for race in RACES if (configs := race.configs(draft))]
    for start in range(0, len(found), 2):
        for column, (race, configs) in zip(st.columns(2), found[start : start + 2], strict=False):
            with column.container(border=True, height="stretch", key=f"race-card-{race.name}"):
                st.markdown(f"**{plain(race.title)}**  \n{plain(race.about)}")
                st.button(
                    f"Race {plain(race.label(configs))}",
                    icon=":material/flag:",
                    type="primary" if race is RACES[0] else "secondary",
                    key=f"race-{race.name}",
                    on_click=session.start_race,
                    args=(configs,),
                )
    st.caption("Any other race: tick two to four runs on the page Runs and press *Race these settings* there.")
