"""The ranges that a search begins with: inside what a field takes, and where networks learn; which do not compare."""

from __future__ import annotations

from pathlib import Path

import pytest

from nn_core.cli.main import main
from nn_core.config.errors import ConfigError
from nn_core.config.run_config import RunConfig, all_settings, setting
from nn_core.search import SearchSpec, Span, Values, create_search, list_searches, suggested, varied_settings


@pytest.mark.parametrize("item", [each for each in all_settings() if each.searched], ids=lambda item: item.name)
def test_a_fields_own_search_range_is_what_is_suggested_and_the_field_takes_both_ends(item):
    low, high = item.searched
    assert suggested(item) == Span(low, high, item.log)
    assert item.check(low) == low < high == item.check(high)
    assert item.low <= low and high <= item.high


def test_no_initialization_that_cannot_learn_is_suggested():
    found = suggested(setting("init"))
    assert isinstance(found, Values) and "he" in found.values
    assert not {"zeros", "constant"} & set(found.values)


def test_redrawn_labels_are_part_of_the_question_and_not_searched():
    assert setting("label_noise") not in varied_settings()


def test_a_search_of_the_l2_penalty_begins_below_what_stops_learning():
    found = suggested(setting("l2"))
    assert isinstance(found, Span) and found.log and found.low <= 1e-5 and found.high <= 0.03


def test_losses_of_different_units_are_not_ranked_by_the_validation_loss(tmp_path: Path, monkeypatch, capsys):
    monkeypatch.setenv("GLASSNET_RUNS", str(tmp_path))
    base = RunConfig(n_train=300, epochs=1)
    varied = {"loss": Values(("cross_entropy", "linear_mse"))}
    mixed = SearchSpec(base, varied, objectives=("val_loss",))
    sentence = (
        "loss must vary over losses of one unit where val_loss is compared, "
        "got cross_entropy (nats), linear_mse (half the squared error)"
    )
    with pytest.raises(ConfigError) as refused:
        create_search("mixed", mixed)
    assert str(refused.value) == sentence and list_searches() == []
    assert SearchSpec.from_json(mixed.to_json()) == mixed, "an old search can still be read"
    SearchSpec(base, varied).check_comparable()
    SearchSpec(base, {"loss": Values(("cross_entropy", "mse"))}, objectives=("val_loss",)).check_comparable()
    SearchSpec(base, {"lr": Span(0.05, 0.5, True)}, objectives=("val_loss",)).check_comparable()
    assert main(["sweep", "--study", "mixed", "--vary", "loss", "--objective", "val_loss", "--trials", "1"])
    assert "loss must vary over losses of one unit where val_loss is compared" in capsys.readouterr().err
