"""`python -m nn_core profile`: where a step's time goes."""

from __future__ import annotations

import json

import pytest

from nn_core import RunConfig
from nn_core.cli.main import main
from nn_core.data import Dataset
from nn_core.training.profile import COARSE, PARTS, Profile, _Clock, profile
from nn_core.training.trainer import Trainer

USED = set(PARTS) - {"augment", "penalties"}  # what every step does for at least a microsecond


@pytest.mark.parametrize(
    "config",
    [
        RunConfig(n_train=400, batch_size=50, hidden=(8,)),
        RunConfig(n_train=400, batch_size=0, hidden=(8, 6), optimizer="adam", lr=0.001),
        RunConfig(n_train=400, batch_size=50, hidden=(8,), l2=0.01, dropout=0.5, input_scaling="standard"),
    ],
    ids=["a batch", "the full batch", "everything on"],
)
def test_every_part_of_a_step_gets_its_time_and_together_they_are_the_step(config: RunConfig, tiny: Dataset):
    found = profile(config, tiny, seconds=0.05)
    assert list(found.parts_us) == list(PARTS) and found.n_steps > 0
    assert all(found.parts_us[name] > 0 for name in USED - ({"gather"} if not config.batch_size else set()))
    assert all(us >= 0 for us in found.parts_us.values())
    assert found.step_us + found.clock_us == pytest.approx(sum(found.parts_us.values()))


@pytest.mark.parametrize(
    "config",
    [
        RunConfig(n_train=400, batch_size=50, hidden=(8,), normalization="batch"),
        RunConfig(n_train=400, batch_size=50, hidden=(8,), loss="mse", shift=1.0),
        RunConfig(n_train=400, batch_size=50, model="cnn", channels=(2,)),
    ],
    ids=["normalization", "another loss", "cnn"],
)
def test_of_another_step_the_gradients_are_one_part(config: RunConfig, tiny: Dataset):
    found = profile(config, tiny, seconds=0.05)
    assert list(found.parts_us) == list(COARSE) and min(found.parts_us["gradients"], found.parts_us["optimizer"]) > 0
    assert (found.parts_us["augment"] > 0) == bool(config.shift)
    assert found.table().count("\n") == len(COARSE)


def test_max_norm_counts_as_a_penalty_and_early_stopping_scores_nothing(tiny: Dataset, monkeypatch: pytest.MonkeyPatch):
    config = RunConfig(n_train=400, batch_size=50, hidden=(8,), max_norm=0.5, early_stopping=1)
    trainer, clock, parts = Trainer(config, tiny), _Clock(), []
    clock.watch(trainer)
    monkeypatch.setattr(
        "nn_core.training.trainer.project_to_max_norm", lambda matrices, limit: parts.append(clock.part)
    )
    trainer.step()
    assert parts == ["penalties"] and clock.part == "guards"
    monkeypatch.setattr(Trainer, "_look_at_validation", lambda self: pytest.fail("it was scored on the way"))
    assert profile(config, tiny, seconds=0.05).n_steps > 8  # more than an epoch


def test_the_table_names_each_part_with_its_share():
    parts = dict.fromkeys(PARTS, 0.0) | {"forward": 30.0, "backward": 60.0, "optimizer": 10.0}
    lines = Profile(step_us=95.0, parts_us=parts, n_steps=7).table().splitlines()
    assert [line.split()[0] for line in lines[:-1]] == list(PARTS)
    shares = {line.split()[0]: line.split()[3] for line in lines[:-1]}
    assert (shares["forward"], shares["backward"], shares["gather"]) == ("30.0", "60.0", "0.0")
    assert "95.0 us" in lines[-1] and "+5.0 us" in lines[-1]


def test_the_command_prints_a_table_or_json(
    tiny: Dataset, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr("nn_core.cli.tools.load_dataset", lambda name: tiny)
    options = ["profile", "--n-train", "400", "--hidden", "8", "--seconds", "0.02", "--threads", "1"]
    assert main(options) == 0
    assert capsys.readouterr().out.splitlines()[0].startswith("n_train 400, hidden 8, 1 BLAS thread, ")
    assert main([*options, "--json"]) == 0
    result = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert result["blas_threads"] == 1 and list(result["parts_us"]) == list(PARTS) and result["step_us"] > 0


def test_a_training_that_diverges_ends_the_profile_with_its_sentence(
    tiny: Dataset, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr("nn_core.cli.tools.load_dataset", lambda name: tiny)
    options = ["--n-train", "400", "--hidden", "16", "--activation", "sigmoid", "--lr", "10", "--l2", "1"]
    assert main(["profile", *options, "--seconds", "2"]) == 2
    assert "learning rate of 10" in capsys.readouterr().err


@pytest.mark.parametrize(
    "option", [("--seconds", "0"), ("--seconds", "nan"), ("--threads", "0"), ("--threads", "x"), ("--threads", "65")]
)
def test_a_number_that_makes_no_sense_is_refused_with_its_limits(
    option: tuple[str, str], capsys: pytest.CaptureFixture[str]
):
    with pytest.raises(SystemExit) as ended:
        main(["profile", *option])
    assert ended.value.code == 2 and f"got '{option[1]}'" in capsys.readouterr().err
