"""`python -m nn_core compare`: the same networks here and in other frameworks, measured on this machine."""

from __future__ import annotations

import argparse
import json
from typing import Any

from nn_core import ConfigError, load_dataset
from nn_core.cli.console import note
from nn_core.cli.settings import add_settings, config_of
from nn_core.frameworks import FRAMEWORKS, Comparison, Row, Shown, tasks
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
    """Tables for a terminal."""
    lines = [computer(), ""]
    task = ""
    for row in shown.rows:
        if row.task != task:
            task = row.task
            lines += ["", task, f"  {'':18} {'train':>7} {'val':>7} {'test':>7} {'seconds':>8} {'images/s':>9}  quoted"]
        lines.append(_line(row))
    if shown.same:
        lines += ["", "From the same weights, on the same batches: the largest relative difference of a batch's loss"]
    for one in shown.same:
        found = one.said or f"{one.max_relative_loss_difference:.1e} over {one.steps:,} updates"
        lines.append(f"  {one.label:18} {one.network}, {one.optimizer}: {found}")
    return "\n".join(lines)


def _line(row: Row) -> str:
    if row.status != "done":
        return f"  {row.label:18} {row.said or row.status}"
    accuracies = (row.train_accuracy, row.val_accuracy, row.test_accuracy)
    shares = " ".join(f"{'' if share is None else percent(share):>7}" for share in accuracies)
    quoted = f"  {percent(row.quoted.train)} / {percent(row.quoted.held_out)}" if row.quoted else ""
    left = f"  (without {', '.join(row.left_out)})" if row.left_out else ""
    return f"  {row.label:18} {shares} {row.seconds or 0:8.1f} {row.samples_per_second or 0:9,.0f}{quoted}{left}"
