"""A share that was counted on some images, and where it may lie on all images of the kind."""

from __future__ import annotations

import math
from dataclasses import dataclass

Z95 = 1.959963984540054  # of a normal variable, 95 % lie within so many deviations of its mean


@dataclass(frozen=True)
class Share:
    """`right` of `n` images."""

    right: int
    n: int

    @property
    def value(self) -> float:
        """The share, in [0, 1]; nan of no images."""
        return self.right / self.n if self.n else math.nan

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval of Wilson 1927, in [0, 1]; (0, 1) of no images.

        Unlike value ± 1.96 deviations it stays within [0, 1], and holds of shares near 1 and of few images.
        """
        if not self.n:
            return 0.0, 1.0
        p, z2 = self.right / self.n, Z95**2
        middle = (p + z2 / (2 * self.n)) / (1 + z2 / self.n)
        half = Z95 / (1 + z2 / self.n) * math.sqrt(p * (1 - p) / self.n + z2 / (4 * self.n**2))
        low = 0.0 if self.right == 0 else max(0.0, middle - half)
        return low, 1.0 if self.right == self.n else min(1.0, middle + half)
