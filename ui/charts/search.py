"""The charts of a search: Optuna's own figures, the curves of its trials, and the map of trainability."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from nn_core.search import SearchView, TrainabilityMap, TrialRow
from nn_core.search.objectives import Unit
from ui.charts import theme
from ui.charts.figure import make_figure
from ui.charts.search_study import in_our_words, labelled_study, objective_label

Chart = Callable[[SearchView, bool, bool], Any]  # (what was read, whether only finished trials count, dark)

DEFAULT = "starting settings"  # what the settings reach that the search began with
MOST_CURVES = 60  # trials, the newest, whose curves are drawn
MOST_TRIALS = 300  # in one of Optuna's figures
MOST_IN = {"contour": 80}  # with a line of its grid for each: those of 300 keep the browser busy for half a minute


def _optuna(name: str, *, all_states: bool = False, listed: bool = False) -> Chart:
    """A figure that Optuna draws; of two objectives it shows the first, except on their Pareto front."""

    def draw(view: SearchView, only_complete: bool, dark: bool) -> Any:
        import optuna

        study = labelled_study(view, MOST_IN.get(name, MOST_TRIALS), only_complete and not all_states, listed)
        more: dict[str, Any] = {}
        is_high_good = study.directions[0] == optuna.study.StudyDirection.MAXIMIZE
        # of a given target, Optuna takes the importance for low values
        sign = -1 if name == "param_importances" and is_high_good else 1
        if len(study.directions) > 1 and name not in ("pareto_front", "timeline"):
            more = {"target": lambda trial: sign * trial.values[0]}
        if name == "pareto_front":
            more = {"target_names": [objective_label(each) for each in view.spec.judged_by]}
        figure = in_our_words(getattr(optuna.visualization, f"plot_{name}")(study, **more), view)
        _dress(figure, theme.palette(dark))
        figure.update_layout(meta={"label": f"{name.replace('_', ' ')} of {len(study.trials)} trials"})
        if name == "optimization_history":
            _line_to_beat(figure, view, dark)
        return figure

    return draw


def _dress(figure: Any, palette: theme.Palette) -> None:
    """Our colours and margins, no title, no colour bars."""
    figure.update_layout(
        title=None,
        margin={"l": 60, "r": 20, "t": 40, "b": 50},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        colorway=[palette.series["val"], palette.series["train"], palette.series["l2"]],
        legend={"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"},
    )
    figure.update_annotations(font={"color": palette.muted})
    bars = {"done": palette.series["val"], "pruned": palette.series["train"], "failed": palette.negative[2]}
    for trace in figure.data:
        _without_bar(trace)
        if trace.name in bars and trace.type == "bar":  # of the timeline
            trace.marker.color = bars[trace.name]


def _line_to_beat(figure: Any, view: SearchView, dark: bool) -> None:
    """A dashed line at what the settings that vary reach with the values the search began with."""
    if view.default is None or not view.default.values:
        return
    first, palette = view.spec.judged_by[0], theme.palette(dark)
    text = {"text": DEFAULT, "showarrow": False, "x": 1, "xanchor": "right", "font": {"color": palette.muted}}
    value = first.unit.scale * view.default.values[0]
    figure.add_hline(value, line={"dash": "dash", "width": 1.5, "color": palette.muted}, annotation=text)


def _without_bar(trace: Any) -> None:
    """Leave the colour bar out: its colours repeat what an axis says, and a small chart has no room for it."""
    if "showscale" in trace:
        trace.showscale = False
    for holder in (getattr(trace, "marker", None), getattr(trace, "line", None)):
        if holder is not None and "showscale" in holder:
            holder.showscale = False


def _curves(view: SearchView, only_complete: bool, dark: bool) -> Any:
    """What each trial reported at the end of its epochs; the best trial and those that run are drawn thicker."""
    palette = theme.palette(dark)
    looks = {
        "running": {"color": palette.series["val"], "width": 2.5},
        "complete": {"color": palette.muted, "width": 1},
        "pruned": {"color": palette.faint, "width": 1},
    }
    traces = []
    curve = view.spec.judged_by[0].curve
    unit = curve.unit
    shown = [row for row in view.trials if row.reported and row.state in looks and not row.superseded]
    for row in shown[-MOST_CURVES:]:
        if only_complete and row.state == "pruned":
            continue
        best = view.best is not None and row.number == view.best.number
        line = {"color": palette.series["train"], "width": 3} if best else looks[row.state]
        epochs = sorted(row.reported)
        values = [unit.scale * curve.of(row.reported[epoch]) for epoch in epochs]
        traces.append(
            {
                "type": "scatter",
                "mode": "lines+markers",
                "x": epochs,
                "y": values,
                "name": f"trial {row.number}",
                "line": line,
                "marker": {"size": 5, "color": line["color"]},
                "customdata": [row.number] * len(epochs),
                "text": [unit.text(value / unit.scale) for value in values],
                "hovertemplate": f"trial {row.number:,} ({row.state}), epoch %{{x}}: %{{text}}<extra></extra>",
            }
        )
    traces += _default_curve(view, palette)
    n_epochs = view.spec.base.epochs
    layout = {
        "xaxis": {"title": {"text": "epoch"}, "dtick": 1 if n_epochs <= 12 else None},
        "yaxis": {"title": {"text": curve.label}, "ticksuffix": unit.suffix},
        "showlegend": False,
        "hovermode": "closest",
        "margin": {"l": 60, "r": 20, "t": 36, "b": 45},
    }
    if not traces:
        _as_empty(layout, n_epochs, unit)
    return make_figure(traces, layout, f"{curve.label} of {len(shown)} trials by epoch")


def _default_curve(view: SearchView, palette: theme.Palette) -> list[dict[str, Any]]:
    """The line to beat: the settings that the search began with."""
    if view.default is None or not view.default.reported:
        return []
    curve = view.spec.judged_by[0].curve
    epochs = sorted(view.default.reported)
    values = [curve.unit.scale * curve.of(view.default.reported[epoch]) for epoch in epochs]
    return [
        {
            "type": "scatter",
            "mode": "lines+markers+text",
            "x": epochs,
            "y": values,
            "name": DEFAULT,
            "line": {"color": palette.muted, "width": 2, "dash": "dash"},
            "marker": {"size": 6, "symbol": "diamond", "color": palette.muted},
            "text": [DEFAULT],  # at the first point, under a line that rises
            "textposition": "bottom right",
            "hovertemplate": f"{DEFAULT}, epoch %{{x}}<extra></extra>",
        }
    ]


def _as_empty(layout: dict[str, Any], n_epochs: int, unit: Unit) -> None:
    """Axes as they will be, and a sentence, while no trial has come to the end of an epoch."""
    layout["xaxis"]["range"] = [0.5, n_epochs + 0.5]
    layout["yaxis"].update({"range": [0, unit.scale], "showticklabels": bool(unit.suffix)})
    sentence = "The first point comes with the end of a trial's first epoch."
    layout["annotations"] = [
        {"text": sentence, "xref": "paper", "yref": "paper", "x": 0.5, "y": 0.5, "showarrow": False}
    ]


def trainability(found: TrainabilityMap, dark: bool) -> Any:
    """Validation accuracy by gain and learning rate; a cross where training diverged, empty where none was yet."""
    accuracy = 100 * np.asarray(found.accuracy)
    z = [[None if np.isnan(value) else round(float(value), 1) for value in row] for row in accuracy]
    lrs, gains = [f"{lr:g}" for lr in found.lrs], [f"{gain:g}" for gain in found.gains]
    palette = theme.palette(dark)
    heatmap = {
        "type": "heatmap",
        "z": z,
        "x": lrs,
        "y": gains,
        "zmin": 0,
        "zmax": 100,
        "colorscale": [[0, palette.faint], *_steps(palette.positive)],
        "hovertemplate": "learning rate %{x}, gain %{y}: %{z} % of validation images<extra></extra>",
        "colorbar": {"title": {"text": "%"}, "thickness": 10, "outlinewidth": 0},
        "xgap": 2,
        "ygap": 2,
    }
    crosses = [(lrs[j], gains[i]) for i, j in zip(*np.nonzero(found.diverged), strict=True)]
    marks = {
        "type": "scatter",
        "mode": "markers",
        "x": [x for x, _ in crosses],
        "y": [y for _, y in crosses],
        "marker": {"symbol": "x", "size": 9, "color": palette.negative[2]},
        "hovertemplate": "learning rate %{x}, gain %{y}: diverged<extra></extra>",
        "showlegend": False,
    }
    layout = {
        "xaxis": {"title": {"text": "learning rate"}, "type": "category"},
        "yaxis": {"title": {"text": "gain of the first weights"}, "type": "category"},
        "margin": {"l": 70, "r": 10, "t": 20, "b": 50},
    }
    n = int(np.isfinite(accuracy).sum())
    return make_figure(
        [heatmap, marks],
        layout,
        f"Validation accuracy of {n} trainings by gain and learning rate; {len(crosses)} diverged",
    )


def _steps(colours: Sequence[str]) -> list[list[Any]]:
    return [[(at + 1) / len(colours), colour] for at, colour in enumerate(colours)]


CHARTS: Mapping[str, tuple[str, Chart, int]] = {  # name -> its title, what draws it, trials that it needs
    "curves": ("Curves", _curves, 1),
    "history": ("History", _optuna("optimization_history"), 1),
    "slice": ("Slice", _optuna("slice"), 1),
    "parallel": ("Parallel", _optuna("parallel_coordinate", listed=True), 2),
    "contour": ("Contour", _optuna("contour"), 2),
    "importances": ("Importances", _optuna("param_importances"), 4),
    "intermediate": ("Intermediate", _optuna("intermediate_values"), 1),
    "edf": ("EDF", _optuna("edf"), 1),
    "timeline": ("Timeline", _optuna("timeline", all_states=True), 1),
    "pareto": ("Pareto front", _optuna("pareto_front"), 1),
}
WITH_TWO = ("curves", "history", "slice", "parallel", "contour", "importances", "edf", "timeline", "pareto")


def charts_for(view: SearchView) -> list[str]:
    """The names of the charts that make sense for a search."""
    n = len(view.spec.objectives)
    names = [name for name in CHARTS if name != "pareto"] if n == 1 else list(WITH_TWO)
    return [name for name in names if name != "contour" or len(view.spec.vary) > 1]


def drawn_of(name: str, view: SearchView, only_complete: bool) -> str:
    """A sentence where a chart shows some of the trials only, else ""."""
    states = ("complete",) if only_complete else ("complete", "pruned", "failed")
    n = sum(row.state in states and not row.superseded for row in view.trials)
    if name == "curves":
        return f"The newest {MOST_CURVES} of {n:,} trials." if n > MOST_CURVES else ""
    most = MOST_IN.get(name, MOST_TRIALS)
    if n <= most:
        return ""
    return f"Shows {most} of {n:,} trials: each that was the best so far, and an evenly spaced part of the others."


def finished(rows: Sequence[TrialRow]) -> int:
    """How many trials were trained to their end."""
    return sum(row.state == "complete" for row in rows)
