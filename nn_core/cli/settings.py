"""Options of the command line that are made of the settings, and the settings made of the options given."""

from __future__ import annotations

import argparse
import os
from typing import Any

from nn_core import PRESETS, RunConfig
from nn_core.config import all_settings
from nn_core.config.choices import choices
from nn_core.config.environment import DATASETS
from nn_core.config.presets import Preset
from nn_core.data.npz import is_path

MAX_THREADS = 64  # OpenBLAS in NumPy's wheels is built for as many


def add_settings(command: argparse.ArgumentParser, preset: bool = True) -> None:
    """An option for the preset (where there is a choice of one), the threads and every setting."""
    if preset:
        command.add_argument(
            "--preset",
            choices=list(PRESETS),
            help="start from these settings: " + "; ".join(_told(preset) for preset in PRESETS.values()),
        )
    add_threads(command)
    for item in all_settings():
        known = f" One of: {', '.join(choices(item.name))}." if item.kind == "choice" else ""
        special = f" 0: {item.zero_means}." if item.zero_means else ""
        text = f"{item.label}. {item.help}{known}{special} Default: {item.format(item.default)}."
        command.add_argument(
            f"--{item.name.replace('_', '-')}", dest=item.name, metavar=item.kind.upper(), help=text.replace("%", "%%")
        )


def add_threads(command: argparse.ArgumentParser) -> None:
    """`--threads N`."""
    command.add_argument(
        "--threads",
        type=_threads,
        metavar="N",
        help="threads of the matrix products, 1 to 64. Default: OPENBLAS_NUM_THREADS, else 1.",
    )


def _told(preset: Preset) -> str:
    return f"{preset.name} ({preset.help.rstrip('.')})".replace("%", "%%")


def _threads(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= MAX_THREADS:
        raise argparse.ArgumentTypeError(f"must be in [1, {MAX_THREADS}], got {text!r}")
    return int(text)


def given_settings(options: argparse.Namespace) -> dict[str, Any]:
    """The settings that were given as options."""
    given = {item: text for item in all_settings() if (text := getattr(options, item.name)) is not None}
    return {item.name: item.parse(absolute(text) if item.name == "dataset" else text) for item, text in given.items()}


def absolute(dataset: str) -> str:
    """The path of a data set from the root on, so that a run finds it from any folder; a name as it is."""
    named = dataset in (DATASETS.read() or "").split(os.pathsep)  # what a server allows is as it is written there
    return os.path.abspath(dataset) if is_path(dataset) and not named else dataset


def config_of(options: argparse.Namespace) -> RunConfig:
    """The preset, or the defaults, with the options that were given."""
    base = PRESETS[options.preset].config if options.preset else RunConfig()
    return base.replace(**given_settings(options))
