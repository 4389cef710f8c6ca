"""Puts the command line together out of its commands, and turns what goes wrong into one sentence."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence

from nn_core import ConfigError, DataError
from nn_core.cli import compare, environment, evaluate, homework, predict, runs, search, tools, train
from nn_core.cli.console import BROKEN_PIPE, hang_up, interrupt, last_words, when_told_to_end
from nn_core.cli.train import Interrupted
from nn_core.config.environment import problems
from nn_core.homework import GivenError
from nn_core.machine.disk import reason
from nn_core.search.database_errors import SearchError
from nn_core.store import StoreError

PROGRAM = "python -m nn_core"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; 0 when it worked, 2 with one sentence on stderr when the settings or the data are at fault."""
    given = sys.argv[1:] if arguments is None else arguments
    try:
        try:
            return _carry_out(given)
        finally:
            sys.stdout.flush()
    except BrokenPipeError:  # `| head` has seen enough
        return BROKEN_PIPE
    except OSError as error:
        where = f"{error.filename}: " if error.filename else "the output cannot be written: "
        last_words(f"{PROGRAM}: {where}{reason(error)}")
        return 1
    finally:
        hang_up()


def _carry_out(arguments: Sequence[str]) -> int:
    options = _parse(arguments)
    with when_told_to_end(interrupt) as told:
        try:
            for sentence in problems():
                print(f"{PROGRAM}: {sentence}", file=sys.stderr)
            return int(options.run(options) or 0)
        except (ConfigError, DataError, GivenError, StoreError, SearchError, ArithmeticError) as error:
            print(f"{PROGRAM}: {error}", file=sys.stderr)
            return 2
        except Interrupted as interrupted:
            last_words(f"\n{interrupted}")
            return interrupted.code
        except KeyboardInterrupt:
            last_words("\nstopped")
            return told.code


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = _parser()
    for each in arguments:  # of "--lr=--", argparse makes an empty list, without a check
        if re.fullmatch(r"--[\w-]+=--", each):
            parser.error(f"argument {each.partition('=')[0]}: needs a value, got '--'")
    return parser.parse_args(arguments)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=PROGRAM, description="A neural network in NumPy alone.")
    commands = parser.add_subparsers(required=True, metavar="command")
    for module in (train, runs, predict, evaluate, tools, search, compare, homework, environment):
        module.add_commands(commands)
    return parser
