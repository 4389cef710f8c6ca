"""Puts the command line together out of its commands, and turns what goes wrong into one sentence."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence

from nn_core import ConfigError, DataError
from nn_core.cli import compare, data, environment, evaluate, homework, predict, runs, search, tools, train
from nn_core.cli.console import hang_up, interrupt, last_words, when_told_to_end
from nn_core.cli.exit_codes import BROKEN_PIPE, DONE, FAILED, REFUSED, table
from nn_core.cli.train import Interrupted
from nn_core.config.environment import problems
from nn_core.homework import GivenError
from nn_core.machine.disk import reason
from nn_core.machine.packages import PackageMissing
from nn_core.search.database_errors import SearchError
from nn_core.store import StoreError

PROGRAM = "python -m nn_core"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; its exit code, as exit_codes.py lists them."""
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
        return FAILED
    finally:
        hang_up()


def _carry_out(arguments: Sequence[str]) -> int:
    options = _parse(arguments)
    with when_told_to_end(interrupt) as told:
        try:
            for sentence in problems():
                print(f"{PROGRAM}: {sentence}", file=sys.stderr)
            return int(options.run(options) or DONE)
        except (ConfigError, DataError, GivenError, StoreError, SearchError, PackageMissing, ArithmeticError) as error:
            print(f"{PROGRAM}: {error}", file=sys.stderr)
            return REFUSED
        except Interrupted as interrupted:
            last_words(f"\n{interrupted}")
            return interrupted.code
        except KeyboardInterrupt as stopped:
            last_words(f"\n{str(stopped) or 'stopped'}")
            return told.code


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = _parser()
    for each in arguments:  # of "--lr=--", argparse makes an empty list, without a check
        if re.fullmatch(r"--[\w-]+=--", each):
            parser.error(f"argument {each.partition('=')[0]}: needs a value, got '--'")
    return parser.parse_args(arguments)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=PROGRAM,
        description="A neural network in NumPy alone.",
        epilog=table(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(required=True, metavar="command")
    for module in (train, data, runs, predict, evaluate, tools, search, compare, homework, environment):
        module.add_commands(commands)
    return parser
