"""The output layer on the page Inside: ten logits, and how softmax makes shares of them, worked out digit by digit.

A network that learned without softmax has probabilities all the same: they are shown as bars.
"""

from __future__ import annotations

import html

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from nn_core.explain.steps import SoftmaxSteps, softmax_steps
from nn_core.machine.memory import Array
from nn_core.machine.numbers import probability
from nn_core.nn.network import Network
from ui import session
from ui.charts import theme
from ui.charts.bars import probability_bars
from ui.charts.figure import short_number
from ui.charts.unit_bars import unit_bars
from ui.components.live_plot import live_plot
from ui.words import Html, plain

_LOOKS = """<style>
  .softmax { border-collapse: collapse; width: 100%; max-width: 34rem; }
  .softmax { font-variant-numeric: tabular-nums; font-size: .86rem; }
  .softmax th { font-weight: 500; white-space: nowrap; opacity: .75; text-align: right; padding: .1rem .5rem; }
  .softmax td { text-align: right; padding: .1rem .5rem; border: 0; white-space: nowrap; }
  .softmax th:first-child, .softmax td:first-child { text-align: left; }
  .softmax tr { border: 0; }
  .softmax .top { font-weight: 680; }
  .softmax .sum td { border-top: 1px solid rgba(128, 128, 128, .4); }
  .softmax i { display: inline-block; height: .55rem; border-radius: 2px; vertical-align: baseline; min-width: 1px; }
  .softmax td:last-child { width: 24%; text-align: left; }
</style>"""


def output_layer(model: Network, image: Array, left: DeltaGenerator, right: DeltaGenerator) -> None:
    """The logits of an image as bars (in the place `left`), and what probabilities its loss makes of them (`right`)."""
    names, dark = session.dataset().class_names, session.is_dark()
    steps = softmax_steps(model.logits(image[None])[0])
    top = int(steps.logits.argmax())
    with left:
        title = "Output layer: the logit (score) of each digit"
        bars = unit_bars(
            steps.logits, names=names, dark=dark, title=title, what="logits", hover="logit of ", chosen=top
        )
        live_plot(bars, key="inside-logits", height=200)
    with right:
        if model.loss.about_probabilities:
            shares = model.loss.probabilities(steps.logits[None])[0]
            live_plot(probability_bars(shares, names=names, dark=dark), key="inside-probabilities", height=260)
            st.caption(model.loss.about_probabilities)
            return
        st.html(softmax_table(steps, names, theme.palette(dark).digits))
        st.caption(
            "Softmax: subtract the largest logit from each, take exp of that, divide by the sum. "
            f"For {plain(names[top])}: {steps.powers[top]:.3f} / {steps.total:.3f} gives "
            f"{probability(steps.shares[top])}."
        )


def softmax_table(steps: SoftmaxSteps, names: tuple[str, ...] | list[str], colours: tuple[str, ...]) -> Html:
    """Logit, difference to the largest, its exponential and share of each class, a line each, and the sum, as HTML."""
    top = int(steps.logits.argmax())
    lines = []
    for at, name in enumerate(names):
        bar = f'<i style="width: calc(100% * {steps.shares[at]:.4f}); background: {html.escape(colours[at % 10])}"></i>'
        cells = (
            html.escape(name),
            short_number(steps.logits[at]),
            short_number(steps.below[at]),
            _power(steps.powers[at]),
            html.escape(probability(steps.shares[at]).replace("less than ", "<").replace("over ", ">")),
            bar,
        )
        row = "".join(f"<td>{cell}</td>" for cell in cells)
        lines.append(f'<tr class="{"top" if at == top else ""}">{row}</tr>')
    heads = ("digit", "logit", "− max", "exp", "÷ sum", "")
    head = "".join(f"<th>{text}</th>" for text in heads)
    total = f'<tr class="sum"><td>sum</td><td></td><td></td><td>{steps.total:.3f}</td><td>100 %</td><td></td></tr>'
    return f'{_LOOKS}<table class="softmax"><tr>{head}</tr>{"".join(lines)}{total}</table>'


def _power(value: float) -> Html:
    return "&lt;0.001" if 0 < value < 0.0005 else f"{value:.3f}"
