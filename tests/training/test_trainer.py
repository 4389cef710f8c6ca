"""Training: repeatable to the bit, exactly resumable, and stopping with a sentence when it diverges."""

from __future__ import annotations

import dataclasses
import math
from itertools import chain, count
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from nn_core import Checkpoint, ConfigError, RunConfig, Trainer
from nn_core.config.choices import choices
from nn_core.config.run_config import LIVE_SETTINGS, all_settings
from nn_core.data import Dataset
from nn_core.instruments.rules.symmetric import are_copies
from nn_core.nn.network import from_weights
from nn_core.training.state import Edit
from nn_core.training.trainer import SAVE_EVERY

OPTIMIZERS = sorted(choices("optimizer"))
SMALL = RunConfig(hidden=(6,), n_train=230, batch_size=64, dropout=0.3, l2=0.01, eval_every=4)  # 4 steps an epoch

# settings under which the loss really leaves the finite numbers
DIVERGING: dict[str, dict[str, Any]] = {
    "deep relu": {"hidden": (32, 32, 32), "lr": 10, "input_scaling": "standard", "eval_every": 1},
    "deep relu, momentum": {
        **{"hidden": (32, 32, 32), "lr": 10, "optimizer": "momentum", "input_scaling": "standard", "eval_every": 2},
    },
    "huge first weights": {"hidden": (32, 32, 32), "lr": 10, "init": "normal", "init_scale": 10, "eval_every": 3},
    "dropout": {"hidden": (64, 32, 32), "lr": 10, "dropout": 0.5, "input_scaling": "standard", "eval_every": 1},
    "sigmoid, L2 that overshoots": {"hidden": (16,), "activation": "sigmoid", "lr": 10, "l2": 1, "eval_every": 5},
    "tanh, L2 that overshoots": {"hidden": (16, 8), "activation": "tanh", "lr": 7, "l2": 1, "eval_every": 7},
    "no hidden layer, full batch": {"hidden": (), "lr": 10, "l2": 1, "batch_size": 0, "eval_every": 5},
    "heavy ball": {"hidden": (8,), "optimizer": "momentum", "momentum": 0.999, "lr": 10, "l2": 1, "eval_every": 9},
}


def diverging(name: str) -> RunConfig:
    return RunConfig.from_dict({"n_train": 500, "batch_size": 50, **DIVERGING[name]})


def advance(trainer: Trainer, n: int) -> Trainer:
    for _ in range(n):
        assert trainer.step()
    return trainer


def state(trainer: Trainer) -> dict[str, Any]:
    """Everything that must be the same in two runs that are the same; times are left out."""
    checkpoint = trainer.checkpoint()
    points = {name: np.delete(series.points, 3, axis=1).tolist() for name, series in trainer.history.series().items()}
    return {
        "arrays": {name: values.tobytes() for name, values in checkpoint.arrays.items()},
        "counters": (checkpoint.step, checkpoint.epoch_index, checkpoint.position, checkpoint.images_seen),
        "updates": checkpoint.updates,
        "dropout": checkpoint.dropout_state,
        "augment": checkpoint.augment_state,
        "early stopping": (checkpoint.early_stopping, checkpoint.stopped_early),
        "edits": checkpoint.edits,
        "config": trainer.config,
        "epoch": trainer.epoch,
        "stopped": trainer.stopped,
        "points": points,
        "scores": trainer.scores and (trainer.scores.step, trainer.scores.val_loss, trainer.scores.confusion.tolist()),
    }


@pytest.fixture
def batches(monkeypatch: pytest.MonkeyPatch) -> list[list[int]]:
    """The images of every batch that any trainer takes from now on."""
    from nn_core.kernels.mlp import MLPKernel

    taken: list[list[int]] = []
    original = MLPKernel.gradients

    def noting(self: MLPKernel, indices: Any, *more: Any) -> float:
        taken.append(np.arange(len(self.images))[indices].tolist())
        return original(self, indices, *more)

    monkeypatch.setattr(MLPKernel, "gradients", noting)
    return taken


# ---------------------------------------------------------------------------------------------- it learns


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"activation": "sigmoid", "lr": 1, "init": "xavier"},
        {"activation": "tanh", "optimizer": "momentum", "lr": 0.02},
        {"optimizer": "adam", "lr": 0.01, "hidden": (24, 16)},
        {"hidden": (), "input_scaling": "standard", "lr": 0.02},
        {"dropout": 0.3, "l2": 0.001, "hidden": (64,), "init": "uniform", "init_scale": 0.05},
        {"model": "cnn", "channels": (6, 8), "optimizer": "adam", "lr": 0.01},
        {"model": "cnn", "channels": (6,), "normalization": "batch", "dense_units": (16,), "lr": 0.1},
    ],
    ids=str,
)
def test_it_learns_a_thousand_digits(settings: dict[str, Any], tiny: Dataset):
    trainer = Trainer(RunConfig.from_dict({"batch_size": 32, "eval_every": 1000, **settings}), tiny)
    before = trainer.score()
    trainer.train_epochs(10)
    after = trainer.score()
    assert after.train_loss < before.train_loss / 3
    assert after.train_accuracy > 0.9 and after.val_accuracy > 0.75


def test_five_steps_of_gradient_descent_equal_those_made_with_the_reference_layers(tiny: Dataset):
    config = RunConfig(hidden=(7, 5), lr=0.2, l2=0.1, batch_size=0, activation="tanh")
    trainer = Trainer(config, tiny)
    book = from_weights(config, trainer.model.weights())
    x, labels = book.inputs(tiny.train_images), tiny.train_labels
    for _ in range(5):
        book.loss_and_gradients(x, labels)
        book.flat -= np.float32(0.2) * book.flat_grads
        trainer.step()
    assert np.allclose(trainer.model.flat, book.flat, atol=2e-5)


def test_zero_weights_train_without_an_error_and_stay_copies(tiny: Dataset):
    for activation in choices("activation"):
        trainer = Trainer(RunConfig(init="zeros", hidden=(5, 4), activation=activation, lr=1), tiny)
        advance(trainer, 20)
        assert np.isfinite(trainer.model.flat).all() and are_copies(trainer.model.weights())


# ---------------------------------------------------------------------------------------------- repeatable


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_two_identical_runs_are_bitwise_identical(optimizer: str, tiny: Dataset):
    config = SMALL.replace(optimizer=optimizer)
    one, other = advance(Trainer(config, tiny), 30), advance(Trainer(config, tiny), 30)
    assert state(one) == state(other)


def test_another_seed_makes_another_run(tiny: Dataset, batches: list[list[int]]):
    one = advance(Trainer(SMALL, tiny), 1)
    other = advance(Trainer(SMALL.replace(seed=1), tiny), 1)
    assert not np.array_equal(one.model.flat, other.model.flat)
    assert batches[0] != batches[1]


def test_scoring_more_often_changes_no_weight(tiny: Dataset):
    often, seldom = (advance(Trainer(SMALL.replace(eval_every=n), tiny), 20) for n in (1, 1000))
    often.score()
    assert np.array_equal(often.model.flat, seldom.model.flat)


live_values = st.one_of(
    st.tuples(st.just("lr"), st.sampled_from([0.001, 0.05, 0.3])),
    st.tuples(st.just("l2"), st.sampled_from([0.0, 0.1])),
    st.tuples(st.just("dropout"), st.sampled_from([0.0, 0.5])),
    st.tuples(st.just("momentum"), st.sampled_from([0.0, 0.5])),
    st.tuples(st.just("l1"), st.sampled_from([0.0, 0.01])),
    st.tuples(st.just("weight_decay"), st.sampled_from([0.0, 1.0])),
    st.tuples(st.just("label_smoothing"), st.sampled_from([0.0, 0.2])),
    st.tuples(st.just("clip_norm"), st.sampled_from([0.0, 0.3])),
    st.tuples(st.just("max_norm"), st.sampled_from([0.0, 0.8])),
    st.tuples(st.just("batch_size"), st.sampled_from([0, 1, 50, 230, 1000])),
)
edits_by_step = st.dictionaries(st.integers(0, 19), st.lists(live_values, max_size=2), max_size=4)


def run_with(
    config: RunConfig, data: Dataset, edits: dict[int, list[tuple[str, Any]]], stop: int | None = None
) -> Trainer:
    """20 steps with edits made before given steps; at step `stop`, its resumed checkpoint takes the trainer's place."""
    trainer = Trainer(config, data)
    for step in range(20):
        if step == stop:
            trainer = Trainer.resume(trainer.checkpoint(), data)
        for field, value in edits.get(step, []):
            trainer.change(field, value)
        assert trainer.step()
    return trainer


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@settings(max_examples=12)
@given(stop=st.integers(0, 19), edits=edits_by_step, full=st.booleans())
@example(stop=4, edits={}, full=False)  # at the border of an epoch
@example(stop=0, edits={0: [("lr", 0.3)]}, full=True)
def test_resuming_at_any_step_equals_never_having_stopped(
    optimizer: str, stop: int, edits: dict[int, list[tuple[str, Any]]], full: bool, tiny: Dataset
):
    config = SMALL.replace(optimizer=optimizer, **({"batch_size": 0} if full else {}))
    assert state(run_with(config, tiny, edits, stop)) == state(run_with(config, tiny, edits))


def test_resuming_late_keeps_the_averaged_batch_losses_too(tiny: Dataset):
    config = SMALL.replace(hidden=(), batch_size=1, eval_every=10_000)
    straight = advance(Trainer(config, tiny), 5000)
    while not straight.checkpoint().batch_losses:
        advance(straight, 1)
    resumed = Trainer.resume(straight.checkpoint(), tiny)
    assert state(advance(resumed, 10)) == state(advance(straight, 10))


def test_a_resumed_run_with_automatic_scoring_trains_on(tiny: Dataset):
    straight = advance(Trainer(SMALL.replace(eval_every=0), tiny), 7)
    resumed = Trainer.resume(straight.checkpoint(), tiny)
    assert resumed.seconds == straight.seconds and resumed.scores is not None
    advance(resumed, 10)
    advance(straight, 10)
    assert np.array_equal(resumed.model.flat, straight.model.flat)


def test_a_checkpoint_stays_as_it_was_and_can_be_resumed_twice(tiny: Dataset):
    trainer = advance(Trainer(SMALL.replace(optimizer="adam"), tiny), 6)
    checkpoint = trainer.checkpoint()
    before = {name: values.copy() for name, values in checkpoint.arrays.items()}
    expected = state(advance(Trainer.resume(checkpoint, tiny), 9))
    trainer.change("lr", 0.5)
    advance(trainer, 9)
    assert all(np.array_equal(checkpoint.arrays[name], before[name]) for name in before)
    assert len(checkpoint.edits) == 0 and checkpoint.history["batch/loss"].step[-1] == 6
    assert state(advance(Trainer.resume(checkpoint, tiny), 9)) == expected


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@settings(max_examples=8)
@given(edits=edits_by_step)
def test_settings_seed_and_edits_replay_to_the_same_weights(
    optimizer: str, edits: dict[int, list[tuple[str, Any]]], tiny: Dataset
):
    config = SMALL.replace(optimizer=optimizer)
    original = run_with(config, tiny, edits)
    replayed = Trainer(config, tiny)
    replayed.replay(original.edits, 20)
    assert state(replayed) == state(original)


# ---------------------------------------------------------------------------------------------- batches and epochs


def test_every_epoch_takes_every_image_once_in_an_order_of_its_own(tiny: Dataset, batches: list[list[int]]):
    trainer = advance(Trainer(SMALL, tiny), 8)
    assert [len(batch) for batch in batches] == [64, 64, 64, 38] * 2
    first, second = list(chain(*batches[:4])), list(chain(*batches[4:]))
    assert sorted(first) == sorted(second) == list(range(230)) and first != second != list(range(230))
    assert trainer.epoch == 2 and trainer.images_seen == 460


@pytest.mark.parametrize(("batch_size", "effective"), [(0, 230), (230, 230), (229, 229), (1000, 230), (60_000, 230)])
def test_a_batch_larger_than_the_data_is_all_of_them(
    batch_size: int, effective: int, tiny: Dataset, batches: list[list[int]]
):
    trainer = advance(Trainer(SMALL.replace(batch_size=batch_size), tiny), 1)
    assert len(set(batches[0])) == len(batches[0]) == effective
    assert trainer.epoch == pytest.approx(effective / 230)


def test_a_batch_size_changed_within_an_epoch_takes_the_rest_of_it(tiny: Dataset, batches: list[list[int]]):
    trainer = advance(Trainer(SMALL, tiny), 2)
    trainer.change("batch_size", 100)
    advance(trainer, 1)
    trainer.change("batch_size", 0)
    advance(trainer, 2)
    assert [len(batch) for batch in batches] == [64, 64, 100, 2, 230]
    assert sorted(chain(*batches[:4])) == list(range(230))
    assert trainer.epoch == 2


def test_dropout_leaves_first_weights_and_order_alone(tiny: Dataset, batches: list[list[int]]):
    plain, dropped = Trainer(SMALL.replace(dropout=0), tiny), Trainer(SMALL.replace(dropout=0.6), tiny)
    assert np.array_equal(plain.model.flat, dropped.model.flat)
    advance(plain, 9)
    advance(dropped, 5)
    dropped.change("dropout", 0.2)
    advance(dropped, 4)
    assert batches[:9] == batches[9:]


def test_only_the_first_images_asked_for_are_learned_from(tiny: Dataset):
    images, labels = tiny.train_images.copy(), tiny.train_labels.copy()
    images[230:], labels[230:] = 255 - images[230:], 9 - labels[230:]
    other = dataclasses.replace(tiny, train_images=images, train_labels=labels)
    assert state(advance(Trainer(SMALL, tiny), 9)) == state(advance(Trainer(SMALL, other), 9))


def test_more_images_than_there_are_is_refused_unless_it_is_the_default(tiny: Dataset):
    with pytest.raises(ConfigError, match="n_train must be at most 1000 for tiny, got 1001"):
        Trainer(RunConfig(n_train=1001), tiny)
    assert Trainer(RunConfig(), tiny).config.n_train == 1000


@pytest.mark.parametrize("epochs", [1, 2.5, 3])
def test_epochs_asked_for_are_epochs_trained(epochs: float, tiny: Dataset):
    trainer = Trainer(SMALL, tiny)
    steps = trainer.train_epochs(epochs)
    assert steps == trainer.step_count == {1: 4, 2.5: 10, 3: 12}[epochs]  # 2.5 epochs: 8 steps, then 128 of 230 images
    assert trainer.epoch >= epochs and trainer.epoch - epochs < 64 / 230
    assert trainer.scores is not None and trainer.scores.step == trainer.step_count
    trainer.train_epochs(1)
    assert trainer.epoch >= epochs + 1


def test_training_for_a_time_makes_at_least_a_step(tiny: Dataset):
    trainer = Trainer(SMALL, tiny)
    assert trainer.train_for(0.0) == 1 == trainer.step_count
    assert trainer.train_for(0.02) >= 1


# ---------------------------------------------------------------------------------------------- live settings


@pytest.mark.parametrize("field", [k.name for k in all_settings() if k.name not in LIVE_SETTINGS])
def test_what_needs_a_new_network_cannot_be_changed(field: str, tiny: Dataset):
    trainer = Trainer(SMALL, tiny)
    with pytest.raises(ConfigError, match=f"{field} takes effect in a new network only"):
        trainer.change(field, getattr(trainer.config, field))
    assert trainer.config == SMALL and trainer.edits == []


def test_a_live_value_out_of_range_or_an_unknown_field_is_refused(tiny: Dataset):
    trainer = Trainer(SMALL, tiny)
    for field, value in [("lr", -1), ("dropout", 1.0), ("lrr", 0.1)]:
        with pytest.raises(ConfigError, match=field):
            trainer.change(field, value)
    assert trainer.config == SMALL and trainer.edits == []


def test_an_edit_is_noted_with_its_step_and_takes_effect_in_the_next(tiny: Dataset):
    trainer, unchanged = advance(Trainer(SMALL, tiny), 3), advance(Trainer(SMALL, tiny), 3)
    trainer.change("lr", 0.5)
    trainer.change("lr", 0.5)
    assert trainer.edits == [Edit(3, "lr", 0.1, 0.5)]
    assert trainer.config.lr == 0.5 and trainer.initial_config == SMALL
    assert np.array_equal(trainer.model.flat, unchanged.model.flat)
    advance(trainer, 1)
    advance(unchanged, 1)
    assert not np.array_equal(trainer.model.flat, unchanged.model.flat)


# ---------------------------------------------------------------------------------------------- scores


def test_scores_are_those_of_the_predictions(tiny: Dataset):
    trainer = advance(Trainer(SMALL, tiny), 9)
    scores = trainer.score()
    p = trainer.model.predict_proba(tiny.val_images)
    assert scores.val_accuracy == np.mean(p.argmax(axis=1) == tiny.val_labels)
    assert scores.val_loss == pytest.approx(-np.mean(np.log(p[np.arange(200), tiny.val_labels])), rel=1e-4)
    assert scores.train_accuracy == np.mean(trainer.model.predict(tiny.train_images[:230]) == tiny.train_labels[:230])
    assert scores.confusion.sum() == 200
    assert np.array_equal(scores.confusion.sum(axis=1), np.bincount(tiny.val_labels, minlength=10))
    assert scores.l2 == pytest.approx(
        0.005 * sum(float((W**2).sum()) for name, W in trainer.model.named_params() if name.endswith("W")), rel=1e-4
    )
    with pytest.raises(ValueError, match="read-only"):
        scores.confusion[0, 0] = 0


def test_scores_are_taken_at_the_start_and_every_so_many_steps(tiny: Dataset):
    trainer = advance(Trainer(SMALL, tiny), 13)
    for name in ("train/loss", "val/loss", "train/accuracy", "val/accuracy", "train/l2"):
        assert trainer.history[name].step.tolist() == [0, 4, 8, 12]
    assert trainer.history["batch/loss"].step.tolist() == list(range(1, 14))
    assert np.array_equal(trainer.history["val/loss"].images, [0, 230, 460, 690])
    assert np.array_equal(trainer.history["val/loss"].epoch, [0, 1, 2, 3])
    assert (np.diff(trainer.history["val/loss"].seconds) > 0).all()


def test_scores_that_cost_much_come_after_the_first_second_and_then_keep_to_their_share(
    tiny: Dataset, monkeypatch: pytest.MonkeyPatch
):
    clock = count(0.0)  # every look at it is a second
    monkeypatch.setattr("nn_core.training.trainer.time", SimpleNamespace(perf_counter=lambda: next(clock)))
    trainer = advance(Trainer(SMALL.replace(eval_every=0, hidden=(1,)), tiny), 40)
    assert trainer.history["val/loss"].step.tolist() == [0, 1, 10, 19, 28, 37]  # a scoring takes a second, as a step


def test_asking_twice_for_the_scores_of_a_step_notes_one_point(tiny: Dataset):
    trainer = advance(Trainer(SMALL, tiny), 5)
    assert trainer.score() is trainer.score()
    assert trainer.history["val/loss"].step.tolist() == [0, 4, 5]


@pytest.mark.parametrize(("step_ticks", "score_ticks"), [(1, 1), (1, 40), (10, 5)])
def test_automatic_scoring_takes_about_a_tenth_of_the_time(
    step_ticks: int, score_ticks: int, tiny: Dataset, monkeypatch: pytest.MonkeyPatch
):
    now = 0.0
    monkeypatch.setattr("nn_core.training.trainer.time", SimpleNamespace(perf_counter=lambda: now))
    trainer = Trainer(SMALL.replace(eval_every=0, hidden=(1,)), tiny)
    update, scores = trainer._update, trainer._scoring.scores

    def slow_update() -> float:
        nonlocal now
        now += step_ticks
        return update()

    def slow_scores(*what: Any) -> Any:
        nonlocal now
        now += score_ticks
        return scores(*what)

    monkeypatch.setattr(trainer, "_update", slow_update)
    monkeypatch.setattr(trainer._scoring, "scores", slow_scores)
    while trainer.step_count < 1500:
        trainer.step()
    scoring = len(trainer.history["val/loss"]) * score_ticks
    assert trainer.seconds == scoring + 1500 * step_ticks
    assert 0.03 < scoring / trainer.seconds <= 0.1 + 2 * score_ticks / trainer.seconds


def test_batch_losses_are_thinned_by_averaging_but_none_is_lost(tiny: Dataset):
    trainer = advance(Trainer(SMALL.replace(hidden=(), batch_size=20, eval_every=100_000), tiny), 5000)
    series = trainer.history["batch/loss"]
    assert series.step[:1000].tolist() == list(range(1, 1001))
    assert len(series) < 3500 and series.step[-1] >= 4996
    assert (np.diff(series.step) >= 1).all() and np.diff(series.step).max() <= 4


# ---------------------------------------------------------------------------------------------- divergence


def to_its_end(config: RunConfig, data: Dataset) -> Trainer:
    trainer = Trainer(config, data)
    while trainer.step():
        assert trainer.step_count < 600, "these settings should diverge"
    return trainer


def next_loss(trainer: Trainer) -> float:
    """The mean loss of the network on the batch that would come next."""
    twin = Trainer.resume(trainer.checkpoint(), trainer.data)
    return twin._update()


@pytest.mark.parametrize("name", sorted(DIVERGING))
def test_a_run_that_diverges_stops_with_one_sentence_that_names_the_learning_rate(name: str, tiny: Dataset):
    trainer = to_its_end(diverging(name), tiny)
    assert f"learning rate of {trainer.config.lr:g} " in trainer.stopped
    assert f"after step {trainer.step_count}" in trainer.stopped
    assert trainer.stopped.endswith(".") and trainer.stopped.count(". ") == 0
    stopped = state(trainer)
    assert not trainer.step() and trainer.train_epochs(1) == 0 and trainer.train_for(0) == 0
    assert state(trainer) == stopped


@pytest.mark.parametrize("name", sorted(DIVERGING))
def test_a_run_that_diverges_keeps_finite_weights_whose_loss_is_finite(name: str, tiny: Dataset):
    trainer = to_its_end(diverging(name), tiny)
    assert np.isfinite(trainer.model.flat).all()
    assert math.isfinite(next_loss(trainer))
    assert all(np.isfinite(vector).all() for vector in trainer.checkpoint().arrays.values())


@pytest.mark.parametrize("name", sorted(DIVERGING))
def test_a_run_that_diverges_is_where_a_run_stepped_that_far_is(name: str, tiny: Dataset):
    trainer = to_its_end(diverging(name), tiny)
    stepped = advance(Trainer(diverging(name), tiny), trainer.step_count)
    assert state(trainer)["arrays"] == state(stepped)["arrays"]
    assert state(trainer)["counters"] == state(stepped)["counters"]
    stepped.score()
    assert state(trainer)["points"] == state(stepped)["points"]


@pytest.mark.parametrize("name", sorted(DIVERGING))
def test_it_keeps_the_last_such_weights(name: str, tiny: Dataset):
    trainer = to_its_end(diverging(name), tiny)
    further = Trainer(diverging(name), tiny)
    with np.errstate(all="ignore"):
        losses = [further._update() for _ in range(trainer.step_count + 2)]
    assert all(math.isfinite(loss) for loss in losses[:-1])
    assert not (math.isfinite(losses[-1]) and np.isfinite(further.model.flat).all())


def test_after_a_lowered_learning_rate_it_goes_on(tiny: Dataset):
    trainer = to_its_end(diverging("sigmoid, L2 that overshoots"), tiny)
    at = trainer.step_count
    trainer.change("lr", 0.1)
    assert trainer.stopped == ""
    advance(trainer, 100)
    assert trainer.step_count == at + 100 and np.isfinite(trainer.model.flat).all()
    assert trainer.edits == [Edit(at, "lr", 10.0, 0.1)]
    replayed = Trainer(trainer.initial_config, tiny)
    replayed.replay(trainer.edits, trainer.step_count)
    assert np.array_equal(replayed.model.flat, trainer.model.flat)


def test_settings_changed_just_before_it_diverges_do_not_save_bad_weights(tiny: Dataset):
    config = diverging("deep relu")
    end = to_its_end(config, tiny).step_count
    for early in range(3):
        trainer = advance(Trainer(config, tiny), end + 1 - early)
        trainer.change("lr", 9.0)
        while trainer.step():
            assert trainer.step_count < 600
        assert np.isfinite(trainer.model.flat).all() and math.isfinite(next_loss(trainer))
        assert all(edit.step <= trainer.step_count for edit in trainer.edits)
        replayed = Trainer(config, tiny)
        replayed.replay(trainer.edits, trainer.step_count)
        assert np.array_equal(replayed.model.flat, trainer.model.flat)


def test_a_run_whose_first_state_is_long_past_falls_back_exactly_too(tiny: Dataset):
    config = diverging("deep relu").replace(lr=0.01, dropout=0.2)
    trainer = advance(Trainer(config, tiny), SAVE_EVERY + 5)
    trainer.change("lr", 10)
    while trainer.step():
        assert trainer.step_count < 600
    assert trainer.step_count > SAVE_EVERY + 5
    replayed = Trainer(config, tiny)
    replayed.replay(trainer.edits, trainer.step_count)
    assert np.array_equal(replayed.model.flat, trainer.model.flat)


def test_a_diverged_run_is_resumed_as_a_diverged_run(tiny: Dataset):
    trainer = to_its_end(diverging("deep relu"), tiny)
    resumed = Trainer.resume(trainer.checkpoint(), tiny)
    assert isinstance(trainer.checkpoint(), Checkpoint)
    assert state(resumed) == state(trainer)
    assert not resumed.step()
