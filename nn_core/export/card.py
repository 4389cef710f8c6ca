"""The run card: one self-contained HTML page on a run, for a colleague, a printer or a lab book.

The page is card.html; here is what it is filled with. It holds no script and loads nothing from the network (its own
content policy forbids both), and is light or dark as the reader's system is, light on paper.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from nn_core.config.choices import choices
from nn_core.config.run_config import all_settings
from nn_core.config.setting import Setting
from nn_core.data import Dataset
from nn_core.explain.filters import first_filters, hidden_sizes
from nn_core.export.colours import DARK, LIGHT, rgb
from nn_core.export.picture import Chart, curve_chart, filter_wall
from nn_core.export.source import ExportSource
from nn_core.machine.durations import duration
from nn_core.machine.memory import Array
from nn_core.machine.numbers import exact
from nn_core.nn.metrics import class_scores
from nn_core.nn.network import outline
from nn_core.store.summary import best_of

TEMPLATE = Path(__file__).with_name("card.html")
MAX_FILTERS, COLUMNS = 96, 16
SCORES: Mapping[str, str] = {"prec.": "precision", "recall": "recall", "F1": "f1"}  # heading -> field of ClassScores


def to_card(source: ExportSource, data: Dataset) -> bytes:
    """The page in UTF-8. The test images of `data` are read for its figures and its matrix. Needs Jinja and Pillow."""
    from jinja2 import Environment, StrictUndefined

    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters["px"] = "{:.1f}".format
    environment.globals["rgb"] = rgb
    counts = source.confusion(data)
    page = environment.from_string(TEMPLATE.read_text(encoding="utf-8")).render(
        light=LIGHT,
        dark=DARK,
        title=source.title,
        subtitle=_subtitle(source),
        figures=_figures(source, counts),
        charts=_charts(source),
        filters=_filters(source),
        n_images=f"{counts.sum():,}",
        step=f"{source.step:,}",
        classes=data.class_names,
        scores=list(SCORES),
        matrix=_matrix(counts, data.class_names),
        settings=_settings(source),
        off=[item.label for item in _in_use(source) if _is_off(source, item)],
        edits=source.edits,
        events=source.events,
        run_id=source.run_id,
        exact=source.exact,
        command=source.config.to_command(),
    )
    return page.encode()


def _subtitle(source: ExportSource) -> str:
    day = time.strftime("%d %B %Y", time.gmtime(source.created)).lstrip("0")
    return f"{outline(source.config)}, begun on {day}; as it was at step {source.step:,}, epoch {source.epoch:.4g}"


def _figures(source: ExportSource, counts: Array) -> list[tuple[str, str, str]]:
    """The numbers at the top: what each is, its value, and a note on it."""
    n = int(counts.sum())
    figures = [("Test accuracy", exact(counts.trace() / n), f"{n:,} images, for the report alone")]
    val = source.series.get("val/accuracy")
    if val is not None and len(val):
        figures.append(("Validation accuracy", exact(val.last), f"at step {int(val.step[-1]):,}"))
        best, at = best_of(val, source.parent)
        if best is not None:
            figures.append(("Best on validation", exact(best), f"at step {at:,}"))
    figures.append(("Parameters", f"{source.model.n_params:,}", "trained numbers"))
    figures.append(("Time of training", duration(source.seconds), f"{source.step:,} steps"))
    return figures


def _charts(source: ExportSource) -> list[Chart]:
    """Loss and accuracy, those of which there are points."""
    charts = [
        curve_chart("Loss", "loss", f"{source.model.loss.unit}, log scale", source, percent=False),
        curve_chart("Accuracy", "accuracy", "of images read right", source, percent=True),
    ]
    return [chart for chart in charts if chart is not None]


def _filters(source: ExportSource) -> dict[str, Any]:
    """The wall of filters in both themes; blue for positive weights, orange for negative ones."""
    weights = first_filters(source.weights)
    norms = np.linalg.norm(weights, axis=0)
    shown = weights[:, np.sort(np.argsort(-norms, kind="stable")[:MAX_FILTERS])]
    n = shown.shape[1]
    columns = min(n, 10 if n == 10 else COLUMNS)
    return {
        "title": _filters_title(source),
        "light": filter_wall(shown, columns, dark=False),
        "dark": filter_wall(shown, columns, dark=True),
        "n": n,
        "side": math.isqrt(len(weights)),
        "columns": columns,
    }


def _filters_title(source: ExportSource) -> str:
    n = first_filters(source.weights).shape[1]
    if not hidden_sizes(source.weights):
        return "The ten templates"
    if n > MAX_FILTERS:
        return f"What the first layer looks for: the {MAX_FILTERS} filters with the largest weights, of {n:,}"
    return (
        f"What the first layer looks for: its {n} filters" if n > 1 else "What the first layer's one filter looks for"
    )


def _matrix(counts: Array, names: Sequence[str]) -> list[dict[str, Any]]:
    """A row for each true class: cells shaded by their share of the row, then the scores of the class in percent."""
    scores, rows = class_scores(counts), []
    for true, name in enumerate(names):
        total = max(1, int(counts[true].sum()))
        cells = [_cell(int(count), total, true == read) for read, count in enumerate(counts[true])]
        told = [f"{100 * getattr(scores, field)[true]:.1f}" for field in SCORES.values()]
        percent = told if scores.support[true] else ["–"] * len(told)
        rows.append({"name": name, "cells": cells, "scores": percent})
    return rows


def _cell(count: int, total: int, right: bool) -> dict[str, Any]:
    share = count / total
    shade = 0.42 * share if right else 0.85 * min(1.0, (8 * share) ** 0.5)
    return {"count": count, "right": right, "shade": f"{shade:.2f}"}


def _in_use(source: ExportSource) -> list[Setting]:
    """The settings that have an effect."""
    return [item for item in all_settings() if source.config.in_use(item)]


def _is_off(source: ExportSource, item: Setting) -> bool:
    """Whether a setting is at its default 0, and that means that what it sets is not there."""
    return item.zero_means == "off" and not getattr(source.config, item.name) and not source.config.changed(item)


def _settings(source: ExportSource) -> list[dict[str, Any]]:
    """The settings that have an effect and are not off, as text; `own` where one is not at its default."""
    return [
        {"label": item.label, "value": _shown(source, item), "own": source.config.changed(item)}
        for item in _in_use(source)
        if not _is_off(source, item)
    ]


def _shown(source: ExportSource, item: Setting) -> str:
    value = getattr(source.config, item.name)
    if item.kind == "choice":
        return choices(item.name)[value].label
    return item.zero_means if item.zero_means and not value else item.format(value)
