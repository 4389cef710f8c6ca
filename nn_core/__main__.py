"""The command line: `python -m nn_core --help`."""

from __future__ import annotations

import logging
import sys

from nn_core.cli.console import print_any_name
from nn_core.cli.main import main
from nn_core.machine import quick_end

if __name__ == "__main__":
    log = logging.getLogger("nn_core")  # warnings are printed as sentences where they matter, by the commands
    log.addHandler(logging.StreamHandler())
    log.handlers[0].setLevel(logging.ERROR)
    print_any_name()
    quick_end.over()
    sys.exit(main())
