"""Foreign weights as a network of ours: its settings, from shapes, what the file says and what was answered."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import product
from typing import Any, NamedTuple

import numpy as np

from nn_core.config.errors import ConfigError, shorten
from nn_core.config.run_config import RunConfig, setting
from nn_core.data import Dataset, load_dataset
from nn_core.export.foreign.layers import AXES, TURNED, Found, Layer, Shapes, layers_of, sizes_of
from nn_core.export.foreign.questions import (
    BEFORE,
    BEHIND,
    FIRST,
    FOLDED,
    LAST,
    Ambiguous,
    Answers,
    Question,
    check,
    question,
    tried,
)
from nn_core.export.source import ExportError
from nn_core.export.weights import Imported, float32
from nn_core.frameworks.keras_names import channels_first
from nn_core.machine.memory import Array
from nn_core.nn.cnn import block_sizes
from nn_core.nn.network import shapes_of
from nn_core.nn.normalization import EPSILON
from nn_core.runs.branching import SHAPING

OTHERWISE = {"gamma": 1.0, "beta": 0.0, "mean": 0.0, "var": 1.0}  # in a normalization that a file leaves it away from
POOLS = (2, 1, 3, 4)
USUAL_MAPS = 8  # paddings and pools that are offered, the likeliest first


@dataclass(frozen=True, eq=False)
class Foreign:
    """What a file holds: shapes by name, the arrays when they are wanted, and what it says of itself."""

    shapes: Shapes
    load: Callable[[], Mapping[str, Array]]
    facts: Answers = field(default_factory=dict)
    settings: RunConfig | None = None  # of a file that was exported here
    title: str = ""
    step: int = 0
    epoch: float = 0.0
    remarks: tuple[str, ...] = ()


class Seen(NamedTuple):
    """What the shapes alone tell: the layers, the settings, and the paddings and pools that fit ("0,2" -> label)."""

    shapes: Shapes
    found: Found
    architecture: Mapping[str, Any]
    maps: Mapping[str, str]

    @property
    def has_hidden(self) -> bool:
        """Whether there is any activation."""
        return len(self.found.denses) > 1 or bool(self.found.convs)

    @property
    def way(self) -> str:
        """How the dense matrices lie that are not square."""
        return self.found.orientations[0]

    @property
    def n_flat(self) -> int:
        """What goes into the first dense layer."""
        return sizes_of(self.found.denses[0], self.way, self.shapes)[0]


def understood(file: Foreign, answers: Answers) -> Imported:
    """The network. Raises Ambiguous with what the file leaves open, ExportError where it is no network of ours."""
    check(answers)
    found = layers_of(file.shapes)
    architecture = _architecture(found, file.shapes)
    seen = Seen(file.shapes, found, architecture, _maps(found, file.shapes, architecture) if found.convs else {})
    said = {**_facts(file, seen), **answers}
    arrays = file.load()
    missing = [each for each in _questions(seen, arrays) if each.name not in said]

    def build(more: Answers) -> Imported:
        return _network(file, seen, arrays, {**said, **more})

    if not missing:
        return build({})
    build({each.name: each.likeliest for each in missing})  # where it is no network whatever is answered, this says so
    likeliest, accuracy = tried(missing, build, _images)
    raise Ambiguous(likeliest, _says(seen), accuracy)


def _images() -> Dataset:
    return load_dataset("mnist")


# ---------------------------------------------------------------------------------------------- what is known


def _facts(file: Foreign, seen: Seen) -> dict[str, str]:
    """What the file says, and what follows from its names."""
    facts, own = dict(file.facts), file.settings
    if own is not None:
        facts |= {"activation": own.activation, "input_scaling": own.input_scaling, "pooling": own.pooling}
        facts |= {"maps": f"{own.padding},{own.pool}", "batch_norm": BEHIND, "epsilon": str(EPSILON)}
        facts |= {"flatten": LAST if seen.found.kernels == "HWIO" else FIRST, "orientation": seen.way}
    if any(name.endswith("running_var") for name in file.shapes):
        facts.setdefault("epsilon", str(EPSILON))  # PyTorch's default is ours
    return facts


def _architecture(found: Found, shapes: Shapes) -> dict[str, Any]:
    """The settings that the shapes tell."""
    way, high = found.orientations[0], int(setting("hidden").high)
    units = tuple(sizes_of(layer, way, shapes)[1] for layer in found.denses[:-1])
    for n in units:
        if not 1 <= n <= high:
            raise ExportError(f"each hidden layer must have 1 to {high:,} units, got {n:,}")
    normalization = "none"
    if found.norms:
        normalization = "batch" if any("mean" in layer.parts for layer in found.norms) else "layer"
    if not found.convs:
        return {"hidden": units, "normalization": normalization}
    if normalization == "layer":
        raise ExportError("a convolution can have batch normalization here, not layer normalization")
    axes = AXES[found.kernels]
    kernels = [layer.shape(shapes) for layer in found.convs]
    channels = tuple(shape[axes[0]] for shape in kernels)
    return {
        **{"model": "cnn", "channels": channels, "kernel": kernels[0][axes[2]]},
        **{"dense_units": units, "normalization": normalization},
    }


def _maps(found: Found, shapes: Shapes, architecture: Mapping[str, Any]) -> dict[str, str]:
    """The paddings and pools with which the maps become what the first dense layer takes, the usual ones first."""
    n_in, kernel = sizes_of(found.denses[0], found.orientations[0], shapes)[0], architecture["kernel"]
    head = "average" if n_in == architecture["channels"][-1] else "flatten"
    most = min(kernel - 1, int(setting("padding").high))
    usual = [padding for padding in dict.fromkeys((0, kernel // 2, kernel - 1)) if padding <= most]
    fitting, problem = dict[str, str](), ""
    for pool, padding in (*product(POOLS, usual), *product(POOLS, range(most + 1))):
        try:
            config = RunConfig(**architecture, padding=padding, pool=pool, head=head)
        except ConfigError as error:
            problem = problem or str(error)
            continue
        if shapes_of(config)["dense1.W"][0] == n_in:
            fitting[f"{padding},{pool}"] = f"padding {padding}, pool {pool}"
    if not fitting:
        raise ExportError(
            f"no padding and pool that are the same in all {len(found.convs)} blocks of convolution lead to the "
            f"{n_in:,} inputs of {shorten(found.denses[0].name)}{f': {problem}' if problem else ''}"
        )
    return fitting


def _questions(seen: Seen, arrays: Mapping[str, Array]) -> list[Question]:
    """All that the shapes leave open, answered or not."""
    asked = [question("activation")] if seen.has_hidden else []
    asked.append(question("input_scaling"))
    batch = seen.architecture["normalization"] == "batch"
    if seen.found.convs:
        if len(seen.maps) > 1:
            asked.append(question("maps", dict(list(seen.maps.items())[:USUAL_MAPS])))
        if any(not maps.endswith(",1") for maps in seen.maps):
            asked.append(question("pooling"))
            asked += [question("batch_norm")] if batch and _falls(seen, arrays) else []
        if 1 < seen.architecture["channels"][-1] < seen.n_flat:
            asked.append(question("flatten", likeliest=LAST if seen.found.kernels == "HWIO" else FIRST))
    if _doubtful(seen):
        asked.append(question("orientation", likeliest=seen.way))
    return [*asked, question("epsilon")] if batch else asked


def _falls(seen: Seen, arrays: Mapping[str, Array]) -> bool:
    """Whether it matters on which side of a maximum a normalization stands."""
    gammas = [arrays[layer.parts["gamma"]] for layer in seen.found.norms if "gamma" in layer.parts]
    return any(bool((gamma < 0).any()) for gamma in gammas)


def _doubtful(seen: Seen) -> bool:
    """Whether square matrices may lie either way: all are square, or the names speak against the other matrices."""
    squares = [layer for layer in seen.found.denses if len(set(layer.shape(seen.shapes))) == 1]
    if not squares or len(seen.found.orientations) > 1:
        return bool(squares)
    of_keras = any(layer.parts["W"].endswith("kernel") for layer in seen.found.denses)
    return of_keras == (seen.way == TURNED)


# ---------------------------------------------------------------------------------------------- the network


def _network(file: Foreign, seen: Seen, arrays: Mapping[str, Array], said: Answers) -> Imported:
    config = _config(seen, said)
    weights, wanted = _weights(seen, arrays, config, said), shapes_of(config)
    for name in (*wanted, *weights):
        got = weights[name].shape if name in weights else "none"
        if got != wanted.get(name):
            raise ExportError(f"{name} must have shape {wanted.get(name, 'none')} beside the other layers, got {got}")
    if said["input_scaling"] in FOLDED:
        _fold_scaling(weights, config, said["input_scaling"])
    if config.normalization == "batch":
        _adapt_normalization(weights, len(seen.found.norms), said)
    remarks = (f"{_says(seen)}. {_taken(seen, config, said)}", *file.remarks)
    if file.settings is not None:
        config = _own(file.settings, config)
    return Imported(config, weights, file.title, file.step, file.epoch, remarks)


def _config(seen: Seen, said: Answers) -> RunConfig:
    scaling = said["input_scaling"]
    settings: dict[str, Any] = {**seen.architecture, "input_scaling": "unit" if scaling in FOLDED else scaling}
    if seen.has_hidden:
        settings["activation"] = said["activation"]
    if seen.found.convs:
        maps = said.get("maps", next(iter(seen.maps)))
        if maps not in seen.maps:
            offered = " or ".join(list(seen.maps)[:USUAL_MAPS])
            raise ExportError(f"maps (padding,pool) must be {offered} for these weights, got {shorten(maps)}")
        padding, pool = map(int, maps.split(","))
        head = "average" if seen.n_flat == seen.architecture["channels"][-1] else "flatten"
        settings |= {"padding": padding, "pool": pool, "pooling": said.get("pooling", "max"), "head": head}
    try:
        return RunConfig(**settings)
    except ConfigError as error:
        raise ExportError(f"no network here has these weights: {error}") from None


def _own(settings: RunConfig, found: RunConfig) -> RunConfig:
    """The settings of a file that was exported here, which must be those of its weights."""
    for name in SHAPING:
        told, weighed = (setting(name).format(getattr(each, name)) for each in (settings, found))
        if told != weighed and found.in_use(setting(name)):
            raise ExportError(f"the settings in the file say {name} {told}, its weights {weighed}")
    return settings if settings.dataset.isidentifier() else settings.replace(dataset="mnist")


def _weights(seen: Seen, arrays: Mapping[str, Array], config: RunConfig, said: Answers) -> dict[str, Array]:
    """By our names, in our order of axes; contiguous float32."""
    weights: dict[str, Array] = {}
    for number, layer in enumerate(seen.found.convs, start=1):
        W = arrays[layer.parts["W"]].transpose(AXES[seen.found.kernels])
        weights |= {f"conv{number}.W": W, f"conv{number}.b": _part(arrays, layer, "b", len(W))}
    for number, layer in enumerate(seen.found.denses, start=1):
        W = arrays[layer.parts["W"]]
        way = said.get("orientation", seen.way) if W.shape[0] == W.shape[1] else seen.way
        W = W.T if way == TURNED else W
        if number == 1 and "conv1.W" in weights and config.head == "flatten" and said.get("flatten") == LAST:
            W = channels_first(W, config.channels[-1], block_sizes(config)[-1].pooled)
        weights |= {f"dense{number}.W": W, f"dense{number}.b": _part(arrays, layer, "b", W.shape[1])}
    for number, layer in enumerate(seen.found.norms, start=1):
        n = arrays[next(iter(layer.parts.values()))].size
        names = OTHERWISE if config.normalization == "batch" else ("gamma", "beta")
        weights |= {f"norm{number}.{name}": _part(arrays, layer, name, n) for name in names}
    return {name: np.ascontiguousarray(float32(name, values)) for name, values in weights.items()}


def _part(arrays: Mapping[str, Array], layer: Layer, part: str, n: int) -> Array:
    """An array of the layer, or n times what it would hold where the file leaves it away."""
    return arrays[layer.parts[part]] if part in layer.parts else np.full(n, OTHERWISE.get(part, 0.0), np.float32)


def _fold_scaling(weights: dict[str, Array], config: RunConfig, scaling: str) -> None:
    """W (a x + c) + b = (a W) x + (b + c times the sum of W): pixels from 0 to 1 serve. With padding c must be 0."""
    factor, offset = FOLDED[scaling]
    first, summed = ("conv1", (1, 2, 3)) if config.model == "cnn" else ("dense1", (0,))
    if offset and first == "conv1" and config.padding:
        raise ExportError(
            f"pixels scaled as {scaling} have no equal beside padding, which is black here and grey there"
        )
    W, b = weights[f"{first}.W"], weights[f"{first}.b"]
    weights[f"{first}.b"] = float32(f"{first}.b", b + offset * W.sum(axis=summed, dtype=np.float64))
    weights[f"{first}.W"] = float32(f"{first}.W", factor * W)


def _adapt_normalization(weights: dict[str, Array], n: int, said: Answers) -> None:
    """The same function with our epsilon, and behind the pooling: both exactly.

    A variance takes up the difference of the epsilons. A maximum goes through a rising line unchanged; where gamma is
    negative, the line falls: kernel, bias, mean and gamma of such a channel change their signs.
    """
    more = np.float32(float(said["epsilon"]) - EPSILON)
    for norm, conv in ((f"norm{number}", f"conv{number}") for number in range(1, n + 1)):
        weights[f"{norm}.var"] = np.maximum(weights[f"{norm}.var"] + more, 0)
        if f"{conv}.W" in weights and said.get("batch_norm") == BEFORE:
            sign = np.where(weights[f"{norm}.gamma"] < 0, -1, 1).astype(np.float32)
            weights[f"{conv}.W"] = weights[f"{conv}.W"] * sign[:, None, None, None]
            for name in (f"{conv}.b", f"{norm}.mean", f"{norm}.gamma"):
                weights[name] = weights[name] * sign


# ---------------------------------------------------------------------------------------------- in words

NORMALIZED = {"none": "", "batch": ", with batch normalization", "layer": ", with layer normalization"}


def _says(seen: Seen) -> str:
    """How the arrays were understood."""
    found, built = seen.found, seen.architecture
    names = ", ".join(shorten(layer.name) for layer in (*found.convs, *found.denses))
    sizes = [sizes_of(layer, seen.way, seen.shapes) for layer in found.denses]
    widths = "-".join(str(n) for n in (sizes[0][0], *(n_out for _, n_out in sizes)))
    convs = ""
    if found.convs:
        maps, lie = "-".join(map(str, built["channels"])), "inputs first" if found.kernels == "OIHW" else "inputs last"
        convs = f"convolutions of {maps} channels ({built['kernel']}x{built['kernel']}, {lie}), then "
    lie = "(outputs, inputs), as in PyTorch" if seen.way == TURNED else "(inputs, outputs), as in Keras"
    normalized = NORMALIZED[built["normalization"]]
    return f"The file was understood as {convs}dense layers {widths}{normalized}, from {names}; its matrices are {lie}"


def _taken(seen: Seen, config: RunConfig, said: Answers) -> str:
    """What it was taken with."""
    taken = [f"activation {config.activation}"] if seen.has_hidden else []
    folded = f", into which {said['input_scaling']} was folded" if said["input_scaling"] in FOLDED else ""
    taken.append(f"input scaling {config.input_scaling}{folded}")
    if seen.found.convs:
        taken.append(f"{config.pooling} pooling of {config.pool}, padding {config.padding}")
        if config.head == "flatten" and "flatten" in said:
            taken.append("maps flattened " + ("row by row" if said["flatten"] == LAST else "map by map"))
    return f"It was taken with {', '.join(taken)}."
