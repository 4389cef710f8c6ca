"""The races that the page Race offers: each of two to four settings that differ, whatever network the sidebar holds."""

from __future__ import annotations

import pytest

from nn_core import RunConfig
from nn_core.config.presets import PRESETS
from ui.panels.race_start import RACES

DRAFTS = {name: preset.config for name, preset in PRESETS.items()} | {"sigmoid": RunConfig(activation="sigmoid")}


@pytest.mark.parametrize("draft", DRAFTS.values(), ids=DRAFTS)
def test_each_race_has_two_to_four_runs_that_differ_and_a_button_that_names_each(draft: RunConfig):
    for race in RACES:
        configs = race.configs(draft)
        assert 2 <= len({config.in_effect() for config in configs}) == len(configs) <= 4
        words = [race.words(config) for config in configs]
        assert len(set(words)) == len(words) and all(word in race.label(configs) for word in words)


def test_a_race_between_settings_that_have_no_effect_is_not_offered():
    offered = {race.name for race in RACES if race.configs(RunConfig(hidden=()))}
    assert "rates" in offered and "activations" not in offered
