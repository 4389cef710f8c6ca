"""What this visitor has picked: the sketch, units and cells of charts, and the split that the run reads."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import streamlit as st

from nn_core import Dataset
from nn_core.data.dataset import Split
from nn_core.evaluation import Evaluation
from nn_core.instruments.weight_average import averaged_weights
from nn_core.machine.memory import Array
from nn_core.nn.network import Network, from_weights
from nn_core.runs import Snapshot
from ui.session.current import dataset
from ui.session.drawing import Sketchpad
from ui.session.shipped import SHIPPED, shown, when
from ui.session.time_machine import live_snapshot, looked_at_step

AVERAGE = "average"  # beside the splits of Evaluate, and among the readers
READING_SECONDS = 2.0  # between two readings of a whole split while training


def sketchpad() -> Sketchpad:
    """This visitor's drawing; on a new visit of the page the canvas is told to show it."""
    pad: Sketchpad = st.session_state.setdefault("sketchpad", Sketchpad())
    visit = st.session_state.get("visit", 0)
    if pad.visit != visit:
        pad.visit = visit
        pad.show()
    return pad


def chosen(name: str, default: Any = None) -> Any:
    """What this visitor picked last under a name (a unit, a cell, an image); it survives ticks and page switches."""
    return st.session_state.setdefault("chosen", {}).get(name, default)


def choose(name: str, value: Any) -> None:
    """Pick something."""
    st.session_state.setdefault("chosen", {})[name] = value


def clicked(key: str, name: str = "click") -> dict[str, Any] | None:
    """The event (a click, say) that caused this rerun, from the chart of this key; known before the chart is drawn."""
    event: dict[str, Any] | None = (st.session_state.get(key) or {}).get(name)
    return event


def steady(name: str, key: Any, compute: Callable[[], Any]) -> Any:
    """What `compute` gave when `key` last changed: for what should stay as it is while a run trains."""
    kept = st.session_state.setdefault("steady", {})
    if name not in kept or kept[name][0] != key:
        kept[name] = (key, compute())
    return kept[name][1]


@dataclass(frozen=True)
class Reading:
    """How a run read the images of a split at one step."""

    run_id: str
    split: Split
    step: int
    found: Evaluation  # what follows from its answers
    about: str  # what is shown as probabilities where it is not softmax, in a sentence
    fresh_until: float  # on the clock of time.monotonic(): until then it is kept, though training goes on
    is_averaged: bool = False  # whether it is that of the averaged network

    @property
    def probabilities(self) -> Array:
        """Those of each image, float32 (n, 10)."""
        return self.found.probabilities

    @property
    def when(self) -> str:
        """Of which step of the run it is: "at step 1,375"."""
        return when(self.run_id, self.step) + (" (averaged weights)" if self.is_averaged else "")


def averaged_network() -> Network | None:
    """The current run with its weights averaged over its newest part; None without, and while one looks back."""
    shot = live_snapshot()
    if shot is None or looked_at_step() is not None:
        return None
    values = averaged_weights(shot.kept, shot.model.n_params)
    if values is None:
        return None
    network = from_weights(shot.started_as, shot.weights)
    network.flat[...] = values
    return network


def what_to_evaluate() -> dict[str, str]:
    """The splits that Evaluate offers, and where there is one the averaged network: key -> label."""
    more = {AVERAGE: "Validation, averaged weights"} if averaged_network() is not None else {}
    return {"val": "Validation", **more, "test": "Test (only for the final result)"}


def reading(what: str) -> Reading | None:
    """How the current run reads a split at the step that is looked at; without a run, how the shipped network does.

    `what` is one of `what_to_evaluate`.

    While it trains, a reading is kept for a while: the pictures then hold still long enough to be clicked, and reading
    takes at most a tenth of the time.
    """
    shot, network = shown(), averaged_network() if what == AVERAGE else None
    split: Split = "train" if what == "train" else "test" if what == "test" else "val"
    if shot is None:
        return None
    if looked_at_step() is not None or shot.run_id == SHIPPED:
        return _past_reading(shot.run_id, split, shot.step, shot.seconds, shot, dataset())
    last: Reading | None = st.session_state.get("reading")
    still = shot.is_training and last is not None and time.monotonic() < last.fresh_until
    same = last is not None and (last.run_id, last.split, last.is_averaged) == (shot.run_id, split, network is not None)
    if last is not None and same and (still or last.step == shot.step):
        return last
    started = time.monotonic()
    fresh = _read(split, shot, dataset(), network)
    now = time.monotonic()
    fresh = replace(fresh, fresh_until=now + max(READING_SECONDS, 10 * (now - started)))
    st.session_state["reading"] = fresh
    return fresh


def _read(split: Split, shot: Snapshot, data: Dataset, averaged: Network | None = None) -> Reading:
    model = averaged or shot.model
    about = model.loss.about_probabilities
    return Reading(shot.run_id, split, shot.step, answers(model, split, data), about, 0.0, averaged is not None)


def network_of(reading: Reading) -> Network:
    """The network that has read it, as it stands now."""
    shot, averaged = shown(), averaged_network() if reading.is_averaged else None
    assert shot is not None
    return averaged or shot.model


def answers(model: Network, split: Split, data: Dataset) -> Evaluation:
    """What a network makes of a split; its temperature is always that of the validation images."""
    images, labels = data.split(split)
    logits = model.logits(images)
    held_out = None if split == "val" else lambda: (data.val_labels, model.logits(data.val_images))
    return Evaluation(labels, logits, model.loss.probabilities(logits), held_out)


@st.cache_resource(show_spinner=False, max_entries=64)
def _past_reading(run_id: str, split: Split, step: int, seconds: float, _shot: Snapshot, _data: Dataset) -> Reading:
    """The reading of a frame; its seconds of training tell it from a frame of the same step before a restart."""
    return _read(split, _shot, _data)
