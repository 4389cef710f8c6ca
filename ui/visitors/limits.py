"""How much visitors of a shared server may take, each of them and all together, and the names it answers to.

Each variable of the environment is declared here once: its default, its range and its sentence.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass

SHARED = "GLASSNET_SHARED"
HOSTS, FRAMES, OWNER_KEY = "GLASSNET_HOSTS", "GLASSNET_FRAMES", "GLASSNET_OWNER_KEY"
SHORTEST_KEY = 16  # characters of an owner's key
LOCAL = ("localhost", "127.0.0.1", "::1")  # names that no foreign page can take
NAME = re.compile(r"(\*\.)?[a-z0-9]([a-z0-9.:-]*[a-z0-9])?")
ORIGIN = re.compile(r"https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?")


@dataclass(frozen=True)
class Variable:
    """A whole number that the environment may set."""

    name: str
    default: int
    low: int
    high: int
    help: str

    def read(self, environment: Mapping[str, str], problems: list[str]) -> int:
        """Its value; where it is none in range, the default, and a sentence among the problems."""
        text = environment.get(self.name, "").strip()
        value = int(text) if re.fullmatch(r"-?[0-9]{1,12}", text) else None
        if text and (value is None or not self.low <= value <= self.high):
            problems.append(
                f"{self.name} must be a whole number in [{self.low:,}, {self.high:,}], got {text[:40]!r}; "
                f"{self.default:,} is used."
            )
            value = None
        return self.default if value is None else value


CORES = max(2, os.cpu_count() or 1)
VARIABLES = {
    "training_each": Variable("GLASSNET_VISITOR_TRAINING", 1, 1, 64, "runs of one visitor that train at once"),
    "queue_each": Variable("GLASSNET_VISITOR_QUEUE", 4, 1, 64, "runs of one visitor that train or wait for a place"),
    "workers": Variable("GLASSNET_MAX_WORKERS", CORES, 1, 256, "workers of searches at once"),
    "workers_each": Variable("GLASSNET_VISITOR_WORKERS", 1, 1, 256, "workers of one visitor's searches at once"),
    "runs": Variable("GLASSNET_MAX_RUNS", 2_000, 1, 1_000_000, "runs on the disk, the trash included"),
    "runs_each": Variable("GLASSNET_VISITOR_RUNS", 100, 1, 1_000_000, "runs of one visitor, the trash included"),
    "disk": Variable("GLASSNET_MAX_DISK", 20_000, 1, 100_000_000, "megabytes of all runs and searches"),
    "disk_each": Variable("GLASSNET_VISITOR_DISK", 500, 1, 100_000_000, "megabytes of one visitor's"),
    "upload": Variable("GLASSNET_MAX_UPLOAD", 1_000, 1, 1_000_000, "megabytes that are uploaded in an hour"),
    "upload_each": Variable("GLASSNET_VISITOR_UPLOAD", 100, 1, 1_000_000, "megabytes of one visitor in an hour"),
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
    switch = given.get(SHARED, "").strip()
    if switch not in ("", "0", "1"):
        problems.append(f"{SHARED} must be 0 or 1, got {switch[:40]!r}; the server counts as shared.")
    limits = Limits(**{field: variable.read(given, problems) for field, variable in VARIABLES.items()})
    hosts = _listed(HOSTS, NAME, "a host's name like glass.example.org", given, problems, lower=True)
    frames = _listed(FRAMES, ORIGIN, "an origin like https://moodle.example.org", given, problems)
    key = given.get(OWNER_KEY, "").strip()
    if key and len(key) < SHORTEST_KEY:
        problems.append(f"{OWNER_KEY} must have at least {SHORTEST_KEY} characters, got {len(key)}; it opens nothing.")
        key = ""
    return Shared(switch not in ("", "0"), limits, (*LOCAL, *hosts), frames, key, tuple(problems))


def _listed(
    name: str,
    form: re.Pattern[str],
    wanted: str,
    given: Mapping[str, str],
    problems: list[str],
    lower: bool = False,
) -> tuple[str, ...]:
    """A list with commas; what is no such thing is left out."""
    found = []
    for part in filter(None, (each.strip() for each in given.get(name, "").split(","))):
        part = part.lower() if lower else part
        if form.fullmatch(part):
            found.append(part)
        else:
            problems.append(f"{name} wants {wanted}, got {part[:40]!r}; it is left out.")
    return tuple(found)
