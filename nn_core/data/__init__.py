"""What the network learns from: MNIST or another data set of the same form, and what changes its images."""

from nn_core.data.dataset import N_CLASSES, Bytes, DataError, Dataset, Split
from nn_core.data.npz import load_dataset, load_mnist

__all__ = ["N_CLASSES", "Bytes", "DataError", "Dataset", "Split", "load_dataset", "load_mnist"]
