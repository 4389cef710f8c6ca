"""One weight's update in numbers: its gradient, what the optimizer keeps of it, the step, and the new weight."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from nn_core.config.run_config import RunConfig
from nn_core.explain.walkthrough.back import Index
from nn_core.explain.walkthrough.digits import Worked, work_out
from nn_core.explain.walkthrough.step import Step
from nn_core.nn.muon import orthogonalised
from nn_core.nn.optimizers import Adagrad, Adam, RMSProp


@dataclass(frozen=True)
class Weight:
    """One weight (or bias) in an update, and all that its optimizer's rule reads."""

    step: Step
    name: str  # "dense1.W"
    index: Index
    w: float
    g: float
    kept: Mapping[str, float]  # what the optimizer had kept of it

    @property
    def config(self) -> RunConfig:
        """The settings in force."""
        return self.step.config

    @property
    def is_weight(self) -> bool:
        """Whether it is one of those that penalties and decay are for."""
        return self.name.endswith(".W")


def update_lines(step: Step, name: str, index: Index) -> list[Worked]:
    """From the data's gradient of one weight (or bias) to its new value."""
    kept = {of: float(values[name][index]) for of, values in step.state_before.items()}
    g = float(step.gradients[name][index])
    weight = Weight(step, name, index, float(step.before[name][index]), g, kept)
    rule = RULES.get(step.config.optimizer)
    lines = [*_gradient(weight), *(rule(weight) if rule else [])]
    new = float(step.after[name][index])
    if rule is None:
        lines.append(
            work_out(
                r"w_{\text{new}}", r"w + \text{step}", "{w} + {s}", lambda w, s: w + s, w=weight.w, s=new - weight.w
            )
        )
    elif step.config.max_norm and not math.isclose(lines[-1].value, new, rel_tol=1e-12, abs_tol=1e-300):
        limit = f"max-norm {step.config.max_norm:g}: the weights into this unit are shortened to that length."
        lines.append(
            work_out(
                "w_{\\text{new}}",
                r"w \times \text{factor}",
                "{w} × {f}",
                lambda w, f: w * f,
                limit,
                w=lines[-1].value,
                f=new / lines[-1].value,
            )
        )
    return lines


def _gradient(weight: Weight) -> list[Worked]:
    """The data's gradient with the shares of L2 and L1, clipped."""
    config, name, at = weight.config, weight.name, weight.index
    data = float(weight.step.data_gradients[name][at])
    l2, l1 = (config.l2, config.l1) if weight.is_weight else (0.0, 0.0)
    sign = float(np.sign(weight.w))
    lines = [work_out("g", r"\mathrm{d}" + name.rpartition(".")[2], "{data}", lambda data: data,
                      "The gradient from the data, as worked out above.", data=data)]  # fmt: skip
    for strength, formula, numbers, calculate, what in (
        (l2, r"g + \lambda_2 w", "{g} + {strength} × {w}", lambda g, strength, w: g + strength * w, "L2"),
        (
            l1,
            r"g + \lambda_1 \mathrm{sign}(w)",
            "{g} + {strength} × {w}",
            lambda g, strength, w: g + strength * w,
            "L1",
        ),
    ):
        if strength:
            w = weight.w if what == "L2" else sign
            lines.append(work_out("g", formula, numbers, calculate, f"The share of {what}, apart from the data's.",
                                  g=lines[-1].value, strength=strength, w=w))  # fmt: skip
    if weight.step.clip != 1:
        words = f"Clipping: the whole gradient is shortened to a length of {config.clip_norm:g}."
        lines.append(work_out("g", r"g \times \text{factor}", "{g} × {f}", lambda g, f: g * f, words,
                              g=lines[-1].value, f=weight.step.clip))  # fmt: skip
    return lines


def _sgd(weight: Weight) -> list[Worked]:
    return [_moved(weight, r"w - \eta\, g", "g", weight.g)]


def _moved(
    weight: Weight, formula: str, what: str, direction: float, decay: float = 0.0, factor: float = 1.0
) -> Worked:
    """w less the rate times a direction; with decoupled decay, w shrinks first."""
    words = f"The new weight: against {what}, at the learning rate η in force."
    numbers = {"w": weight.w, "lr": weight.step.lr, "d": direction}
    if factor != 1:
        numbers["s"] = factor
    times = " × {s}" if factor != 1 else ""
    if decay:
        numbers["decay"] = decay
        text = "(1 − {lr} × {decay}) × {w} − {lr}" + times + " × {d}"
        return work_out(r"w_{\text{new}}", formula, text,
                        lambda w, lr, d, decay, s=1.0: (1 - lr * decay) * w - lr * s * d, words, **numbers)  # fmt: skip
    text = "{w} − {lr}" + times + " × {d}"
    return work_out(r"w_{\text{new}}", formula, text, lambda w, lr, d, s=1.0: w - lr * s * d, words, **numbers)


def _velocity(weight: Weight) -> Worked:
    words = "The velocity: what is left of the one before, and the new gradient."
    numbers = {"mu": weight.config.momentum, "v": weight.kept["velocity"], "g": weight.g}
    return work_out("v", r"\mu\, v + g", "{mu} × {v} + {g}", lambda mu, v, g: mu * v + g, words, **numbers)


def _momentum(weight: Weight) -> list[Worked]:
    v = _velocity(weight)
    return [v, _moved(weight, r"w - \eta\, v", "the velocity v", v.value)]


def _nesterov(weight: Weight) -> list[Worked]:
    v = _velocity(weight)
    ahead = _ahead(weight, v)
    return [v, ahead, _moved(weight, r"w - \eta\, u", "the look ahead u", ahead.value)]


def _ahead(weight: Weight, v: Worked) -> Worked:
    numbers = {"g": weight.g, "mu": weight.config.momentum, "v": v.value}
    return work_out("u", r"g + \mu\, v", "{g} + {mu} × {v}", lambda g, mu, v: g + mu * v, "One look ahead.", **numbers)


def _divided(weight: Weight, top: Worked | float, squares: Worked, epsilon: float) -> list[Worked]:
    """The direction top / (sqrt(squares) + epsilon), and the new weight."""
    value = top if isinstance(top, float) else top.value
    name = "g" if isinstance(top, float) else r"\hat m"
    numbers = {"a": value, "s": squares.value, "eps": epsilon}
    direction = work_out("u", rf"{name} / (\sqrt{{{squares.symbol}}} + \epsilon)", "{a} / (√{s} + {eps})",
                         lambda a, s, eps: a / (math.sqrt(s) + eps), "The direction, in units of its usual size.",
                         **numbers)  # fmt: skip
    decay = weight.config.weight_decay if weight.config.optimizer == "adamw" and weight.is_weight else 0.0
    formula = r"(1 - \eta \lambda)\, w - \eta\, u" if decay else r"w - \eta\, u"
    return [direction, _moved(weight, formula, "the direction u", direction.value, decay)]


def _adagrad(weight: Weight) -> list[Worked]:
    numbers = {"s": weight.kept["squares"], "g": weight.g}
    words = "The sum of all squares of its gradients so far."
    s = work_out("s", "s + g^2", "{s} + {g}²", lambda s, g: s + g * g, words, **numbers)
    return [s, *_divided(weight, weight.g, s, Adagrad.epsilon)]


def _average(symbol: str, beta_symbol: str, beta: float, before: float, new: float, squared: bool) -> Worked:
    power = ("^2", "²") if squared else ("", "")
    words = f"The running average of its {'squared gradients' if squared else 'gradients'}."
    return work_out(
        symbol,
        rf"{beta_symbol} {symbol} + (1 - {beta_symbol})\, g{power[0]}",
        "{beta} × {before} + (1 − {beta}) × {g}" + power[1],
        (lambda beta, before, g: beta * before + (1 - beta) * g * g)
        if squared
        else (lambda beta, before, g: beta * before + (1 - beta) * g),
        words,
        beta=beta,
        before=before,
        g=new,
    )


def _rmsprop(weight: Weight) -> list[Worked]:
    v = _average("v", r"\beta_2", weight.config.beta2, weight.kept["v"], weight.g, True)
    return [v, *_divided(weight, weight.g, v, RMSProp.epsilon)]


def _adam(weight: Weight) -> list[Worked]:
    """The state holds m / (1 - beta1) and v / (1 - beta2): here they are as in the paper."""
    config, t = weight.config, weight.step.t
    m = _average("m", r"\beta_1", config.beta1, (1 - config.beta1) * weight.kept["m"], weight.g, False)
    v = _average("v", r"\beta_2", config.beta2, (1 - config.beta2) * weight.kept["v"], weight.g, True)
    corrected = []
    for average, beta, number in ((m, config.beta1, 1), (v, config.beta2, 2)):
        name = average.symbol
        words = "The correction for the averages' beginning at 0." if number == 1 else "The same for the squares."
        formula = rf"{name} / (1 - \beta_{number}^t)"
        numbers = {"a": average.value, "beta": beta, "t": t}
        text = "{a} / (1 − {beta}^{t})"
        corrected.append(
            work_out(rf"\hat {name}", formula, text, lambda a, beta, t: a / (1 - beta**t), words, **numbers)
        )
    return [m, v, *corrected, *_divided(weight, corrected[0], corrected[1], Adam.epsilon)]


def _muon(weight: Weight) -> list[Worked]:
    step, config = weight.step, weight.config
    v = _velocity(weight)
    decay = config.weight_decay if weight.is_weight else 0.0
    formula = r"(1 - \eta \lambda)\, w - \eta\, " if decay else r"w - \eta\, "
    names = [name for name in step.before if name.endswith(".W")]
    if weight.name not in names[:-1]:  # biases and the output layer
        return [v, _moved(weight, formula + "v", "the velocity v", v.value, decay)]
    ahead = _ahead(weight, v)
    g, kept = step.gradients[weight.name], step.state_before["velocity"][weight.name]
    whole = g + config.momentum * (config.momentum * kept + g)
    matrix = whole if whole.ndim == 2 else whole.reshape(len(whole), -1).T  # (n_in, n_out)
    made = orthogonalised(matrix)
    made = made if whole.ndim == 2 else made.T.reshape(whole.shape)
    factor = math.sqrt(max(1.0, matrix.shape[1] / matrix.shape[0]))
    words = "Its entry after the whole matrix of u was made orthogonal."
    o = work_out("o", r"\mathrm{NS}(u)", "{o}", lambda o: o, words, o=float(made[weight.index]))
    return [v, ahead, o, _moved(weight, formula + "s\\, o", "o", o.value, decay, factor)]


RULES: dict[str, Callable[[Weight], list[Worked]]] = {
    "sgd": _sgd,
    "momentum": _momentum,
    "nesterov": _nesterov,
    "adagrad": _adagrad,
    "rmsprop": _rmsprop,
    "adam": _adam,
    "adamw": _adam,
    "muon": _muon,
}
