"""From a drawing to an MNIST image, the network that reads drawings from the start, and how far to trust a reading."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nn_core.sketch.reading import Readings, read

__all__ = ["Readings", "read"]


def __getattr__(name: str) -> Any:
    """`read` and `Readings`, imported when they are first asked for."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import nn_core.sketch.reading

    return getattr(nn_core.sketch.reading, name)
