"""The commands about stored runs: `python -m nn_core runs list|show|export|import|delete|restore|purge`.

A command is one function that takes the store and the options, registered in COMMANDS.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nn_core.cli.exchange import export_options, import_options, run_export, run_import
from nn_core.config import shorten
from nn_core.instruments.events import Event, events_to_json, from_instruments
from nn_core.machine.numbers import exact
from nn_core.store import RunStore, StoredRun, StoreError, edits_to_json, parent_to_json
from nn_core.store.opened_run import OpenedRun
from nn_core.training import in_effect


@dataclass(frozen=True)
class RunsCommand:
    """One command under `runs`: its help, what its options are, and what carries it out."""

    help: str
    run: Callable[[RunStore, argparse.Namespace], None]
    add_options: Callable[[argparse.ArgumentParser], None]


def add_commands(commands: Any) -> None:
    """Add `runs` and what stands under it to the subparsers of the command line."""
    parser: argparse.ArgumentParser = commands.add_parser("runs", help="list, show and delete the runs on disk")
    below = parser.add_subparsers(required=True, metavar="command")
    for name, command in COMMANDS.items():
        one = below.add_parser(name, help=command.help)
        add_runs_option(one)
        command.add_options(one)
        one.set_defaults(run=lambda options, carry_out=command.run: carry_out(RunStore(options.runs), options))


def add_runs_option(parser: argparse.ArgumentParser) -> None:
    """`--runs FOLDER`."""
    parser.add_argument(
        "--runs",
        type=Path,
        metavar="FOLDER",
        help="where the runs are. Default: GLASSNET_RUNS, else runs/ here.",
    )


def _list(store: RunStore, options: argparse.Namespace) -> None:
    runs, unreadable = store.survey()
    problems = store.problems()
    if options.json:
        unread = [{"id": run_id, "problem": why} for run_id, why in unreadable.items()]
        listed = {"runs": [_to_json(run) for run in runs], "unreadable": unread, "problems": problems}
        print(json.dumps(listed, allow_nan=False))
        return
    rows = [("run", "made", "status", "epochs", "best val", "size", "name")]
    rows += [
        (
            run.id,
            time.strftime("%Y-%m-%d %H:%M", time.localtime(run.created)),
            run.status,
            f"{run.epoch:.1f}",
            "" if run.best_val_accuracy is None else exact(run.best_val_accuracy),
            _size(run.size),
            ("* " if run.starred else "") + run.title,
        )
        for run in runs
    ]
    rows += [(run_id, "", "unreadable", "", "", "", why) for run_id, why in unreadable.items()]
    _print_table(rows if rows[1:] else [(f"There are no runs in {store.folder}.",)])
    for sentence in problems if not unreadable else []:
        print(sentence)


def _show(store: RunStore, options: argparse.Namespace) -> None:
    opened = store.open(options.run_id)
    run, problem = opened.run, opened.problem()
    film = [frame.step for frame in opened.film().frames()]
    checkpoints = sorted({file.step for file in opened.files})  # readable or not
    events = _events(opened)
    if options.json:
        facts = {"frames": film, "checkpoints": checkpoints, "events": events_to_json(events)}
        print(json.dumps({**_to_json(run), **facts, "problems": [problem] if problem else []}))
        return
    edits = in_effect(run.edits, run.step)
    parent = f"run {run.parent.run} at step {run.parent.step:,}" if run.parent else "none"
    rows = [
        ("run", f"{run.id}{' *' if run.starred else ''}"),
        ("name", run.title),
        ("made", time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(run.created))),
        ("status", run.status),
        ("stands at", f"step {run.step:,}, epoch {run.epoch:.2f}, {run.seconds:.1f} s of training"),
        ("branched from", parent),
        ("validation", _percent(run.val_accuracy)),
        ("best", _percent(run.best_val_accuracy) + ("" if run.best_step is None else f" at step {run.best_step:,}")),
        ("changes", "; ".join(f"{e.setting} {e.old} to {e.new} at step {e.step:,}" for e in edits) or "none"),
        ("verdicts", "; ".join(f"{event.verdict}, steps {event.steps}" for event in events) or "none"),
        ("checkpoints", ", ".join(f"{step:,}" for step in checkpoints)),
        ("frames", f"{len(film)}, of steps {film[0]:,} to {film[-1]:,}" if film else "none"),
        ("on disk", f"{_size(run.size)} in {store.folder / run.id}"),
        ("command", run.config.to_command()),
    ]
    _print_table(rows)
    if problem:
        print(problem)


def _events(opened: OpenedRun) -> tuple[Event, ...]:
    """Its verdicts with their dates; none where no checkpoint can be read."""
    with suppress(StoreError):
        checkpoint = opened.newest.checkpoint
        return from_instruments(checkpoint.instruments, checkpoint.step)
    return ()


def _delete(store: RunStore, options: argparse.Namespace) -> None:
    for run_id in options.run_ids:
        store.delete(run_id)
        _say(
            options, run_id, f"Run {run_id} is in the trash; `python -m nn_core runs restore {run_id}` brings it back."
        )


def _restore(store: RunStore, options: argparse.Namespace) -> None:
    for run_id in options.run_ids:
        store.restore(run_id)
        _say(options, run_id, f"Run {run_id} is back.")


def _purge(store: RunStore, options: argparse.Namespace) -> None:
    trash = store.ids(trash=True)
    unknown = [run_id for run_id in options.run_ids if run_id not in trash]
    if unknown:
        raise StoreError(f"There is no run {shorten(unknown[0])} in the trash of {store.folder}.")
    for run_id in options.run_ids or trash:
        store.purge(run_id)
        _say(options, run_id, f"Run {run_id} is gone for good.")


def _say(options: argparse.Namespace, run_id: str, sentence: str) -> None:
    print(json.dumps({"run": run_id}) if options.json else sentence)


def _json_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print JSON, one object a line")


def _one_run(parser: argparse.ArgumentParser) -> None:
    _json_option(parser)
    parser.add_argument("run_id", metavar="RUN", help="a run's id")


def _some_runs(parser: argparse.ArgumentParser) -> None:
    _json_option(parser)
    parser.add_argument("run_ids", metavar="RUN", nargs="+", help="ids of runs")


def _any_runs(parser: argparse.ArgumentParser) -> None:
    _json_option(parser)
    parser.add_argument("run_ids", metavar="RUN", nargs="*", help="ids of runs")


COMMANDS = {
    "list": RunsCommand("all runs, the newest first", _list, _json_option),
    "show": RunsCommand("what is known of one run", _show, _one_run),
    "export": RunsCommand("write a run into a file that others read", run_export, export_options),
    "import": RunsCommand("make a run of an exported file", run_import, import_options),
    "delete": RunsCommand("move runs into the trash", _delete, _some_runs),
    "restore": RunsCommand("bring runs back from the trash", _restore, _some_runs),
    "purge": RunsCommand("remove runs in the trash for good, all of them unless some are named", _purge, _any_runs),
}


def _to_json(run: StoredRun) -> dict[str, Any]:
    plain = {**vars(run), "title": run.title, "config": run.config.to_dict()}
    return {**plain, "edits": edits_to_json(run.edits), "parent": parent_to_json(run.parent)}


def _percent(share: float | None) -> str:
    return "not scored" if share is None else exact(share)


def _size(n_bytes: int) -> str:
    return f"{n_bytes / 1e6:.1f} MB"


def _print_table(rows: Sequence[tuple[str, ...]]) -> None:
    """Columns of equal width, the last one as it is."""
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    for row in rows:
        print("  ".join([*(c.ljust(w) for c, w in zip(row[:-1], widths[:-1], strict=True)), row[-1]]))


def parse_place(text: str) -> tuple[str, int]:
    """("RUN", step) of "RUN@STEP"; raises StoreError."""
    run_id, _, step = text.partition("@")
    if not step.isdecimal() or len(step) > 18:
        raise StoreError(f"A place to branch from is a run's id, @ and a step, like 1a2b3c4d@500; got {text[:60]!r}.")
    return run_id, int(step)
