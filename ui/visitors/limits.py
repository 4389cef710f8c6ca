"""How much visitors of a shared server may take, each of them and all together, and the names it answers to.

The variables of the environment behind them are declared in nn_core/config/environment.py.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from nn_core.config import environment as env

LOCAL = ("localhost", "127.0.0.1", "::1")  # names that no foreign page can take
VARIABLES = {
    "training_each": env.VISITOR_TRAINING,
    "queue_each": env.VISITOR_QUEUE,
    "workers": env.MAX_WORKERS,
    "workers_each": env.VISITOR_WORKERS,
    "runs": env.MAX_RUNS,
    "runs_each": env.VISITOR_RUNS,
    "disk": env.MAX_DISK,
    "disk_each": env.VISITOR_DISK,
    "upload": env.MAX_UPLOAD,
    "upload_each": env.VISITOR_UPLOAD,
}


@dataclass(frozen=True)
class Limits:
    """Each field is one of VARIABLES; `..._each` is for one visitor, the others are for all together."""

    training_each: int = VARIABLES["training_each"].default
    queue_each: int = VARIABLES["queue_each"].default
    workers: int = VARIABLES["workers"].default
    workers_each: int = VARIABLES["workers_each"].default
    runs: int = VARIABLES["runs"].default
    runs_each: int = VARIABLES["runs_each"].default
    disk: int = VARIABLES["disk"].default
    disk_each: int = VARIABLES["disk_each"].default
    upload: int = VARIABLES["upload"].default
    upload_each: int = VARIABLES["upload_each"].default


@dataclass(frozen=True)
class Shared:
    """What the environment says of a shared server; `problems` has a sentence for each value that is not used."""

    is_on: bool
    limits: Limits
    hosts: tuple[str, ...]
    frames: tuple[str, ...]
    owner_key: str
    problems: tuple[str, ...]


def read_environment(environment: Mapping[str, str] | None = None) -> Shared:
    """Read all of it. What cannot be understood is decided the safer way: shared, no further name, no frame, no key."""
    given = os.environ if environment is None else environment
    problems: list[str] = []
    return Shared(
        is_on=env.SHARED.read(given, problems),
        limits=Limits(**{field: variable.read(given, problems) for field, variable in VARIABLES.items()}),
        hosts=(*LOCAL, *env.HOSTS.read(given, problems)),
        frames=env.FRAMES.read(given, problems),
        owner_key=env.OWNER_KEY.read(given, problems),
        problems=tuple(problems),
    )
