"""Which network reads an image (the current run, a stored one, or the one that comes with Glassnet), in words too."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import streamlit as st

from nn_core.explain import Strongest
from nn_core.explain import strongest as strongest_in
from nn_core.machine.numbers import percent
from nn_core.nn.network import Network, from_weights, outline
from nn_core.runs import OUTLINED, Snapshot
from nn_core.store import StoredRun, StoreError
from nn_core.training import exact_frame
from ui.session.current import dataset
from ui.session.notices import notify
from ui.session.runs import run_in_memory, runs, store, stored_run
from ui.session.selection import AVERAGE, READING_SECONDS, averaged_network, choose, chosen
from ui.session.shipped import SHIPPED, shipped_model
from ui.session.time_machine import looked_at_step, snapshot
from ui.words import Markdown, accuracy_of, plain, scored_at

LIVE = "live"  # beside SHIPPED and the ids of runs
MOST = 50  # stored runs in the menu, the newest ones


@dataclass(frozen=True, eq=False)
class Reader:
    """A network that reads images, and a caption that says in one line which one it is."""

    model: Network
    caption: Markdown
    name: str  # the id of its run, or "shipped"
    learns: bool = False  # whether it trains, so that its weights are others at the next look


def readers() -> dict[str, str]:
    """The networks that the menu offers: key -> label."""
    shot = snapshot()
    here = {} if shot is None else {LIVE: f"This run: {outline(shot.config)}"}
    if averaged_network() is not None:
        here[AVERAGE] = "This run, its weights averaged over its newest ninth"
    others = [run for run in runs() if run.step and (shot is None or run.id != shot.run_id)][:MOST]
    labels = here | {SHIPPED: "The network that comes with Glassnet"} | {run.id: _label(run) for run in others}
    often = Counter(labels.values())  # the browser knows an option by its label alone
    return {key: f"{label} ({key})" if often[label] > 1 else label for key, label in labels.items()}


def _label(run: StoredRun) -> str:
    accuracy = "" if run.val_accuracy is None else f", {percent(run.val_accuracy)}"
    return f"{outline(run.config)}{accuracy}: {_named(run)}"


def _named(run: StoredRun) -> str:
    """What a run is called beside the outline of its network."""
    return run.name or run.config.title(OUTLINED)


def chosen_reader(offered: dict[str, str], place: str) -> str:
    """The key of the reader that was picked in a menu, if it is still offered; else the run, else the shipped one.

    `place` names the menu: there is one on Draw and one on Inside.
    """
    key = chosen(place)
    return key if key in offered else next(iter(offered))


def choose_reader(key: str, place: str) -> None:
    """Let this reader read in that menu's place from now on."""
    if key in readers():  # a browser may still send a label that no reader has any more
        choose(place, key)


def reader(key: str) -> Reader:
    """The network of that key. Where a stored one cannot be read, says so and gives the shipped one."""
    shot = snapshot()
    if key == LIVE and shot is not None:
        past = looked_at_step() is not None
        return Reader(shot.model, live_caption(shot, past), shot.run_id, shot.is_training and not past)
    averaged = averaged_network() if key == AVERAGE else None
    if averaged is not None and shot is not None:
        return Reader(averaged, averaged_caption(shot), f"{shot.run_id} {AVERAGE}", shot.is_training)
    run = stored_run(key) if key not in (SHIPPED, LIVE, AVERAGE) else None
    if run is not None:
        try:
            return Reader(_model(run), stored_caption(run), run.id)
        except StoreError as error:
            notify(str(error))
    model = shipped_model()
    return Reader(model, shipped_caption(model), SHIPPED)


def seldom(name: str, about: Any, of: Reader, work: Callable[[], Any]) -> Any:
    """What `work` gives; again when it is about something else or the network is another one.

    While a network trains, an answer is kept for a while, so that finding it takes at most a tenth of the time.
    """
    about = (of.name, about)
    everything: dict[str, tuple[Any, Network, float, Any]] = st.session_state.setdefault("seldom", {})
    kept = everything.get(name)
    if kept is not None and kept[0] == about and (kept[1] is of.model or (of.learns and time.monotonic() < kept[2])):
        return kept[3]
    started = time.monotonic()
    found = work()
    now = time.monotonic()
    everything[name] = (about, of.model, now + max(READING_SECONDS, 10 * (now - started)), found)
    return found


def strongest(of: Reader, layer: int, n: int) -> Strongest:
    """The validation images that excite each channel of one of its hidden layers most."""
    data = dataset()
    found: Strongest = seldom(
        "strongest", (layer, n, data.identity), of, lambda: strongest_in(of.model, data.val_images, layer, n)
    )
    return found


def _model(run: StoredRun) -> Network:
    live = run_in_memory(run.id)
    return live.snapshot.model if live is not None else _stored_model(run.id, run.changed)


@st.cache_resource(show_spinner=False, max_entries=8)
def _stored_model(run_id: str, changed: float) -> Network:
    kept = store()
    if kept is None:
        raise StoreError("no runs are kept on this server")
    checkpoint = kept.checkpoint(run_id)
    return from_weights(checkpoint.config, exact_frame(checkpoint).weights())


def live_caption(shot: Snapshot, looking_back: bool = False) -> Markdown:
    """The caption of the current run."""
    when = f":orange[at step {shot.step:,}, looking back]" if looking_back else f"step {shot.step:,}"
    parts = [f"Read by the network **{plain(outline(shot.config))}**, {plain(shot.trained_with.title(OUTLINED))}", when]
    if shot.step and shot.scored:
        parts.append(f"validation accuracy {accuracy_of(shot)}{scored_at(shot)}")
    elif not shot.step:
        parts.append("it has learned nothing yet, so this is a guess")
    if shot.is_training and not looking_back:
        parts.append("training, updates every second")
    return " · ".join(parts)


def averaged_caption(shot: Snapshot) -> Markdown:
    """The caption of the averaged network of the current run."""
    of = f"the network **{plain(outline(shot.config))}**, its weights averaged over the newest ninth of the run"
    return f"Read by {of} · step {shot.step:,}{' · training, updates every second' if shot.is_training else ''}"


def stored_caption(run: StoredRun) -> Markdown:
    """The caption of a stored run."""
    accuracy = "" if run.val_accuracy is None else f" · validation accuracy {percent(run.val_accuracy)}"
    what = plain(_named(run))
    return f"Read by a stored run, the network **{plain(outline(run.config))}**, {what} · step {run.step:,}{accuracy}"


def shipped_caption(model: Network) -> Markdown:
    """The caption of the network that comes with Glassnet."""
    drawn = "trained beforehand on MNIST digits redrawn with thin and thick pens"
    return f"Read by the network that comes with Glassnet, **{plain(outline(model.config))}** · {drawn}"
