"""What is measured about training: instruments, a file each, their recording, and the rules of health.

Importing the package registers every instrument in it: a file that is added here is found by that alone.
"""

import importlib
import pkgutil


def register_all() -> None:
    """Import every module of the package."""
    for found in pkgutil.iter_modules(__path__):
        importlib.import_module(f"{__name__}.{found.name}")


register_all()
