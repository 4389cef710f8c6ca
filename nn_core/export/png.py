"""A picture as a PNG in a data: address, as pages and charts show it."""

from __future__ import annotations

import base64
import io

from nn_core.machine.memory import Array


def png_uri(pixels: Array, table: Array | None = None, clear: int | None = None) -> str:
    """The PNG of `pixels` uint8 (height, width): greys, or rows of the colour `table` uint8 (256, 3).

    A palette keeps it small: one byte a pixel, a third of RGB. The row `clear` of the table is transparent.
    """
    from PIL import Image

    image = Image.fromarray(pixels)
    if table is not None:
        image.putpalette(table.tobytes())
    buffer = io.BytesIO()
    image.save(buffer, "PNG", compress_level=3, **({} if clear is None else {"transparency": clear}))
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")
