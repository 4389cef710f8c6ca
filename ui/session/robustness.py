"""How robust the networks of Evaluate are: measured beside the page, which shows how far it is and can cancel it."""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import streamlit as st

from nn_core.evaluation.robustness import Robustness, measured
from nn_core.machine.memory import Array
from nn_core.nn.network import Network, from_weights

log = logging.getLogger(__name__)

TURN = threading.BoundedSemaphore(1)  # of all visitors: it takes a core
TURN_SECONDS = 0.1  # between two looks whether one that waits is still wanted


@dataclass(eq=False)
class Measuring:
    """The robustness of one or two networks on the first images of a split, on its way or measured."""

    about: Any  # what was measured: run, step, split
    when: str  # the same in words
    names: tuple[str, ...]
    networks: tuple[Network, ...] = field(repr=False)
    images: Array = field(repr=False)
    labels: Array = field(repr=False)
    found: list[Robustness] = field(default_factory=list)  # one a network, replaced as it grows
    cancelled: threading.Event = field(default_factory=threading.Event)
    over: threading.Event = field(default_factory=threading.Event)
    problem: str = ""

    @property
    def share(self) -> float:
        """How much is done, in [0, 1]."""
        return sum(each.share for each in list(self.found)) / len(self.networks)

    @property
    def waits(self) -> bool:
        """Whether it waits for another visitor's."""
        return not self.found and not self.over.is_set()

    def work(self) -> None:
        """What its thread does."""
        try:
            while not TURN.acquire(timeout=TURN_SECONDS):
                if self.cancelled.is_set():
                    return
            try:
                self._measure()
            finally:
                TURN.release()
        except Exception as error:
            log.exception("the robustness could not be measured")
            self.problem = type(error).__name__
        finally:
            self.over.set()

    def _measure(self) -> None:
        for network in self.networks:
            self.found.append(Robustness(len(self.labels)))
            with np.errstate(all="ignore"):  # of a network that diverged
                for found in measured(network, self.images, self.labels):
                    self.found[-1] = found
                    if self.cancelled.is_set():
                        return


def robustness() -> Measuring | None:
    """What this visitor has had measured last, or has measured now."""
    found: Measuring | None = st.session_state.get("robustness")
    return found


def measures_robustness() -> bool:
    """Whether it is being measured."""
    found = robustness()
    return found is not None and not found.over.is_set()


def measure_robustness(about: Any, when: str, networks: dict[str, Network], images: Array, labels: Array) -> None:
    """Begin to measure copies of these networks (name -> network); what ran before ends."""
    cancel_robustness()
    copies = tuple(from_weights(each.config, each.weights()) for each in networks.values())
    new = Measuring(about, when, tuple(networks), copies, images, labels)
    st.session_state["robustness"] = new
    threading.Thread(target=new.work, name="robustness", daemon=True).start()


def cancel_robustness() -> None:
    """End it; what was measured stays on the page."""
    found = robustness()
    if found is not None:
        found.cancelled.set()
