"""`nn_core.sketch.read`: the digit, how sure it is, and what is no digit; for the shipped network and any other."""

from __future__ import annotations

import dataclasses
import importlib.util

import numpy as np
import pytest

from nn_core import RunConfig, Trainer, load_mnist, load_shipped, sketch
from nn_core.data import Dataset
from nn_core.evaluation import reliability
from nn_core.explain import layer_outputs
from nn_core.nn.network import Network, from_weights
from nn_core.sketch import doubt
from nn_core.sketch.doubt import doubt_of, fingerprint, is_learned, learn_doubt
from nn_core.sketch.no_digits.detector import load_detector
from nn_core.sketch.no_digits.kinds import KINDS, NOISE, no_digits
from nn_core.sketch.pen import Pen
from nn_core.sketch.strangeness import Neighbours, Usual, energy

VERDICTS = {"sure", "unsure", "no digit"}


def own_data(n_train: int = 1500, n_val: int = 600) -> Dataset:
    """Images that are not known as MNIST."""
    data = load_mnist()
    return dataclasses.replace(
        data,
        name="own",
        identity="own",
        train_images=data.train_images[:n_train],
        train_labels=data.train_labels[:n_train],
        val_images=data.val_images[:n_val],
        val_labels=data.val_labels[:n_val],
    )


def trained(data: Dataset, steps: int = 60, **settings) -> Network:
    trainer = Trainer(RunConfig(**{"n_train": 1500, **settings}), data)
    for _ in range(steps):
        trainer.step()
    return trainer.model


@pytest.fixture(scope="module")
def mlp() -> Network:
    return trained(load_mnist(), hidden=(16,), lr=0.2)


@pytest.fixture(scope="module")
def drawings() -> dict[str, np.ndarray]:
    data = load_mnist()
    pen, rng = Pen(data.test_images[:300], data.test_labels[:300]), np.random.default_rng(31)
    return {kind: no_digits(kind, 50, rng, pen) for kind in [*KINDS, NOISE]}


# ---------------------------------------------------------------------------------------------- the shipped network


def test_of_real_digits_few_are_refused_or_unsure_and_the_confidence_is_calibrated():
    data = load_mnist()
    readings = sketch.read(data.test_images[:800])
    assert (readings.verdict != "sure").mean() <= 0.03
    right = readings.digit == data.test_labels[:800]
    assert right.mean() > 0.99 and reliability(readings.confidence, right).ece < 0.02
    assert np.allclose(readings.probabilities.sum(axis=1), 1)
    assert np.array_equal(readings.confidence, readings.probabilities.max(axis=1))


def test_nine_of_ten_drawings_of_what_is_no_digit_are_refused_or_unsure(drawings):
    shares = {kind: (sketch.read(images).verdict != "sure").mean() for kind, images in drawings.items()}
    assert np.mean(list(shares.values())) >= 0.9, shares
    assert min(shares.values()) >= 0.7, shares


def test_what_the_file_says_of_the_shipped_network_is_found_at_once():
    assert fingerprint(load_shipped()) in load_detector().about
    assert doubt_of(load_shipped()) is doubt_of(load_shipped())


@pytest.mark.slow
def test_what_the_file_says_of_the_shipped_network_is_what_its_validation_images_say():
    found, kept = learn_doubt(load_shipped(), load_mnist()), doubt_of(load_shipped())
    assert found.temperature == pytest.approx(kept.temperature, rel=1e-3)
    assert found.limit == pytest.approx(kept.limit, rel=1e-2)
    for name, usual in found.usual.items():
        assert dataclasses.astuple(usual) == pytest.approx(dataclasses.astuple(kept.usual[name]), rel=1e-2)


# ---------------------------------------------------------------------------------------------- any network


def test_one_in_a_hundred_validation_images_is_refused_by_any_network(mlp):
    some = load_mnist().val_images[::5]
    assert (sketch.read(some, mlp).verdict == "no digit").mean() == pytest.approx(0.01, abs=0.009)
    data = own_data()
    cnn = trained(data, 10, model="cnn", channels=(4,), dense_units=(), lr=0.1)
    assert (sketch.read(data.val_images, cnn, data).verdict == "no digit").mean() == pytest.approx(0.01, abs=0.002)


def test_a_network_of_other_images_measures_what_is_strange_by_its_own_training_images(drawings):
    data = own_data()
    model = trained(data, 150, hidden=(32,), lr=0.2)
    found = doubt_of(model, data)
    assert set(found.measures) == {"energy", "neighbours"}
    refused = np.mean([(sketch.read(images, model, data).verdict == "no digit").mean() for images in drawings.values()])
    assert refused > 0.1, "ten times as many as of its own images"


def test_the_live_networks_of_mnist_refuse_letters_and_signs_too(mlp, drawings):
    refused = np.mean([(sketch.read(images, mlp).verdict != "sure").mean() for images in drawings.values()])
    assert refused > 0.85


@pytest.mark.parametrize(
    "settings",
    [
        {"loss": "linear_mse", "lr": 0.01},
        {"hidden": ()},
        {"normalization": "layer"},
        {"model": "cnn", "channels": (3,), "normalization": "batch", "dense_units": (8,)},
    ],
    ids=str,
)
def test_every_model_gives_probabilities_and_verdicts(settings):
    data = own_data(400, 100)
    readings = sketch.read(data.test_images[:30], trained(data, 5, **{"lr": 0.1, "n_train": 400, **settings}), data)
    assert set(readings.verdict) <= VERDICTS and readings.digit.shape == readings.confidence.shape == (30,)
    assert ((0 < readings.confidence) & (readings.confidence <= 1)).all()
    assert readings.raw.shape == readings.probabilities.shape == (30, 10)


def test_a_network_that_has_learned_nothing_is_sure_of_nothing():
    model = Trainer(RunConfig(hidden=(8,)), load_mnist()).model
    assert "sure" not in sketch.read(load_mnist().test_images[:50], model).verdict


def test_a_network_that_diverged_is_sure_of_nothing(mlp):
    broken = from_weights(mlp.config, {name: values * np.nan for name, values in mlp.weights().items()})
    readings = sketch.read(load_mnist().test_images[:20], broken)
    assert "sure" not in readings.verdict and np.isfinite(readings.confidence).all()


def test_an_image_without_ink_is_no_digit_to_anyone(mlp):
    blank = np.zeros((2, 28, 28), np.uint8)
    assert list(sketch.read(blank).verdict) == list(sketch.read(blank, mlp).verdict) == ["no digit"] * 2


def test_no_images_give_no_readings_and_others_than_images_a_sentence(mlp):
    assert len(sketch.read(np.zeros((0, 28, 28), np.uint8), mlp).digit) == 0
    with pytest.raises(ValueError, match="images must be uint8 of shape"):
        sketch.read(np.zeros((1, 28, 28)), mlp)


def test_what_was_learned_of_a_network_is_kept_until_its_weights_change(mlp):
    model = from_weights(mlp.config, mlp.weights())
    first = doubt_of(model)
    assert doubt_of(model) is first and is_learned(model)
    model.flat *= 0.5
    assert not is_learned(model)
    second = doubt_of(model)
    assert second is not first and second.temperature < first.temperature, "smaller logits want a colder softmax"


def test_only_the_networks_asked_about_last_are_kept(mlp, monkeypatch):
    monkeypatch.setattr(doubt, "MOST_KEPT", 2)
    monkeypatch.setattr(doubt, "learn_doubt", lambda model, data: object())
    models = [from_weights(mlp.config, {k: v + i for k, v in mlp.weights().items()}) for i in range(1, 4)]
    for model in models:
        doubt_of(model)
    assert [is_learned(model) for model in models] == [False, True, True]


# ---------------------------------------------------------------------------------------------- the measures


def test_the_energy_is_minus_the_logarithm_of_the_summed_exponentials():
    from scipy.special import logsumexp

    logits = np.random.default_rng(0).normal(0, 30, (40, 7))
    assert np.allclose(energy(logits, 1.0), -logsumexp(logits, axis=1))
    assert np.allclose(energy(logits, 2.5), -2.5 * logsumexp(logits / 2.5, axis=1))
    assert np.isfinite(energy(np.full((1, 10), 5e4, np.float32), 0.1)).all()


@pytest.mark.skipif(importlib.util.find_spec("sklearn") is None, reason="scikit-learn is not installed")
def test_the_nearest_training_images_are_those_of_sklearn(mlp):
    from sklearn.neighbors import NearestNeighbors

    data = load_mnist()
    near = Neighbours(mlp, data.train_images[:700])
    found = layer_outputs(mlp, data.train_images[:700], 0)
    theirs = NearestNeighbors(n_neighbors=20, metric="cosine").fit(found)
    distances, _ = theirs.kneighbors(layer_outputs(mlp, data.test_images[:600], 0))
    assert np.allclose(near.distances(data.test_images[:600]), distances[:, -1], atol=1e-5)


def test_fewer_training_images_than_neighbours_are_held_against_all_of_them(mlp):
    images = load_mnist().train_images[:3]
    assert Neighbours(mlp, images).distances(images[:1])[0] > 1e-3, "the third nearest, not itself"


def test_a_measure_is_told_in_a_unit_in_which_the_middle_is_0_and_the_last_hundredth_begins_at_1():
    values = np.random.default_rng(1).gamma(2, 3, 5000)
    in_unit = Usual.of(values, 0.01)(values)
    assert np.median(in_unit) == pytest.approx(0, abs=1e-3) and (in_unit > 1).mean() == pytest.approx(0.01, abs=1e-3)
    assert np.isfinite(Usual.of(np.ones(100), 0.01)(np.ones(3))).all()
