"""Packages that parts of the library need beside NumPy: imported when used, and named where they are missing."""

from __future__ import annotations

from importlib import import_module
from typing import Any


class PackageMissing(ImportError):
    """What was asked for needs a package that is not installed; the message is a sentence that says how to get it."""


def need(module: str, for_what: str) -> Any:
    """The module, imported. Raises PackageMissing; `for_what` begins its sentence, like "Runs on disk"."""
    try:
        return import_module(module)
    except ImportError:
        package = module.partition(".")[0]
        raise PackageMissing(
            f"{for_what} need the package {package}, which is not installed: pip install {package}"
        ) from None
