"""A network in a file of its own: its weights and its settings in an .npz, which needs NumPy alone."""

from __future__ import annotations

import io
import os
from pathlib import Path

import numpy as np

from nn_core.config.errors import ConfigError
from nn_core.config.run_config import RunConfig
from nn_core.machine.disk import write_file
from nn_core.nn.network import Network, from_weights, shapes_of

CONFIG = "config.json"  # beside the arrays
MOST_CONFIG_BYTES = 100_000


def save(network: Network, path: str | os.PathLike[str]) -> Path:
    """Write weights, running statistics and settings to an .npz (the ending is added); returns its path.

    The arrays have their names ("dense1.W", ...), so `numpy.load` opens the file too. Raises OSError.
    """
    import zipfile  # here, as it takes longer to import than all that stands above

    target = Path(path)
    target = target if target.suffix == ".npz" else target.with_name(f"{target.name}.npz")
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(CONFIG, network.config.to_json())
        for name, values in network.weights().items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as stream:
                np.lib.format.write_array(stream, np.ascontiguousarray(values), allow_pickle=False)
    write_file(target, buffer.getvalue())
    return target


def load(path: str | os.PathLike[str]) -> Network:
    """The network in a file that `save` wrote. Raises OSError, and ValueError, one sentence, for any other file."""
    import zipfile

    path = Path(path)
    try:
        with zipfile.ZipFile(path) as archive:
            with archive.open(CONFIG) as stream:
                config = RunConfig.from_json(stream.read(MOST_CONFIG_BYTES).decode())
            weights = {}
            for name, shape in shapes_of(config).items():
                with archive.open(f"{name}.npy") as stream:
                    version = np.lib.format.read_magic(stream)
                    found, fortran, dtype = np.lib.format.read_array_header_1_0(stream)
                    if version != (1, 0) or found != shape or fortran or dtype.kind != "f":
                        raise ValueError(f"{name} must be numbers of shape {shape}, got {dtype} of shape {found}")
                    values = np.frombuffer(stream.read(int(np.prod(shape)) * dtype.itemsize), dtype)
                weights[name] = values.reshape(shape).astype(np.float32)
    except ConfigError as error:
        raise ValueError(f"{path}: no network here has its settings: {error}") from None
    except OSError:
        raise
    except ValueError as error:
        raise ValueError(f"{path} is damaged: {_line(error)}") from None
    except Exception as error:  # zipfile, zlib and NumPy's headers have errors of their own for what is damaged
        raise ValueError(f"{path} is no network that nn_core.save wrote: {_line(error)}") from None
    network = from_weights(config, weights)
    network.config = config  # with the initialization that they began with
    return network


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:100]
