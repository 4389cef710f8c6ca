"""How long it takes to open a stored run of 100,000 steps, and to list 1,000 stored runs.

`python -m benchmarks.opening` trains the runs into a temporary folder and prints one JSON object: medians in
milliseconds. A cold list is the first one in a process of its own, a warm one the next in the same process.
"""

from __future__ import annotations

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from nn_core import RunConfig, Trainer, load_mnist
from nn_core.runs import RunRegistry
from nn_core.store import Recorder, RunStore, RunWriter, run_writer
from nn_core.store.reopen import reopen

LONG, STEPS = "00100000", 100_000
N_RUNS = 1_000
ROUNDS = 9
SAVES = 20  # of the long run


def make_long_run(folder: Path) -> None:
    """A run of 100,000 steps with the default settings, as the app leaves it behind."""
    run_writer.SAVE_SECONDS = 0.0
    trainer = Trainer(RunConfig(epochs=1000), load_mnist())
    recorder = Recorder(trainer, RunWriter(RunStore(folder), LONG, trainer.data))
    while trainer.step_count < STEPS and trainer.step():
        recorder.note()
        if trainer.step_count % (STEPS // SAVES) == 0:
            recorder.keep("training")
    trainer.score()
    recorder.went_back()
    recorder.keep("paused")
    if recorder.problem or trainer.stopped:
        raise SystemExit(recorder.problem or trainer.stopped)


def make_many_runs(folder: Path) -> None:
    """1,000 small runs of different settings, each a few steps long."""
    store, data, rates = RunStore(folder), load_mnist(), (0.03, 0.1, 0.3, 1.0)
    for seed in range(N_RUNS):
        config = RunConfig(hidden=(4 + seed % 5,), lr=rates[seed % 4], seed=seed, n_train=200, batch_size=20)
        trainer = Trainer(config, data)
        trainer.step()
        RunWriter(store, f"{seed:08x}", data).save(trainer.checkpoint(), (), "paused")


def milliseconds(work: Callable[[], object]) -> float:
    """How long one call takes."""
    started = time.perf_counter()
    work()
    return 1000 * (time.perf_counter() - started)


def time_opening(folder: Path) -> dict[str, float]:
    """Medians: all that a run needs to go on, read from the disk; and the same with its trainer, ready on a page."""
    data = load_mnist()
    reading, shown = [], []
    for _ in range(ROUNDS + 1):
        reading.append(milliseconds(lambda: reopen(RunStore(folder), LONG, lambda name: data)))
        registry = RunRegistry(RunStore(folder), load=lambda name: data)
        shown.append(milliseconds(lambda: registry.get(LONG)))  # noqa: B023
        registry.close()
    return {"read_ms": statistics.median(reading[1:]), "open_ms": statistics.median(shown[1:])}


def time_listing(folder: Path) -> dict[str, float]:
    """The first and the second list of this process."""
    started = time.perf_counter()
    store = RunStore(folder)
    found = store.runs()
    cold = 1000 * (time.perf_counter() - started)
    warm = milliseconds(store.runs)
    if len(found) != N_RUNS:
        raise SystemExit(f"the list has {len(found)} runs and not {N_RUNS}")
    return {"cold_list_ms": cold, "warm_list_ms": warm}


def time_listing_anew(folder: Path) -> dict[str, float]:
    """The same in a process of its own."""
    code = (
        "import json, pathlib, sys; from benchmarks.opening import time_listing; "
        "print(json.dumps(time_listing(pathlib.Path(sys.argv[1]))))"
    )
    done = subprocess.run([sys.executable, "-c", code, str(folder)], capture_output=True, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def main() -> None:
    """Print the medians."""
    with tempfile.TemporaryDirectory(prefix="glassnet-opening-") as temporary:
        long, many = Path(temporary) / "long", Path(temporary) / "many"
        make_long_run(long)
        make_many_runs(many)
        lists = [time_listing_anew(many) for _ in range(ROUNDS)]
        medians = {name: statistics.median(found[name] for found in lists) for name in lists[0]}
        result = time_opening(long) | medians
        print(json.dumps({"steps": STEPS, "runs": N_RUNS, **{name: round(ms, 2) for name, ms in result.items()}}))


if __name__ == "__main__":
    main()
