"""A network as a row of layers that any framework can build: kinds and sizes, and our name of what has weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from nn_core.config.run_config import RunConfig
from nn_core.nn.cnn import block_sizes

Kind = Literal["conv", "pool", "norm", "activation", "flatten", "mean", "dropout", "dense"]


@dataclass(frozen=True)
class Part:
    """One layer. `n_in` and `n_out` are channels or units; `name` is ours where it has weights, else ""."""

    kind: Kind
    n_in: int = 0
    n_out: int = 0
    name: str = ""


def plan(config: RunConfig) -> list[Part]:
    """The layers in their order; the last one gives ten logits."""
    return _convolutional(config) if config.model == "cnn" else _fully_connected(config)


def rows(config: RunConfig) -> list[list[Part]]:
    """The same layers as lines of a script: each begins with what has weights, or with the end of the maps."""
    rows: list[list[Part]] = []
    for part in plan(config):
        if part.kind in ("conv", "dense", "flatten", "mean") or not rows:
            rows.append([])
        rows[-1].append(part)
    return rows


def _fully_connected(config: RunConfig) -> list[Part]:
    parts: list[Part] = []
    n_in = 784
    for number, n_out in enumerate(config.hidden, start=1):
        parts.append(Part("dense", n_in, n_out, f"dense{number}"))
        if config.normalization != "none":
            parts.append(Part("norm", n_out, n_out, f"norm{number}"))
        parts += [Part("activation"), *_dropout(config)]
        n_in = n_out
    return [*parts, Part("dense", n_in, 10, f"dense{len(config.hidden) + 1}")]


def _convolutional(config: RunConfig) -> list[Part]:
    parts: list[Part] = []
    blocks = block_sizes(config)
    for number, block in enumerate(blocks, start=1):
        parts += [Part("conv", block.c_in, block.c_out, f"conv{number}"), Part("pool")]
        if config.normalization != "none":
            parts.append(Part("norm", block.c_out, block.c_out, f"norm{number}"))
        parts.append(Part("activation"))
    maps, side = blocks[-1].c_out, blocks[-1].pooled
    parts.append(Part("flatten" if config.head == "flatten" else "mean", maps, side))
    n_in = maps * side**2 if config.head == "flatten" else maps
    for number, n_out in enumerate((*config.dense_units, 10), start=1):
        parts += [*_dropout(config), Part("dense", n_in, n_out, f"dense{number}"), Part("activation")]
        n_in = n_out
    return parts[:-1]


def _dropout(config: RunConfig) -> list[Part]:
    return [Part("dropout")] if config.dropout else []
