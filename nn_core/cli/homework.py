"""`python -m nn_core check-backprop`: is my backprop right? It runs the file that is named, as Python would."""

from __future__ import annotations

import argparse
import importlib.util
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from nn_core import check_backprop
from nn_core.cli.exit_codes import DONE, FAILED
from nn_core.cli.settings import add_settings, given_settings
from nn_core.config.run_config import RunConfig
from nn_core.homework import GivenError, exercise
from nn_core.homework.exercise import N_IMAGES, TEXTBOOK
from nn_core.machine.disk import reason

USUAL = (
    "backprop",
    "backward_prop",
    "backward",
    "backpropagation",
    "back_prop",
    "back_propagation",
    "gradients",
    "grads",
)
FORMS = ("arrays", "dict", "pairs", "lists")


def add_commands(commands: Any) -> None:
    """Add `check-backprop` to the subparsers of the command line."""
    command = commands.add_parser(
        "check-backprop",
        help="compare a backprop of your own with ours, and name the likely slip",
        description="Runs FILE.py, calls its function f(X, Y, W1, b1, W2, b2) -> (dW1, db1, dW2, db2) and compares. "
        "Code that trains when the file is run belongs under `if __name__ == '__main__':`. The exit code is 0 where "
        "all arrays agree, 1 where some differ.",
    )
    command.set_defaults(run=_check)
    command.add_argument("file", type=Path, metavar="FILE", help="a Python file, or .npz with the gradients in it")
    command.add_argument(
        "--function", metavar="NAME", help=f"which function. Default: the only one called {', '.join(USUAL)}."
    )
    command.add_argument("--rows", action="store_true", help="images are rows: X (m, 784), W1 (784, n), b1 (n,)")
    command.add_argument("--give", choices=FORMS, help="how weights are handed over. Default: by the arguments.")
    command.add_argument(
        "--images", type=int, default=N_IMAGES, metavar="N", help=f"in the batch. Default: {N_IMAGES}."
    )
    command.add_argument(
        "--write", action="store_true", help="write X, Y and the weights to FILE.npz, to work elsewhere; check nothing"
    )
    command.add_argument("--json", action="store_true", help="print one JSON object as the last line of stdout")
    add_settings(command, preset=False)


def _check(options: argparse.Namespace) -> int:
    config = TEXTBOOK.replace(**given_settings(options))
    path: Path = options.file
    if options.write:
        return _write(path, config, options)
    found = _arrays(path) if path.suffix == ".npz" else _function(path, options.function)
    report = check_backprop(found, config, options.rows, n_images=options.images, give=options.give)
    print(json.dumps(report.to_json()) if options.json else report)
    return DONE if report.agrees else FAILED


def _write(path: Path, config: RunConfig, options: argparse.Namespace) -> int:
    if path.suffix != ".npz":
        raise GivenError(f"the file to write must end in .npz, got {path.name}")
    work = exercise(config, options.rows, n_images=options.images)
    work.save(path)
    print(
        f"{path}: X {work.X.shape}, Y {work.Y.shape}, {', '.join(work.parameters)}. Write the gradients into a .npz "
        f"of their own, under d{', d'.join(work.parameters)}, and check that."
    )
    return 0


def _arrays(path: Path) -> dict[str, Any]:
    """The gradients in an .npz file."""
    try:
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except OSError as error:
        raise GivenError(f"{path} cannot be read: {reason(error).lower()}") from None
    except Exception:
        raise GivenError(f"{path} must be an .npz file with arrays of numbers alone") from None


def _function(path: Path, name: str | None) -> Callable[..., Any]:
    """The function to check, out of the file of its author."""
    module = _run(path)
    functions = {key: value for key, value in vars(module).items() if callable(value) and not key.startswith("_")}
    own = [key for key, value in functions.items() if getattr(value, "__module__", "") == module.__name__]
    if name is not None:
        if name not in functions:
            raise GivenError(f"{path.name} has no function {name}; it has {', '.join(own) or 'none'}")
        return functions[name]
    usual = [key for key in own if key.lower() in USUAL] or (own if len(own) == 1 else [])
    if len(usual) != 1:
        what = ", ".join(usual or own) or "none"
        raise GivenError(f"which function of {path.name} is to be checked? Name it by --function; it has {what}")
    return functions[usual[0]]


def _run(path: Path) -> Any:
    """The file as a module; raises GivenError where it cannot be read, or raises something itself."""
    if not path.is_file():
        raise GivenError(f"{path} cannot be read: there is no such file")
    spec = importlib.util.spec_from_file_location("checked_by_glassnet", path)
    if spec is None or spec.loader is None:
        raise GivenError(f"{path.name} must be a Python file (.py) or gradients (.npz)")
    module = importlib.util.module_from_spec(spec)
    sys.modules[module.__name__] = module
    sys.path.insert(0, str(path.resolve().parent))  # what lies beside it can be imported, as when it is run
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        line = getattr(error, "lineno", None)
        at = f" (line {line})" if line else ""
        raise GivenError(f"{path.name} itself fails with {type(error).__name__}: {error}{at}") from error
    finally:
        sys.path.pop(0)
    return module
