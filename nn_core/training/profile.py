"""What a training step costs: how long an epoch takes here, and where in a step the time goes, part by part.

`python -m nn_core profile --hidden 512 --optimizer adam` prints the parts. One clock runs all the time; whenever the
step enters another part of its work, the time since goes to the part before.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from nn_core.config.run_config import RunConfig
from nn_core.data import Dataset
from nn_core.kernels.mlp import MLPKernel
from nn_core.machine.numbers import percent
from nn_core.training.state import Scores
from nn_core.training.trainer import Trainer

NEVER = 1_000_000  # steps between two scorings
BAR = 40  # characters of the longest bar
PARTS = {
    "guards": "a copy of the state now and then, finite loss and weights",
    "order": "the next indices, the schedule",
    "gather": "the batch's pixels, as bytes",
    "augment": "shifts, rotations and the like",
    "widen": "bytes to scaled floats",
    "forward": "up to the logits",
    "softmax": "the loss and its gradient",
    "backward": "the gradients of all parameters",
    "waiting": "for the other half of the batch, where a second thread has it, and adding its gradients",
    "penalties": "penalties, clipping, max-norm",
    "optimizer": "the update of all parameters",
    "history": "the batch's loss and what is measured beside",
}
COARSE = {  # where gradients come from a step that is not cut further
    **{name: PARTS[name] for name in ("guards", "order", "augment")},
    "gradients": "from the images to the gradients of all parameters",
    **{name: PARTS[name] for name in ("penalties", "optimizer", "history")},
}


@dataclass(frozen=True)
class Profile:
    """Microseconds of a step: alone, and part by part with the clock running (which itself takes a little)."""

    step_us: float
    parts_us: dict[str, float]
    n_steps: int

    @property
    def clock_us(self) -> float:
        """What measuring added to a step."""
        return sum(self.parts_us.values()) - self.step_us

    def table(self) -> str:
        """One line a part, with its share of the time and a bar."""
        total = sum(self.parts_us.values())
        longest = max(self.parts_us.values())
        about = PARTS | COARSE
        lines = [
            f"{name:<10}{us:>11,.1f} us{percent(us / total):>8}  "
            f"{'#' * round(BAR * us / longest):<{BAR}}  {about[name]}"
            for name, us in self.parts_us.items()
        ]
        return "\n".join([*lines, f"{'a step':<10}{self.step_us:>11,.1f} us  ({self.clock_us:+.1f} us with the clock)"])


class _Clock:
    """Seconds by part; `part` is the one that runs."""

    def __init__(self) -> None:
        self.seconds = dict.fromkeys(PARTS | COARSE, 0.0)
        self.part = "guards"
        self.since = time.perf_counter()

    def enter(self, part: str) -> None:
        now = time.perf_counter()
        self.seconds[self.part] += now - self.since
        self.part, self.since = part, now

    def around(self, owner: Any, name: str, inside: str, after: str = "") -> None:
        """From now on, the method `owner.name` counts as `inside`, what follows as `after` or as what was before."""
        method: Callable[..., Any] = getattr(owner, name)

        def timed(*arguments: Any) -> Any:
            before = self.part
            self.enter(inside)
            result = method(*arguments)
            self.enter(after or before)
            return result

        setattr(owner, name, timed)

    def watch(self, trainer: Trainer) -> None:
        """Cut the trainer's step into parts; it must not be used for anything else afterwards."""
        self.around(trainer, "_update", "order", "guards")
        self.around(trainer.optimizer, "step", "optimizer", "penalties")
        self.around(trainer, "_note_batch_loss", "history", "guards")
        kernel = trainer._kernel
        if kernel.augment is not None:
            self.around(kernel, "augment", "augment")
        if not isinstance(kernel, MLPKernel):
            self.around(kernel, "gradients", "gradients", "penalties")
            return
        worker = kernel.workers[0]
        self.around(kernel, "_gradients", "gather", "penalties")
        self.around(worker, "_widen", "widen")
        self.around(worker, "_forward", "forward")
        self.around(worker, "_softmax", "softmax")
        self.around(worker, "_backward", "backward")
        self.around(worker, "walk", "gather", "waiting")


def profile(config: RunConfig, data: Dataset, seconds: float = 1.0) -> Profile:
    """Train for about `seconds` without the clock and as long with it; nothing is scored on the way.

    Raises ArithmeticError with the trainer's sentence when the training diverges.
    """
    trainer = Trainer(config.replace(eval_every=NEVER, early_stopping=0), data)
    trainer.train_for(seconds / 4)  # warm
    started = time.perf_counter()
    n_steps = trainer.train_for(seconds)
    alone = (time.perf_counter() - started) / max(1, n_steps)
    clock = _Clock()
    clock.watch(trainer)
    n_clocked = trainer.train_for(seconds)
    clock.enter("guards")
    if trainer.stopped:
        raise ArithmeticError(trainer.stopped)
    names = PARTS if isinstance(trainer._kernel, MLPKernel) else COARSE
    parts = {name: 1e6 * clock.seconds[name] / n_clocked for name in names}
    return Profile(1e6 * alone, parts, n_steps)


def measure_epoch_seconds(config: RunConfig, data: Dataset, budget: float = 0.12) -> float:
    """Seconds that one epoch of these settings takes on this machine, from a few real steps on a throwaway network."""
    n_train = min(config.n_train, len(data.train_images))
    batch = min(config.effective_batch(n_train), 1024)
    trial = Trainer(config.replace(n_train=n_train, batch_size=batch, eval_every=1_000_000, early_stopping=0), data)
    trial.scores = _NO_SCORES  # the first step would otherwise score the fresh network
    trial.step()  # allocates
    times: list[float] = []
    until = time.perf_counter() + budget
    while time.perf_counter() < until or len(times) < 2:
        started = time.perf_counter()
        if not trial.step():
            break
        times.append(time.perf_counter() - started)
    return float(np.median(times)) * n_train / batch if times else float("nan")


_NO_SCORES = Scores(0, 0.0, 0.0, 0.0, 0.0, 0.0, np.zeros((10, 10), np.int64))
