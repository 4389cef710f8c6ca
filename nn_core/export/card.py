"""The run card: one self-contained HTML page on a run, for a colleague, a printer or a lab book.

No script, nothing from the network (its own content policy forbids both); light or dark as the reader's system is,
light on paper. All text that comes from a user is escaped.
"""

from __future__ import annotations

import html
import math
import time
from collections.abc import Iterable, Mapping
from string import Template

import numpy as np

from nn_core.config.choices import choices
from nn_core.config.run_config import all_settings
from nn_core.data import Dataset
from nn_core.explain.filters import first_filters, hidden_sizes
from nn_core.export.picture import DARK, LIGHT, Colours, curve_chart, filter_wall
from nn_core.export.source import ExportSource
from nn_core.machine.durations import duration
from nn_core.machine.memory import Array
from nn_core.nn.metrics import class_scores
from nn_core.nn.network import outline

MAX_FILTERS, COLUMNS = 96, 16

PAGE = Template("""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<meta name="color-scheme" content="light dark">
<title>$title</title>
<style>$style</style>
<main>
<header><p class="kind">Glassnet run card</p><h1>$title</h1><p class="sub">$subtitle</p></header>
<dl class="figures">$figures</dl>
<section class="charts">$charts</section>
<section class="filters"><h2>$filters_title</h2>$filters</section>
<section class="matrix"><h2>What is read as what</h2><p class="note">$matrix_note</p>$matrix</section>
<section><h2>Settings</h2>$settings</section>
$edits
<footer>$footer</footer>
</main>
</html>
""")

STYLE = """
:root{$light}
@media screen and (prefers-color-scheme:dark){:root{$dark}}
*{box-sizing:border-box}
body{margin:0;background:var(--ground);color:var(--text);font:15px/1.45 system-ui,-apple-system,"Segoe UI",sans-serif}
main{max-width:960px;margin:0 auto;padding:28px 22px 40px}
h1{font-size:1.55rem;line-height:1.25;margin:.1em 0 .25em;overflow-wrap:anywhere}
h2{font-size:1.05rem;margin:0 0 .5em}
p{margin:0}.kind,.sub,.note,footer,dt,figcaption span{color:var(--muted)}
.kind{font-size:.8rem;letter-spacing:.06em;text-transform:uppercase}.note{font-size:.85rem;margin-bottom:.6em}
section{margin-top:28px}
.figures{display:grid;grid-template-columns:repeat(auto-fit,minmax(150px,1fr));gap:10px;margin:20px 0 0}
.figures div{border:1px solid var(--rule);border-radius:7px;padding:9px 12px}
dt{font-size:.8rem}dd{margin:0;font-size:1.3rem;font-weight:600;font-variant-numeric:tabular-nums}
dd small{display:block;font-size:.78rem;font-weight:400;color:var(--muted)}
.charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(320px,1fr));gap:18px}
figure{margin:0}figcaption{font-weight:600;margin-bottom:4px}figcaption span{font-weight:400;font-size:.85rem}
figcaption b{white-space:nowrap;margin-right:.8em;font-size:.9rem}
figcaption .train{color:var(--train)}figcaption .val{color:var(--val)}
svg{width:100%;height:auto;display:block}
svg text{font-size:11px;fill:var(--muted)}svg .grid{stroke:var(--rule)}
svg .edit{stroke:var(--muted);stroke-dasharray:2 3}
svg polyline{fill:none;stroke-width:1.8;stroke-linejoin:round}
svg polyline.train{stroke:var(--train)}svg polyline.val{stroke:var(--val)}
svg circle.train{fill:var(--train)}svg circle.val{fill:var(--val)}
.filters img{display:block;width:100%;height:auto;image-rendering:pixelated;border:1px solid var(--rule)}
.scroll{overflow-x:auto}
table{border-collapse:collapse;font-variant-numeric:tabular-nums}
.matrix table{width:100%;min-width:600px;font-size:.88rem}
.matrix th,.matrix td{padding:3px 6px;text-align:right;border:1px solid var(--ground)}
.matrix th{font-weight:500;color:var(--muted)}.matrix td{background:rgb(var(--val-rgb)/var(--share,0))}
.matrix td.wrong{background:rgb(var(--wrong-rgb)/var(--share,0))}.matrix .score{border-left:8px solid var(--ground)}
.settings{columns:2;column-gap:34px;margin-bottom:.7em}
.settings div{display:flex;justify-content:space-between;gap:14px;padding:3px 0;border-bottom:1px solid var(--rule);
break-inside:avoid}.settings span{overflow-wrap:anywhere}.settings .own{font-weight:650}
.edits th,.edits td{padding:3px 22px 3px 0;border-bottom:1px solid var(--rule);text-align:left;font-weight:400}
.edits thead th{color:var(--muted);font-size:.85rem}
footer{margin-top:30px;font-size:.82rem}code{overflow-wrap:anywhere;font-size:.92em}
@media(max-width:640px){.settings{columns:1}main{padding:18px 14px}}
@media print{@page{margin:13mm}:root{font-size:11px}body{font-size:1rem}main{max-width:none;padding:0}
section,figure,.figures div{break-inside:avoid}.charts{grid-template-columns:1fr 1fr}
section{margin-top:16px}*{-webkit-print-color-adjust:exact;print-color-adjust:exact}}
"""


def to_card(source: ExportSource, data: Dataset) -> bytes:
    """The page. The test images of `data` are read for its figures and its matrix."""
    counts = source.confusion(data)
    accuracy = counts.trace() / counts.sum()
    n = int(counts.sum())
    page = PAGE.substitute(
        title=html.escape(source.title),
        style=Template(STYLE.strip()).substitute(light=_variables(LIGHT), dark=_variables(DARK)),
        subtitle=html.escape(_subtitle(source)),
        figures=_figures(source, float(accuracy), n),
        charts=_charts(source),
        filters_title=_filters_title(source),
        filters=_filters(source),
        matrix_note=(
            f"The {n:,} test images at step {source.step:,}, never used for choosing anything: a row a true digit, "
            "a column what it was read as; precision, recall and F1 in percent."
        ),
        matrix=_matrix(counts, data.class_names),
        settings=_settings(source),
        edits=_edits(source),
        footer=_footer(source),
    )
    return page.encode()


def _variables(colours: Colours) -> str:
    """The CSS variables of a theme."""
    plain = ("ground", "text", "muted", "rule", "train", "val")
    triples = (("val-rgb", colours.val), ("wrong-rgb", colours.negative[2]))
    return ";".join(
        [f"--{name}:{getattr(colours, name)}" for name in plain]
        + [f"--{name}:{' '.join(str(int(c[k : k + 2], 16)) for k in (1, 3, 5))}" for name, c in triples]
    )


def _subtitle(source: ExportSource) -> str:
    day = time.strftime("%d %B %Y", time.gmtime(source.created)).lstrip("0")
    return f"{outline(source.config)}, begun on {day}; as it was at step {source.step:,}, epoch {source.epoch:.4g}"


def _figures(source: ExportSource, test_accuracy: float, n: int) -> str:
    val = source.series.get("val/accuracy")
    figures = [("Test accuracy", f"{test_accuracy:.2%}", f"{n:,} images, for the report alone")]
    if val is not None and len(val):
        at = int(val.step[-1])
        figures.append(("Validation accuracy", f"{val.last:.2%}", f"at step {at:,}"))
        best = int(np.argmax(val.value))
        figures.append(("Best on validation", f"{val.value[best]:.2%}", f"at step {int(val.step[best]):,}"))
    figures.append(("Parameters", f"{source.model.n_params:,}", "trained numbers"))
    figures.append(("Time of training", duration(source.seconds), f"{source.step:,} steps"))
    return "".join(f"<div><dt>{name}</dt><dd>{value}<small>{note}</small></dd></div>" for name, value, note in figures)


def _charts(source: ExportSource) -> str:
    charts = []
    for title, kind, note, percent in (
        ("Loss", "loss", "nats, log scale", False),
        ("Accuracy", "accuracy", "of images read right", True),
    ):
        names = {f"train/{kind}": "train", f"val/{kind}": "val"}
        ends = {
            name: (f"{line.last:.2%}" if percent else f"{line.last:.4g}")
            for name in names
            if (line := source.series.get(name)) is not None and len(line)
        }
        words = {"train": "training", "val": "validation"}
        label = f"{title} by epoch: " + ", ".join(f"{words[names[name]]} ends at {end}" for name, end in ends.items())
        chart = curve_chart(source.series, names, source.edits, percent=percent, label=label)
        legend = "".join(f'<b class="{names[name]}">{words[names[name]]} {end}</b>' for name, end in ends.items())
        if chart:
            charts.append(f"<figure><figcaption>{title} <span>({note})</span><br>{legend}</figcaption>{chart}</figure>")
    return "".join(charts) or '<p class="note">There are no curves yet.</p>'


def _filters_title(source: ExportSource) -> str:
    n = first_filters(source.weights).shape[1]
    if not hidden_sizes(source.weights):
        return "The ten templates"
    if n > MAX_FILTERS:
        return f"What the first layer looks for: the {MAX_FILTERS} filters with the largest weights, of {n:,}"
    return (
        f"What the first layer looks for: its {n} filters" if n > 1 else "What the first layer's one filter looks for"
    )


def _filters(source: ExportSource) -> str:
    """The wall in both themes; blue for positive weights, orange for negative ones."""
    weights = first_filters(source.weights)
    side = math.isqrt(len(weights))
    norms = np.linalg.norm(weights, axis=0)
    shown = weights[:, np.sort(np.argsort(-norms, kind="stable")[:MAX_FILTERS])]
    n = shown.shape[1]
    columns = min(n, 10 if n == 10 else COLUMNS)
    light, dark = (filter_wall(shown, columns, colours) for colours in (LIGHT, DARK))
    width = f"max-width:{columns * 58}px;min-width:{columns * 38}px"
    return (
        f'<p class="note">Blue: ink here speaks for it; orange: against it.</p><div class="scroll"><picture>'
        f'<source media="screen and (prefers-color-scheme:dark)" srcset="{dark}">'
        f'<img src="{light}" style="{width}" alt="{n} filters of {side} by {side} weights"></picture></div>'
    )


def _matrix(counts: Array, names: Iterable[str]) -> str:
    """The confusion matrix as a table, shaded by the share of each row, with the scores of each class."""
    names = [html.escape(name) for name in names]
    scores = class_scores(counts)
    heads = "".join(f'<th scope="col">{name}</th>' for name in names)
    extra = "".join(f'<th scope="col"{" class=score" * (k == 0)}>{name}</th>' for k, name in enumerate(_SCORES))
    rows = []
    for true, name in enumerate(names):
        total = max(1, int(counts[true].sum()))
        cells = "".join(_cell(int(counts[true, read]), total, true == read) for read in range(len(names)))
        values = [getattr(scores, field)[true] for field in _SCORES.values()]
        ends = "".join(f"<td{' class=score' * (k == 0)}>{value:.1%}</td>" for k, value in enumerate(values))
        rows.append(f'<tr><th scope="row">{name}</th>{cells}{ends.replace("%", "")}</tr>')
    return (
        f'<div class="scroll"><table><thead><tr><th>true</th>{heads}{extra}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )


_SCORES: Mapping[str, str] = {"prec.": "precision", "recall": "recall", "F1": "f1"}


def _cell(count: int, total: int, right: bool) -> str:
    share = count / total
    shade = 0.42 * share if right else 0.85 * min(1.0, (8 * share) ** 0.5)
    kind = "" if right else ' class="wrong"'
    return f'<td{kind} style="--share:{shade:.2f}">{count}</td>' if count else "<td></td>"


def _settings(source: ExportSource) -> str:
    """All settings that have an effect, those that are not at their default in bold; what is off in one line."""
    config = source.config
    rows, off = [], []
    for item in all_settings():
        if not config.in_use(item):
            continue
        value, own = getattr(config, item.name), config.changed(item)
        if item.zero_means == "off" and not value and not own:
            off.append(item.label)
            continue
        if item.kind == "choice":
            text = choices(item.name)[value].label
        else:
            text = item.zero_means if item.zero_means and not value else item.format(value)
        kind = ' class="own"' if own else ""
        rows.append(f"<div{kind}><span>{html.escape(item.label)}</span><span>{html.escape(text)}</span></div>")
    return (
        f'<p class="note">Bold: not at its default.</p><div class="settings">{"".join(rows)}</div>'
        f'<p class="note">Off: {html.escape(", ".join(off))}.</p>'
    )


def _edits(source: ExportSource) -> str:
    """The settings that were changed while it trained; "" where there were none."""
    if not source.edits:
        return ""
    rows = "".join(
        f"<tr><td>{edit.step:,}</td><td>{html.escape(edit.setting)}</td><td>{html.escape(str(edit.old))}</td>"
        f"<td>{html.escape(str(edit.new))}</td></tr>"
        for edit in source.edits
    )
    return (
        '<section class="edits"><h2>Changed while it trained</h2><p class="note">Dotted lines in the charts.</p>'
        f"<table><thead><tr><th>step</th><th>setting</th><th>from</th><th>to</th></tr></thead>"
        f"<tbody>{rows}</tbody></table></section>"
    )


def _footer(source: ExportSource) -> str:
    rounded = "" if source.exact else " Weights of a frame of the time machine, rounded to half precision."
    command = html.escape(source.config.to_command())
    return f"Run {html.escape(source.run_id)}.{rounded} To train with these settings: <code>{command}</code>"
