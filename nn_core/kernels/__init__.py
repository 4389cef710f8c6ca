"""The training steps that are run: the same mathematics as in `nn_core.nn`, arranged to be fast.

Importing it registers a kernel for every model that has one.
"""

from nn_core.kernels import cnn, mlp  # noqa: F401  (they register themselves)
