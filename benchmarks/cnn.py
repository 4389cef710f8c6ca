"""A convolutional network beside PyTorch: a training step, the answers to the test images, the memory of a step.

The network is conv 5x5 - pool - conv 5x5 - pool - dense 10. PyTorch runs with its images as NCHW and as channels_last,
on one thread and on two, each a program of its own; the quickest by its median is the opponent. Memory is how far the
resident memory of a fresh process grows, at its peak, by making the network and some steps; there the opponent is the
setting that grows least.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from benchmarks.processes import MissingPackage, Program
from benchmarks.steps import markdown_line, spread
from benchmarks.works import ENDLESS, NEVER
from nn_core import RunConfig
from nn_core.machine.facts import computer

OURS, TORCH = "ours_cnn", "torch_cnn"  # their programs
STEP, ANSWERS, MEMORY = "step", "answers", "memory"
BATCH = 128
BRIEFLY = 0.01  # seconds of steps in a program of which only the memory is asked


@dataclass(frozen=True)
class CNNWork:
    """One row: the channels of the two blocks, and what is measured of the network."""

    name: str
    channels: tuple[int, int]
    what: str

    @property
    def config(self) -> RunConfig:
        """The settings with which `python -m nn_core train` does this work; scoring off, as torch scores nothing."""
        return RunConfig(
            model="cnn",
            channels=self.channels,
            batch_size=BATCH,
            optimizer="adam",
            lr=0.001,
            epochs=ENDLESS,
            eval_every=NEVER,
        )

    @property
    def title(self) -> str:
        """Like "8/16 channels: training step, batch 128"."""
        sizes = "/".join(map(str, self.channels))
        return f"{sizes} channels: {TITLES[self.what]}"


TITLES = {
    STEP: f"training step, batch {BATCH}",
    ANSWERS: "answers to 10,000 images",
    MEMORY: f"memory of a training step, batch {BATCH}",
}
WORKS = {
    work.name: work
    for work in (
        CNNWork("step-8-16", (8, 16), STEP),
        CNNWork("step-16-32", (16, 32), STEP),
        CNNWork("answers-16-32", (16, 32), ANSWERS),
        CNNWork("memory-8-16", (8, 16), MEMORY),
        CNNWork("memory-16-32", (16, 32), MEMORY),
    )
}


@dataclass(frozen=True, eq=False)
class Contender:
    """One program under one setting; `rounds` are its milliseconds, or its megabytes."""

    program: str
    setting: str  # for the table, like "channels_last, 2 threads"; "" of ours
    options: Mapping[str, Any]
    threads: int  # 0: it decides itself
    rounds: list[float] = field(default_factory=list)


def contenders() -> list[Contender]:
    """Ours, and torch in its four settings."""
    return [
        Contender(OURS, "", {}, 0),
        *(
            Contender(TORCH, f"{layout}, {n} thread{'s' if n > 1 else ''}", {"layout": layout, "threads": n}, n)
            for layout in ("NCHW", "channels_last")
            for n in (1, 2)
        ),
    ]


# ---------------------------------------------------------------------------------------------- measuring


def measure(
    works: Iterable[CNNWork], rounds: int, seconds: float, python: str, say: Callable[[str], None]
) -> dict[str, Any]:
    """{"machine": ..., "versions": ..., "rounds": ..., "rows": [...]}; the arguments are those of `steps.measure`."""
    rows: list[dict[str, Any]] = []
    versions: dict[str, str] = {}
    for work in works:
        measured, found = (_memory if work.what == MEMORY else _times)(work, rounds, seconds, python, say)
        rows.append(row_of(work, measured))
        versions |= found
    return {"machine": computer(), "versions": versions, "rounds": rounds, "rows": rows}


Measured = tuple[list[Contender], dict[str, str]]


def _start(work: CNNWork, contender: Contender, seconds: float, python: str) -> Program:
    settings = {"config": work.config.to_dict(), "what": work.what, "seconds": seconds, **contender.options}
    interpreter = python if contender.program == TORCH else sys.executable
    return Program(contender.program, settings, interpreter, contender.threads)


def _times(work: CNNWork, rounds: int, seconds: float, python: str, say: Callable[[str], None]) -> Measured:
    """All programs stay and take turns of about `seconds`."""
    running: list[tuple[Contender, Program]] = []
    with ExitStack() as stack:
        for contender in contenders():
            try:
                program = _start(work, contender, seconds, python)
            except MissingPackage as missing:
                say(str(missing))
                break  # torch's other settings lack it too
            stack.callback(program.close)
            running.append((contender, program))
        for number in range(rounds):
            for contender, program in running:
                contender.rounds.append(program.ask("go")["us"] / 1000)
            _say_round(work, number, rounds, [one for one, _ in running], "ms", say)
        return [one for one, _ in running], {one.program: program.facts["version"] for one, program in running}


def _memory(work: CNNWork, rounds: int, _seconds: float, python: str, say: Callable[[str], None]) -> Measured:
    """A fresh process for each value; one that cannot tell its memory (not on Linux) gives none."""
    measured = contenders()
    versions: dict[str, str] = {}
    for number in range(rounds):
        for contender in list(measured):
            try:
                program = _start(work, contender, BRIEFLY, python)
            except MissingPackage as missing:
                say(str(missing))
                measured = [one for one in measured if one.program != contender.program]
                break
            program.close()
            versions[contender.program] = program.facts["version"]
            if program.facts["growth_mb"] is not None:
                contender.rounds.append(program.facts["growth_mb"])
        _say_round(work, number, rounds, measured, "MB", say)
    return measured, versions


def _say_round(
    work: CNNWork, number: int, rounds: int, measured: Iterable[Contender], unit: str, say: Callable[[str], None]
) -> None:
    shown = ", ".join(f"{one.setting or 'ours'} {one.rounds[-1]:.2f}" for one in measured if one.rounds)
    say(f"{work.name}: round {number + 1} of {rounds}, {unit}: {shown}")


# ---------------------------------------------------------------------------------------------- the table


def row_of(work: CNNWork, measured: Iterable[Contender]) -> dict[str, Any]:
    """One row: medians of ours and of torch's best setting, and torch's time over ours, or our memory over torch's."""
    best: dict[str, Contender] = {}
    for one in measured:
        if one.rounds and (one.program not in best or median(one.rounds) < median(best[one.program].rounds)):
            best[one.program] = one
    ours, torch = best.get(OURS), best.get(TORCH)
    mine, theirs = (None if one is None else median(one.rounds) for one in (ours, torch))
    ratio = None
    if mine is not None and theirs is not None:
        ratio = round(mine / theirs if work.what == MEMORY else theirs / mine, 2)
    return {
        "work": work.name,
        "title": work.title,
        "unit": "MB" if work.what == MEMORY else "ms",
        "ours": mine and round(mine, 3),
        "torch": theirs and round(theirs, 3),
        "torch_setting": torch.setting if torch is not None else None,
        "ratio": ratio,
        "spread": {name: spread(one.rounds) for name, one in best.items()},
    }


def table(result: Mapping[str, Any]) -> str:
    """The result as a Markdown table, with a line on the machine and the versions under it."""
    head = ["conv 5x5, pool, conv 5x5, pool, dense 10", "ours", "PyTorch, its best setting", "ratio"]
    lines = [markdown_line(head), markdown_line(["---", "--:", "--:", "--:"])]
    for row in result["rows"]:
        over = "ours / PyTorch" if row["unit"] == "MB" else "PyTorch / ours"
        theirs = _value(row, "torch", TORCH)
        lines.append(
            markdown_line(
                [
                    row["title"],
                    _value(row, "ours", OURS),
                    f"{theirs}, {row['torch_setting']}" if theirs else "",
                    "" if row["ratio"] is None else f"**{row['ratio']:.2f}** ({over})",
                ]
            )
        )
    versions = ", ".join(dict.fromkeys(result["versions"].values()))
    return "\n".join(
        [
            *lines,
            "",
            f"Medians of {result['rounds']} rounds in turns, with the distance between the quartiles. Adam's steps; "
            "scoring is left out for both, our history and guards are in. Memory is what the network and some "
            "steps add to a process, at their peak.",
            f"{result['machine']}; {versions}.",
        ]
    )


def _value(row: Mapping[str, Any], name: str, program: str) -> str:
    value = row[name]
    return "" if value is None else f"{value:,.{2 if value < 100 else 0}f} {row['unit']} ({row['spread'][program]:.0%})"
