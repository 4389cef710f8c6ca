"""`python -m nn_core compare`: the same networks here and in other frameworks, measured on this machine."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from typing import Any

from nn_core import ConfigError, load_dataset
from nn_core.cli.console import note
from nn_core.cli.settings import add_settings, config_of
from nn_core.frameworks import FRAMEWORKS, Comparison, Row, Same, Shown, tasks
from nn_core.frameworks.comparison import MARKS
from nn_core.machine.facts import computer
from nn_core.machine.numbers import percent

EPOCHS, QUICK_EPOCHS = 10, 2  # of the sidebar's network, where none are asked for


def add_commands(commands: Any) -> None:
    """Add `compare` to the subparsers of the command line."""
    command = commands.add_parser(
        "compare", help="train the same networks here and in PyTorch, Keras, TensorFlow and scikit-learn"
    )
    command.set_defaults(run=_compare)
    command.add_argument("--json", action="store_true", help="print one JSON object as the last line of stdout")
    command.add_argument("--quick", action="store_true", help="fewer epochs: some three minutes in place of twenty")
    command.add_argument(
        "--frameworks",
        metavar="NAMES",
        help=f"only these, with commas between: {', '.join(FRAMEWORKS)}. Default: all that are installed.",
    )
    command.add_argument("--no-identical", action="store_true", help="leave out the comparison batch by batch")
    command.add_argument("--no-quoted", action="store_true", help="leave out the three networks that are quoted")
    add_settings(command)


def _compare(options: argparse.Namespace) -> None:
    config = config_of(options)
    if options.epochs is None and not options.preset:
        config = config.replace(epochs=QUICK_EPOCHS if options.quick else EPOCHS)
    load_dataset(config.dataset)  # what is wrong with it is said before anything starts
    wanted = tasks(config, quick=options.quick, quoted=not options.no_quoted, only=_chosen(options.frameworks))
    comparison = Comparison(wanted, identical=not options.no_identical, all_ways=not options.quick)
    told = _Told()
    comparison.on_change = told
    try:
        comparison.run()
    finally:
        comparison.cancel()
    shown = comparison.shown
    if options.json:
        print(json.dumps(to_json(shown)))
    else:
        print(as_text(shown))


def _chosen(names: str | None) -> list[str] | None:
    if names is None:
        return None
    chosen = [name.strip() for name in names.split(",")]
    for name in chosen:
        if name not in FRAMEWORKS:
            raise ConfigError(f"frameworks must be some of {', '.join(FRAMEWORKS)}, got {name!r:.40}")
    return chosen


class _Told:
    """Says on stderr what is being done, once each."""

    def __init__(self) -> None:
        self._last = ""

    def __call__(self, shown: Shown) -> None:
        if shown.doing and shown.doing != self._last:
            self._last = shown.doing
            note(f"{percent(shown.share):>7}  {shown.doing}")


def to_json(shown: Shown) -> dict[str, Any]:
    """The machine, the versions, all rows, and what was compared batch by batch."""
    versions = {row.label: row.versions for row in shown.rows if row.versions}
    return {
        "machine": computer(),
        "versions": versions,
        "rows": [row.to_json() for row in shown.rows],
        "identical": [one.to_json() for one in shown.same],
    }


def as_text(shown: Shown) -> str:
    """Tables for a terminal, in Markdown."""
    lines = [computer()]
    for task in dict.fromkeys(row.task for row in shown.rows):
        rows = [row for row in shown.rows if row.task == task]
        measured = [_cells(row) for row in rows if row.status == "done"]
        lines += ["", f"**{task}**", *(["", *_table(measured)] if measured else []), *_remarks(rows)]
    versions = {row.label: row.versions for row in shown.rows if row.versions}
    lines += ["", "Versions: " + "; ".join(f"{label}: {version}" for label, version in versions.items())]
    if shown.same:
        lines += ["", "**From the same weights on the same batches**", ""]
        lines += _table([_same_cells(one) for one in shown.same])
    return "\n".join(lines)


def _cells(row: Row) -> dict[str, str]:
    """A row of the table: column -> what stands there."""

    def number(value: float | None, form: str = ",.0f") -> str:
        return "" if value is None else f"{value:{form}}"

    quoted = f"{percent(row.quoted.train)} / {percent(row.quoted.held_out)}" if row.quoted else ""
    reached = " / ".join(number(row.seconds_to(mark), ",.1f") or "-" for mark in MARKS)
    accuracies = (row.train_accuracy, row.val_accuracy, row.test_accuracy)
    train, val, test = ("" if share is None else percent(share) for share in accuracies)
    return {
        "": row.label,
        **{"train": train, "validation": val, "test": test},
        "quoted": quoted,
        "seconds": number(row.seconds, ",.1f"),
        "images/s": number(row.samples_per_second),
        "slowest - quickest": f"{number(row.slowest)} - {number(row.quickest)}",
        "s to 97 / 98 / 99 %": reached,
        "first epoch, s": number(row.first_epoch_seconds, ",.2f"),
        "weights": number(row.n_weights),
        "peak, MB": number(row.peak_memory_mb),
        "import, s": number(row.import_seconds, ".1f"),
        "installed, MB": number(row.installed_mb),
        "run with": row.way,
    }


def _same_cells(one: Same) -> dict[str, str]:
    furthest = one.max_relative_loss_difference
    return {
        "": one.label,
        "network": one.network,
        "optimizer": one.optimizer,
        "updates": f"{one.steps:,}",
        "largest relative difference of a batch's loss": one.said if furthest is None else f"{furthest:.1e}",
    }


def _table(rows: Sequence[Mapping[str, str]]) -> list[str]:
    """Lines of a Markdown table whose columns are aligned; a column that is empty in all rows is left out."""
    names = [name for name in rows[0] if not name or any(row[name] for row in rows)]
    widths = {name: max(len(name), *(len(row[name]) for row in rows)) for name in names}
    head, rule = {name: name for name in names}, {name: "-" * max(3, widths[name]) for name in names}
    return [f"| {' | '.join(row[name].ljust(max(3, widths[name])) for name in names)} |" for row in (head, rule, *rows)]


def _remarks(rows: Sequence[Row]) -> list[str]:
    """What could not be measured and why, what was left out, and where quoted figures come from."""
    said = [f"{row.label}: {row.said or row.status}" for row in rows if row.status != "done"]
    said += [f"{row.label} trained without {', '.join(row.left_out)}" for row in rows if row.left_out]
    sources = dict.fromkeys(row.quoted.source for row in rows if row.quoted)
    said += [f"Quoted (training / other images): {source}; all else was measured" for source in sources]
    return ["", *(f"- {sentence}" for sentence in said)] if said else []
