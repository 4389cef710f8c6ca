"""The app without a browser, on a few images, with runs that are trained once and opened from the disk after that."""

from __future__ import annotations

import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
from streamlit.components.v2 import manifest_scanner
from streamlit.testing.v1 import AppTest

from nn_core.config.run_config import RunConfig
from nn_core.data import Dataset, npz
from nn_core.runs.registry import RunRegistry
from nn_core.runs.run import Run
from nn_core.store.run_store import RunStore
from tests.pages.looking import new_tab
from ui import session

installed_components = cache(manifest_scanner.scan_component_manifests)  # Streamlit scans all packages for each AppTest


@pytest.fixture(scope="session")
def few(mnist: Dataset) -> Dataset:
    """MNIST with 500 images for validation and 500 for testing, because pages read these splits whole."""
    names = ("val_images", "val_labels", "test_images", "test_labels")
    return replace(mnist, identity="few", **{name: getattr(mnist, name)[:500] for name in names})


@pytest.fixture
def app(few: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[AppTest]:
    """The dashboard on its first page, with those few images and an empty folder of runs."""
    monkeypatch.setattr(manifest_scanner, "scan_component_manifests", installed_components)
    monkeypatch.setattr(npz, "_load", lambda *file: few)
    monkeypatch.setenv("GLASSNET_RUNS", str(tmp_path))
    yield new_tab().run()
    session.registry().close()
    session.registry.clear()


@pytest.fixture(scope="session")
def stored_run(few: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Callable[[RunConfig, int], Path]:
    """A function that gives the folder of a run of these settings, an epoch old; the number tells equal ones apart."""
    store = RunStore(tmp_path_factory.mktemp("stored"))

    @cache
    def folder(config: RunConfig, number: int) -> Path:
        registry = RunRegistry(store)
        run = registry.create(config, few)
        assert run.epoch_once().wait(30)
        while run.snapshot.is_training:
            time.sleep(0.01)
        registry.close()
        return store.run_folder(run.id).path

    return folder


@pytest.fixture
def with_run(app: AppTest, stored_run: Callable[[RunConfig, int], Path]) -> Callable[..., Run]:
    """A function that opens a run of these settings, an epoch old and at rest: the one that the app shows."""
    opened: Counter[RunConfig] = Counter()

    def open_one(**settings) -> Run:
        config = RunConfig(**{"n_train": 2_000, "batch_size": 50, **settings})
        stored, registry = stored_run(config, opened[config]), session.registry()
        opened[config] += 1
        assert registry.store is not None
        shutil.copytree(stored, registry.store.folder / stored.name)
        run = registry.get(stored.name)
        assert run is not None, registry.problem(stored.name)
        app.session_state["run"] = run.id
        return run

    return open_one
