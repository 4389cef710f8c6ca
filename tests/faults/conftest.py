"""A folder of runs and a registry of them, for tests of what fails a run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from nn_core.data import Dataset
from nn_core.runs import RunRegistry
from nn_core.store import RunStore


@pytest.fixture
def store(tmp_path: Path) -> RunStore:
    return RunStore(tmp_path / "runs")


@pytest.fixture
def registry(store: RunStore, tiny: Dataset) -> Iterator[RunRegistry]:
    registry = RunRegistry(store, lease_seconds=0, load=lambda name: tiny)
    yield registry
    registry.close()
