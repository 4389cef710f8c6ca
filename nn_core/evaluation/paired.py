"""Two networks on the same images: does one read better, or may that be chance?"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from nn_core.machine.memory import Array

ALPHA = 0.05  # the p-value below which a difference is said to be more than chance


@dataclass(frozen=True)
class Paired:
    """How many images both read rightly, only the one or the other, and neither."""

    both: int
    only_first: int
    only_second: int
    neither: int

    @property
    def n(self) -> int:
        """All images."""
        return self.both + self.only_first + self.only_second + self.neither

    @property
    def p_value(self) -> float:
        """Of McNemar's exact test (1947): how often as uneven a split of the disagreements comes by tossing a coin.

        Both sides counted: 2 P(X <= the fewer), X binomial with 1/2; at most 1. Summed by logarithms, as the numbers
        of ways grow past what a float holds.
        """
        n, fewer = self.only_first + self.only_second, min(self.only_first, self.only_second)
        if self.only_first == self.only_second:
            return 1.0
        ways = [math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1) for k in range(fewer + 1)]
        return min(1.0, 2 * math.fsum(math.exp(way - n * math.log(2)) for way in ways))

    @property
    def is_chance(self) -> bool:
        """Whether the difference may well be chance."""
        return self.p_value >= ALPHA


def paired(labels: Array, first: Array, second: Array) -> Paired:
    """Two networks' predictions int (n,) of the same images with these labels (n,)."""
    one, other = first == labels, second == labels
    counts = [int(np.count_nonzero(each)) for each in (one & other, one & ~other, ~one & other, ~one & ~other)]
    return Paired(*counts)
