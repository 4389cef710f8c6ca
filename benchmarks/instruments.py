"""What instruments cost: training with the vital signs beside training without, in turns, in one process.

Both trainers have the same settings and begin with the same weights; which one goes first changes from turn to turn. A
turn lasts so long that what is measured once a second is part of it. Scoring is off.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from statistics import median
from typing import Any

from benchmarks.steps import markdown_line, spread
from benchmarks.works import ENDLESS, NEVER
from benchmarks.works import WORKS as STEPS
from nn_core import RunConfig, Trainer, load_dataset
from nn_core.instruments.recording import Recording
from nn_core.machine.facts import computer
from nn_core.machine.threads import set_blas_threads

TURNS_LONGER = 3  # times what a turn of the other comparisons lasts
FIRST_LOOKS = 300  # steps before the first turn: the first 256 are looked at more often


@dataclass(frozen=True)
class InstrumentsWork:
    """One row: the settings, and how much of the speed instruments may cost."""

    name: str
    title: str
    config: RunConfig
    at_most: float


WORKS: dict[str, InstrumentsWork] = {
    work.name: work
    for work in (
        InstrumentsWork("b128-128", STEPS["b128-128"].title, STEPS["b128-128"].config, 0.05),
        InstrumentsWork("b32-10", STEPS["b32-10"].title, STEPS["b32-10"].config, 0.10),
        InstrumentsWork(
            "8-16",
            "8-16: conv 8/16, batch 128, Adam",
            RunConfig(model="cnn", batch_size=128, optimizer="adam", lr=0.001, epochs=ENDLESS, eval_every=NEVER),
            0.05,
        ),
    )
}


def measure(
    works: Iterable[InstrumentsWork], rounds: int, seconds: float, python: str, say: Callable[[str], None] = print
) -> dict[str, Any]:
    """{"machine": ..., "rows": [...]}: of each work, images a second without, and the share that instruments cost.

    `python` is not asked: both are ours. The cost is told twice, of the time on the clock and of the processor's time
    of this process, which other programs disturb less.
    """
    set_blas_threads(1)
    return {
        "machine": computer(),
        "rounds": rounds,
        "rows": [_measure_row(work, rounds, TURNS_LONGER * seconds, say) for work in works],
    }


def _measure_row(work: InstrumentsWork, rounds: int, seconds: float, say: Callable[[str], None]) -> dict[str, Any]:
    data = load_dataset(work.config.dataset)
    plain, watched = Trainer(work.config, data), Trainer(work.config, data)
    Recording(watched)
    for trainer in (plain, watched):
        for _ in range(FIRST_LOOKS):
            trainer.step()
    clock: list[float] = []
    processor: list[float] = []
    speeds: list[float] = []
    for number in range(rounds):
        first, second = (plain, watched) if number % 2 else (watched, plain)
        found = {id(each): _turn(each, seconds) for each in (first, second)}
        (n, spent, worked), (n_watched, spent_watched, worked_watched) = found[id(plain)], found[id(watched)]
        speeds.append(n / spent)
        clock.append(1 - (n_watched / spent_watched) / (n / spent))
        processor.append(1 - (n_watched / worked_watched) / (n / worked))
        say(f"{work.name}: round {number + 1} of {rounds}, {clock[-1]:.1%}, of processor time {processor[-1]:.1%}")
    gauge, signs = (watched.history[f"instruments/{name}"] for name in ("step_gauge", "update_ratio/dense1"))
    late = gauge.step[gauge.step > FIRST_LOOKS]
    return {
        "work": work.name,
        "title": work.title,
        "at_most": work.at_most,
        "images_a_second": round(median(speeds)),
        "cost": round(median(clock), 4),
        "processor_cost": round(median(processor), 4),
        "spread": spread([1 - cost for cost in clock]),
        "steps_between_gauges": round((late[-1] - late[0]) / (len(late) - 1), 1) if len(late) > 1 else None,
        "seconds_between_signs": _mean_gap(signs.seconds[signs.step > FIRST_LOOKS]),
    }


def _mean_gap(values: Any) -> float | None:
    return round(float(values[-1] - values[0]) / (len(values) - 1), 2) if len(values) > 1 else None


def _turn(trainer: Trainer, seconds: float) -> tuple[int, float, float]:
    """(images seen, seconds on the clock, seconds of the processor) of training for about so long."""
    images, started, worked = trainer.images_seen, time.perf_counter(), time.process_time()
    while time.perf_counter() - started < seconds:
        if not trainer.step():
            raise RuntimeError(trainer.stopped)
    return trainer.images_seen - images, time.perf_counter() - started, time.process_time() - worked


def table(result: Mapping[str, Any]) -> str:
    """The result as a Markdown table."""
    head = [
        *("work", "images a second without", "cost of the vital signs", "of processor time", "may cost"),
        *("steps between two gauges", "seconds between two strips"),
    ]
    lines = [markdown_line(head), markdown_line(["---"] + ["--:"] * (len(head) - 1))]
    for row in result["rows"]:
        cells = [
            row["title"],
            f"{row['images_a_second']:,} ({row['spread']:.0%})",
            f"**{row['cost']:.1%}**",
            f"{row['processor_cost']:.1%}",
            f"{row['at_most']:.0%}",
            "" if row["steps_between_gauges"] is None else f"{row['steps_between_gauges']:g}",
            "" if row["seconds_between_signs"] is None else f"{row['seconds_between_signs']:g}",
        ]
        lines.append(markdown_line(cells))
    note = f"Medians of {result['rounds']} rounds in turns, with the distance between the quartiles of the ratios."
    return "\n".join([*lines, "", note, f"{result['machine']}, Python {sys.version.split()[0]}."])
