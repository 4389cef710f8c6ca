"""Takes a run elsewhere (weights, ONNX, curves, a script, a run card, an archive) and imports weights and archives.

Each format has a file of its own, and `FORMATS` lists them. Packages beyond NumPy are imported where they are used;
`Format.missing` names the command that installs those that are missing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec

from nn_core.data import Dataset
from nn_core.export.card import to_card
from nn_core.export.curves import to_csv, to_parquet, to_tensorboard
from nn_core.export.importing import ENDINGS, bring_in
from nn_core.export.keras_script import to_keras_zip
from nn_core.export.onnx_graph import to_onnx
from nn_core.export.run_zip import to_archive
from nn_core.export.script import to_script
from nn_core.export.source import ExportError, ExportSource, from_snapshot, from_store
from nn_core.export.torch_script import to_torch_zip
from nn_core.export.weights import to_npz, to_safetensors

__all__ = [
    "ENDINGS",
    "FORMATS",
    "ExportError",
    "ExportSource",
    "Format",
    "bring_in",
    "export",
    "from_snapshot",
    "from_store",
    "to_archive",
]

APP, EXTRA = "requirements.txt", "requirements-export.txt"  # the files that name what a format needs


@dataclass(frozen=True)
class Format:
    """A format to export a run in. `make` gives the bytes of one file; with `reads_data` it gets the data set too."""

    name: str
    label: str
    help: str
    ending: str
    mime: str
    make: Callable[[ExportSource], bytes] | Callable[[ExportSource, Dataset], bytes]
    reads_data: bool = False
    packages: tuple[str, ...] = ()
    requirements: str = APP

    @property
    def missing(self) -> str:
        """One sentence when a package that it needs is not installed, else ""."""
        absent = [name for name in self.packages if find_spec(name) is None]
        if not absent:
            return ""
        which = " and ".join(absent)
        return f"{self.label} needs {which}: pip install -r {self.requirements}"

    def file_name(self, source: ExportSource) -> str:
        """What the file is called."""
        return f"{source.stem}{self.ending}"


FORMATS: Mapping[str, Format] = {
    form.name: form
    for form in (
        Format(
            "card",
            "Run card",
            "One page with settings, curves, filters and the confusion matrix on the test images.",
            ".html",
            "text/html",
            to_card,
            reads_data=True,
            packages=("jinja2", "PIL"),
        ),
        Format(
            "safetensors",
            "Weights (safetensors)",
            "Every array under its name, with the settings; can be brought in again.",
            ".safetensors",
            "application/octet-stream",
            to_safetensors,
            packages=("safetensors",),
        ),
        Format(
            "npz", "Weights (NumPy)", "Every array under its name, for numpy.load.", ".npz", "application/zip", to_npz
        ),
        Format(
            "onnx",
            "Model (ONNX)",
            "For other runtimes: images uint8 (n, 28, 28) in, probabilities out.",
            ".onnx",
            "application/octet-stream",
            to_onnx,
            packages=("onnx",),
            requirements=EXTRA,
        ),
        Format(
            "script",
            "Script (NumPy)",
            "Forty lines of NumPy with the weights beside them, which read the test images without this project.",
            "-script.zip",
            "application/zip",
            to_script,
            reads_data=True,
        ),
        Format(
            "torch",
            "For PyTorch",
            "A zip of a state_dict in safetensors, and of a short script that loads it into nn.Sequential.",
            "-torch.zip",
            "application/zip",
            to_torch_zip,
            packages=("safetensors",),
        ),
        Format(
            "keras",
            "For Keras",
            "A zip of .weights.h5 as Keras 3 saves it, and of a short script that loads it into Sequential.",
            "-keras.zip",
            "application/zip",
            to_keras_zip,
            packages=("h5py",),
            requirements=EXTRA,
        ),
        Format("csv", "Curves (CSV)", "One row per point, all points.", ".csv", "text/csv", to_csv),
        Format(
            "parquet",
            "Curves (Parquet)",
            "The same table in columns, with their types.",
            ".parquet",
            "application/vnd.apache.parquet",
            to_parquet,
            packages=("pandas", "pyarrow"),
        ),
        Format(
            "tensorboard",
            "Curves (TensorBoard)",
            "An event file: put it into a folder for tensorboard --logdir.",
            ".tfevents",
            "application/octet-stream",
            to_tensorboard,
            packages=("tensorboardX",),
            requirements=EXTRA,
        ),
    )
}


def export(source: ExportSource, name: str, data: Callable[[], Dataset]) -> bytes:
    """The file of one of FORMATS; `data` is asked for the test images where they are needed.

    Raises ExportError, one sentence, also where a package is missing, and what `data` raises.
    """
    form = FORMATS[name]
    if form.missing:
        raise ExportError(form.missing)
    make: Callable[..., bytes] = form.make
    return make(source, data()) if form.reads_data else make(source)
