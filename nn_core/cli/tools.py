"""`python -m nn_core ship` and `profile`: make the project's own networks again; show where a step's time goes."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from nn_core import ConfigError, load_dataset
from nn_core.cli.settings import add_settings, config_of, given_settings
from nn_core.cli.train import set_threads, show_progress
from nn_core.config import shorten
from nn_core.machine.disk import is_kept, reason
from nn_core.machine.numbers import exact
from nn_core.machine.threads import planned_blas_threads
from nn_core.sketch.no_digits import training as detector
from nn_core.sketch.no_digits.detector import DETECTOR
from nn_core.sketch.redraw import RECIPE, ship, train_shipped
from nn_core.sketch.shipped import SHIPPED
from nn_core.training.profile import profile

MAX_SECONDS = 3600  # of a profile


def add_commands(commands: Any) -> None:
    """Add `ship` and `profile` to the subparsers of the command line."""
    command = commands.add_parser("ship", help="train a network that comes with the project and write its file")
    command.set_defaults(run=_ship)
    command.add_argument("--json", action="store_true", help="print one JSON object as the last line of stdout")
    command.add_argument(
        "--detector", action="store_true", help="the one that finds out what is no digit, not the one that reads digits"
    )
    command.add_argument("--out", type=Path, metavar="FILE", help=f"Default: {SHIPPED} or {DETECTOR.name} beside it.")
    add_settings(command, preset=False)
    command = commands.add_parser("profile", help="show where the time of a training step goes")
    command.set_defaults(run=_profile)
    command.add_argument("--json", action="store_true", help="print one JSON object as the last line of stdout")
    command.add_argument("--seconds", type=_positive, default=1.0, help="how long to measure. Default: 1.")
    add_settings(command)


def _positive(text: str) -> float:
    try:
        if 0 < (number := float(text)) <= MAX_SECONDS:
            return number
    except ValueError:
        pass
    raise argparse.ArgumentTypeError(f"must be above 0 and at most {MAX_SECONDS}, got {text!r}")


def _ship(options: argparse.Namespace) -> None:
    """Train the network that comes with the project, or the detector beside it, and write its file."""
    recipe, make, finish = (
        (detector.RECIPE, detector.train_detector, detector.ship_detector)
        if options.detector
        else (RECIPE, train_shipped, ship)
    )
    config, out = recipe.replace(**given_settings(options)), options.out or (DETECTOR if options.detector else SHIPPED)
    try:
        kept, why = is_kept(out), "it is a pipe or a device"
    except OSError as error:
        kept, why = False, reason(error).lower()
    if not kept:
        raise ConfigError(f"out must be a file in a folder that is there, got {shorten(str(out))}: {why}")
    set_threads(planned_blas_threads(options.threads))
    trainer = make(config, load_dataset(config.dataset), lambda one: show_progress(one, config.epochs))
    result = finish(trainer, out)
    accuracy = exact(result["accuracy" if options.detector else "test_accuracy"])
    of = "of drawings and digits it tells" if options.detector else "test accuracy"
    print(json.dumps(result) if options.json else f"\n{result['file']}: {of} {accuracy}")


def _profile(options: argparse.Namespace) -> None:
    """Print where a step's time goes."""
    config = config_of(options)
    threads = set_threads(planned_blas_threads(options.threads))
    result = profile(config, load_dataset(config.dataset), options.seconds)
    if options.json:
        parts = {name: round(us, 2) for name, us in result.parts_us.items()}
        print(json.dumps({"blas_threads": threads, "step_us": round(result.step_us, 2), "parts_us": parts}))
        return
    on_threads = "" if threads is None else f", {threads} BLAS thread{'s' if threads > 1 else ''}"
    print(f"{config.title()}{on_threads}, {result.n_steps:,} steps")
    print(result.table())
