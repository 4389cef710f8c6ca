"""The network as a script of its own: at most 40 lines of NumPy beside a file of weights, without this project."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Mapping

from nn_core.config.choices import choices
from nn_core.config.run_config import RunConfig
from nn_core.data import Dataset
from nn_core.data.dataset import SIDE
from nn_core.export.source import ExportError, ExportSource
from nn_core.export.weights import to_npz
from nn_core.machine.numbers import exact
from nn_core.nn.activations import Activation
from nn_core.nn.network import CHUNK
from nn_core.nn.normalization import EPSILON

MAX_LINES = 40


def _normalized(mean: str, var: str) -> tuple[str, str]:
    return (
        f"z = (z - {mean}) * (1 / np.sqrt({var} + np.float32({EPSILON})))",
        'z = W[f"norm{n}.gamma"] * z + W[f"norm{n}.beta"]',
    )


# as in nn/normalization.py, the same arithmetic in the same order, so that float32 rounds alike
NORMALIZATIONS: Mapping[str, tuple[str, ...]] = {
    "none": (),
    "batch": _normalized('W[f"norm{n}.mean"]', 'W[f"norm{n}.var"]'),
    "layer": (
        "mean, var = z.mean(axis=1, keepdims=True), z.var(axis=1, keepdims=True)",
        *_normalized("mean", "var"),
    ),
}


def _mlp(config: RunConfig) -> list[str]:
    last = len(config.hidden) + 1
    return [
        f"for n in range(1, {last}):",
        '    z = a @ W[f"dense{n}.W"] + W[f"dense{n}.b"]',
        *(f"    {line}" for line in NORMALIZATIONS[config.normalization]),
        "    a = activate(z)",
        f'return a @ W["dense{last}.W"] + W["dense{last}.b"]',
    ]


def _cnn(config: RunConfig) -> list[str]:
    """Channels stand last behind a convolution, where normalization finds them as it finds units."""
    k, p, q, last = config.kernel, config.padding, config.pool, len(config.dense_units) + 1
    pool, head = POOLINGS[config.pooling], HEADS[config.head]
    return [
        f"for n in range(1, {len(config.channels) + 1}):",
        *([f"    a = np.pad(a, ((0, 0), (0, 0), ({p}, {p}), ({p}, {p})))"] if p else []),
        f"    z = np.lib.stride_tricks.sliding_window_view(a, ({k}, {k}), axis=(2, 3))",
        '    z = np.tensordot(z, W[f"conv{n}.W"], axes=((1, 4, 5), (1, 2, 3))) + W[f"conv{n}.b"]',
        f"    m, s, c = len(z), z.shape[1] // {q}, z.shape[3]",
        f"    z = z[:, : s * {q}, : s * {q}].reshape(m, s, {q}, s, {q}, c).{pool}(axis=(2, 4))",
        *(f"    {line}" for line in NORMALIZATIONS[config.normalization]),
        "    a = activate(z).transpose(0, 3, 1, 2)",
        f"a = a.{head}",
        *([f"for n in range(1, {last}):", '    a = activate(a @ W[f"dense{n}.W"] + W[f"dense{n}.b"])'] * (last > 1)),
        f'return a @ W["dense{last}.W"] + W["dense{last}.b"]',
    ]


POOLINGS = {"max": "max", "average": "mean"}
HEADS = {"flatten": "reshape(len(a), -1)", "average": "mean(axis=(2, 3))"}
HIDDEN: Mapping[str, Callable[[RunConfig], list[str]]] = {"mlp": _mlp, "cnn": _cnn}
SHAPES = {"mlp": "len(images), -1", "cnn": f"-1, 1, {SIDE}, {SIDE}"}  # of the inputs

README = """{title}

classify.py reads handwritten digits with the weights in weights.npz, by NumPy alone:

    python classify.py mnist.npz

mnist.npz is any file with x_test, uint8 (n, 28, 28), and y_test (n,), such as
https://storage.googleapis.com/tensorflow/tf-keras-datasets/mnist.npz, the file that Keras uses.

Weights of step {step}{rounded}. Test accuracy, as reported: {n_right} of {n} images, {accuracy}.
"""


def to_script(source: ExportSource, data: Dataset) -> bytes:
    """A zip of classify.py, weights.npz and README.txt; the test images of `data` give the accuracy they report."""
    counts = source.confusion(data)
    n_right, n = int(counts.trace()), int(counts.sum())
    readme = README.format(
        title=source.title,
        step=source.step,
        rounded="" if source.exact else " (a frame, rounded to half precision)",
        n_right=n_right,
        n=n,
        accuracy=exact(n_right / n),
    )
    text = script(source, n_right, n).encode("ascii")
    return packed(source, {"classify.py": text, "weights.npz": to_npz(source), "README.txt": readme.encode()})


def packed(source: ExportSource, files: Mapping[str, bytes]) -> bytes:
    """A zip of these files in one folder."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(f"{source.stem}/{name}", content)
    return buffer.getvalue()


def script(source: ExportSource, n_right: int, n: int) -> str:
    """The text of classify.py, in ASCII; raises ExportError where a part of the network has no formula here."""
    config = source.config
    activation: type[Activation] = choices("activation")[config.activation].target
    for name, can in (
        ("model", config.model in HIDDEN),
        ("activation", bool(activation.numpy)),
        ("normalization", config.normalization in NORMALIZATIONS),
        ("pooling", config.pooling in POOLINGS),
        ("head", config.head in HEADS),
    ):
        if not can:
            raise ExportError(f"the {name} {getattr(config, name)} has no formula for the script")
    factor, offset = choices("input_scaling")[config.input_scaling].target()
    lines = [
        '"""Reads handwritten digits: python classify.py mnist.npz (with x_test and y_test). Needs NumPy alone."""',
        "",
        "import pathlib",
        "import sys",
        "",
        "import numpy as np",
        "",
        f"TITLE = {source.title!a}",
        f"REPORTED = {n_right / n!r}  # {n_right} of {n} test images",
        'W = np.load(pathlib.Path(__file__).with_name("weights.npz"))',
        "W = {name: W[name] for name in W.files}",
        "",
        "",
        "def activate(z):",
        f"    return {activation.numpy}",
        "",
        "",
        "def logits(images):  # uint8 (n, 28, 28) -> float32 (n, 10)",
        f"    a = images.reshape({SHAPES[config.model]}).astype(np.float32) * np.float32({factor!r})",
        *([f"    a += np.float32({offset!r})"] if offset else []),
        *(f"    {line}" for line in HIDDEN[config.model](config)),
        "",
        "",
        "if len(sys.argv) != 2:",
        "    sys.exit(__doc__)",
        "data = np.load(sys.argv[1])",
        'x, y = data["x_test"], data["y_test"]',
        f"read_as = np.concatenate([logits(x[i : i + {CHUNK}]).argmax(axis=1) for i in range(0, len(x), {CHUNK})])",
        'print(f"{TITLE}: accuracy {np.mean(read_as == y)} on {len(y)} test images, {REPORTED} as reported")',
    ]
    return "\n".join(lines) + "\n"
