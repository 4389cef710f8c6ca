"""watch: a loop of one's own becomes a run like any other."""

from __future__ import annotations

import logging
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from nn_core import ConfigError, RunConfig, watch
from nn_core.data import Dataset
from nn_core.homework import GivenError, Watch
from nn_core.homework.dense_weights import dense_weights
from nn_core.runs.registry import RunRegistry
from nn_core.store.run_store import RunStore
from tests import ROOT


def loop(data: Dataset, lr: float = 0.2, n_hidden: int = 9, batch: int = 50) -> Iterator[tuple]:
    """A student's training, images in columns: loss, accuracy, (W1, b1, W2, b2) after each update; updated in place."""
    rng = np.random.default_rng(1)
    X, Y = data.train_images.reshape(-1, 784).T / 255, np.eye(10)[data.train_labels].T
    W1, b1 = rng.normal(0, 0.05, (n_hidden, 784)), np.zeros((n_hidden, 1))
    W2, b2 = rng.normal(0, 0.3, (10, n_hidden)), np.zeros((10, 1))
    yield None, None, (W1, b1, W2, b2)
    while True:
        at = rng.integers(0, X.shape[1], batch)
        x, y = X[:, at], Y[:, at]
        A1 = np.tanh(W1 @ x + b1)
        A2 = np.exp(W2 @ A1 + b2)
        A2 /= A2.sum(axis=0)
        dZ2 = (A2 - y) / batch
        dZ1 = W2.T @ dZ2 * (1 - A1**2)
        for array, change in ((W1, dZ1 @ x.T), (b1, dZ1), (W2, dZ2 @ A1.T), (b2, dZ2)):
            array -= lr * (change if change.shape == array.shape else change.sum(axis=1, keepdims=True))
        loss = -np.log((A2 * y).sum(axis=0)).mean()
        yield loss, (A2.argmax(axis=0) == y.argmax(axis=0)).mean(), (W1, b1, W2, b2)


def recorded(data: Dataset, folder: Path, n_steps: int = 300, name: str = "mine", **more) -> Watch:
    settings = {"activation": "tanh", "lr": 0.2, "batch_size": 50, **more}
    watched = watch(name, folder=folder, data=data, **settings)
    for step, (loss, accuracy, weights) in zip(range(n_steps + 1), loop(data), strict=False):
        watched(step=step, loss=loss, accuracy=accuracy, weights=weights)
    watched.finish()
    return watched


@pytest.fixture(scope="module")
def mine(tiny: Dataset, tmp_path_factory: pytest.TempPathFactory) -> tuple[Watch, RunStore]:
    folder = tmp_path_factory.mktemp("watched")
    return recorded(tiny, folder), RunStore(folder)


def test_it_is_listed_with_its_name_settings_and_what_it_reached(mine: tuple[Watch, RunStore]) -> None:
    watched, store = mine
    run = store.get(watched.run_id)
    assert (run.name, run.tags, run.status, run.step) == ("mine", ("watched",), "finished", 300)
    assert run.config.hidden == (9,) and run.config.activation == "tanh" and run.config.batch_size == 50
    assert run.epoch == pytest.approx(15.0) and run.seconds > 0
    assert run.val_accuracy is not None and run.val_accuracy > 0.6
    assert "training loop that is not ours" in run.note


def test_its_curves_and_vital_signs_are_there(mine: tuple[Watch, RunStore]) -> None:
    watched, store = mine
    series = store.series(watched.run_id)
    assert {"train/loss", "train/accuracy", "val/loss", "val/accuracy"} <= series.keys()
    assert len(series["batch/loss"]) == len(series["batch/accuracy"]) == 300
    assert series["val/loss"].step[0] == 1 and series["val/loss"].step[-1] == 300
    assert series["val/loss"].last < 0.7 * series["val/loss"].value[0]
    signs = {name.split("/")[1] for name in series if name.startswith("instruments/")}
    assert {"gradient_rms", "update_ratio", "saturated_units", "distance", "class_accuracy"} <= signs
    assert "step_gauge" not in signs, "it is measured on an update's own batch, which is not known"


def test_the_registry_opens_it_its_frames_scrub_and_the_last_weights_are_the_authors(
    mine: tuple[Watch, RunStore], tiny: Dataset
) -> None:
    watched, store = mine
    *_, (_, _, (W1, _, W2, b2)) = (each for _, each in zip(range(301), loop(tiny), strict=False))
    registry = RunRegistry(store, load=lambda name: tiny)
    run = registry.get(watched.run_id)
    assert run is not None, registry.problem(watched.run_id)
    shot = run.snapshot
    assert shot.step == 300 and shot.status == "finished" and shot.scores is not None
    assert shot.scores.confusion.sum() == len(tiny.val_labels)
    steps = [frame.step for frame in shot.film]
    assert steps[0] == 0 and steps[-1] == 300 and len(steps) > 20
    newest = shot.film[-1].weights()
    np.testing.assert_allclose(newest["dense1.W"], W1.T, rtol=1e-5)
    np.testing.assert_allclose(newest["dense2.W"], W2.T, rtol=1e-5)
    np.testing.assert_allclose(newest["dense2.b"], b2.ravel(), rtol=1e-4, atol=1e-6)
    registry.close()


def test_it_is_kept_as_it_trains_and_a_loop_that_is_broken_off_is_found(tiny: Dataset, tmp_path: Path) -> None:
    watched = watch("broken off", folder=tmp_path, data=tiny, activation="tanh")
    steps = loop(tiny)
    for _ in range(3):
        loss, accuracy, weights = next(steps)
        watched(loss=loss, accuracy=accuracy, weights=weights)
    assert RunStore(tmp_path).get(watched.run_id).step == 1, "the first step is on disk, the next ten seconds later"
    watched.finish()
    assert RunStore(tmp_path).get(watched.run_id).step == 3


def test_weights_may_come_now_and_then_and_each_epoch_may_be_told_in_one_call(tiny: Dataset, tmp_path: Path) -> None:
    watched = watch("by epochs", folder=tmp_path, data=tiny, activation="tanh", batch_size=50)
    steps = loop(tiny)
    for epoch in range(1, 6):
        for _ in range(20):
            loss, accuracy, weights = next(steps)
            watched(loss=loss)
        watched(accuracy=accuracy, weights=weights, epoch=epoch, lr=0.1 / epoch)
    watched.finish()
    store = RunStore(tmp_path)
    run, series = store.get(watched.run_id), store.series(watched.run_id)
    assert run.step == 105 and run.epoch == 5.0
    assert len(series["batch/loss"]) == 99 and len(series["batch/accuracy"]) == 5  # the first has no loss yet
    assert series["train/lr"].value[-1] == pytest.approx(0.02)
    assert [edit.setting for edit in run.edits] == ["lr"] * 4  # the first is that of the start


def test_a_loop_that_diverges_keeps_its_last_numbers_and_says_so(
    tiny: Dataset, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    watched = watch("too fast", folder=tmp_path, data=tiny)
    steps = loop(tiny)
    for _ in range(5):
        _, _, weights = next(steps)
        watched(weights=weights)
    with caplog.at_level(logging.WARNING):
        watched(loss=float("nan"), weights=tuple(array * np.nan for array in weights))
    watched(loss=1.0)  # what comes later is passed over
    assert "Training diverged: the weights of step 6 hold NaN or infinity" in caplog.text
    run = RunStore(tmp_path).get(watched.run_id)
    assert (run.status, run.step) == ("diverged", 5)


W1, B1, W2, B2 = np.ones((8, 784)), np.zeros((8, 1)), np.ones((10, 8)), np.zeros(10)
FORMS = {
    "flat": (W1, B1, W2, B2),
    "flat, in rows": (W1.T, B1.ravel(), W2.T, B2),
    "pairs": [(W1, B1), (W2, B2)],
    "two lists": ([W1, W2], [B1, B2]),
    "weights first": [W1, W2, B1, B2],
    "a dict": {"W1": W1, "b1": B1, "W2": W2, "b2": B2},
    "a dict from 0": {"b0": B1, "w0": W1, "w1": W2, "b1": B2},
    "torch's names": {"fc1.weight": W1, "fc1.bias": B1, "fc2.weight": W2, "fc2.bias": B2},
    "by layer": [{"W": W1, "b": B1}, {"W": W2, "b": B2}],
    "nested": {"layer1": {"kernel": W1.T, "bias": B1}, "layer2": {"kernel": W2.T, "bias": B2}},
    "lists of numbers": {"W1": W1.tolist(), "b1": B1.tolist(), "W2": W2.tolist(), "b2": B2.tolist()},
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_weights_come_in_any_usual_form_and_orientation(form) -> None:
    layers = dense_weights(form, 784, 10)
    assert [(W.shape, b.shape) for W, b in layers] == [((784, 8), (8,)), ((8, 10), (10,))]


def test_a_square_matrix_lies_as_the_first_one_does() -> None:
    square = np.arange(100.0).reshape(10, 10)
    for first, expected in ((np.ones((10, 784)), square.T), (np.ones((784, 10)), square)):
        layers = dense_weights((first, np.zeros(10), square, np.zeros(10)), 784, 10)
        np.testing.assert_array_equal(layers[1][0], expected)


@pytest.mark.parametrize(
    ("told", "sentence"),
    [
        ({"weights": (W1[:, :700], B1, W2, B2)}, "W1 must have the shape (784, n) or (n, 784), got (8, 700)"),
        ({"weights": (W1, B1, W2[:9], B2[:9])}, "W2 must lead to 10 outputs, one a class, got 9"),
        ({"weights": (W1, B1[:7], W2, B2)}, "b1 must have 8 numbers"),
        ({"weights": {"a": W1}}, "the dict of weights must have names like W1, b1, W2, b2, got a"),
        ({"weights": "W1"}, "as a dict, a list or (W1, b1, W2, b2), got 'W1'"),
        ({"weights": ([["x"] * 784] * 8, B1, W2, B2)}, "W1 must be numbers, got the word 'x'"),
        ({"weights": (W1 * np.nan, B1, W2, B2)}, "the weights must be finite numbers at first"),
        ({"loss": "low"}, "loss must be a number, got 'low'"),
        ({"accuracy": 91.2}, "accuracy must be in [0, 1], got 91.2; in percent? Divide by 100"),
        ({"step": -1}, "step must be a whole number of at least 0, got -1"),
        ({"step": 1.5}, "step must be a whole number"),
    ],
)
def test_what_cannot_be_recorded_is_a_sentence(tiny: Dataset, tmp_path: Path, told: dict, sentence: str) -> None:
    watched = watch(folder=tmp_path, data=tiny)
    with pytest.raises(GivenError) as refused:
        watched(**told)
    assert sentence in str(refused.value)
    watched.finish()
    assert RunStore(tmp_path).runs() == []


def test_steps_go_up_sizes_stay_and_settings_are_checked(tiny: Dataset, tmp_path: Path) -> None:
    watched = watch(folder=tmp_path, data=tiny)
    watched(step=4, weights=(W1, B1, W2, B2))
    with pytest.raises(GivenError, match="step must be a whole number of at least 5, got 4"):
        watched(step=4, loss=1.0)
    with pytest.raises(GivenError, match=r"must stay \(8,\), as in the first step, got \(7,\)"):
        watched(weights=(W1[:7], B1[:7], W2[:, :7], B2))
    watched.finish()
    with pytest.raises(ConfigError, match="lr must be in"):
        watch(lr=-1)
    with pytest.raises(ConfigError, match="model must be mlp to be watched, got cnn"):
        watch(config=RunConfig(model="cnn"))


def test_nothing_is_kept_without_weights_and_that_is_said(
    tiny: Dataset, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING), watch("blind", folder=tmp_path, data=tiny) as watched:
        watched(loss=2.3)
    assert "Nothing of 'blind' was kept: a run needs weights at least once." in caplog.text
    assert RunStore(tmp_path).runs() == []


def test_the_worked_example_records_a_run(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "examples" / "watch_my_training.py"],
        env={"PATH": "", "GLASSNET_RUNS": str(tmp_path), "OPENBLAS_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0 and done.stderr == ""
    (run,) = RunStore(tmp_path).runs()
    assert run.name == "my first network" and run.id in done.stdout and run.step == 859
    assert run.val_accuracy is not None and run.val_accuracy > 0.88
