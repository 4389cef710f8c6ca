"""What the programs of the comparison share: wait for "go", make a fixed number of steps, say how long a step took.

Answers are lines of JSON on stdout. The number of steps of a round is found once, after warming up.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable
from typing import Any

from nn_core import RunConfig

Steps = Callable[[int], object]  # makes so many training steps
Epochs = list[tuple[float, float]]  # at the end of each epoch: seconds since the start, accuracy on validation
Train = Callable[[RunConfig], Epochs]
Prepare = Callable[[dict[str, Any]], tuple[Steps, dict[str, Any]]]  # settings -> the steps, and facts on the program


def serve(prepare: Prepare, at_the_end: Callable[[], dict[str, Any]] = dict) -> None:
    """Obey stdin: "go" makes a round, "end" asks for peak memory and what `at_the_end` adds.

    The settings are the first argument, as JSON; `seconds` among them is what a round should last. A package that is
    missing is said in the answer {"missing": its name}.
    """
    settings = json.loads(sys.argv[1])
    steps, facts = _or_missing(prepare, settings)
    n_steps = _steps_in(settings["seconds"], steps)
    _answer({**facts, "steps": n_steps})
    for line in sys.stdin:
        if line.strip() != "go":
            break
        _answer({"us": 1e6 * _seconds(steps, n_steps) / n_steps})
    _answer({"memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, **at_the_end()})


def serve_trainings(prepare: Callable[[dict[str, Any]], tuple[Train, dict[str, Any]]]) -> None:
    """Obey stdin: a line is a seed, the answer {"epochs": the training's Epochs}. A short training warms up."""
    settings = json.loads(sys.argv[1])
    train, facts = _or_missing(prepare, settings)
    config = RunConfig.from_dict(settings["config"])
    train(config.replace(n_train=2_000, epochs=1))
    _answer(facts)
    for line in sys.stdin:
        _answer({"epochs": train(config.replace(seed=int(line)))})


def _or_missing(prepare: Callable[[dict[str, Any]], Any], settings: dict[str, Any]) -> Any:
    """What `prepare` gives; where a package is not installed, its name is the answer and the program ends."""
    try:
        return prepare(settings)
    except ModuleNotFoundError as error:
        _answer({"missing": error.name})
        sys.exit(0)


def _steps_in(seconds: float, steps: Steps) -> int:
    """How many steps last about `seconds`; the trials are the warm-up."""
    _seconds(steps, 1)
    n, spent = 1, 0.0
    while spent < seconds / 4:
        n *= 2
        spent = _seconds(steps, n)
    return max(2, round(seconds * n / spent))


def _seconds(steps: Steps, n: int) -> float:
    started = time.perf_counter()
    steps(n)
    return time.perf_counter() - started


def _answer(values: dict[str, Any]) -> None:
    print(json.dumps(values), flush=True)
