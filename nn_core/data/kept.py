"""Where data sets of one's own are kept: beside the runs, each under a name that ends in its hash."""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path

from nn_core.config.environment import RUNS
from nn_core.machine.disk import ROOT

NAME = re.compile(r"[a-z][a-z0-9_]{0,39}_[0-9a-f]{8}")


def runs_folder() -> Path:
    """GLASSNET_RUNS ("~" is the home folder there), or `runs` in the project's folder."""
    folder = Path(RUNS.read() or ROOT / "runs")
    with suppress(RuntimeError):  # a user who is not there
        folder = folder.expanduser()
    return folder


def kept_folder() -> Path:
    """The folder of kept data sets; it is made when the first one is kept."""
    return runs_folder().absolute() / "datasets"


def kept_path(name: str) -> Path | None:
    """The file of a kept set; None for what is no name of one."""
    return kept_folder() / f"{name}.npz" if NAME.fullmatch(name) else None


def kept_names() -> list[str]:
    """The names of all that are kept, in their order."""
    with suppress(OSError):
        return sorted(path.stem for path in kept_folder().glob("*.npz") if NAME.fullmatch(path.stem))
    return []
