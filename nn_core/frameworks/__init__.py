"""The same network in other frameworks, measured on this machine: each in a process of its own, started when asked for.

Nothing here imports a framework: the files that name one import it in the worker's process alone. A file that is added
here is found by that alone.
"""

import importlib
import pkgutil

from nn_core.frameworks.comparison import Comparison, Row, Same, Shown
from nn_core.frameworks.framework import FRAMEWORKS, Framework
from nn_core.frameworks.tasks import Task, tasks

__all__ = ["FRAMEWORKS", "Comparison", "Framework", "Row", "Same", "Shown", "Task", "tasks"]


def register_all() -> None:
    """Import every file of a framework."""
    for found in pkgutil.iter_modules(__path__):
        if found.name.endswith("_net"):
            importlib.import_module(f"{__name__}.{found.name}")


register_all()
