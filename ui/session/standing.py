"""How much of what a shared server has is taken, by this visitor and by all."""

from __future__ import annotations

from dataclasses import dataclass

from ui.session.searches import workers
from ui.session.server import registry
from ui.session.visitor import access, owners, shared, visitor
from ui.visitors.limits import Limits
from ui.visitors.runs import SharedRegistry


@dataclass(frozen=True)
class Standing:
    """What is taken at the moment, and the limits of it."""

    limits: Limits
    places: int  # for runs that train
    training: int
    waiting: int
    own_numbers: tuple[int, ...]  # in the queue
    working: int  # workers of searches
    workers_waiting: int
    n_runs: int  # of this visitor, the trash included
    megabytes: float
    is_owner: bool
    has_key: bool  # whether an owner's key opens all


def standing() -> Standing | None:
    """None where the server is one person's."""
    runs = registry()
    if not shared().is_on or not isinstance(runs, SharedRegistry) or runs.store is None:
        return None
    training, waiting, own = runs.standing()
    working, workers_waiting = workers().standing()
    return Standing(
        limits=shared().limits,
        places=runs.fair.limit,
        training=training,
        waiting=waiting,
        own_numbers=tuple(own),
        working=working,
        workers_waiting=workers_waiting,
        n_runs=len(runs.store.ids()) + len(runs.store.ids(trash=True)),
        megabytes=access().size_of_own() / 1e6,
        is_owner=visitor().is_owner,
        has_key=owners().has_key,
    )
