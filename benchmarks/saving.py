"""What it costs a training run to be written down: one save, and the share of training time that goes into saves.

`python -m benchmarks.saving` saves real networks into a temporary folder of this disk again and again, with new frames
and curves each time, and prints the median of a save and its share of the ten seconds between two.
"""

from __future__ import annotations

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import argparse
import json
import statistics
import tempfile
import time
from pathlib import Path

from nn_core import RunConfig, Trainer, load_mnist
from nn_core.store import Recorder, RunStore, RunWriter, run_writer

SETTINGS = [((128,), "sgd"), ((128,), "adam"), ((1024,), "sgd"), ((1024,), "adam")]
STEPS_BETWEEN = 30


def measure(hidden: tuple[int, ...], optimizer: str, saves: int, seconds_between: float) -> dict[str, object]:
    """Milliseconds and megabytes of saving a run of these settings."""
    with tempfile.TemporaryDirectory(prefix="glassnet-saving-") as folder:
        trainer = Trainer(RunConfig(hidden=hidden, optimizer=optimizer, lr=0.01), load_mnist())
        store = RunStore(Path(folder))
        recorder = Recorder(trainer, RunWriter(store, "00000000", trainer.data))
        spent, noted = [], []
        for _ in range(saves + 1):
            for _ in range(STEPS_BETWEEN):
                trainer.step()
                started = time.perf_counter()
                recorder.note()
                noted.append(time.perf_counter() - started)
            started = time.perf_counter()
            recorder.keep("training")
            spent.append(time.perf_counter() - started)
        save = statistics.median(spent[1:])
        return {
            "network": f"784-{hidden[0]}-10 {optimizer}",
            "first_save_ms": round(1000 * spent[0], 1),
            "save_ms": round(1000 * save, 1),
            "share_of_time": round(save / seconds_between, 5),
            "note_us": round(1e6 * statistics.median(noted), 2),
            "on_disk_mb": round(store.get("00000000").size / 1e6, 1),
        }


def main() -> None:
    """Print one JSON object a network."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--saves", type=int, default=15)
    options = parser.parse_args()
    between = run_writer.SAVE_SECONDS
    run_writer.SAVE_SECONDS = 0.0  # at every look
    for hidden, optimizer in SETTINGS:
        print(json.dumps(measure(hidden, optimizer, options.saves, between)), flush=True)


if __name__ == "__main__":
    main()
