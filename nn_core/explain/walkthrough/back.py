"""The way back through one layer for one value: its gradient worked out from the gradients behind it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from nn_core.explain.walkthrough.digits import Worked, add_up, text, work_out
from nn_core.explain.walkthrough.step import Passed, Step
from nn_core.explain.walkthrough.symbols import at_place, d, latex, letter, output_of
from nn_core.machine.memory import Array
from nn_core.nn.activations import Activation
from nn_core.nn.conv import AvgPool2D, Conv2D, Flatten, GlobalAveragePool, MaxPool2D
from nn_core.nn.layers import Dense, Layer
from nn_core.nn.normalization import BatchNorm, LayerNorm

Index = tuple[int, ...]  # of one value: the image first
Back = tuple[list[Worked], Index]  # the lines, and the value of the layer's output along which the way goes on


def through(step: Step, at: int, index: Index) -> Back:
    """The gradient of the input `index` of the layer `at`, worked out from those of its output."""
    passed = step.passed[at]
    symbol = f"{d(output_of(step, at - 1))}[{at_place(index)}]"
    rule = next((rule for kind, rule in RULES if isinstance(passed.layer, kind)), _unknown)
    return rule(passed, symbol, index)


def _dense(passed: Passed, symbol: str, index: Index) -> Back:
    i, r = index
    W, dout = passed.layer.params["W"], passed.dout[i]
    shares = [(f"unit {k:,}", float(dout[k]), float(W[r, k])) for k in range(len(dout))]
    best = int(np.abs(dout * W[r]).argmax())
    z, at = latex(letter(passed)), passed.number
    formula = rf"\sum_k \mathrm{{d}}{z}[{i},k]\; W_{{{at}}}[{r},k]"
    words = f"Back through all weights that leave it: one share for each unit of layer {at}. Largest: unit {best:,}."
    return [add_up(symbol, formula, shares, words)], (i, best)


def _activation(passed: Passed, symbol: str, index: Index) -> Back:
    layer = passed.layer
    assert isinstance(layer, Activation)
    slope = float(layer.slope(passed.x, passed.out)[index])
    z = float(passed.x[index])
    words = f"Through the activation: times its slope φ′ at z = {text(z)}."
    formula = rf"{d(letter(passed))}[{at_place(index)}]\; \phi'(z)"
    da = float(passed.dout[index])
    return [work_out(symbol, formula, "{da} × {slope}", lambda da, slope: da * slope, words, da=da, slope=slope)], index


def _batch_norm(passed: Passed, symbol: str, index: Index) -> Back:
    layer = passed.layer
    assert isinstance(layer, BatchNorm)
    row, column = index[0], index[1]
    if passed.x.ndim == 4:  # a row for each place of each image
        _, _, height, width = passed.x.shape
        row = (index[0] * height + index[2]) * width + index[3]
    dx_hat = _rows(passed.dout) * layer.params["gamma"]
    inverse = float(np.broadcast_to(layer.inverse, dx_hat.shape)[row, column])
    if layer.on_batch:
        means = dx_hat[:, column].mean(), (dx_hat * layer.x_hat)[:, column].mean()
        return [_normalized(symbol, "the batch", inverse, dx_hat, layer.x_hat, (row, column), means)], index
    words = "Through batch normalization with its running statistics: times γ and 1 / deviation."
    numbers = {"dy": float(passed.dout[index]), "g": float(layer.params["gamma"][column]), "s": inverse}
    line = work_out(symbol, r"\mathrm{d}N\; \gamma / \sqrt{\sigma^2 + \epsilon}", "{dy} × {g} × {s}",
                    lambda dy, g, s: dy * g * s, words, **numbers)  # fmt: skip
    return [line], index


def _layer_norm(passed: Passed, symbol: str, index: Index) -> Back:
    layer = passed.layer
    assert isinstance(layer, LayerNorm)
    dx_hat = passed.dout * layer.params["gamma"]
    row, column = index
    means = dx_hat[row].mean(), (dx_hat * layer.x_hat)[row].mean()
    inverse = float(layer.inverse[row, 0])
    return [_normalized(symbol, "the layer", inverse, dx_hat, layer.x_hat, (row, column), means)], index


def _normalized(
    symbol: str, over: str, inverse: float, dx_hat: Array, x_hat: Array, at: tuple[int, int], means: tuple[float, float]
) -> Worked:
    words = f"Through normalization: mean and deviation over {over} depend on this value too."
    formula = r"(d - \text{mean } d - \hat z\; \text{mean } d \hat z) / \sigma,\; d = \gamma\, \mathrm{d}N"
    return work_out(
        symbol, formula, "{s} × ({a} − {b} − {x} × {c})", lambda s, a, b, x, c: s * (a - b - x * c), words,
        s=inverse, a=float(dx_hat[at]), b=float(means[0]), x=float(x_hat[at]), c=float(means[1]),
    )  # fmt: skip


def _rows(values: Array) -> Array:
    return values if values.ndim == 2 else values.transpose(0, 2, 3, 1).reshape(-1, values.shape[1])


def _flatten(passed: Passed, symbol: str, index: Index) -> Back:
    place = int(np.ravel_multi_index(index[1:], passed.x.shape[1:]))
    words = "The same value in another shape: all maps in a row."
    value = float(passed.dout[index[0], place])
    line = work_out(symbol, rf"\mathrm{{d}}F[{index[0]},{place}]", "{value}", lambda value: value, words, value=value)
    return [line], (index[0], place)


def _average_of_maps(passed: Passed, symbol: str, index: Index) -> Back:
    n = passed.x.shape[2] * passed.x.shape[3]
    value, words = float(passed.dout[index[:2]]), f"Each of a map's {n:,} places has an equal share in its mean."
    line = work_out(symbol, rf"\mathrm{{d}}F[{at_place(index[:2])}] / {n}", "{value} / {n}",
                    lambda value, n: value / n, words, value=value, n=n)  # fmt: skip
    return [line], index[:2]


def _pool(passed: Passed, symbol: str, index: Index) -> Back:
    layer = passed.layer
    assert isinstance(layer, MaxPool2D | AvgPool2D)
    rows, columns = layer.kernel
    place = (
        *index[:2],
        min(index[2] // rows, passed.out.shape[2] - 1),
        min(index[3] // columns, passed.out.shape[3] - 1),
    )
    inside = index[2] // rows == place[2] and index[3] // columns == place[3]
    if isinstance(layer, MaxPool2D):
        cell = (index[2] - place[2] * rows) * columns + index[3] - place[3] * columns
        chosen = inside and int(layer.largest[place]) == cell
        share, why = (
            float(chosen),
            "this was the largest under its window" if chosen else "another was the largest under its window",
        )
    else:
        share, why = inside / (rows * columns), f"all {rows * columns} under the window have an equal share"
    words = f"Back through pooling: {why}."
    formula = rf"{d(letter(passed))}[{at_place(place)}] \times \text{{share}}"
    value = float(passed.dout[place])
    return [
        work_out(
            symbol, formula, "{value} × {share}", lambda value, share: value * share, words, value=value, share=share
        )
    ], place


def _conv(passed: Passed, symbol: str, index: Index) -> Back:
    layer = passed.layer
    assert isinstance(layer, Conv2D)
    n, c, row, column = index
    W, dout, (p, q) = layer.params["W"], passed.dout[n], layer.padding
    shares, places = [], []
    for o, i, j in np.ndindex(W.shape[0], *W.shape[2:]):
        r, s = row + p - i, column + q - j
        if r % layer.stride[0] or s % layer.stride[1]:
            continue
        r, s = r // layer.stride[0], s // layer.stride[1]
        if 0 <= r < dout.shape[1] and 0 <= s < dout.shape[2]:
            shares.append((f"map {o:,}, row {r}, column {s}", float(dout[o, r, s]), float(W[o, c, i, j])))
            places.append((n, int(o), r, s))
    best = max(range(len(shares)), key=lambda one: abs(shares[one][1] * shares[one][2]))
    formula = rf"\sum_{{o,i,j}} {d(letter(passed))}[{n},o,r-i,s-j]\; W_{{{passed.number}}}[o,{c},i,j]"
    words = f"Back through every window that held this value. Largest: {shares[best][0]}."
    return [add_up(symbol, formula, shares, words)], places[best]


def _unknown(passed: Passed, symbol: str, index: Index) -> Back:
    value = float(passed.dx[index])
    return [work_out(symbol, "", "{value}", lambda value: value, f"Back through {passed.name}.", value=value)], index


RULES: tuple[tuple[type[Layer], Callable[[Passed, str, Index], Back]], ...] = (
    (Dense, _dense),
    (Activation, _activation),
    (BatchNorm, _batch_norm),
    (LayerNorm, _layer_norm),
    (Flatten, _flatten),
    (GlobalAveragePool, _average_of_maps),
    (MaxPool2D, _pool),
    (AvgPool2D, _pool),
    (Conv2D, _conv),
)
