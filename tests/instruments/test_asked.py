"""Instruments that are measured where they are asked for, and what training says of its images and classes."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from nn_core import RunConfig, Trainer
from nn_core.data import Dataset
from nn_core.instruments import recording
from nn_core.instruments.forgetting import MOST, ImageCourse
from nn_core.instruments.look import Look, Training, n_curved
from nn_core.instruments.measures.data_map import from_bytes
from nn_core.instruments.recording import Recording
from nn_core.instruments.registry import INSTRUMENTS, LINE, WHOLE, chosen
from nn_core.nn.hessian import Hessian, dense_hessian
from nn_core.nn.network import from_weights
from nn_core.runs import Run

SMALL: dict[str, Any] = {"hidden": (2,), "activation": "tanh", "n_train": 200, "batch_size": 40, "lr": 0.05}


def trained(data: Dataset, steps: int = 12, **settings: Any) -> Trainer:
    trainer = Trainer(RunConfig(**{**SMALL, **settings}), data)
    for _ in range(steps):
        assert trainer.step()
    return trainer


def look_at(trainer: Trainer, **more: Any) -> Look:
    """A look at a copy, as the background has one."""
    copy = from_weights(trainer.config, trainer.model.weights())
    return Look(copy, trainer.config, trainer.data, trainer.model.flat, training=Training.of(trainer), **more)


def measured(trainer: Trainer, name: str, **more: Any) -> Mapping[str, float]:
    return INSTRUMENTS[name].measure(look_at(trainer, **more))


# ---------------------------------------------------------------------------------------------- curvature


def of_few_weights(data: Dataset, **settings: Any) -> tuple[Trainer, np.ndarray]:
    """A network of 1,600 weights that has learned a little, and its Hessian, written down."""
    trainer = trained(data, **settings)
    network = from_weights(trainer.config, trainer.model.weights())
    return trainer, dense_hessian(Hessian(network, network.inputs(trainer.train_images), trainer.train_labels))


def test_sharpness_is_the_three_largest_eigenvalues_on_all_images_trained_on_beside_2_over_the_rate_in_force(
    tiny: Dataset,
):
    trainer, H = of_few_weights(tiny, schedule="cosine", epochs=5)
    found = measured(trainer, "sharpness")
    largest = np.linalg.eigvalsh(H.astype(np.float64))[::-1]
    assert [found[part] for part in (WHOLE, "second", "third")] == pytest.approx(largest[:3], rel=0.03)
    assert found[LINE] == pytest.approx(2 / (0.05 * trainer.lr_multiplier)) and trainer.lr_multiplier < 0.95
    assert INSTRUMENTS["sharpness"].measured_on(trainer.config).startswith("all 200 images trained on")


def test_of_adam_the_curvature_of_each_weight_is_divided_by_its_steps_and_the_line_is_its_own(tiny: Dataset):
    trainer, H = of_few_weights(tiny, optimizer="adam", lr=0.003)
    P = trainer.optimizer.preconditioner(trainer.config)
    assert P is not None and LINE not in measured(trainer, "sharpness")
    found = measured(trainer, "preconditioned_sharpness")
    largest = np.linalg.eigvals((H / P[:, None]).astype(np.float64)).real.max()
    assert found[WHOLE] == pytest.approx(largest, rel=0.03) and found[LINE] == pytest.approx(38 / 0.003)


@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "muon"])
def test_who_treats_all_weights_alike_has_no_preconditioned_sharpness(optimizer: str):
    assert "see Sharpness" in INSTRUMENTS["preconditioned_sharpness"].serves(RunConfig(optimizer=optimizer))


def test_where_no_line_holds_there_is_none(tiny: Dataset):
    assert LINE not in measured(trained(tiny, optimizer="muon"), "sharpness")


def test_curvature_of_large_networks_is_measured_on_fewer_images_which_is_said():
    large = RunConfig(hidden=(2000,))
    assert 100 <= n_curved(large) < 1_000 == n_curved(RunConfig())
    assert f"the first {n_curved(large):,} of the 55,000 images" in INSTRUMENTS["sharpness"].measured_on(large)


# ---------------------------------------------------------------------------------------------- noise and directions


def test_the_noise_scale_is_that_of_the_gradients_of_single_images(tiny: Dataset):
    trainer = trained(tiny, steps=3, hidden=(), n_train=400, batch_size=100)
    network, x = trainer.model, trainer.model.inputs(trainer.train_images)
    single = []
    for at in range(len(x)):
        network.loss_and_gradients(x[at : at + 1], trainer.train_labels[at : at + 1])
        single.append(network.flat_grads.copy())
    gradients = np.array(single, np.float64)
    mean = gradients.mean(axis=0)
    trace = gradients.var(axis=0, ddof=1).sum()
    wanted = trace / (mean @ mean - trace / len(x))  # of all images that there might be, of which these are a sample
    kept: dict[str, Any] = {}
    scales = []
    for trainer.step_count in range(60):  # the draws go by the step
        look = look_at(trainer, kept=kept)
        scales.append(INSTRUMENTS["noise_scale"].measure(look)[WHOLE])
        kept = look.keeping
    assert np.median(scales[10:]) == pytest.approx(wanted, rel=0.15)
    assert measured(trainer, "noise_scale")[LINE] == 100


@pytest.mark.parametrize("said", [{}, {"signal": "x"}, {"signal": math.nan, "noise": 1.0, "weight": 0.5}], ids=str)
def test_what_a_file_holds_of_the_noise_that_makes_no_sense_is_begun_anew(said: Any, tiny: Dataset):
    trainer = trained(tiny)
    assert measured(trainer, "noise_scale", kept={"noise_scale": said}) == measured(trainer, "noise_scale")


def test_cosines_are_those_of_two_successive_gradients_and_updates(tiny: Dataset, monkeypatch: pytest.MonkeyPatch):
    trainer = Trainer(RunConfig(**{**SMALL, "optimizer": "momentum", "lr": 0.02}), tiny)
    watching = Recording(trainer, "all")
    weights, gradients = [trainer.model.flat.copy()], []
    for _ in range(3):
        trainer.step()
        weights.append(trainer.model.flat.copy())
        gradients.append((weights[-2] - weights[-1]) / 0.02)  # with momentum: the velocity
    watching.finish()
    velocity = [each.astype(np.float64) for each in gradients]
    raw = [velocity[0], velocity[1] - 0.9 * velocity[0], velocity[2] - 0.9 * velocity[1]]

    def cosine(one: Any, other: Any) -> float:
        return float(one @ other / np.linalg.norm(one) / np.linalg.norm(other))

    for name, vectors in (("update_cosine", velocity), ("gradient_cosine", raw)):
        series = trainer.history[f"instruments/{name}"]
        assert series.step.tolist() == [2, 3]  # of the pairs 1, 2 and 2, 3
        assert series.value == pytest.approx([cosine(vectors[0], vectors[1]), cosine(vectors[1], vectors[2])], abs=1e-3)


def test_as_many_directions_stand_above_chance_as_were_planted(tiny: Dataset):
    trainer, rng = trained(tiny, hidden=(60,)), np.random.default_rng(0)
    W = trainer.model.matrices[0]
    W[...] = rng.normal(0, 0.05, W.shape)
    assert measured(trainer, "learned_directions")["dense1"] == 0
    for size in (4.0, 5.0, 6.0):
        of_inputs, of_units = (rng.normal(size=n) for n in W.shape)
        W += size * np.outer(of_inputs / np.linalg.norm(of_inputs), of_units / np.linalg.norm(of_units))
    assert measured(trainer, "learned_directions")["dense1"] == 3


def test_the_rank_of_an_update_is_that_of_what_was_changed(tiny: Dataset):
    trainer = trained(tiny, hidden=(6,))
    change = from_weights(trainer.config, trainer.model.weights())
    change.flat[...] = 0
    change.matrices[0][:3, :3] = np.eye(3)  # three equal singular values
    look = look_at(trainer, change=change.flat)
    assert INSTRUMENTS["update_rank"].measure(look) == {"dense1": pytest.approx(3)}
    np.testing.assert_allclose(look.keeping["update_rank"]["dense1"], [1, 1, 1, 0, 0, 0], atol=1e-6)
    assert INSTRUMENTS["update_rank"].measure(look_at(trainer)) == {}


# ---------------------------------------------------------------------------------------------- at each scoring


def test_the_accuracy_of_each_class_stands_at_every_scoring(tiny: Dataset):
    trainer = Trainer(RunConfig(**{**SMALL, "hidden": (16,), "lr": 0.3, "eval_every": 5}), tiny)
    Recording(trainer)
    for _ in range(10):
        trainer.step()
    read = trainer.model.predict(tiny.val_images)
    for label in range(10):
        series = trainer.history[f"instruments/class_accuracy/{label}"]
        assert series.step.tolist() == [0, 5, 10]
        assert series.last == pytest.approx((read[tiny.val_labels == label] == label).mean())


def test_images_that_are_forgotten_and_never_learned_are_counted_and_their_courses_kept(tiny: Dataset):
    trainer = Trainer(RunConfig(**{**SMALL, "hidden": (16,), "lr": 0.3, "eval_every": 8, "epochs": 40}), tiny)
    Recording(trainer)
    rights, p = [], []
    for _ in range(25):
        for _ in range(8):
            trainer.step()
        logits = trainer.model.logits(trainer.train_images)
        rights.append(logits.argmax(axis=1) == trainer.train_labels)
        p.append(trainer.model.loss.probabilities(logits)[np.arange(200), trainer.train_labels])
    right = np.array(rights)
    course = ImageCourse.from_kept(trainer.instruments["forgetting"])
    assert course is not None and course.steps.tolist() == list(range(0, 201, 8))
    np.testing.assert_allclose(from_bytes(course.p[1:]), np.array(p), atol=0.003)
    lost = (right[:-1] & ~right[1:]).sum(axis=0)
    assert (course.forgotten >= lost).all() and (course.forgotten - lost).max() <= 1  # step 0 is scored too
    assert trainer.history["instruments/forgetting/never"].last == pytest.approx(1 - course.learned.mean())
    assert course.learned.tolist() == (right.any(axis=0) | course.learned).tolist()
    assert trainer.history["instruments/forgetting"].last == pytest.approx((course.forgotten > 0).mean())


def test_of_a_long_run_scorings_twice_as_far_apart_are_kept_but_all_forgetting_is_counted():
    course, swings = ImageCourse.new(2, 8), np.array([[True, True], [False, True]])
    for number in range(1_000):
        course = course.after(8 * number, np.array([0.2, 0.9]), swings[number % 2])
    assert len(course.steps) <= MOST and len(set(np.diff(course.steps))) == 1
    assert course.forgotten.tolist() == [500, 0]
    again = ImageCourse.from_kept(course.kept(), 2)
    assert again is not None and again.p.tolist() == course.p.tolist() and again.every == course.every


@pytest.mark.parametrize(
    "damage",
    [
        {"p": np.zeros((2, 3), np.float32)},
        {"p": np.zeros((900, 2), np.uint8)},
        {"steps": np.array([8, 8])},
        {"steps": "x"},
        {"right": np.zeros(7, np.uint8)},
        {"every": -1},
        {"every": "8"},
    ],
    ids=str,
)
def test_courses_in_a_file_that_make_no_sense_are_passed_over(damage: Any):
    course = ImageCourse.new(2, 8).after(0, np.array([0.2, 0.9]), np.array([False, True]))
    course = course.after(8, np.array([0.2, 0.9]), np.array([False, True]))
    assert ImageCourse.from_kept(course.kept(), 2) is not None
    assert ImageCourse.from_kept({**course.kept(), **damage}, 2) is None


# ---------------------------------------------------------------------------------------------- asking


def wait_for(condition: Any) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_what_is_asked_for_is_measured_until_it_is_asked_for_no_more(tiny: Dataset, monkeypatch: pytest.MonkeyPatch):
    now = 100.0
    monkeypatch.setattr("nn_core.instruments.recording.time.monotonic", lambda: now)
    trainer = Trainer(RunConfig(**SMALL), tiny)
    watching = Recording(trainer)
    trainer.step()
    watching.ask(["gradient_cosine"])
    for _ in range(5):
        trainer.step()
    asked = trainer.history["instruments/gradient_cosine"].step.tolist()
    assert asked and asked[0] >= 3
    now += recording.ASKED_SECONDS + 1
    for _ in range(150):
        trainer.step()
    assert trainer.history["instruments/gradient_cosine"].step[-1] <= 6
    assert trainer.history["instruments/step_gauge"].step[-1] > 50


def test_a_run_at_rest_is_measured_once_where_it_stands(tiny: Dataset):
    run = Run(RunConfig(**{**SMALL, "hidden": (6,)}), tiny)
    try:
        run.measure(["sharpness"]).wait(10)
        assert not run.snapshot.is_measured  # a run that has not begun is not measured
        run.step_once().wait(10)
        wait_for(lambda: not run.snapshot.is_training)
        for _ in range(2):
            run.measure(["sharpness", "update_rank"]).wait(10)
            wait_for(lambda: "instruments/sharpness" in run.snapshot.series and not run.snapshot.is_measured)
        assert run.snapshot.series["instruments/sharpness"].step.tolist() == [1]
        assert not run._instruments.is_busy
    finally:
        run.close()


def test_what_the_background_has_just_found_at_this_step_is_not_measured_again_at_rest(tiny: Dataset):
    trainer = Trainer(RunConfig(**SMALL), tiny)
    watching = Recording(trainer)
    trainer.step()
    watching.ask(["sharpness"])
    trainer.step()
    watching._background.wait()  # it was begun at step 2 and is found, and nobody has taken it yet
    watching.ask(["sharpness"], at_rest=True)
    watching.finish()
    assert trainer.history["instruments/sharpness"].step.tolist() == [2]


def test_what_may_not_be_changed_is_not_measured_either(tiny: Dataset):
    run = Run(RunConfig(**SMALL), tiny, permit=lambda run_id, trains: False)
    try:
        assert run.measure(["sharpness"]).wait(1) and run._thread is None
    finally:
        run.close()


def test_every_instrument_that_takes_long_is_left_to_those_who_ask():
    assert {each.name for each in chosen("all")} - {each.name for each in chosen("vital")} >= {
        *("sharpness", "preconditioned_sharpness", "noise_scale", "gradient_cosine", "update_cosine"),
        *("effective_rank", "update_rank", "learned_directions"),
    }
    assert {each.name for each in chosen("vital") if each.cost == "light"} == {
        *("class_accuracy", "forgetting", "weight_average")
    }
