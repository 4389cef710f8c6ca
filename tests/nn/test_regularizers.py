"""Penalties, clipping, max-norm and early stopping: by their formulas, and exactly resumed in every combination."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from nn_core import RunConfig, Trainer
from nn_core.config.choices import choices
from nn_core.data import Dataset
from nn_core.kernels.choose import ReferenceStep
from nn_core.kernels.mlp import MLPKernel
from nn_core.kernels.protocol import ROWS
from nn_core.nn.mlp import MLP
from nn_core.nn.network import from_weights
from nn_core.nn.regularizers import add_penalty_gradients, clip_to_norm, l1_penalty, project_to_max_norm
from nn_core.runs.run import Run
from nn_core.training.early_stopping import Best
from nn_core.training.state import Edit
from tests.numerical import relative_error
from tests.training.test_trainer import advance, state

SMALL = RunConfig(hidden=(6, 5), n_train=230, batch_size=64, eval_every=3)  # 4 steps an epoch


# ---------------------------------------------------------------------------------------------- penalties


def test_penalty_gradients_are_added_by_hand_worked_amounts():
    grads, weights = np.array([1.0, 1.0, 1.0]), np.array([2.0, -3.0, 0.0])
    add_penalty_gradients(grads, weights, 0.5, 0.0)
    assert grads.tolist() == [2.0, -0.5, 1.0]
    add_penalty_gradients(grads, weights, 0.0, 0.25)
    assert grads.tolist() == [2.25, -0.75, 1.0]
    assert l1_penalty(weights, 0.25) == 1.25 and l1_penalty(np.array([np.inf]), 0.0) == 0


def test_the_l1_penalty_drives_weights_to_nearly_nothing(tiny: Dataset):
    plain, sparse = (Trainer(SMALL.replace(l1=l1, lr=0.05), tiny) for l1 in (0.0, 0.01))
    for trainer in (plain, sparse):
        trainer.train_epochs(50)
    small = [np.mean(np.abs(t.model.matrices[0]) < 1e-3) for t in (plain, sparse)]
    assert small[0] < 0.1 and small[1] > 0.6


# ---------------------------------------------------------------------------------------------- clipping


@given(st.integers(0, 1000), st.floats(0.01, 100))
def test_a_clipped_gradient_keeps_its_direction_and_has_at_most_the_limit(seed: int, limit: float):
    g = np.random.default_rng(seed).normal(0, 1, 20)
    before = g.copy()
    norm = clip_to_norm(g, limit)
    assert norm == pytest.approx(math.sqrt(sum(x * x for x in before)))
    assert np.linalg.norm(g) == pytest.approx(min(norm, limit))
    assert np.allclose(g * norm, before * np.linalg.norm(g))
    assert norm > limit or np.array_equal(g, before)


def test_gradients_whose_squares_overflow_are_clipped_too_and_what_is_not_finite_stays():
    huge = np.array([3e30, -4e30], np.float32)
    with np.errstate(over="ignore"):
        assert clip_to_norm(huge, 10.0) == pytest.approx(5e30, rel=1e-6)
        assert huge == pytest.approx([6, -8], rel=1e-6)
        for bad in (np.inf, np.nan):
            assert not math.isfinite(clip_to_norm(np.array([1.0, bad]), 1.0))
    assert clip_to_norm(np.zeros(3), 1.0) == 0


def test_clipping_is_that_of_pytorch():
    torch = pytest.importorskip("torch")
    g = np.random.default_rng(0).normal(size=50)
    theirs = torch.zeros(50, dtype=torch.float64, requires_grad=True)
    theirs.grad = torch.tensor(g.copy())
    torch.nn.utils.clip_grad_norm_([theirs], 1.5)
    clip_to_norm(g, 1.5)
    assert np.allclose(g, theirs.grad.numpy(), rtol=1e-6)  # theirs divides by the norm plus 1e-6


@pytest.mark.parametrize("normalization", sorted(choices("normalization")))
def test_what_is_clipped_is_the_true_gradient_with_its_penalties(normalization: str, tiny: Dataset):
    config = SMALL.replace(clip_norm=0.05, l2=0.1, l1=0.01, batch_size=0, lr=0.5, normalization=normalization)
    trainer = Trainer(config, tiny)
    book = from_weights(config, trainer.model.weights())
    book.loss_and_gradients(book.inputs(trainer.train_images), trainer.train_labels)
    norm = np.linalg.norm(book.flat_grads.astype(float))
    assert norm > 0.05
    advance(trainer, 1)
    assert relative_error(trainer.model.flat_grads, book.flat_grads * 0.05 / norm) < 1e-4
    assert trainer.model.flat == pytest.approx(book.flat - 0.5 * book.flat_grads * 0.05 / norm, abs=1e-6)


# ---------------------------------------------------------------------------------------------- max-norm


def test_only_units_whose_weights_are_longer_are_shrunk_to_the_limit():
    W = np.array([[3.0, 0.3, 0.0], [4.0, 0.4, 0.0]])
    project_to_max_norm([W], 2.0)
    assert np.allclose(W, [[1.2, 0.3, 0.0], [1.6, 0.4, 0.0]])


@pytest.mark.parametrize("hidden", [(), (6,), (20, 5)], ids=str)
def test_after_every_step_no_unit_is_longer_than_max_norm(hidden: tuple[int, ...], tiny: Dataset):
    trainer = Trainer(SMALL.replace(hidden=hidden, max_norm=0.7, lr=1.0), tiny)
    for _ in range(12):
        advance(trainer, 1)
        longest = [np.linalg.norm(W, axis=0).max() for W in trainer.model.matrices]
        assert max(longest) <= 0.7 * (1 + 1e-5)
    assert max(longest) > 0.69
    assert not all(np.linalg.norm(layer.params["b"]) == 0 for layer in trainer.model.parts.values())


# ---------------------------------------------------------------------------------------------- early stopping


def overfitting(**more: Any) -> RunConfig:
    """Few images, a large rate: the validation loss soon rises."""
    return RunConfig.from_dict(
        {"hidden": (32,), "n_train": 200, "batch_size": 20, "lr": 0.5, "early_stopping": 3, "eval_every": 7, **more}
    )


@pytest.mark.parametrize("normalization", sorted(choices("normalization")))
def test_it_stops_when_validation_no_longer_improves_and_keeps_the_best_weights(normalization: str, tiny: Dataset):
    config = overfitting(normalization=normalization)
    trainer = Trainer(config, tiny)
    trainer.train_epochs(200)
    assert trainer.stopped_early and trainer.stopped.startswith("Stopped early after epoch ")
    assert trainer.stopped.endswith(".") and not trainer.step() and trainer.epoch < 200
    without = Trainer(config.replace(early_stopping=0), tiny)
    losses, weights = [], []
    for _ in range(int(trainer.epoch)):
        without.train_epochs(1)
        losses.append(without.score().val_loss)
        weights.append(without.model.weights())
    best = int(np.argmin(losses))
    assert best == len(losses) - 1 - 3  # it waited three epochs, no longer
    for name, values in trainer.model.weights().items():
        assert np.array_equal(values, weights[best][name])
    assert trainer.scores is not None and trainer.scores.val_loss == losses[best]
    at_ends = np.isin(trainer.history["val/loss"].step, 10 * np.arange(1, len(losses) + 1))
    assert trainer.history["val/loss"].value[at_ends].tolist() == losses  # the curves hold what was there


def test_a_patience_that_is_never_exhausted_changes_no_weight(tiny: Dataset):
    patient, plain = Trainer(overfitting(early_stopping=100), tiny), Trainer(overfitting(early_stopping=0), tiny)
    patient.train_epochs(8)
    plain.train_epochs(8)
    assert np.array_equal(patient.model.flat, plain.model.flat) and not patient.stopped


def test_after_a_live_change_it_goes_on_and_waits_anew(tiny: Dataset):
    trainer = Trainer(overfitting(), tiny)
    trainer.train_epochs(200)
    at, best = trainer.step_count, trainer.score().val_loss
    trainer.change("lr", 0.01)
    assert not trainer.stopped and not trainer.stopped_early
    advance(trainer, 25)
    trainer.train_epochs(100)
    assert trainer.step_count > at + 25 and trainer.score().val_loss <= best
    assert trainer.edits == [Edit(at, "lr", 0.5, 0.01)]
    replayed = Trainer(overfitting(), tiny)
    replayed.replay(trainer.edits, trainer.step_count)
    assert state(replayed) == state(trainer)


def test_a_run_that_stopped_early_is_resumed_as_such(tiny: Dataset):
    trainer = Trainer(overfitting(), tiny)
    trainer.train_epochs(200)
    resumed = Trainer.resume(trainer.checkpoint(), tiny)
    assert state(resumed) == state(trainer) and resumed.stopped_early and not resumed.step()
    for one in (trainer, resumed):
        one.change("lr", 0.1)
        advance(one, 12)
    assert state(resumed) == state(trainer)


@pytest.mark.parametrize("command", [Run.play, Run.epoch_once])
def test_in_the_background_a_run_that_stops_early_is_finished_and_says_why(
    command: Callable[[Run], Any], tiny: Dataset
):
    run = Run(overfitting(), tiny)
    try:
        while not run.snapshot.message:
            command(run).wait(30)
            while run.snapshot.is_training:
                time.sleep(0.005)
        assert run.snapshot.status == "finished" and run.snapshot.message.startswith("Stopped early after epoch ")
        at = run.snapshot.step
        run.play().wait(30)
        assert run.snapshot.status == "finished" and run.snapshot.step == at
    finally:
        run.close()


def test_the_best_epoch_is_the_lowest_and_a_loss_that_is_no_number_is_none():
    best = Best()
    for epoch, loss in enumerate([2.0, 1.0, math.nan, 1.0], start=1):
        best = best.after(loss, epoch, np.array([epoch], np.float32), np.zeros(0, np.float32))
    assert (best.val_loss, best.epoch, best.waited, best.looked, best.params.tolist()) == (1.0, 2, 2, 4, [2.0])
    assert best.sentence(4) == (
        "Stopped early after epoch 4: the validation loss has not fallen below the 1 of epoch 2 in the last 2 epochs; "
        "the weights of that epoch are kept."
    )


# ---------------------------------------------------------------------------------------------- the reference step


@pytest.mark.parametrize(
    ("changes", "step"),
    [
        ({}, MLPKernel),
        ({"label_smoothing": 0.1, "clip_norm": 1.0, "max_norm": 2.0, "rotation": 10}, MLPKernel),
        ({"loss": "mse"}, ReferenceStep),
        ({"normalization": "batch"}, ReferenceStep),
        ({"normalization": "layer"}, ReferenceStep),
    ],
    ids=str,
)
def test_the_fast_step_serves_all_but_normalization_and_squared_error(
    changes: dict[str, Any], step: type, tiny: Dataset
):
    assert type(Trainer(SMALL.replace(**changes), tiny)._kernel) is step


@pytest.mark.parametrize("m", [1, 40, ROWS, ROWS + 1, 1000])
@pytest.mark.parametrize("smoothing", [0.0, 0.2])
@pytest.mark.parametrize("dropout", [0.0, 0.4])
def test_on_what_both_serve_the_two_steps_agree(m: int, smoothing: float, dropout: float, tiny: Dataset):
    config = SMALL.replace(dropout=dropout, label_smoothing=smoothing)
    model = MLP(config, np.random.default_rng(0), np.random.default_rng(1), np.float64)
    images = tiny.train_images.reshape(1000, -1)
    indices = np.random.default_rng(2).permutation(1000)[:m]
    results = []
    for step in (MLPKernel, ReferenceStep):
        loss = step(model, images, tiny.train_labels).gradients(indices, dropout, np.random.default_rng(3))
        results.append((loss, model.flat_grads.copy()))
    assert results[0][0] == pytest.approx(results[1][0], rel=1e-7)
    assert relative_error(results[0][1], results[1][1]) < 1e-6


@pytest.mark.parametrize(
    "changes", [{"loss": "mse", "lr": 3.0}, {"normalization": "batch"}, {"normalization": "layer"}]
)
def test_what_the_reference_step_serves_learns(changes: dict[str, Any], tiny: Dataset):
    trainer = Trainer(RunConfig.from_dict({"batch_size": 32, "eval_every": 1000, **changes}), tiny)
    trainer.train_epochs(12)
    assert trainer.score().train_accuracy > 0.9 and trainer.score().val_accuracy > 0.75


def test_batch_norm_trains_on_even_when_an_epoch_leaves_one_image_over(tiny: Dataset):
    trainer = Trainer(SMALL.replace(normalization="batch", batch_size=229), tiny)
    advance(trainer, 10)
    assert np.isfinite(trainer.model.flat).all() and (trainer.model.running[-5:] > 0).all()


def test_a_batch_norm_run_that_diverges_keeps_finite_statistics(tiny: Dataset):
    config = SMALL.replace(normalization="batch", lr=10, l2=1, optimizer="momentum", momentum=0.999)
    trainer = Trainer(config, tiny)
    while trainer.step():
        assert trainer.step_count < 2000
    assert "learning rate of 10" in trainer.stopped and not trainer.stopped_early
    assert np.isfinite(trainer.model.flat).all() and np.isfinite(trainer.model.running).all()
    stepped = advance(Trainer(config, tiny), trainer.step_count)
    assert state(trainer)["arrays"] == state(stepped)["arrays"]


# ---------------------------------------------------------------------------------------------- all together

combinations = st.fixed_dictionaries(
    {
        "optimizer": st.sampled_from(sorted(choices("optimizer"))),
        "schedule": st.sampled_from(sorted(choices("schedule"))),
        "normalization": st.sampled_from(sorted(choices("normalization"))),
        "loss": st.sampled_from(sorted(choices("loss"))),
        "activation": st.sampled_from(sorted(choices("activation"))),
        "dropout": st.sampled_from([0.0, 0.3]),
        "l1": st.sampled_from([0.0, 0.001]),
        "clip_norm": st.sampled_from([0.0, 0.5]),
        "max_norm": st.sampled_from([0.0, 1.0]),
        "label_smoothing": st.sampled_from([0.0, 0.1]),
        "early_stopping": st.sampled_from([0, 1, 2]),
        "rotation": st.sampled_from([0.0, 20.0]),
        "elastic": st.sampled_from([0.0, 20.0]),
        "thickness": st.sampled_from([0.0, 0.5]),
        "noise": st.sampled_from([0.0, 0.1]),
        "label_noise": st.sampled_from([0.0, 0.2]),
        "batch_size": st.sampled_from([64, 0]),
    }
)
ALL_ON = {
    **dict(optimizer="adamw", schedule="one_cycle", normalization="batch", loss="cross_entropy", activation="gelu"),
    **dict(dropout=0.3, l1=0.001, clip_norm=0.5, max_norm=1.0, label_smoothing=0.1, early_stopping=1, rotation=20.0),
    **dict(elastic=20.0, thickness=0.5, noise=0.1, label_noise=0.2, batch_size=64),
}


def twenty_steps(config: RunConfig, data: Dataset, stop: int | None = None) -> Trainer:
    trainer = Trainer(config, data)
    for step in range(20):
        if step == stop:
            trainer = Trainer.resume(trainer.checkpoint(), data)
        if not trainer.step():
            break
    return trainer


@given(values=combinations, stop=st.integers(0, 19))
@example(values=ALL_ON, stop=4)
@example(values={**ALL_ON, "normalization": "none", "optimizer": "muon"}, stop=7)
def test_any_combination_is_repeatable_and_resumed_at_any_step_bit_for_bit(
    values: dict[str, Any], stop: int, tiny: Dataset
):
    config = SMALL.replace(epochs=4, lr=0.05, **values)
    assert state(twenty_steps(config, tiny, stop)) == state(twenty_steps(config, tiny))
