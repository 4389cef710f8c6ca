"""Every variable of the environment that Glassnet reads, declared once: its default, its range, what it is for.

A value that cannot be used is never an error: the default stands in, and `problems` has a sentence on it.
`python -m nn_core environment` lists all of them; docs/environment.md is made of the same declarations.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from nn_core.config.errors import meant, shorten

PREFIX = "GLASSNET_"
SHOWN = 40  # characters of a value that a sentence quotes
SHORTEST_KEY = 16  # characters of an owner's key
HOST = r"(\*\.)?[a-z0-9]([a-z0-9.:-]*[a-z0-9])?"
ORIGIN = r"https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?"

Kind = Literal["whole", "seconds", "switch", "key", "hosts", "origins", "text", "secret"]
Environment = Mapping[str, str]


@dataclass(frozen=True)
class Variable:
    """One variable. `low` and `high` are inclusive; `default_words` says the default where its value does not."""

    name: str
    kind: Kind
    default: Any
    help: str
    low: float = 0
    high: float = math.inf
    default_words: str = ""

    def read(self, environment: Environment | None = None, problems: list[str] | None = None) -> Any:
        """Its value now; where it is none that can be used, the default, and a sentence among the problems."""
        text = (os.environ if environment is None else environment).get(self.name)
        if text is None or (self.kind != "text" and not text.strip()):
            return self.default
        value, refused = _READ[self.kind](self, text if self.kind == "text" else text.strip())
        if problems is not None:
            problems += refused
        return value

    def told_default(self) -> str:
        """The default in words."""
        return self.default_words or (f"{self.default:,}" if self.default else "none")

    def told_range(self) -> str:
        """What may be set, in words."""
        return f"{self.low:,} to {self.high:,}" if self.kind in ("whole", "seconds") else _FORMS[self.kind]

    def told(self, environment: Environment | None = None) -> str:
        """What is set now, in words; secrets are kept."""
        given = (os.environ if environment is None else environment).get(self.name)
        return "" if given is None else "(set)" if self.kind in ("key", "secret") else shorten(given)


# ---------------------------------------------------------------------------------------------- from text to value

Answer = tuple[Any, list[str]]  # the value, and a sentence for what was not used


def _number(variable: Variable, text: str, form: str, wanted: str) -> Answer:
    value = float(text) if re.fullmatch(form, text) else math.nan
    if variable.low <= value <= variable.high:
        return (int(value) if variable.kind == "whole" else value), []
    limits = f"[{variable.low:,}, {variable.high:,}]"
    return variable.default, [
        f"{variable.name} must be {wanted} in {limits}, got {text[:SHOWN]!r}; {variable.told_default()} is used."
    ]


def _whole(variable: Variable, text: str) -> Answer:
    return _number(variable, text, r"-?[0-9]{1,12}", "a whole number")


def _seconds(variable: Variable, text: str) -> Answer:
    return _number(variable, text, r"-?[0-9]{1,12}(\.[0-9]{0,12})?", "a number of seconds")


def _switch(variable: Variable, text: str) -> Answer:
    """What is neither 0 nor 1 is decided the safer way."""
    if text in ("0", "1"):
        return text == "1", []
    return True, [f"{variable.name} must be 0 or 1, got {text[:SHOWN]!r}; the server counts as shared."]


def _key(variable: Variable, text: str) -> Answer:
    if len(text) >= SHORTEST_KEY:
        return text, []
    return "", [f"{variable.name} must have at least {SHORTEST_KEY} characters, got {len(text)}; it opens nothing."]


def _list(form: str, wanted: str, lower: bool) -> Callable[[Variable, str], Answer]:
    """A list with commas; what is no such thing is left out."""

    def read(variable: Variable, text: str) -> Answer:
        parts = [part.strip().lower() if lower else part.strip() for part in text.split(",")]
        refused = [part for part in parts if part and not re.fullmatch(form, part)]
        sentences = [f"{variable.name} wants {wanted}, got {part[:SHOWN]!r}; it is left out." for part in refused]
        return tuple(part for part in parts if re.fullmatch(form, part)), sentences

    return read


def _text(_variable: Variable, text: str) -> Answer:
    return text, []


_READ: dict[Kind, Callable[[Variable, str], Answer]] = {
    "whole": _whole,
    "seconds": _seconds,
    "switch": _switch,
    "key": _key,
    "hosts": _list(HOST, "a host's name like glass.example.org", lower=True),
    "origins": _list(ORIGIN, "an origin like https://moodle.example.org", lower=False),
    "text": _text,
    "secret": _text,
}
_FORMS: dict[Kind, str] = {
    "switch": "0 or 1",
    "key": f"{SHORTEST_KEY} characters or more",
    "hosts": "names with commas between",
    "origins": "origins with commas between",
    "text": "a folder or files",
    "secret": "a URL",
}


# ---------------------------------------------------------------------------------------------- the variables

VARIABLES: dict[str, Variable] = {}


def _declare(
    name: str, kind: Kind, default: Any, help: str, low: float = 0, high: float = math.inf, default_words: str = ""
) -> Variable:
    variable = VARIABLES[name] = Variable(name, kind, default, help, low, high, default_words)
    return variable


CORES = max(2, os.cpu_count() or 1)
RUNS = _declare("GLASSNET_RUNS", "text", "", "the folder that keeps runs and searches", default_words="runs/ here")
PAUSES = "a run that nobody looks at pauses after so many seconds; 0: never"
LEASE = _declare("GLASSNET_LEASE_SECONDS", "seconds", 60.0, PAUSES, 0, 1_000_000, "60")
MAX_TRAINING = _declare(
    "GLASSNET_MAX_TRAINING", "whole", 2, "runs that train at once; the others wait in a queue", 1, 256
)
MAX_WORKERS = _declare(
    "GLASSNET_MAX_WORKERS", "whole", CORES, "workers of searches at once", 1, 256,
    default_words="the number of cores, 2 or more",
)  # fmt: skip
STORAGE = _declare("GLASSNET_STORAGE", "secret", "", "the database of a search that several machines share")
HEARTBEAT = _declare("GLASSNET_HEARTBEAT", "whole", 5, "seconds between a worker's signs of life", 1, 3_600)
GRACE = _declare(
    "GLASSNET_GRACE", "whole", 20, "seconds without a sign of life after which a worker is given up", 1, 86_400
)
BLAS_THREADS = _declare("OPENBLAS_NUM_THREADS", "whole", 1, "threads of the matrix products", 1, 64)
DATASETS = _declare(
    "GLASSNET_DATASETS", "text", None, "files (.npz) that may be read by their paths, with `:` between them",
    default_words="any; none in shared.py",
)  # fmt: skip
SHARED = _declare("GLASSNET_SHARED", "switch", False, "1 for several people", default_words="0; 1 in shared.py")
HOSTS = _declare("GLASSNET_HOSTS", "hosts", (), "names by which a shared server is reached")
FRAMES = _declare("GLASSNET_FRAMES", "origins", (), "pages that may show a shared server in a frame")
OWNER_KEY = _declare("GLASSNET_OWNER_KEY", "key", "", "what opens all runs to whoever knows it")
VISITOR_TRAINING = _declare("GLASSNET_VISITOR_TRAINING", "whole", 1, "runs of one visitor that train at once", 1, 64)
VISITOR_QUEUE = _declare(
    "GLASSNET_VISITOR_QUEUE", "whole", 4, "runs of one visitor that train or wait for a place", 1, 64
)
VISITOR_WORKERS = _declare("GLASSNET_VISITOR_WORKERS", "whole", 1, "workers of one visitor's searches at once", 1, 256)
MAX_RUNS = _declare("GLASSNET_MAX_RUNS", "whole", 2_000, "runs on the disk, the trash included", 1, 1_000_000)
VISITOR_RUNS = _declare("GLASSNET_VISITOR_RUNS", "whole", 100, "runs of one visitor, the trash included", 1, 1_000_000)
MAX_DISK = _declare("GLASSNET_MAX_DISK", "whole", 20_000, "megabytes of all runs and searches", 1, 100_000_000)
VISITOR_DISK = _declare("GLASSNET_VISITOR_DISK", "whole", 500, "megabytes of one visitor's", 1, 100_000_000)
MAX_UPLOAD = _declare("GLASSNET_MAX_UPLOAD", "whole", 1_000, "megabytes that are uploaded in an hour", 1, 1_000_000)
VISITOR_UPLOAD = _declare("GLASSNET_VISITOR_UPLOAD", "whole", 100, "megabytes of one visitor in an hour", 1, 1_000_000)


def problems(environment: Environment | None = None) -> list[str]:
    """A sentence for each value that is not used, and for each name with our prefix that is none of ours."""
    given = os.environ if environment is None else environment
    found: list[str] = []
    for variable in VARIABLES.values():
        variable.read(given, found)
    for name in sorted(given):
        if name.startswith(PREFIX) and name not in VARIABLES:
            found.append(f"No variable is called {name[:SHOWN]}{meant(name, VARIABLES) or '.'}")
    return found


def table() -> list[str]:
    """The lines of docs/environment.md's table: name, default, range, help."""
    lines = ["| variable | default | may be | what it is |", "|---|---|---|---|"]
    return lines + [
        f"| `{each.name}` | {each.told_default()} | {each.told_range()} | {each.help} |" for each in VARIABLES.values()
    ]
