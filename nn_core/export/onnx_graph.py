"""The network as an ONNX graph: images uint8 (n, 28, 28) in, logits and probabilities float32 (n, 10) out.

Scaling of the pixels and normalization (with its running statistics) are part of the graph. Needs the package onnx.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from nn_core.config.choices import choices
from nn_core.config.run_config import RunConfig
from nn_core.data.dataset import N_CLASSES, SIDE
from nn_core.export.source import ExportError, ExportSource
from nn_core.machine.memory import Array
from nn_core.nn.activations import Activation
from nn_core.nn.normalization import EPSILON

OPSET, IR_VERSION = 20, 9  # of 2023: Gelu with tanh is in it, and onnxruntime reads it from 1.17 on


class Graph:
    """Nodes and constants in the making."""

    def __init__(self, weights: Mapping[str, Array]) -> None:
        self.weights = weights
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def constant(self, name: str, values: Array) -> str:
        """A constant tensor; returns its name."""
        from onnx import numpy_helper

        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def weight(self, name: str) -> str:
        """An array of the network as a constant."""
        return self.constant(name, self.weights[name])

    def along_classes(self) -> str:
        """The axis of the classes, as a constant, for reductions."""
        return self.constant(f"classes_{len(self.constants)}", np.array([1], np.int64))

    def add(self, operator: str, *inputs: str, output: str = "", **attributes: Any) -> str:
        """A node; returns the name of its one output."""
        from onnx import helper

        output = output or f"{operator.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, list(inputs), [output], **attributes))
        return output


def _activated(graph: Graph, config: RunConfig, z: str) -> str:
    """The activation behind z, which says itself what it is in ONNX."""
    activation: type[Activation] = choices("activation")[config.activation].target
    a = activation.onnx(graph, z)
    if not a:
        raise ExportError(f"the activation {config.activation} has no ONNX form here")
    return a


def _batch(graph: Graph, z: str, number: int) -> str:
    names = (f"norm{number}.{part}" for part in ("gamma", "beta", "mean", "var"))
    return graph.add("BatchNormalization", z, *map(graph.weight, names), epsilon=EPSILON)


def _layer(graph: Graph, z: str, number: int) -> str:
    names = (f"norm{number}.{part}" for part in ("gamma", "beta"))
    return graph.add("LayerNormalization", z, *map(graph.weight, names), axis=1, epsilon=EPSILON)


NORMALIZATIONS: Mapping[str, Callable[[Graph, str, int], str]] = {
    "none": lambda graph, z, number: z,
    "batch": _batch,
    "layer": _layer,
}


def _dense(graph: Graph, config: RunConfig, a: str, n_layers: int, normalization: str) -> str:
    """Hidden dense layers, each with its normalization and activation."""
    for number in range(1, n_layers + 1):
        z = graph.add("Gemm", a, graph.weight(f"dense{number}.W"), graph.weight(f"dense{number}.b"))
        a = _activated(graph, config, NORMALIZATIONS[normalization](graph, z, number))
    return a


def _mlp(graph: Graph, config: RunConfig, a: str) -> str:
    return _dense(graph, config, graph.add("Flatten", a, axis=1), len(config.hidden), config.normalization)


def _cnn(graph: Graph, config: RunConfig, a: str) -> str:
    a = graph.add("Reshape", a, graph.constant("one_channel", np.array([-1, 1, SIDE, SIDE], np.int64)))
    pool = [config.pool] * 2
    for number in range(1, len(config.channels) + 1):
        weights = (graph.weight(f"conv{number}.{part}") for part in ("W", "b"))
        z = graph.add("Conv", a, *weights, pads=[config.padding] * 4)
        z = graph.add(POOLINGS[config.pooling], z, kernel_shape=pool, strides=pool)
        a = _activated(graph, config, NORMALIZATIONS[config.normalization](graph, z, number))
    if config.head == "average":
        a = graph.add("GlobalAveragePool", a)
    return _dense(graph, config, graph.add("Flatten", a, axis=1), len(config.dense_units), "none")


POOLINGS = {"max": "MaxPool", "average": "AveragePool"}
HEADS = ("flatten", "average")
HIDDEN: Mapping[str, Callable[[Graph, RunConfig, str], str]] = {"mlp": _mlp, "cnn": _cnn}


def _softmax(graph: Graph) -> None:
    graph.add("Softmax", "logits", axis=1, output="probabilities")


def _nearest(graph: Graph) -> None:
    """`losses.nearest_probabilities`, operation by operation."""
    from onnx import helper

    shifted = graph.add("Sub", "logits", graph.add("ReduceMax", "logits", graph.along_classes(), keepdims=1))
    all_of_them = graph.constant("n_classes", np.array([N_CLASSES], np.int64))
    graph.nodes.append(helper.make_node("TopK", [shifted, all_of_them], ["falling", "places"], axis=1))
    sums = graph.add("CumSum", "falling", graph.constant("across", np.array(1, np.int64)))
    less_one = graph.add("Sub", sums, graph.constant("one", np.array(1, np.float32)))
    shares = graph.add("Div", less_one, graph.constant("counts", np.arange(1, N_CLASSES + 1, dtype=np.float32)))
    tau = graph.add("ReduceMax", shares, graph.along_classes(), keepdims=1)
    graph.add("Relu", graph.add("Sub", shifted, tau), output="probabilities")


PROBABILITIES: Mapping[str, Callable[[Graph], None]] = {
    "cross_entropy": _softmax,
    "mse": _softmax,
    "linear_mse": _nearest,
}


def to_onnx(source: ExportSource) -> bytes:
    """The model file; raises ExportError where a part of the network has no ONNX form here."""
    from onnx import TensorProto, checker, helper

    config = source.config
    known_here = (
        *(("model", HIDDEN), ("normalization", NORMALIZATIONS), ("pooling", POOLINGS), ("head", HEADS)),
        ("loss", PROBABILITIES),
    )
    for name, known in known_here:
        if getattr(config, name) not in known:
            raise ExportError(f"the {name} {getattr(config, name)} has no ONNX form here")
    factor, offset = choices("input_scaling")[config.input_scaling].target()
    graph = Graph(source.weights)
    a = graph.add("Cast", "images", to=TensorProto.FLOAT)
    a = graph.add("Mul", a, graph.constant("scale", np.array(factor, np.float32)))
    a = graph.add("Add", a, graph.constant("offset", np.array(offset, np.float32)))
    a = HIDDEN[config.model](graph, config, a)
    last = sum(each.startswith("dense") and each.endswith(".W") for each in source.weights)
    graph.add("Gemm", a, graph.weight(f"dense{last}.W"), graph.weight(f"dense{last}.b"), output="logits")
    PROBABILITIES[config.loss](graph)
    model = helper.make_model(
        helper.make_graph(
            graph.nodes,
            "glassnet",
            [helper.make_tensor_value_info("images", TensorProto.UINT8, ["n", SIDE, SIDE])],
            [
                helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["n", N_CLASSES]),
                helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", N_CLASSES]),
            ],
            graph.constants,
        ),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="glassnet",
        doc_string=source.title,
    )
    helper.set_model_props(model, {"config": config.to_json(), "step": str(source.step)})
    checker.check_model(model, full_check=True)
    data: bytes = model.SerializeToString()
    return data
