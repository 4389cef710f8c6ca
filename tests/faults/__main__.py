"""python -m tests.faults [--full] [name ...]: try hard to break Glassnet, and print what came of it as a table.

Each attack is a module `attack_*.py` here with `attack(full: bool) -> list[Figure]`; without --full it takes seconds,
and a test calls it so. Ends with 1 where something does not hold.
"""

from __future__ import annotations

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before NumPy, as dashboard.py does: attacks train beside others

import argparse
import importlib
import platform
import sys
import time
from pathlib import Path

from .figures import Figure, as_table

ATTACKS = sorted(path.stem.removeprefix("attack_") for path in Path(__file__).parent.glob("attack_*.py"))


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help=f"which attacks (all when none is named): {', '.join(ATTACKS)}")
    parser.add_argument("--full", action="store_true", help="as often as the table in docs/faults.md says (minutes)")
    chosen = parser.parse_args()
    if unknown := [name for name in chosen.names if name not in ATTACKS]:
        parser.error(f"there is no attack {', '.join(unknown)}; there are {', '.join(ATTACKS)}")
    figures: list[Figure] = []
    for name in chosen.names or ATTACKS:
        began = time.perf_counter()
        figures += importlib.import_module(f"{__package__}.attack_{name}").attack(chosen.full)
        print(f"{name}: {time.perf_counter() - began:.0f} s", file=sys.stderr, flush=True)
    print(f"{platform.machine()}, Python {platform.python_version()}\n\n{as_table(figures)}")
    return 0 if all(one.holds for one in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
