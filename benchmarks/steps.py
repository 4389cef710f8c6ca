"""A training step beside PyTorch, scikit-learn and textbook NumPy: microseconds, medians of rounds in turns.

Every setting of a program (threads, variant) runs as a program of its own; the quickest by its median stands in the
table. Ours is `Trainer.step` as the command line runs it, with history and guards on and scoring left out, since the
others score nothing.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from statistics import median, quantiles
from typing import Any

from benchmarks.processes import MissingPackage, Program
from benchmarks.works import Work
from nn_core.machine.facts import computer

OURS, TORCH, SKLEARN, TEXTBOOK = "ours", "torch", "sklearn", "textbook"
MODULES = {OURS: "ours", TORCH: "torch_step", SKLEARN: "sklearn_step", TEXTBOOK: "textbook"}


@dataclass(frozen=True, eq=False)
class Contender:
    """One program under one setting; `rounds` are its microseconds a step."""

    kind: str
    setting: str  # for the table, like "fused, 2 threads"
    options: Mapping[str, Any]
    threads: int  # 0: it decides itself
    rounds: list[float] = field(default_factory=list)

    @property
    def label(self) -> str:
        """Like "torch (fused, 2 threads)"."""
        return f"{self.kind} ({self.setting})" if self.setting else self.kind

    @property
    def us(self) -> float:
        """The median."""
        return median(self.rounds)


def contenders() -> list[Contender]:
    """Ours, and every other program with one thread and with two."""
    both = (1, 2)
    return [
        Contender(OURS, "", {}, 0),
        *(
            Contender(TORCH, f"{variant}, {_threads(n)}", {"variant": variant, "threads": n}, n)
            for variant in ("foreach", "fused")
            for n in both
        ),
        *(Contender(kind, _threads(n), {}, n) for kind in (SKLEARN, TEXTBOOK) for n in both),
    ]


def _threads(n: int) -> str:
    return f"{n} thread{'s' if n > 1 else ''}"


def measure(
    works: Iterable[Work], rounds: int, seconds: float, python: str, say: Callable[[str], None] = print
) -> dict[str, Any]:
    """{"machine": ..., "versions": ..., "rows": [...]}: all works, `rounds` rounds, turns of about `seconds`.

    `python` is the interpreter of the torch and scikit-learn programs.
    """
    rows: list[dict[str, Any]] = []
    versions: dict[str, str] = {}
    for work in works:
        row, found = _measure_row(work, rounds, seconds, python, say)
        rows.append(row)
        versions |= found
    return {"machine": computer(), "versions": versions, "rounds": rounds, "rows": rows}


def _measure_row(
    work: Work, rounds: int, seconds: float, python: str, say: Callable[[str], None]
) -> tuple[dict[str, Any], dict[str, str]]:
    settings = {"config": work.config.to_dict(), "seconds": seconds}
    running: list[tuple[Contender, Program]] = []
    absent: set[str] = set()
    with ExitStack() as stack:
        for contender in contenders():
            if contender.kind in absent:
                continue
            interpreter = python if contender.kind in (TORCH, SKLEARN) else sys.executable
            try:
                program = Program(
                    MODULES[contender.kind], {**settings, **contender.options}, interpreter, contender.threads
                )
            except MissingPackage as missing:
                absent.add(contender.kind)
                say(str(missing))
                continue
            stack.callback(program.close)
            running.append((contender, program))
        for number in range(rounds):
            for contender, program in running:
                contender.rounds.append(program.ask("go")["us"])
            shown = ", ".join(f"{contender.label} {contender.rounds[-1]:,.0f}" for contender, _ in running)
            say(f"{work.name}: round {number + 1} of {rounds}, us a step: {shown}")
        ours = running[0][1]
        row = row_of(work, [contender for contender, _ in running], ours.ask("end"), ours.facts["threads"])
        versions = {contender.kind: program.facts["version"] for contender, program in running}
        return row, versions | {"blas": ours.facts["blas"]}


def row_of(work: Work, measured: Iterable[Contender], end: Mapping[str, float], threads: int) -> dict[str, Any]:
    """One row of the table; `end` is what our program says at its end: peak memory, and the machine's sgemm speed."""
    fastest: dict[str, Contender] = {}
    for contender in measured:
        if contender.kind not in fastest or contender.us < fastest[contender.kind].us:
            fastest[contender.kind] = contender
    ours = fastest[OURS].us
    us = {kind: round(found.us, 1) for kind, found in fastest.items()}
    ratios = {kind: round(found.us / ours, 2) for kind, found in fastest.items()}
    return {
        "work": work.name,
        "title": work.title,
        "ours_us": us[OURS],
        "ours_threads": threads,
        "torch_us": us.get(TORCH),
        "torch_setting": fastest[TORCH].setting if TORCH in fastest else None,
        "sklearn_us": us.get(SKLEARN),
        "textbook_us": us.get(TEXTBOOK),
        "ratio": ratios.get(TORCH),
        "ratio_sklearn": ratios.get(SKLEARN),
        "ratio_textbook": ratios.get(TEXTBOOK),
        "spread": {kind: spread(found.rounds) for kind, found in fastest.items()},
        "sgemm_share": round(work.step_flops / (ours * 1e-6) / (end["gflops"] * 1e9), 3),
        "sgemm_gflops": round(end["gflops"], 1),
        "memory_mb": round(end["memory_mb"]),
    }


def spread(values: list[float]) -> float:
    """From the lower to the upper quartile, as a share of the median."""
    if len(values) < 2:
        return 0.0
    low, _, high = quantiles(values, n=4, method="inclusive")
    return round((high - low) / median(values), 3)


def table(result: Mapping[str, Any]) -> str:
    """The result as a Markdown table, with a line on the machine and the versions under it."""
    head = [
        "work",
        "ours",
        "PyTorch, its quickest setting",
        "scikit-learn",
        "textbook NumPy",
        "PyTorch / ours",
        "scikit-learn / ours",
        "textbook / ours",
        "of sgemm speed",
        "peak memory",
    ]
    lines = [markdown_line(head), markdown_line(["---"] + ["--:"] * (len(head) - 1))]
    for row in result["rows"]:
        spreads = row["spread"]
        lines.append(
            markdown_line(
                [
                    row["title"],
                    f"{_time(row['ours_us'], spreads[OURS])}, {_threads(row['ours_threads'])}",
                    _time(row["torch_us"], spreads.get(TORCH), row["torch_setting"]),
                    _time(row["sklearn_us"], spreads.get(SKLEARN)),
                    _time(row["textbook_us"], spreads.get(TEXTBOOK)),
                    _ratio(row["ratio"], bold=True),
                    _ratio(row["ratio_sklearn"]),
                    _ratio(row["ratio_textbook"]),
                    f"{row['sgemm_share']:.0%}",
                    f"{row['memory_mb']} MB",
                ]
            )
        )
    versions = ", ".join(dict.fromkeys(result["versions"].values()))
    return "\n".join(
        [
            *lines,
            "",
            f"A step in microseconds (us) or milliseconds (ms): median of {result['rounds']} rounds in turns, with the "
            "distance between the quartiles. Scoring is left out for all, our history and guards are in.",
            f"{result['machine']}; {versions}.",
        ]
    )


def markdown_line(cells: Iterable[str]) -> str:
    """A row of a Markdown table."""
    return f"| {' | '.join(cells)} |"


def _time(us: float | None, spread: float | None, setting: str | None = None) -> str:
    if us is None:
        return ""
    shown = f"{us:,.0f} us" if us < 10_000 else f"{us / 1000:,.1f} ms"
    return f"{shown} ({spread or 0:.0%})" + (f", {setting}" if setting else "")


def _ratio(ratio: float | None, bold: bool = False) -> str:
    if ratio is None:
        return ""
    return f"**{ratio:.2f}**" if bold else f"{ratio:.1f}"
