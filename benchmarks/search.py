"""A search measured: what two workers do over one, how soon a worker takes its next trial, what forty trials find.

`python -m benchmarks.search` runs real workers on an SQLite file in a temporary folder. Speed is that of 784-64-10
within three epochs, nothing pruned. The forty trials have the same network and epochs; the winner is trained again
on three seeds that the search has not seen, beside the default settings. The figures need two idle cores.
"""

from __future__ import annotations

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from itertools import pairwise
from typing import Any

from nn_core import RunConfig, Trainer, load_mnist
from nn_core.search import SearchSpec, Span, Values, create_search, start_workers
from nn_core.search.study import load_study
from nn_core.search.watch import SearchView, read_search

BASE = RunConfig(hidden=(64,), epochs=3)
FRESH_SEEDS = (1, 2, 3)
SPEED_TRIALS = 12
FOUND_TRIALS = 40
VARY: dict[str, Any] = {
    "lr": Span(0.001, 0.05, log=True),
    "optimizer": Values(("momentum", "adam", "adamw", "muon")),
    "batch_size": Values((32, 64, 128, 256)),
    "schedule": Values(("constant", "cosine", "linear")),
    "input_scaling": Values(("unit", "standard")),
    "init": Values(("he", "xavier")),
    "label_smoothing": Span(0.0, 0.2),
}


def run(name: str, spec: SearchSpec, workers: int) -> SearchView:
    """The finished search."""
    create_search(name, spec)
    started = start_workers(name, workers)
    try:
        if any(process.wait() for process in started):
            sys.exit(f"a worker of {name} failed")
    finally:
        for process in started:
            process.kill()
    return read_search(load_study(name, heartbeat=False))


def by_worker(view: SearchView) -> list[list[Any]]:
    """Each worker's trials, in order."""
    rows = list(zip(view.read, view.trials, strict=True))
    workers = {row.worker for row in view.trials}
    own = [[trial for trial, row in rows if row.worker == worker] for worker in workers]
    return [sorted(trials, key=lambda trial: trial.started) for trials in own]


def rate(view: SearchView) -> float:
    """Trials a second while all workers train: the programs' start, a second or two, is left out."""
    spans = [(trials[-1].ended - trials[0].started).total_seconds() for trials in by_worker(view)]
    return sum(len(trials) / span for trials, span in zip(by_worker(view), spans, strict=True))


def between_trials(view: SearchView) -> list[float]:
    """Seconds between the end of a trial and the begin of the next one of the same worker."""
    pairs = [pair for trials in by_worker(view) for pair in pairwise(trials)]
    return [(after.started - before.ended).total_seconds() for before, after in pairs]


def plain_rate(n: int) -> float:
    """Trainings a second of n processes that train the same network, without a search: what the machine can do."""
    code = (
        "import time; from nn_core import RunConfig, Trainer, load_mnist\n"
        f"times = []\nfor _ in range({SPEED_TRIALS // 2}):\n"
        "    started = time.perf_counter(); Trainer(RunConfig(hidden=(64,), epochs=3), load_mnist()).train_epochs(3)\n"
        "    times.append(time.perf_counter() - started)\n"
        "print(sum(times[1:]) / len(times[1:]))"
    )
    started = [subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) for _ in range(n)]
    return sum(1 / float(process.communicate()[0]) for process in started)


def speed(rounds: int) -> dict[str, Any]:
    """Trials a second with one worker and with two, in turns; and the time between trials."""
    spec = SearchSpec(BASE, {"lr": Span(0.05, 0.2, log=True)}, "random", "none", SPEED_TRIALS)
    rates: dict[int, list[float]] = {1: [], 2: []}
    gaps: list[float] = []
    for round_ in range(rounds):
        for workers, measured in rates.items():
            view = run(f"speed {workers} {round_}", spec, workers)
            measured.append(rate(view))
            gaps += between_trials(view)
    one, two = (statistics.median(each) for each in rates.values())
    return {
        "trials_per_second_1": one,
        "trials_per_second_2": two,
        "speedup": two / one,
        "speedup_without_search": plain_rate(2) / plain_rate(1),
        "next_trial_median_s": statistics.median(gaps),
        "next_trial_max_s": max(gaps),
    }


def found(seed: int) -> dict[str, Any]:
    """What forty trials find, and how its best does on fresh seeds beside the default settings."""
    spec = SearchSpec(BASE, VARY, "tpe", "median", FOUND_TRIALS, seed=seed)
    started = time.perf_counter()
    view = run("found", spec, 2)
    seconds = time.perf_counter() - started
    assert view.best is not None and view.best.config is not None
    winner, default = (fresh_accuracies(config) for config in (view.best.config, BASE))
    return {
        "seconds": seconds,
        "epochs_saved": view.epochs_saved,
        "best_val_accuracy": view.best.values[0] if view.best.values else None,
        "best": view.best.config.title(),
        "fresh_seeds": list(FRESH_SEEDS),
        "winner_val_accuracy": winner,
        "default_val_accuracy": default,
        "margin": statistics.median(winner) - statistics.median(default),
    }


def fresh_accuracies(config: RunConfig) -> list[float]:
    """Validation accuracy after the last epoch, of each fresh seed."""
    accuracies = []
    for seed in FRESH_SEEDS:
        trainer = Trainer(config.replace(seed=seed), load_mnist())
        trainer.train_epochs(config.epochs)
        accuracies.append(trainer.score().val_accuracy)
    return accuracies


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.search", description=__doc__)
    parser.add_argument("--only", choices=["speed", "found"], help="one half of it")
    parser.add_argument("--rounds", type=int, default=2, help="of the speed; default: 2")
    parser.add_argument("--seed", type=int, default=0, help="of the search; default: 0")
    options = parser.parse_args()
    result: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="glassnet-search-") as folder:
        os.environ["GLASSNET_RUNS"] = folder
        started = time.perf_counter()
        if options.only != "found":
            result |= speed(options.rounds)
        if options.only != "speed":
            result |= found(options.seed)
        result["benchmark_seconds"] = time.perf_counter() - started
    for name, value in result.items():
        print(f"{name:24} {value:.4g}" if isinstance(value, float) else f"{name:24} {value}")
    print(json.dumps(result))


if __name__ == "__main__":
    main()
