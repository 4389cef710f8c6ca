"""A framework's own process: `python -m nn_core.frameworks.worker NAME` obeys lines of JSON, and answers in lines.

    {"do": "begin", "config": {...}, "ours": true}    a network of these settings; with `ours`, with our initial weights
    {"do": "try", "seconds": 0.5, "all": true}        which way to run it is the quickest; that one is used
    {"do": "train", "epochs": 1}                      so many epochs in its own order -> seconds
    {"do": "follow", "batches": 20}                   the next of our batches -> the loss of each
    {"do": "score", "splits": ["val"]}                accuracy of each split, and the peak of the memory so far

The first line of all tells how long the import took. An answer {"problem": ...} is a sentence; the process lives on.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from itertools import count, islice
from typing import Any, TextIO

import numpy as np

from nn_core.config.foreign import parse_object
from nn_core.config.run_config import RunConfig
from nn_core.data import Dataset, load_dataset
from nn_core.frameworks import FRAMEWORKS, Framework
from nn_core.frameworks.framework import Net, Variant
from nn_core.frameworks.inputs import batches_of_epoch
from nn_core.machine.memory import Array
from nn_core.machine.threads import n_cores
from nn_core.training.trainer import Trainer

FIRST_IMAGES = 2_048  # of a short pass that warms up or is timed


def import_seconds(packages: tuple[str, ...]) -> float:
    """How long importing them takes in a process of its own."""
    code = f"import time; t = time.perf_counter(); import {', '.join(packages)}; print(time.perf_counter() - t)"
    return float(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout)


class Work:
    """What a worker holds: one network at a time."""

    def __init__(self, framework: Framework) -> None:
        is_imported = all(package in sys.modules for package in framework.packages)  # ours, by this very module
        started = time.perf_counter()
        self._net = framework.net()
        elapsed = time.perf_counter() - started
        self.import_seconds = import_seconds(framework.packages) if is_imported else elapsed
        self.framework = framework
        self._config = RunConfig()
        self._data: Dataset | None = None
        self._weights: Mapping[str, Array] | None = None
        self._batches: Iterator[Array] = iter(())
        self._variant: Variant = {}
        self.net: Net | None = None

    def __repr__(self) -> str:
        return f"<Work of {self.framework.label}>"

    @property
    def data(self) -> Dataset:
        """The images of the settings."""
        if self._data is None:
            self._data = load_dataset(self._config.dataset)
        return self._data

    def begin(self, config: Mapping[str, Any], ours: bool = False) -> dict[str, Any]:
        """Build the network."""
        self._config = RunConfig.from_dict(config)
        self._data = None
        self._config = self._config.replace(n_train=min(self._config.n_train, len(self.data.train_images)))
        self._weights = Trainer.initial_model(self._config).weights() if ours else None
        self._batches = (batch for epoch in count() for batch in batches_of_epoch(self._config, epoch))
        self._variant = self._net.variants(self._config, 1)[0]
        self._build()
        return {}

    def _build(self) -> None:
        self.net = None  # its memory first
        self.net = self._net(self._config, self.data, self._weights, self._variant)

    def try_all(self, seconds: float, all: bool) -> dict[str, Any]:
        """Time each way to run it, and begin anew in the quickest one."""
        cores = n_cores()
        variants = self._net.variants(self._config, cores)
        tried: list[dict[str, Any]] = []
        for self._variant in variants if all else [one for one in variants if not one.get("compile")]:
            try:
                self._build()
                tried.append({"variant": dict(self._variant), **self._time_it(seconds)})
            except Exception as error:
                tried.append({"variant": dict(self._variant), "problem": f"{type(error).__name__}: {error}"[:200]})
        worked = [one for one in tried if "samples_per_second" in one]
        if not worked:
            raise RuntimeError(tried[0]["problem"])
        best = max(worked, key=lambda one: one["samples_per_second"])
        self._variant = best["variant"]
        self._build()
        return {"tried": tried, "variant": best["variant"], "first_step_seconds": best["first_step_seconds"]}

    def _time_it(self, seconds: float) -> dict[str, float]:
        """The first step, with all that is compiled then; and samples a second after it."""
        assert self.net is not None
        n = min(self._config.n_train, max(FIRST_IMAGES, self._config.effective_batch(self._config.n_train)))
        size = self._config.effective_batch(self._config.n_train)
        first = _seconds(lambda: self.net.train(min(n, size)))  # type: ignore[union-attr]
        spent, images = 0.0, 0
        while spent < seconds:
            spent += _seconds(lambda: self.net.train(n))  # type: ignore[union-attr]
            images += n
        return {"samples_per_second": images / spent, "first_step_seconds": first}

    def train(self, epochs: int) -> dict[str, Any]:
        """So many epochs."""
        assert self.net is not None
        net, n = self.net, self._config.n_train
        return {"seconds": _seconds(lambda: [net.train(n) for _ in range(epochs)])}

    def follow(self, batches: int) -> dict[str, Any]:
        """The next of our batches."""
        assert self.net is not None
        return {"losses": self.net.follow(islice(self._batches, batches))}

    def score(self, splits: list[str]) -> dict[str, Any]:
        """Accuracies, and the peak of this process' memory in megabytes."""
        assert self.net is not None
        data, n = self.data, self._config.n_train
        images = {
            "train": (data.train_images[:n], data.train_labels[:n]),
            "val": (data.val_images, data.val_labels),
            "test": (data.test_images, data.test_labels),
        }
        found = {
            f"{name}_accuracy": float(np.mean(self.net.predict(images[name][0]) == images[name][1])) for name in splits
        }
        n_weights = sum(
            array.size for name, array in self.net.weights().items() if not name.endswith((".mean", ".var"))
        )
        return {**found, "n_weights": n_weights, "peak_memory_mb": _peak_mb()}

    def versions(self) -> dict[str, str]:
        """Of its packages; Keras names its backend."""
        found = {}
        for name in self.framework.packages:
            package = sys.modules.get(name)
            found[name] = str(getattr(package, "__version__", "")) or importlib.metadata.version(name)
        if "keras" in found:
            import keras

            found["keras"] += f" on {keras.backend.backend()}"
        return found


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _peak_mb() -> float | None:
    try:
        import resource
    except ImportError:  # Windows
        return None
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 if sys.platform != "darwin" else 1024**2)


def main(name: str, answers: TextIO) -> None:
    """Obey standard input to its end."""

    def answer(values: Mapping[str, Any]) -> None:
        print(json.dumps(values), file=answers, flush=True)

    try:
        work = Work(FRAMEWORKS[name])
    except Exception as error:
        answer({"problem": f"it cannot be imported ({type(error).__name__}: {str(error)[:200]})"})
        return
    answer({"import_seconds": work.import_seconds, "versions": work.versions()})
    obey: dict[str, Callable[..., dict[str, Any]]] = {
        "begin": work.begin,
        "try": work.try_all,
        "train": work.train,
        "follow": work.follow,
        "score": work.score,
    }
    for line in sys.stdin:
        order = parse_object(line, "the order")
        try:
            answer(obey[order.pop("do")](**order))
        except Exception as error:
            answer({"problem": str(error)[:300] or type(error).__name__})


if __name__ == "__main__":
    told = os.fdopen(os.dup(1), "w")  # what a library prints must not look like an answer
    os.dup2(2, 1)
    main(sys.argv[1], told)
