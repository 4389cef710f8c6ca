"""What a training run keeps between two steps: the state of instruments goes wherever that of the optimizer goes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nn_core import RunConfig, Trainer
from nn_core.data import Dataset
from nn_core.runs.branching import branch_at_checkpoint
from nn_core.store.files import pack_checkpoint, read_checkpoint
from nn_core.training.state import Checkpoint

SMALL = RunConfig(hidden=(12,), n_train=500, batch_size=50, epochs=100, lr=0.05, eval_every=7)


def through_a_file(checkpoint: Checkpoint, folder: Path) -> Checkpoint:
    path = folder / "checkpoint.safetensors"
    path.write_bytes(pack_checkpoint(checkpoint))
    return read_checkpoint(path, lambda: checkpoint.history)


@pytest.fixture
def measured(tiny: Dataset) -> Trainer:
    """A trainer with two instruments that have something to remember."""
    trainer = Trainer(SMALL, tiny)
    trainer.replay([], 5)
    trainer.instruments = {"mean": {"of": np.arange(3.0), "n": 4, "names": ["a", "b"]}, "widths": {"all": np.ones(2)}}
    return trainer


def test_what_instruments_remember_comes_back_from_a_checkpoint_and_from_its_file(
    measured: Trainer, tiny: Dataset, tmp_path: Path
):
    checkpoint = measured.checkpoint()
    for found in (checkpoint, through_a_file(checkpoint, tmp_path)):
        resumed = Trainer.resume(found, tiny)
        assert resumed.instruments.keys() == {"mean", "widths"}
        assert (resumed.instruments["mean"]["n"], resumed.instruments["mean"]["names"]) == (4, ["a", "b"])
        np.testing.assert_array_equal(resumed.instruments["mean"]["of"], [0, 1, 2])
        np.testing.assert_array_equal(resumed.instruments["widths"]["all"], [1, 1])


def test_a_checkpoint_does_not_change_when_an_instrument_measures_on(measured: Trainer, tiny: Dataset):
    checkpoint = measured.checkpoint()
    measured.instruments["mean"]["of"][0] = 7
    resumed = Trainer.resume(checkpoint, tiny)
    resumed.instruments["mean"]["of"][1] = 8
    assert checkpoint.instruments["mean"]["of"].tolist() == [0, 1, 2]


def test_a_branch_goes_on_with_what_instruments_remember(measured: Trainer, tiny: Dataset):
    begin, _ = branch_at_checkpoint(measured.checkpoint(), SMALL.replace(lr=0.2), tiny)
    assert Trainer.resume(begin, tiny).instruments["mean"]["n"] == 4


def test_a_file_in_which_no_instrument_is_named_opens_with_none(tiny: Dataset, tmp_path: Path):
    trainer = Trainer(SMALL, tiny)
    assert "instruments" not in trainer.checkpoint().to_json()
    assert through_a_file(trainer.checkpoint(), tmp_path).instruments == {}


def test_a_run_is_resumed_without_drawing_its_first_weights_which_may_take_seconds(
    tiny: Dataset, monkeypatch: pytest.MonkeyPatch
):
    config = SMALL.replace(init="orthogonal")
    trainer = Trainer(config, tiny)
    trainer.step()
    checkpoint = trainer.checkpoint()
    monkeypatch.delattr(np.linalg, "qr")  # without which no orthogonal weights are drawn
    resumed = Trainer.resume(checkpoint, tiny)
    assert resumed.config == resumed.initial_config == resumed.model.config == config
    for each in (trainer, resumed):
        each.replay([], 4)
    assert np.array_equal(resumed.model.flat, trainer.model.flat)


def test_states_and_checkpoints_say_where_they_stand(measured: Trainer):
    assert repr(measured.checkpoint()).startswith("<Checkpoint of step 5, 9,550 parameters")
    assert repr(measured).startswith("<Trainer at step 5:")


# ---------------------------------------------------------------------------------------------- images of an epoch


def shifted(images: np.ndarray, epoch: int) -> np.ndarray:
    """Other images for every epoch."""
    return np.roll(images, epoch, axis=2)


def test_where_every_epoch_has_images_of_its_own_they_are_asked_for_once_before_its_first_step(tiny: Dataset):
    asked: list[int] = []
    trainer = Trainer(SMALL, tiny, draw_epoch=lambda out: asked.append(trainer.step_count))
    assert asked == []
    trainer.replay([], 31)
    assert asked == [0, 10, 20, 30]
    assert np.array_equal(trainer.train_images, tiny.train_images[:500])
    assert trainer.train_images is not tiny.train_images


@pytest.mark.parametrize("model", ["mlp", "cnn"])
def test_it_learns_from_the_images_of_each_epoch_as_from_a_data_set_of_just_these(model: str, tiny: Dataset):
    config = SMALL.replace(model=model, channels=(2,), optimizer="adam", dropout=0.2)
    n_asked = 0

    def draw(out: np.ndarray) -> None:
        nonlocal n_asked
        n_asked += 1
        out[...] = shifted(tiny.train_images[:500], n_asked)

    trainer = Trainer(config, tiny, draw_epoch=draw)
    for _ in range(3):
        trainer.train_epochs(1)
    reference: Trainer | None = None
    for epoch in (1, 2, 3):
        images = np.array(tiny.train_images)
        images[:500] = shifted(images[:500], epoch)
        data = Dataset(**{**vars(tiny), "train_images": images})
        reference = Trainer(config, data) if reference is None else Trainer.resume(reference.checkpoint(), data)
        reference.train_epochs(1)
    assert reference is not None
    assert trainer.model.flat.tobytes() == reference.model.flat.tobytes()
    for name in ("train/loss", "val/loss", "batch/loss"):
        assert trainer.history[name].value.tobytes() == reference.history[name].value.tobytes()
