"""How many images a run trains on in a second of training."""

from __future__ import annotations

MEASURED_SECONDS = 0.5  # of training, over which it is measured


class Rate:
    """Images per second, over the last half second of training; pauses do not count."""

    def __init__(self) -> None:
        self.per_second = 0.0
        self._since = (0.0, 0)  # seconds of training, and images seen

    def __repr__(self) -> str:
        return f"<Rate: {self.per_second:,.0f} images per second>"

    def begin(self, seconds: float, images: int) -> None:
        """Training begins, or goes on, after so many seconds of training and images seen."""
        self._since = seconds, images

    def measure(self, seconds: float, images: int) -> None:
        """So far has training come."""
        passed = seconds - self._since[0]
        if passed >= MEASURED_SECONDS:
            self.per_second = (images - self._since[1]) / passed
            self._since = seconds, images
        elif not self.per_second and seconds:
            self.per_second = images / seconds
