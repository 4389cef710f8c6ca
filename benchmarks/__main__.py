"""The speed comparison: `python -m benchmarks --help`.

Without a command, one table of training steps; with `cnn`, one of a convolutional network; with
`instruments`, what measuring the training itself costs; with `time-to-accuracy`,
whole trainings. Figures are only worth something on a machine that does nothing else.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from benchmarks import cnn, instruments, steps, time_to_accuracy
from benchmarks.recipes import RECIPES, Recipe
from benchmarks.works import WORKS

ROUNDS, SECONDS = 7, 0.4  # and how long a turn lasts
SEEDS, FIRST_SEED = 5, 10  # from 10 on: the recipes were found with seeds 0 to 2
QUICK_ROUNDS, QUICK_SECONDS = 3, 0.1


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a comparison; progress and what is missing go to stderr, the result to stdout."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if not shutil.which(options.python):
        print(f"no interpreter is found at {options.python}", file=sys.stderr)
        return 2
    if options.what == "time-to-accuracy":
        seeds = range(FIRST_SEED, FIRST_SEED + options.seeds)
        result = time_to_accuracy.measure(options.targets, seeds, options.python, _say)
        print(time_to_accuracy.table(result))
    else:
        measure, table, works = TABLES[options.what]
        seconds = QUICK_SECONDS if options.quick else SECONDS
        rounds = options.rounds or (QUICK_ROUNDS if options.quick else ROUNDS)
        names = options.rows.split(",") if options.rows else list(works)
        for name in names:
            if name not in works:
                parser.error(f"argument --rows: no row is called {name!r}; there are {', '.join(works)}")
        result = measure([works[name] for name in names], rounds, seconds, options.python, _say)
        print(table(result))
    if options.json:
        print(json.dumps(result))
    return 0


# what measures, what makes a table of it, and the rows that there are
TABLES: Mapping[str, tuple[Callable[..., dict[str, Any]], Callable[[Mapping[str, Any]], str], Mapping[str, Any]]] = {
    "steps": (steps.measure, steps.table, WORKS),
    "cnn": (cnn.measure, cnn.table, cnn.WORKS),
    "instruments": (instruments.measure, instruments.table, instruments.WORKS),
}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("what", nargs="?", choices=[*TABLES, "time-to-accuracy"], default="steps")
    parser.add_argument("--seeds", type=_count, default=SEEDS, help=f"of time-to-accuracy; default: {SEEDS}")
    known = ",".join(f"{recipe.target:g}" for recipe in RECIPES)
    parser.add_argument(
        "--targets", type=_targets, default=RECIPES, help=f"of time-to-accuracy, some of {known}; default: all"
    )
    rows = ", or of ".join(",".join(works) for _, _, works in TABLES.values())
    parser.add_argument("--rows", help=f"some of {rows}; default: all")
    parser.add_argument("--rounds", type=_count, help=f"turns of each program; default: {ROUNDS}")
    parser.add_argument("--quick", action="store_true", help=f"short turns, {QUICK_ROUNDS} rounds: a rough picture")
    parser.add_argument("--json", action="store_true", help="print the same as one JSON object, the last line")
    parser.add_argument(
        "--python", default=sys.executable, metavar="PATH", help="the interpreter that has torch and scikit-learn"
    )
    return parser


def _targets(text: str) -> list[Recipe]:
    known = {f"{recipe.target:g}": recipe for recipe in RECIPES}
    for target in text.split(","):
        if target not in known:
            raise argparse.ArgumentTypeError(f"no recipe has the target {target!r}; there are {', '.join(known)}")
    return [known[target] for target in text.split(",")]


def _count(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"must be a whole number above 0, got {text!r}")
    return int(text)


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
