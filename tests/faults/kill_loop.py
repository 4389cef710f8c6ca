"""Kills a training process again and again in the middle of saving, and looks at what it left.

    python -m tests.faults.kill_loop FOLDER ROUNDS SEED

Prints one JSON object a round. Each process goes on with the run that the last one left; in turns it is killed by
itself at a random call on its way to the disk (half a write, an fsync, a rename, a removal), and by its parent at a
random moment. A program of its own, because it forks, and threads of a test session would not survive that.
"""

from __future__ import annotations

import os

os.environ["OPENBLAS_NUM_THREADS"] = "1"

import builtins
import json
import random
import signal
import sys
import time
from pathlib import Path
from typing import Any

from nn_core import Dataset, RunConfig, Trainer, load_mnist
from nn_core.machine import disk
from nn_core.store import run_writer
from nn_core.store.recorder import Recorder
from nn_core.store.reopen import reopen
from nn_core.store.run_store import RunStore
from nn_core.store.run_writer import RunWriter

RUN_ID = "0badc0de"
CONFIG = RunConfig(
    hidden=(12,), n_train=1_000, batch_size=50, optimizer="adam", dropout=0.2, rotation=5.0, epochs=1000, eval_every=5
)
MAX_EVENTS, MAX_SECONDS = 120, 0.25


class Fatal:
    """Counts calls on the way to the disk and kills this process at a chosen one."""

    def __init__(self, at: int) -> None:
        self.left = at

    def happen(self) -> None:
        self.left -= 1
        if self.left <= 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def around(self, call: Any) -> Any:
        def deadly(*arguments: Any, **more: Any) -> Any:
            self.happen()
            result = call(*arguments, **more)
            self.happen()
            return result

        return deadly

    def open(self, *arguments: Any, **more: Any) -> Any:
        stream = builtins.open(*arguments, **more)  # noqa: SIM115  (what it is wrapped in closes it)
        fatal = self

        class Torn:
            def write(self, data: bytes) -> None:
                half = len(data) // 2
                stream.write(data[:half])
                stream.flush()
                fatal.happen()
                stream.write(data[half:])

            def __enter__(self) -> Torn:
                return self

            def __exit__(self, *_: object) -> None:
                stream.close()

            def __getattr__(self, name: str) -> Any:
                return getattr(stream, name)

        return Torn()


def train(folder: Path, data: Dataset, acknowledged: int) -> None:
    """Train and save without end; each saved step is told to the parent."""
    store = RunStore(folder)
    if RUN_ID in store:
        found = reopen(store, RUN_ID, lambda name: data)
        trainer = Trainer.resume(found.checkpoint, data)
        recorder = Recorder(trainer, found.writer, found.film, None, found.best_accuracy)
    else:
        trainer = Trainer(CONFIG, data)
        recorder = Recorder(trainer, RunWriter(store, RUN_ID, data))
    while True:
        trainer.step()
        recorder.note()
        if trainer.step_count % 2 == 0:
            recorder.keep("training")
            if recorder.problem:
                raise SystemExit(recorder.problem)
            os.write(acknowledged, f"{trainer.step_count}\n".encode())


def one_round(folder: Path, data: Dataset, rng: random.Random, by_parent: bool) -> int:
    """Run a trainee until it is killed; the last step that it had saved before, 0 when it had none."""
    at = rng.randint(1, MAX_EVENTS)
    wait = rng.random() * MAX_SECONDS
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reading)
        if not by_parent:
            fatal = Fatal(at)
            disk.open = fatal.open  # type: ignore[attr-defined]
            for name in ("fsync", "replace", "unlink"):
                setattr(os, name, fatal.around(getattr(os, name)))
        try:
            train(folder, data, writing)
        finally:
            os._exit(1)
    os.close(writing)
    if by_parent:
        time.sleep(wait)
        os.kill(pid, signal.SIGKILL)
    with os.fdopen(reading) as stream:
        steps = stream.read().splitlines()
    status = os.waitpid(pid, 0)[1]
    if not os.WIFSIGNALED(status):
        raise SystemExit(f"the trainee ended by itself with {status}")
    return int(steps[-1]) if steps else 0


def main(folder: Path, rounds: int, seed: int) -> None:
    run_writer.SAVE_SECONDS = 0.0
    mnist = load_mnist()
    few = {f"{split}_{what}": getattr(mnist, f"{split}_{what}")[:1_000] for split in ("train", "val", "test")
           for what in ("images", "labels")}  # fmt: skip
    data = Dataset("few", "few", mnist.class_names, **few)
    rng = random.Random(seed)
    reference = Trainer(CONFIG, data)
    saved = 0
    for at in range(rounds):
        saved = max(saved, one_round(folder, data, rng, by_parent=at % 2 == 1))
        store = RunStore(folder)
        result: dict[str, Any] = {"round": at, "saved": saved, "problems": [], "step": 0, "exact": True}
        if RUN_ID in store or saved:
            listed = [run.id for run in store.runs()]
            loaded = store.load(RUN_ID)
            result["step"] = step = loaded.checkpoint.step
            reference.replay([], step)
            now = reference.checkpoint()
            result["exact"] = reference.step_count == step and all(
                loaded.checkpoint.arrays[name].tobytes() == array.tobytes() for name, array in now.arrays.items()
            )
            names = ("train/loss", "val/accuracy", "batch/loss")
            result["curves"] = all(
                loaded.checkpoint.history[n].value.tobytes() == now.history[n].value.tobytes() for n in names
            )
            film = [frame.step for frame in store.film(RUN_ID)]
            result["film"] = film[0] == 0 and film == sorted(set(film)) and film[-1] <= step
            result["problems"] = [*store.problems(), *loaded.skipped, *([] if listed == [RUN_ID] else ["not listed"])]
        store.sweep()
        left = [path.name for path in folder.rglob("*.tmp")]
        print(json.dumps({**result, "orphans": left}), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
