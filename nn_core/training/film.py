"""The time machine's film: the weights of one run at steps spaced ever wider, in a bounded amount of memory.

A frame holds half-precision copies, good enough to look at and to begin from; the newest and the best are exact.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from nn_core.config.run_config import RunConfig
from nn_core.machine.memory import Array
from nn_core.nn.network import build_model
from nn_core.training.state import Checkpoint
from nn_core.training.trainer import Trainer

MAX_FRAMES = 64
MAX_BYTES = 32_000_000
MAX_EXACT_BYTES = MAX_BYTES // 4  # of the newest or the best in full precision; a larger one is in its checkpoint only
RATIO = 1.09  # between the steps of a new frame and the one before it; thinning widens it


@dataclass(frozen=True, eq=False)
class Frame:
    """The network as it was at one step: read-only arrays by the names of `Network.weights()`.

    float16, or float32 where float16 cannot hold a value; an `exact` one is float32 as trained.
    """

    step: int
    epoch: float
    images_seen: int
    seconds: float  # of training
    arrays: Mapping[str, Array]
    exact: bool = False

    def __repr__(self) -> str:
        return f"<Frame of step {self.step:,}{', exact' if self.exact else ''}>"

    @cached_property
    def nbytes(self) -> int:
        """Bytes of its arrays."""
        return sum(array.nbytes for array in self.arrays.values())

    def fits(self, shapes: Mapping[str, tuple[int, ...]]) -> bool:
        """Whether it holds the weights of a network of these shapes."""
        found = {name: array.shape for name, array in self.arrays.items()}
        return found == dict(shapes) and all(array.dtype.kind == "f" for array in self.arrays.values())

    def weights(self) -> dict[str, Array]:
        """Read-only float32 arrays, for `network.from_weights`."""
        return {name: _read_only(array.astype(np.float32, copy=False)) for name, array in self.arrays.items()}


def halved(weights: Mapping[str, Array]) -> dict[str, Array]:
    """Read-only float16 copies of float32 arrays; float32 ones of those with a value that float16 cannot hold."""
    largest = np.finfo(np.float16).max
    copies = {}
    for name, array in weights.items():
        fits = array.size == 0 or (-largest <= array.min() and array.max() <= largest)
        copies[name] = _read_only(array.astype(np.float16 if fits else np.float32, order="C"))
    return copies


def _read_only(array: Array) -> Array:
    array.flags.writeable = False
    return array


class Film:
    """The frames of one run: at most MAX_FRAMES and MAX_BYTES of them, in steps of about equal ratio.

    The first frame (step 0, unless the run was imported from a later one) and the newest always stay. Where not even
    one frame fits into MAX_BYTES, there is none.
    """

    def __init__(self, frames: tuple[Frame, ...] = ()) -> None:
        self._spaced: list[Frame] = []  # ascending in step
        self._exact: dict[str, Frame] = {}  # "best" and "latest"
        self._frames: tuple[Frame, ...] | None = ()
        self._next = 0  # the next step of which a frame is wanted
        for frame in frames:
            self.add(frame)

    def __repr__(self) -> str:
        return f"<Film of {len(self.frames())} frames>"

    def wants(self, step: int) -> bool:
        """Whether a frame taken at this step would be kept for a while; cheap enough to ask at every step."""
        return step >= self._next

    def add(self, frame: Frame) -> list[int]:
        """Keep a frame that is newer than all others; returns the steps whose frames made room."""
        if self._spaced and frame.step <= self._spaced[-1].step:
            return []
        self._spaced.append(frame)
        self._frames = None
        self._next = max(frame.step + 1, math.ceil(frame.step * RATIO))
        return self._thin()

    def mark(self, name: str, frame: Frame) -> list[int]:
        """Keep an exact frame as "best" or "latest", in the place of the one before it; returns as `add` does."""
        self._exact.pop(name, None)
        if frame.nbytes <= MAX_EXACT_BYTES:
            self._exact[name] = frame
        self._frames = None
        return self._thin()

    def drop_after(self, step: int) -> None:
        """Forget the frames taken after `step`: a diverged run has gone back to it."""
        self._spaced = [frame for frame in self._spaced if frame.step <= step]
        self._exact = {name: frame for name, frame in self._exact.items() if frame.step <= step}
        last = self._spaced[-1].step if self._spaced else -1
        self._next = max(last + 1, math.ceil(last * RATIO))
        self._frames = None

    def spaced(self) -> tuple[Frame, ...]:
        """The frames without the exact ones."""
        return tuple(self._spaced)

    def frames(self) -> tuple[Frame, ...]:
        """All frames, ascending in step; at the step of an exact one there is no other."""
        if self._frames is None:
            by_step = {frame.step: frame for frame in (*self._spaced, *self._exact.values())}
            self._frames = tuple(by_step[step] for step in sorted(by_step))
        return self._frames

    def _thin(self) -> list[int]:
        """Drop frames until the rest is within the limits, each time the one whose neighbours are closest in ratio."""
        dropped = []
        n_exact = len(self._exact)
        left = MAX_BYTES - sum(frame.nbytes for frame in self._exact.values())
        used = sum(frame.nbytes for frame in self._spaced)
        while self._spaced and (len(self._spaced) + n_exact > MAX_FRAMES or used > left):
            frame = self._spaced.pop(self._closest())
            used -= frame.nbytes
            dropped.append(frame.step)
        return dropped

    def _closest(self) -> int:
        """The place of the frame that is missed least: never the first, and the newest only when there is no other."""
        steps = [frame.step for frame in self._spaced]
        if len(steps) < 3:
            return len(steps) - 1
        return min(range(1, len(steps) - 1), key=lambda at: (steps[at + 1] + 1) / (steps[at - 1] + 1))


def exact_frame(checkpoint: Checkpoint) -> Frame:
    """The weights of a checkpoint by name."""
    model = build_model(checkpoint.config.replace(init="zeros"), np.random.default_rng(0))
    model.flat[...], model.running[...] = checkpoint.arrays["params"], checkpoint.arrays["running"]
    seen, seconds = checkpoint.images_seen, checkpoint.seconds
    return Frame(checkpoint.step, checkpoint.epoch, seen, seconds, model.weights(), exact=True)


def first_frame(config: RunConfig) -> Frame:
    """The network of these settings before any learning."""
    return Frame(0, 0.0, 0, 0.0, halved(Trainer.initial_model(config).weights()))
