"""Our step: `Trainer.step`, as `python -m nn_core train` calls it, with its history and its guards on.

Scoring is off (eval_every beyond the end), because the other programs score nothing either. BLAS has one thread, as on
the command line; what is cut in two says so.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from benchmarks.programs.worker import Steps, serve
from nn_core import RunConfig, Trainer, load_dataset
from nn_core.kernels.mlp import MLPKernel
from nn_core.machine.threads import blas_name, n_cores, set_blas_threads

PEAK_SIZE = 1536  # rows and columns of the product that shows the machine's own speed


def prepare(settings: dict[str, Any]) -> tuple[Steps, dict[str, Any]]:
    """The trainer's steps."""
    config = RunConfig.from_dict(settings["config"])
    set_blas_threads(1)
    trainer = Trainer(config, load_dataset(config.dataset))

    def steps(n: int) -> None:
        for _ in range(n):
            if not trainer.step():
                raise RuntimeError(trainer.stopped)

    kernel = trainer._kernel
    assert isinstance(kernel, MLPKernel)
    threads = 2 if kernel.is_cut(config.effective_batch(config.n_train)) else 1
    return steps, {"threads": threads, "version": f"NumPy {np.__version__}", "blas": blas_name()}


def sgemm_speed() -> dict[str, float]:
    """What all cores reach in one large product: {"gflops": 1e9 float32 multiplications and additions a second}."""
    set_blas_threads(n_cores())
    left, right = (np.random.default_rng(0).random((PEAK_SIZE, PEAK_SIZE), dtype=np.float32) for _ in range(2))
    out = np.empty_like(left)
    best = float("inf")
    for _ in range(10):
        started = time.perf_counter()
        np.dot(left, right, out=out)
        best = min(best, time.perf_counter() - started)
    return {"gflops": 2 * PEAK_SIZE**3 / best / 1e9}


if __name__ == "__main__":
    serve(prepare, at_the_end=sgemm_speed)
