"""What Keras says of a model beside its weights (config.json of a .keras file): what a network of ours needs to know.

It is read as text; nothing that it names is looked up or run. A layer that has no equal here is refused by its name.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from nn_core.config.choices import choices
from nn_core.config.errors import shorten
from nn_core.config.foreign import parse_object
from nn_core.export.foreign.questions import BEFORE, BEHIND, FIRST, FOLDED, LAST
from nn_core.export.source import ExportError
from nn_core.nn.normalization import EPSILON

ACTIVATIONS = {
    **{name: name for name in ("relu", "sigmoid", "tanh", "elu", "gelu", "silu")},
    **{"swish": "silu", "linear": "identity", "softmax": "softmax"},
}
RISING = ("relu", "sigmoid", "tanh", "leaky_relu", "elu", "identity")  # a maximum goes through them unchanged
MAX_LAYERS = 200
LEAK = 0.01
GELU = "Keras' gelu is taken in its form with tanh: its values differ by less than 0.001."


class Token(NamedTuple):
    """One thing that a layer does: "dense", "conv", "norm", "act", "pool", "pad", "flat" or "scale"."""

    kind: str
    value: Any = None


def facts_of(text: str | bytes) -> tuple[dict[str, str], tuple[str, ...]]:
    """Answers that the configuration gives, and remarks. Raises ExportError for what has no equal here."""
    try:
        model = parse_object(text, "the configuration of the model")
        layers = model["config"]["layers"]
        tokens = [token for layer in layers[: MAX_LAYERS + 1] for token in _tokens(layer)]
    except (ValueError, KeyError, TypeError, IndexError, AttributeError, OverflowError):
        raise ExportError("the configuration of the model in the file is not one that Keras 3 writes") from None
    if model.get("class_name") not in ("Sequential", "Functional", "Model") or len(layers) > MAX_LAYERS:
        raise ExportError(f"the model must be a Sequential or a Functional of at most {MAX_LAYERS} layers in a row")
    facts = _facts(tokens)
    return facts, (GELU,) if facts.get("activation") == "gelu" else ()


# ---------------------------------------------------------------------------------------------- a layer's tokens


def _tokens(layer: Any) -> list[Token]:
    kind, config = layer["class_name"], layer["config"]
    if not isinstance(kind, str) or kind not in LAYERS:
        raise ExportError(f"the network here has no layer like {shorten(kind)}")
    return LAYERS[kind](config)


def _activation(config: Any) -> list[Token]:
    name = config["activation"]
    if not isinstance(name, str) or name not in ACTIVATIONS:
        raise ExportError(f"the activation {shorten(name)} has no equal here; known are {', '.join(ACTIVATIONS)}")
    return [] if name == "linear" else [Token("act", ACTIVATIONS[name])]


def _conv(config: Any) -> list[Token]:
    (rows, columns), padding = config["kernel_size"], config["padding"]
    same = padding == "same"
    if list(config["strides"]) != [1, 1] or list(config.get("dilation_rate", [1, 1])) != [1, 1]:
        raise ExportError("a convolution must have stride 1 and no dilation")
    fits = config.get("groups", 1) == 1 and rows == columns and padding in ("same", "valid")
    if not fits or (same and rows % 2 == 0):
        raise ExportError(
            "a convolution must be of one group, with a square kernel, which is odd where padding is same"
        )
    order = FIRST if config.get("data_format") == "channels_first" else LAST
    pad = [Token("pad", rows // 2)] if same else []
    return [*pad, Token("conv", order), *_activation(config)]


def _pad(config: Any) -> list[Token]:
    ((top, bottom), (left, right)) = config["padding"]
    if not top == bottom == left == right:
        raise ExportError("padding must be alike on all sides")
    return [Token("pad", top)]


def _pool(pooling: str) -> Callable[[Any], list[Token]]:
    def tokens(config: Any) -> list[Token]:
        rows, columns = config["pool_size"]
        if rows != columns or list(config["strides"]) != [rows, columns] or config["padding"] != "valid":
            raise ExportError("a pool must be square, with strides of its own size and without padding")
        return [Token("pool", (pooling, rows))]

    return tokens


def _norm(config: Any) -> list[Token]:
    return [Token("norm", float(config["epsilon"]))]


def _layer_norm(config: Any) -> list[Token]:
    if not math.isclose(config["epsilon"], EPSILON):
        raise ExportError(f"the epsilon of layer normalization must be {EPSILON}, got {shorten(config['epsilon'])}")
    return [Token("norm")]


def _leaky(config: Any) -> list[Token]:
    slope = config.get("negative_slope", config.get("alpha"))
    if not math.isclose(slope, LEAK):
        raise ExportError(f"the slope of a leaky ReLU must be {LEAK}, got {shorten(slope)}")
    return [Token("act", "leaky_relu")]


def _relu(config: Any) -> list[Token]:
    if config.get("max_value") is not None or config.get("threshold") or config.get("negative_slope"):
        raise ExportError("a ReLU must be without limit, threshold and slope")
    return [Token("act", "relu")]


def _elu(config: Any) -> list[Token]:
    if config.get("alpha", 1.0) != 1:
        raise ExportError(f"the alpha of an ELU must be 1, got {shorten(config['alpha'])}")
    return [Token("act", "elu")]


LAYERS: Mapping[str, Callable[[Any], list[Token]]] = {
    **dict.fromkeys(("InputLayer", "Dropout", "SpatialDropout2D", "Reshape"), lambda config: []),
    "Dense": lambda config: [Token("dense"), *_activation(config)],
    "Conv2D": _conv,
    "ZeroPadding2D": _pad,
    "MaxPooling2D": _pool("max"),
    "AveragePooling2D": _pool("average"),
    "BatchNormalization": _norm,
    "LayerNormalization": _layer_norm,
    "Activation": _activation,
    "ReLU": _relu,
    "LeakyReLU": _leaky,
    "ELU": _elu,
    "Softmax": lambda config: [Token("act", "softmax")],
    "Rescaling": lambda config: [Token("scale", (float(config["scale"]), float(config["offset"])))],
    "Flatten": lambda config: [Token("flat")],
    "GlobalAveragePooling2D": lambda config: [Token("flat")],
}


# ---------------------------------------------------------------------------------------------- all of them


def _facts(tokens: Sequence[Token]) -> dict[str, str]:
    starts = [at for at, token in enumerate(tokens) if token.kind in ("dense", "conv")]
    if not starts:
        raise ExportError("the model has no dense layer")
    facts = _scaling(tokens[: starts[0]])
    hidden, last = list(pairwise(starts)), tokens[starts[-1] + 1 :]
    if any(token != Token("act", "softmax") for token in last):
        raise ExportError("behind the last dense layer there must be nothing but a softmax")
    blocks = [(tokens[begin], list(tokens[begin + 1 : end])) for begin, end in hidden]
    activations = {_activation_of(first.kind, behind) for first, behind in blocks}
    if len(activations) > 1:
        raise ExportError(f"all hidden layers must have the same activation, got {', '.join(sorted(activations))}")
    facts |= {"activation": activations.pop()} if activations else {}
    epsilons = {t.value for t in tokens if t.kind == "norm" and t.value is not None}
    if len(epsilons) > 1:
        raise ExportError("all batch normalizations must have the same epsilon")
    facts |= {"epsilon": str(epsilons.pop())} if epsilons else {}
    return facts | _of_maps(tokens, starts, [(first, behind) for first, behind in blocks if first.kind == "conv"])


def _scaling(before: Sequence[Token]) -> dict[str, str]:
    """Rescaling in front of the network: pixels come as they are, 0 to 255."""
    for token in before:
        if token.kind not in ("scale", "flat", "pad"):
            raise ExportError("in front of the first layer with weights there may be a Rescaling alone")
        if token.kind == "scale":
            known = {name: choice.target() for name, choice in choices("input_scaling").items()}
            known |= {name: (factor / 255, offset) for name, (factor, offset) in FOLDED.items()}
            for name, scaling in known.items():
                if np.allclose(token.value, scaling, rtol=1e-3, atol=1e-9):
                    return {"input_scaling": name}
            raise ExportError(f"pixels scaled by {token.value[0]:g} and moved by {token.value[1]:g} have no equal here")
    return {}


def _activation_of(kind: str, behind: Sequence[Token]) -> str:
    """The activation of a hidden layer; what stands around it is checked."""
    kinds = [token.kind for token in behind if token.kind not in ("pad", "flat")]
    names = [token.value for token in behind if token.kind == "act"]
    if len(names) > 1 or "softmax" in names or kinds.count("norm") > 1 or kinds.count("pool") > 1:
        raise ExportError("a hidden layer must have one activation, and at most one normalization and one pool")
    if names and "norm" in kinds and kinds.index("act") < kinds.index("norm"):
        raise ExportError("a normalization behind the activation has no equal here: it must stand before it")
    if "scale" in kinds or (kind == "dense" and "pool" in kinds):
        raise ExportError("a Rescaling must stand in front of the first layer, a pool behind a convolution")
    name = names[0] if names else "identity"
    if "pool" in kinds and names and kinds.index("act") < kinds.index("pool"):
        (pooling, size) = next(token.value for token in behind if token.kind == "pool")
        if size > 1 and (pooling != "max" or name not in RISING):
            raise ExportError(f"{pooling} pooling behind {name} has no equal here: it must stand before it")
    return str(name)


def _of_maps(tokens: Sequence[Token], starts: Sequence[int], blocks: list[tuple[Token, list[Token]]]) -> dict[str, str]:
    """Padding, pool, the order of pool and normalization, and how maps are flattened."""
    if not blocks:
        return {}
    pools = {next((t.value for t in behind if t.kind == "pool"), ("max", 1)) for _, behind in blocks}
    pads, since = [], 0
    for start in starts:
        if tokens[start].kind == "conv":
            pads.append(sum(t.value for t in tokens[since:start] if t.kind == "pad"))
        since = start
    if len(pools) > 1 or len(set(pads)) > 1:
        raise ExportError("all convolutions must have the same padding and the same pool behind them")
    (pooling, pool), orders = pools.pop(), set()
    for _, behind in blocks:
        kinds = [token.kind for token in behind]
        if "norm" in kinds and "pool" in kinds:
            orders.add(BEFORE if kinds.index("norm") < kinds.index("pool") else BEHIND)
    if len(orders) > 1:
        raise ExportError("all batch normalizations must stand on the same side of the pool")
    facts = {"maps": f"{pads[0]},{pool}", "pooling": pooling, "flatten": blocks[0][0].value}
    return facts | {"batch_norm": orders.pop() if orders else BEHIND}
