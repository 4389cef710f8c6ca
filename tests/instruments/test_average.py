"""The averaged network: a mean by hand, kept over a restart, and read by like any other."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from nn_core import RunConfig, Trainer
from nn_core.data import Dataset
from nn_core.instruments.look import Look
from nn_core.instruments.recording import Recording
from nn_core.instruments.registry import INSTRUMENTS, LINE, WHOLE
from nn_core.instruments.weight_average import averaged_weights
from nn_core.nn.network import from_weights
from tests.instruments.test_asked import measured

CONFIG = RunConfig(hidden=(6,), n_train=300, batch_size=50, lr=0.3)


def test_it_is_the_mean_of_what_was_seen_where_nine_count_as_one_more_the_longer_it_goes_on(
    tiny: Dataset, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(Recording, "wants", lambda self, step, seconds: True)
    trainer = Trainer(CONFIG, tiny)
    Recording(trainer)
    by_hand = np.zeros(trainer.model.n_params)
    for seen in range(1, 31):
        trainer.step()
        share = 9 / (seen + 8)  # 1 at first: the first weights are the average
        by_hand += share * (trainer.model.flat - by_hand)
    values = averaged_weights(trainer.instruments, trainer.model.n_params)
    assert values is not None
    np.testing.assert_allclose(values, by_hand, atol=1e-5)
    apart = np.linalg.norm(trainer.model.flat - by_hand) / np.linalg.norm(by_hand)
    assert trainer.history["instruments/weight_average"].last == pytest.approx(apart, rel=1e-3)
    again = Trainer.resume(trainer.checkpoint(), tiny)
    assert np.array_equal(again.instruments["weight_average"]["values"], values)
    assert again.instruments["weight_average"]["n_seen"] == 30


def test_its_accuracy_stands_beside_that_of_the_network_as_it_is(tiny: Dataset):
    trainer = Trainer(CONFIG, tiny)
    trainer.train_epochs(3)
    other = Trainer(CONFIG.replace(seed=1), tiny)
    found = measured(trainer, "average_accuracy", kept={"weight_average": {"values": other.model.flat.copy()}})
    assert found == {
        WHOLE: pytest.approx((other.model.predict(tiny.val_images) == tiny.val_labels).mean()),
        LINE: pytest.approx((trainer.model.predict(tiny.val_images) == tiny.val_labels).mean()),
    }
    assert measured(trainer, "average_accuracy") == {}


@pytest.mark.parametrize(
    "values", [7, np.zeros(3, np.float32), np.zeros(100), np.full(100, np.nan, np.float32)], ids=str
)
def test_an_average_in_a_file_that_makes_no_sense_is_begun_anew(values: Any, tiny: Dataset):
    assert averaged_weights({"weight_average": {"values": values, "n_seen": 4}}, 100) is None
    trainer = Trainer(CONFIG, tiny)
    model = from_weights(CONFIG, trainer.model.weights())
    kept = {"weight_average": {"values": values, "n_seen": 4}}
    look = Look(model, CONFIG, tiny, model.flat, kept=kept)
    assert INSTRUMENTS["weight_average"].measure(look) == {WHOLE: pytest.approx(0, abs=1e-6)}
    assert look.keeping["weight_average"]["n_seen"] == 1


def test_batch_normalization_is_told_why_it_has_none():
    assert "do not fit averaged ones" in INSTRUMENTS["weight_average"].serves(RunConfig(normalization="batch"))
