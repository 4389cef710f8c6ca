"""The averaged network: a mean of the weights over the last steps, often better than the weights themselves."""

from __future__ import annotations

import numpy as np

from nn_core.machine.memory import Array


class WeightAverage:
    """w_ema <- b w_ema + (1 - b) w, in place, of parameters (n,); `values` is their average.

    `horizon` is over about how many steps: b = 1 - 1 / horizon. Until so many have been seen it is their plain mean,
    so that the first weights do not stay on. Polyak & Juditsky 1992; Izmailov et al. 2018; the beginning as in
    Tarvainen & Valpola 2017. State for a checkpoint: `values` and `n_seen`.
    """

    def __init__(self, n: int, horizon: float, values: Array | None = None, n_seen: int = 0) -> None:
        if not horizon >= 1:
            raise ValueError(f"an average needs a horizon of at least 1 step, got {horizon:g}")
        self.horizon, self.n_seen = horizon, n_seen
        self.values = np.zeros(n, np.float32) if values is None else values
        self._scratch = np.empty_like(self.values)

    def __repr__(self) -> str:
        return f"<WeightAverage over {self.horizon:g} steps, {self.n_seen:,} seen>"

    def see(self, weights: Array) -> None:
        """Take in the weights of one more step: three passes over them."""
        self.n_seen += 1
        share = max(1 / self.horizon, 1 / self.n_seen)
        np.subtract(weights, self.values, out=self._scratch)
        self._scratch *= self.values.dtype.type(share)
        self.values += self._scratch
