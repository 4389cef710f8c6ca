"""`python -m nn_core environment`: every variable of the environment, what it is set to, and what it may be."""

from __future__ import annotations

import argparse
import json
from typing import Any

from nn_core.config.environment import VARIABLES, problems


def add_commands(commands: Any) -> None:
    """Add `environment` to the subparsers of the command line."""
    command = commands.add_parser("environment", help="list the variables of the environment that Glassnet reads")
    command.set_defaults(run=_environment)
    command.add_argument("--json", action="store_true", help="print one JSON object")


def _environment(options: argparse.Namespace) -> None:
    if options.json:
        listed = [
            {"name": each.name, "set": each.told() or None, "default": each.told_default(), "may_be": each.told_range()}
            for each in VARIABLES.values()
        ]
        print(json.dumps({"variables": listed, "problems": problems()}))
        return
    for each in VARIABLES.values():
        set_to = f", set to {each.told()}" if each.told() else ""
        print(f"{each.name}{set_to}\n    {each.help}. {each.told_range()}; default: {each.told_default()}.")
