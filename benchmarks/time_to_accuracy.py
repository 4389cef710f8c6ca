"""How long until 97, 98 and 98.5 %: `python -m benchmarks time-to-accuracy`.

Wall seconds from raw images in memory to the first epoch end whose validation accuracy passes the target: choosing
threads, scaling the images and scoring are on the clock, loading the file and importing are not. Median over seeds;
PyTorch trains by the same recipe in a process of its own, in turns with ours.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from statistics import median
from typing import Any

from benchmarks.processes import MissingPackage, Program
from benchmarks.recipes import Recipe
from benchmarks.steps import OURS, TORCH, Contender, contenders, markdown_line
from nn_core.machine.facts import computer

MODULES = {OURS: "train_ours", TORCH: "train_torch"}
Epochs = list[list[float]]  # [seconds since the start, accuracy on validation] of each epoch's end


def measure(
    recipes: Iterable[Recipe], seeds: Sequence[int], python: str, say: Callable[[str], None] = print
) -> dict[str, Any]:
    """{"machine": ..., "seeds": n, "rows": [...]}, a row a recipe; `python` is the interpreter of PyTorch's program."""
    rows: list[dict[str, Any]] = []
    versions: dict[str, str] = {}
    for recipe in recipes:
        row, found = _measure_row(recipe, seeds, python, say)
        rows.append(row)
        versions.update(found)
    return {"machine": computer(), "versions": versions, "seeds": len(seeds), "rows": rows}


def _measure_row(
    recipe: Recipe, seeds: Sequence[int], python: str, say: Callable[[str], None]
) -> tuple[dict[str, Any], dict[str, str]]:
    """Every seed once by each program, in turns; PyTorch in the setting that was quickest on the first seed."""
    with ExitStack() as stack:
        running: dict[Contender, Program] = {}
        for contender in contenders():
            if contender.kind not in MODULES:
                continue
            interpreter = python if contender.kind == TORCH else sys.executable
            settings = {"config": recipe.config.to_dict(), **contender.options}
            try:
                running[contender] = Program(MODULES[contender.kind], settings, interpreter, contender.threads)
            except MissingPackage as missing:
                say(str(missing))
                break
            stack.callback(running[contender].close)
        first = {contender: program.ask(str(seeds[0]))["epochs"] for contender, program in running.items()}
        rivals = [contender for contender in running if contender.kind == TORCH]
        chosen = [next(iter(running)), *sorted(rivals, key=lambda one: first[one][-1][0])[:1]]
        runs: dict[Contender, list[Epochs]] = {contender: [] for contender in chosen}
        for seed in seeds:
            for contender in chosen:
                runs[contender].append(running[contender].ask(str(seed))["epochs"])
                ends = ", ".join(f"{accuracy:.2%} at {seconds:.2f} s" for seconds, accuracy in runs[contender][-1])
                say(f"{recipe.target:.1%}, seed {seed}, {contender.label}: {ends}")
        versions = {contender.kind: running[contender].facts["version"] for contender in chosen}
        settings_used = {contender.kind: contender.setting for contender in chosen}
    return row_of(recipe, {one.kind: found for one, found in runs.items()}, settings_used.get(TORCH)), versions


def seconds_to(target: float, ends: Epochs) -> float:
    """Seconds to the first epoch end whose accuracy passes the target; infinite when none does."""
    return next((seconds for seconds, accuracy in ends if accuracy > target), math.inf)


def row_of(recipe: Recipe, runs: Mapping[str, list[Epochs]], torch_setting: str | None) -> dict[str, Any]:
    """One row: median seconds (None when half of the seeds or more did not pass) and how many seeds passed."""
    times = {kind: [seconds_to(recipe.target, ends) for ends in found] for kind, found in runs.items()}
    medians = {kind: median(found) for kind, found in times.items()}
    passed = {kind: sum(map(math.isfinite, found)) for kind, found in times.items()}
    seconds = {kind: round(found, 3) if math.isfinite(found) else None for kind, found in medians.items()}
    both = seconds.get(OURS) and seconds.get(TORCH)
    return {
        "target": recipe.target,
        "recipe": recipe.title,
        "config": recipe.config.to_query(),
        "ours_s": seconds[OURS],
        "ours_passed": passed[OURS],
        "torch_s": seconds.get(TORCH),
        "torch_passed": passed.get(TORCH),
        "torch_setting": torch_setting,
        "ratio": round(medians[TORCH] / medians[OURS], 2) if both else None,
        "last_accuracy": {kind: round(median(ends[-1][1] for ends in found), 4) for kind, found in runs.items()},
    }


def table(result: Mapping[str, Any]) -> str:
    """The result as a Markdown table, with a line on what was measured under it."""
    head = ["validation accuracy", "recipe", "ours", "PyTorch, its quickest setting", "PyTorch / ours"]
    lines = [markdown_line(head), markdown_line(["--:", "---", "--:", "--:", "--:"])]
    for row in result["rows"]:
        torch = _time(row["torch_s"], row["torch_passed"], result["seeds"], row["torch_setting"])
        lines.append(
            markdown_line(
                [
                    f"{100 * row['target']:g} %",
                    row["recipe"],
                    _time(row["ours_s"], row["ours_passed"], result["seeds"]),
                    torch,
                    f"**{row['ratio']:.2f}**" if row["ratio"] else "",
                ]
            )
        )
    versions = ", ".join(dict.fromkeys(result["versions"].values()))
    return "\n".join(
        [
            *lines,
            "",
            f"Wall seconds, median of {result['seeds']} seeds, from images in memory to the first epoch end whose "
            "accuracy on the 5,000 validation images passes; scaling and scoring included.",
            f"{result['machine']}; {versions}.",
        ]
    )


def _time(seconds: float | None, passed: int | None, n_seeds: int, setting: str | None = None) -> str:
    if passed is None:
        return ""
    shown = "not passed" if seconds is None else f"{seconds:.2f} s"
    some = f" ({passed} of {n_seeds} seeds)" if passed < n_seeds else ""
    return shown + some + (f", {setting}" if setting else "")
