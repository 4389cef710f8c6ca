"""The panel of any instrument: its values over the course of the run, and of some what they mean for this run."""

from __future__ import annotations

from collections.abc import Mapping

from nn_core.instruments.measures.edge import edge_of
from nn_core.instruments.measures.step import rate_of_one
from nn_core.instruments.registry import INSTRUMENTS, LINE, Instrument, State
from nn_core.machine.numbers import percent
from nn_core.runs import Snapshot
from nn_core.training import Axis
from ui import session
from ui.panels.dynamics.panel import newest, values_line
from ui.panels.over_time import over_time
from ui.words import Markdown, plain

HEIGHT = 230
MOST_POINTS = 240  # of a curve: it is half a page wide
GAUGE_ZONES: Mapping[State, str] = {
    "fine": "below 1: a longer step would have helped more",
    "watch": "1 to 2: too long, but still down",
    "broken": "above 2: the batch's loss rose",
}


def draw(each: Instrument, shot: Snapshot, axis: Axis, more: Markdown = "") -> None:
    """What it says now, with `more` words on what that means, and its curve."""
    if each.cost == "all" and not each.serves(shot.config):
        session.measure(each.name)
    if values_line(each, shot, more):
        curve(each, shot, axis)


def gauge(shot: Snapshot, axis: Axis) -> None:
    """The step gauge, with the rate at which it would be 1."""
    each = INSTRUMENTS["step_gauge"]
    draw(each, shot, axis, _of_gauge(each, shot))


def sharpness(each: Instrument, shot: Snapshot, axis: Axis) -> None:
    """Sharpness, bare or preconditioned, with the line that holds for this optimizer."""
    draw(each, shot, axis, _of_sharpness(each, shot))


def noise_scale(shot: Snapshot, axis: Axis) -> None:
    """The noise scale, with the batch size beside it."""
    each = INSTRUMENTS["noise_scale"]
    draw(each, shot, axis, _of_noise(each, shot))


def curve(each: Instrument, shot: Snapshot, axis: Axis) -> None:
    """Its values on one of the axes, with the ghost's dashed behind and the mark of the step that is looked at."""
    over_time(
        each,
        shot,
        axis,
        key=f"dynamics-curve-{each.name}",
        height=HEIGHT,
        n_points=MOST_POINTS,
        zones=GAUGE_ZONES if each.name == "step_gauge" else None,
    )


# ---------------------------------------------------------------------------------------------- what it means here


def rate_in_force(shot: Snapshot) -> float:
    """The learning rate of the newest update that was looked at."""
    rate = newest(INSTRUMENTS["learning_rate"], shot)
    return shot.config.lr if rate is None else rate


def _of_gauge(each: Instrument, shot: Snapshot) -> Markdown:
    gauge, rate = newest(each, shot), rate_in_force(shot)
    if gauge is None:
        return ""
    if gauge <= 0:
        return "There is no lowest point ahead along these steps."
    best = rate_of_one(rate, gauge)
    return f"With the current learning rate, {rate:.3g}; it would be 1 at a rate of about {best:.2g}."


def _of_sharpness(each: Instrument, shot: Snapshot) -> Markdown:
    found, line = newest(each, shot), newest(each, shot, LINE)
    edge = edge_of(shot.config, rate_in_force(shot) / shot.config.lr)
    if found is None:
        return ""
    if line is None:
        other = INSTRUMENTS["preconditioned_sharpness"]
        if each is not other and edge.value is not None:
            return f"For this optimizer the line belongs to another panel: {other.label}."
        return plain(edge.words)
    at, share = plain(each.format(line)), percent(found / line)
    return f"The line, ${edge.formula}$, is at **{at}**: {share} of it. {plain(edge.words)}"


def _of_noise(each: Instrument, shot: Snapshot) -> Markdown:
    scale, batch = newest(each, shot), newest(each, shot, LINE)
    if batch is None:
        return ""
    if scale is None:
        return "No gradient stands out of the noise yet."
    said = f"More than about {_rounded(scale):,} images per step would be wasteful; this run takes {int(batch):,}"
    if batch > 3 * scale:
        return f"{said}: a smaller batch would learn as much per step."
    if batch < scale / 3:
        return f"{said}: its steps are noisy, and a larger batch would make each worth more."
    return f"{said}, which suits it."


def _rounded(value: float) -> int:
    """Two digits of a number of images."""
    return max(1, int(float(f"{value:.1e}")))
