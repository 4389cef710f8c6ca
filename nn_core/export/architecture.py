"""The network that names and shapes of weights describe."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import product
from typing import Any

from nn_core.config.choices import choices
from nn_core.config.errors import ConfigError, shorten
from nn_core.config.run_config import RunConfig, setting
from nn_core.config.setting import MAX_HIDDEN_LAYERS
from nn_core.export.source import ExportError
from nn_core.nn.network import shapes_of
from nn_core.runs.branching import SHAPING

Shapes = Mapping[str, tuple[int, ...]]

VERSION = "1"  # of the metadata in our own files
NAMES = re.compile(r"(conv|dense|norm)([1-9])\.(W|b|gamma|beta|mean|var)")


def described(shapes: Shapes, config: Any, version: Any) -> tuple[RunConfig, list[str]]:
    """The settings in the metadata of our own files, else the defaults around the architecture; remarks on them.

    Raises ExportError where names and shapes make no network of ours, or another than the settings say.
    """
    for name in shapes:
        if not NAMES.fullmatch(name):
            raise ExportError(
                f"the network here has no weights called {shorten(name)}; their names are dense1.W, dense1.b, ..., "
                "conv1.W, conv1.b, ... and norm1.gamma, norm1.beta, norm1.mean, norm1.var, ..."
            )
    own = None if config is None else _settings(config, version)
    found = _convolutional(shapes, own) if "conv1.W" in shapes else _fully_connected(shapes)
    wanted = shapes_of(found)
    for name in (*wanted, *shapes):
        if shapes.get(name) != wanted.get(name):
            raise ExportError(
                f"{name} must have shape {wanted[name]} beside the other layers, got {shapes.get(name, 'none')}"
                if name in wanted
                else f"{name} does not belong to a network of {_count(shapes, 'dense')} layers with "
                f"{found.normalization} normalization"
            )
    if own is None:
        return found, [
            "The file does not say its settings: activation "
            f"{found.activation} and input scaling {found.input_scaling} are assumed."
        ]
    for name in SHAPING:
        said, seen = (setting(name).format(getattr(each, name)) for each in (own, found))
        if said != seen and found.in_use(setting(name)):
            raise ExportError(f"the settings in the file say {name} {said}, its weights {seen}")
    if own.dataset.isidentifier():
        return own, []
    return own.replace(dataset="mnist"), ["The file names a path as its data set; MNIST is used."]


def _settings(config: Any, version: Any) -> RunConfig:
    if version != VERSION:
        raise ExportError(f"the file must be of version {VERSION}, got {shorten(version)}")
    try:
        return RunConfig.from_json(str(config))
    except ConfigError as error:
        raise ExportError(f"the settings in the file are not usable: {error}") from None


def _count(shapes: Shapes, kind: str) -> int:
    return sum(name.startswith(kind) and name.endswith(".W") for name in shapes)


def _outputs(shapes: Shapes, kind: str, n: int, axis: int, name: str, what: str) -> tuple[int, ...]:
    """How many units or channels the first n layers of a kind put out, along an axis of their weights."""
    found = [shapes.get(f"{kind}{number}.W", ()) for number in range(1, n + 1)]
    sizes = tuple(shape[axis] for shape in found if shape)
    high = int(setting(name).high)
    if len(sizes) < n or not all(1 <= size <= high for size in sizes):
        raise ExportError(f"each {what} must have 1 to {high:,} units, got {'-'.join(map(str, sizes)) or 'none'}")
    return sizes


def _normalization(shapes: Shapes) -> str:
    if not any(name.startswith("norm") for name in shapes):
        return "none"
    return "batch" if any(name.endswith((".mean", ".var")) for name in shapes) else "layer"


def _fully_connected(shapes: Shapes) -> RunConfig:
    n_layers = sum(name.endswith(".W") for name in shapes)
    if not 1 <= n_layers <= MAX_HIDDEN_LAYERS + 1:
        raise ExportError(f"the file must hold 1 to {MAX_HIDDEN_LAYERS + 1} layers, got {n_layers}")
    hidden = _outputs(shapes, "dense", n_layers - 1, -1, "hidden", "hidden layer")
    return RunConfig(hidden=hidden, normalization=_normalization(shapes))


def _convolutional(shapes: Shapes, own: RunConfig | None) -> RunConfig:
    """Padding, pooling and head leave no weights: those of `own`, else the first usual ones that fit the shapes."""
    n_blocks, n_dense = _count(shapes, "conv"), _count(shapes, "dense")
    if not 1 <= n_blocks <= MAX_HIDDEN_LAYERS or not 1 <= n_dense <= MAX_HIDDEN_LAYERS + 1:
        raise ExportError(
            f"the file must hold 1 to {MAX_HIDDEN_LAYERS} convolutions and 1 to {MAX_HIDDEN_LAYERS + 1} dense layers, "
            f"got {n_blocks} and {n_dense}"
        )
    kernel = shapes["conv1.W"][-1]
    settings: dict[str, Any] = {
        "model": "cnn",
        "channels": _outputs(shapes, "conv", n_blocks, 0, "channels", "convolution"),
        "kernel": kernel,
        "dense_units": _outputs(shapes, "dense", n_dense - 1, -1, "dense_units", "hidden layer"),
        "normalization": _normalization(shapes),
    }
    first: RunConfig | None = None
    problem = ""
    for invisible in _invisible(kernel, own):
        try:
            config = RunConfig(**settings, **invisible)
        except ConfigError as error:
            problem = problem or str(error)
            continue
        first = first or config
        if shapes_of(config) == dict(shapes):
            return config
    if first is None:
        raise ExportError(f"no network here has these weights: {problem}")
    return first


def _invisible(kernel: int, own: RunConfig | None) -> Iterator[dict[str, Any]]:
    """Paddings, pools and heads to try, the likeliest first."""
    if own is not None:
        yield {name: getattr(own, name) for name in ("padding", "pool", "pooling", "head")}
        return
    for head, padding, pool in product(choices("head"), dict.fromkeys((0, kernel // 2, kernel - 1)), (2, 1, 3, 4)):
        if 0 <= padding <= setting("padding").high:
            yield {"head": head, "padding": padding, "pool": pool}
