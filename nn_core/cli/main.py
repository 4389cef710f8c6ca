"""Puts the command line together out of its commands, and turns what goes wrong into one sentence."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from nn_core import ConfigError, DataError
from nn_core.cli import environment, runs, search, tools, train
from nn_core.cli.train import Interrupted
from nn_core.config.environment import problems
from nn_core.search.database_errors import SearchError
from nn_core.store import StoreError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; 0 when it worked, 2 with one sentence on stderr when the settings or the data are at fault."""
    parser = _parser()
    options = parser.parse_args(arguments)
    for sentence in problems():
        print(f"{parser.prog}: {sentence}", file=sys.stderr)
    try:
        options.run(options)
    except (ConfigError, DataError, StoreError, SearchError, ArithmeticError) as error:
        print(f"{parser.prog}: {error}", file=sys.stderr)
        return 2
    except Interrupted as interrupted:
        print(f"\n{interrupted}", file=sys.stderr)
        return 130
    except KeyboardInterrupt:
        print("\nstopped", file=sys.stderr)
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m nn_core", description="A neural network in NumPy alone.")
    commands = parser.add_subparsers(required=True, metavar="command")
    for module in (train, runs, tools, search, environment):
        module.add_commands(commands)
    return parser
