"""The chain of products behind one weight's gradient, from the weight to the loss, in numbers that multiply out.

At a sum over units or places the way goes on along its largest share.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from nn_core.explain.walkthrough.back import Index, through
from nn_core.explain.walkthrough.digits import Worked, add_up, work_out
from nn_core.explain.walkthrough.step import Step
from nn_core.explain.walkthrough.symbols import d, element, latex, letter, output_of
from nn_core.machine.memory import Array
from nn_core.nn.conv import Conv2D
from nn_core.nn.losses import CrossEntropy, LinearSquaredError, MeanSquaredError


def layer_at(step: Step, name: str) -> int:
    """The place among `step.passed` of the layer that has the parameter "dense1.W"."""
    layer = name.rpartition(".")[0]
    return next(at for at, passed in enumerate(step.passed) if passed.name == layer)


def forward_lines(step: Step, name: str, index: Index, image: int) -> list[Worked]:
    """What a weight or bias adds to its unit's sum for one image, and the sum; of a convolution, at its first place."""
    passed = step.passed[layer_at(step, name)]
    W, b, z = passed.layer.params["W"], passed.layer.params["b"], letter(passed)
    if isinstance(passed.layer, Conv2D):
        place = np.unravel_index(int(np.abs(passed.out[image, index[0]]).argmax()), passed.out.shape[2:])
        here = (image, index[0], int(place[0]), int(place[1]))
        window = window_under(step, layer_at(step, name), here)
        cells = [
            (f"map {c:,}, row {i}, column {j}", float(window[c, i, j]), float(W[index[0], c, i, j]))
            for c, i, j in np.ndindex(window.shape)
        ]
        bias = float(b[index[0]])
        words = "The window under the largest place of this map, times the kernel, and the bias."
        return [add_up(element(z, here), r"\sum W\, x + b", cells, words, bias)]
    unit = index[-1]
    before = output_of(step, layer_at(step, name) - 1)
    inputs = [(f"input {r:,}", float(x), float(W[r, unit])) for r, x in enumerate(passed.x[image])]
    words = f"The sum of unit {unit:,}: each input times its weight, and the bias."
    formula = rf"\sum_r {latex(before)}[{image},r]\, W_{{{passed.number}}}[r,{unit}] + b_{{{passed.number}}}[{unit}]"
    return [add_up(element(z, (image, unit)), formula, inputs, words, float(b[unit]))]


def window_under(step: Step, at: int, place: Index) -> Array:
    """The inputs (C_in, K, K) that a convolution saw at a place (image, channel, row, column) of its output."""
    layer, x = step.passed[at].layer, step.passed[at].x
    assert isinstance(layer, Conv2D)
    (p, q), (rows, columns) = layer.padding, layer.kernel
    padded = np.pad(x[place[0]], ((0, 0), (p, p), (q, q)))
    r, s = place[2] * layer.stride[0], place[3] * layer.stride[1]
    window: Array = padded[:, r : r + rows, s : s + columns]
    return window


def gradient_lines(step: Step, name: str, index: Index) -> tuple[list[Worked], Index]:
    """The gradient of one weight or bias as a sum over images (and places); and the largest share's place in dZ."""
    at = layer_at(step, name)
    passed, kind = step.passed[at], name.rpartition(".")[2]
    shares, places = _shares(step, at, kind, index)
    z, number = letter(passed), passed.number
    symbol = rf"\mathrm{{d}}{kind}_{{{number}}}[{','.join(map(str, index))}]"
    best = max(range(len(shares)), key=lambda one: abs(shares[one][1] * shares[one][2]))
    if len(shares) == 1:
        _, x, dz = shares[0]
        dz_symbol = rf"{d(z)}[{','.join(map(str, places[0]))}]"
        if kind == "b":
            return [
                work_out(symbol, dz_symbol, "{dz}", lambda dz: dz, "A bias takes its unit's gradient as it is.", dz=dz)
            ], places[0]
        before = element(output_of(step, at - 1), (places[0][0], index[0]))
        words = "What came in along this weight, times the gradient of the sum that it goes into."
        return [
            work_out(symbol, rf"{before}\; {dz_symbol}", "{x} × {dz}", lambda x, dz: x * dz, words, x=x, dz=dz)
        ], places[0]
    where = "images and places" if isinstance(passed.layer, Conv2D) else "images"
    formula = rf"\sum_{{\text{{{where}}}}} x\; {d(z)}" if kind == "W" else rf"\sum_{{\text{{{where}}}}} {d(z)}"
    words = f"One share for each of the {where}: what came in, times the gradient of the sum there."
    return [add_up(symbol, formula, shares, words)], places[best]


def _shares(step: Step, at: int, kind: str, index: Index) -> tuple[list[tuple[str, float, float]], list[Index]]:
    passed = step.passed[at]
    if not isinstance(passed.layer, Conv2D):
        unit = index[-1]
        xs = passed.x[:, index[0]] if kind == "W" else np.ones(step.m)
        shares = [(f"image {i}", float(xs[i]), float(passed.dout[i, unit])) for i in range(step.m)]
        return shares, [(i, unit) for i in range(step.m)]
    channel, dz = index[0], passed.dout[:, index[0]]
    ones = np.ones(dz.shape)
    seen = _under_cell(step, at, index) if kind == "W" else ones
    conv_shares, places = [], list[Index]()
    for n, r, s in np.ndindex(dz.shape):
        conv_shares.append((f"image {n}, row {r}, column {s}", float(seen[n, r, s]), float(dz[n, r, s])))
        places.append((n, channel, r, s))
    return conv_shares, places


def _under_cell(step: Step, at: int, index: Index) -> Array:
    """What lay under one cell of a kernel at every place: (N, H_out, W_out)."""
    passed = step.passed[at]
    layer = passed.layer
    assert isinstance(layer, Conv2D)
    _, c, i, j = index
    p, q = layer.padding
    padded = np.pad(passed.x[:, c], ((0, 0), (p, p), (q, q)))
    rows, columns = passed.out.shape[2:]
    seen: Array = padded[
        :, i : i + rows * layer.stride[0] : layer.stride[0], j : j + columns * layer.stride[1] : layer.stride[1]
    ]
    return seen


def chain(step: Step, name: str, index: Index) -> list[Worked]:
    """The whole way of one weight's (or bias's) gradient, from its own line to the loss."""
    lines, place = gradient_lines(step, name, index)
    for at in range(layer_at(step, name) + 1, len(step.passed)):
        more, place = through(step, at, place)
        lines += more
    return lines + loss_lines(step, place[0], place[1])


# ---------------------------------------------------------------------------------------------- at the loss


def loss_lines(step: Step, i: int, k: int) -> list[Worked]:
    """The gradient of the loss with respect to logit k of image i."""
    symbol = element(output_of(step, len(step.passed) - 1), (i, k))
    of = OF_LOSSES.get(step.model.loss)
    if of is None:
        value = float(step.dlogits[i, k])
        return [work_out(rf"\mathrm{{d}}{symbol}", "", "{value}", lambda value: value, "From the loss.", value=value)]
    return of(step, i, k, rf"\mathrm{{d}}{symbol}")


def _cross_entropy(step: Step, i: int, k: int, symbol: str) -> list[Worked]:
    words = f"Output {k}: its probability p less its target t, over the number of images m."
    return [_difference(symbol, "p", float(step.probabilities[i, k]), step, i, k, words)]


def _linear(step: Step, i: int, k: int, symbol: str) -> list[Worked]:
    words = f"Output {k} itself less its target t, over the number of images m."
    return [_difference(symbol, "z", float(step.logits[i, k]), step, i, k, words)]


def _difference(symbol: str, what: str, value: float, step: Step, i: int, k: int, words: str) -> Worked:
    formula = rf"({what}[{i},{k}] - t[{i},{k}]) / m"
    t = float(step.targets[i, k])
    return work_out(symbol, formula, "({p} − {t}) / {m}", lambda p, t, m: (p - t) / m, words, p=value, t=t, m=step.m)


def _squared(step: Step, i: int, k: int, symbol: str) -> list[Worked]:
    p, t, n = step.probabilities[i], step.targets[i], step.targets.size
    g = (p - t) * (2 / n)
    mean = add_up(
        r"\langle p, g \rangle",
        r"\sum_k p_k\, g_k",
        [(f"output {j}", float(p[j]), float(g[j])) for j in range(len(p))],
        "The squared error's gradient g, averaged with the probabilities.",
    )
    own = work_out(
        f"g_{{{k}}}", r"2\,(p_k - t_k) / (m\, n)", "2 × ({p} − {t}) / {n}", lambda p, t, n: 2 * (p - t) / n,
        "The gradient with respect to the probability, before softmax.", p=float(p[k]), t=float(t[k]), n=n,
    )  # fmt: skip
    whole = work_out(
        symbol, r"p_k\,(g_k - \langle p, g \rangle)", "{p} × ({g} − {mean})", lambda p, g, mean: p * (g - mean),
        "Through softmax.", p=float(p[k]), g=float(g[k]), mean=mean.value,
    )  # fmt: skip
    return [whole, own, mean]


OF_LOSSES: dict[type, Callable[[Step, int, int, str], list[Worked]]] = {
    CrossEntropy: _cross_entropy,
    MeanSquaredError: _squared,
    LinearSquaredError: _linear,
}
