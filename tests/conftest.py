"""What all tests share: one BLAS thread, the data, a time limit, and no training thread left behind."""

from __future__ import annotations

import os
import tempfile

from tests import ROOT

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # before NumPy is imported: more threads than cores make timings random
os.environ["GLASSNET_RUNS"] = tempfile.mkdtemp(prefix="glassnet-runs-")  # where tests, and their servers, keep runs

import dataclasses
import hashlib
import shutil
import signal
import threading
import time
from collections.abc import Generator, Iterator
from types import FrameType
from typing import TYPE_CHECKING, Any

import hypothesis
import numpy as np
import pytest

if TYPE_CHECKING:
    from nn_core.data import Dataset

BROWSER_TESTS = ROOT / "tests" / "browser"
TIME_LIMIT, SLOW_TIME_LIMIT = 240.0, 1200.0  # seconds

# A deadline an example would measure how busy the machine is.
hypothesis.settings.register_profile("few", deadline=None, max_examples=20)
hypothesis.settings.register_profile("many", deadline=None, max_examples=100)


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Two processes for folders of tests; none beside this one for a file or a test: starting them takes longer."""
    return 0 if any(".py" in argument for argument in config.args) else 2


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Two processes each begin with one half of the files of browser tests, which take longest; then test by test.

    So each starts one browser and one server for its half. (--dist loadgroup would do it, but xdist 3.8 does not
    reach the ids of pytest 9.2.)
    """
    from xdist.scheduler import LoadScopeScheduling

    files = [path.relative_to(ROOT).as_posix() for path in sorted(BROWSER_TESTS.glob("test_*.py"))]

    class BrowserFirst(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = nodeid.split("::")[0]
            return f"browser {files.index(file) % 2}" if file in files else nodeid

    return BrowserFirst(config, log)


def asks_for_slow_tests(config: pytest.Config) -> bool:
    """Whether this is `pytest -m slow`."""
    return config.option.markexpr.startswith("slow")


def pytest_configure(config: pytest.Config) -> None:
    """Choose how many examples a property is tried on."""
    hypothesis.settings.load_profile("many" if asks_for_slow_tests(config) else "few")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark the browser tests, run last in one process; for `-m slow` mark properties too, which try more examples."""
    for item in items:
        if BROWSER_TESTS in item.path.parents:
            item.add_marker("browser")
        if asks_for_slow_tests(config) and hypothesis.is_hypothesis_test(getattr(item, "obj", None)):
            item.add_marker("slow")
    items.sort(key=lambda item: item.get_closest_marker("browser") is not None)


def pytest_unconfigure() -> None:
    """Remove the runs that tests have kept."""
    shutil.rmtree(os.environ["GLASSNET_RUNS"], ignore_errors=True)


# ---------------------------------------------------------------------------------------------- time limit


class TookTooLong(BaseException):
    """Not an Exception, so that neither the code under test nor Hypothesis takes it for one of theirs."""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Fail a test that outlives its time limit, where it stands."""
    marker = item.get_closest_marker("time_limit")
    slow = item.get_closest_marker("slow") is not None
    seconds = float(marker.args[0]) if marker else SLOW_TIME_LIMIT if slow else TIME_LIMIT

    def stop(_signal: int, _frame: FrameType | None) -> None:
        raise TookTooLong(f"the test took more than {seconds:g} s")

    if not hasattr(signal, "SIGALRM"):  # Windows
        return (yield)
    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        return (yield)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


# ---------------------------------------------------------------------------------------------- threads


def _training_threads() -> set[threading.Thread]:
    return {thread for thread in threading.enumerate() if thread.name.startswith("run-")}


@pytest.fixture(autouse=True)
def no_training_thread_left() -> Iterator[None]:
    """Every test: a training thread (named "run-...") that it started has ended within 2 s of its end."""
    before = _training_threads()
    yield
    deadline = time.monotonic() + 2
    for thread in _training_threads() - before:
        thread.join(max(0, deadline - time.monotonic()))
    left = sorted(thread.name for thread in _training_threads() - before)
    assert not left, f"training threads outlived the test: {', '.join(left)}"


# ---------------------------------------------------------------------------------------------- data


@pytest.fixture(scope="session")
def mnist() -> Dataset:
    """The embedded MNIST: 55,000 / 5,000 / 10,000 images, read-only."""
    from nn_core.data import load_mnist

    return load_mnist()


@pytest.fixture(scope="session")
def tiny(mnist: Dataset) -> Dataset:
    """Real MNIST images, few of them: 1,000 for training, 200 for validation, 200 for testing, at random; read-only."""
    rng = np.random.default_rng(0)
    digest = hashlib.sha256()

    def some(images: np.ndarray, labels: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
        chosen = np.sort(rng.choice(len(labels), n, replace=False))
        arrays = images[chosen], labels[chosen]
        for array in arrays:
            digest.update(array.tobytes())
            array.setflags(write=False)
        return arrays

    train_images, train_labels = some(mnist.train_images, mnist.train_labels, 1_000)
    val_images, val_labels = some(mnist.val_images, mnist.val_labels, 200)
    test_images, test_labels = some(mnist.test_images, mnist.test_labels, 200)
    return dataclasses.replace(
        mnist,
        name="tiny",
        identity=digest.hexdigest(),
        train_images=train_images,
        train_labels=train_labels,
        val_images=val_images,
        val_labels=val_labels,
        test_images=test_images,
        test_labels=test_labels,
    )
