"""The rules of health: what can be said of a training run, each in a file of its own.

Importing the package registers every rule in it: a file that is added here is found by that alone.
"""

import importlib
import pkgutil

for _found in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_found.name}")
