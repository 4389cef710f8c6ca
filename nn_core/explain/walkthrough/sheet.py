"""A training step on paper: one HTML page with all numbers, or with blanks in the place of those that are computed."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import numpy as np

from nn_core.explain.walkthrough.digits import Worked, text
from nn_core.explain.walkthrough.stages import Named, Stage, stages
from nn_core.explain.walkthrough.step import Step
from nn_core.machine.memory import Array

LOOKS = """body { font: 15px/1.45 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; color: #111; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.05rem; margin: 1.4rem 0 .2rem; } section { break-inside: avoid; }
code { background: #f2f2f2; padding: .1rem .3rem; } p { margin: .2rem 0; } figure { margin: .5rem 0; overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; } figcaption { font-size: .85rem; color: #444; }
td { border: 1px solid #999; padding: .15rem .5rem; text-align: right; } td.blank { min-width: 4.5rem; height: 1.5rem; }
@media print { body { margin: 0; max-width: none; } }"""
DIGITS = 6


def sheet(step: Step, name: str, followed: Sequence[Worked], *, blanks: bool = False) -> str:
    """The whole calculation as a page of HTML, or with `blanks` to be filled in; `followed` are one weight's lines."""
    title = f"One training step of {name}" + (": worksheet" if blanks else ": the calculation")
    rates = f"learning rate {step.lr:g}, {step.config.optimizer}, {step.config.activation}, {step.config.loss}"
    parts = [f"<p>{escape(rates)}. Rows are images; numbers to {DIGITS} significant digits, computed in float64.</p>"]
    parts += [_stage(step, stage, blanks) for stage in stages(step)]
    if followed:
        parts.append("<section><h2>One weight, from its gradient to its new value</h2>")
        parts += [_line(line, blanks) for line in followed]
        parts.append("</section>")
    head = f'<meta charset="utf-8"><title>{escape(title)}</title><style>{LOOKS}</style>'
    body = "\n".join(parts)
    page = f"<head>{head}</head>\n<body><h1>{escape(title)}</h1>\n{body}\n</body>"
    return f'<!doctype html>\n<html lang="en">{page}</html>\n'


def _stage(step: Step, stage: Stage, blanks: bool) -> str:
    work = [code.lines[at].strip() for code in stage.codes for at in code.at_work]
    shown = "".join(f"<code>{escape(line)}</code> " for line in work)
    arrays = "".join(_array(each, blanks and not _is_given(step, each)) for each in _once(stage))
    loss = ""
    if stage.title.startswith("L:"):
        loss = f"<p>L = {'' if blanks else text(step.data_loss + step.penalty, DIGITS)}{'_' * 14 * blanks}</p>"
    words = "" if blanks and loss else f"<p>{escape(stage.words)}</p>"
    return f"<section><h2>{escape(stage.title)}</h2>{words}<p>{shown}</p>{loss}{arrays}</section>"


def _once(stage: Stage) -> Sequence[Named]:
    """The arrays that the stage makes or brings in; those of earlier stages stand there already."""
    if stage.part == "backward":
        return [
            each for each in stage.arrays if stage.title.startswith(f"{each.name}:") or each.name.startswith("mask")
        ]
    return [
        each for each in stage.arrays if each.name != "Z" and not (stage.title.startswith("L:") and each.name == "p")
    ]


def _is_given(step: Step, each: Named) -> bool:
    """Whether an array is known before the step."""
    return each.name in ("X", "t") or (each.param != "" and each.values is step.model.parts[
        each.param.partition(".")[0]].params.get(each.param.rpartition(".")[2]))  # fmt: skip


def _array(each: Named, blank: bool) -> str:
    rows = "".join(f"<tr>{''.join(_cell(value, blank) for value in row)}</tr>" for row in np.atleast_2d(each.values))
    return f"<figure><figcaption>{escape(each.name)}</figcaption><table>{rows}</table></figure>"


def _cell(value: Array, blank: bool) -> str:
    return '<td class="blank"></td>' if blank else f"<td>{text(float(value), DIGITS)}</td>"


def _line(line: Worked, blanks: bool) -> str:
    numbers = line.numbers or " + ".join(
        f"{row.first} × {row.second}" if row.first else row.product for row in line.rows
    )
    shown = "_" * 14 if blanks else line.result
    return f"<p>{escape(line.words)}<br><code>{'_' * 28 if blanks else escape(numbers)} = {escape(shown)}</code></p>"
