"""What stands in no file and no link: the defaults of the settings."""

from __future__ import annotations

import pytest

from nn_core import ConfigError, RunConfig
from nn_core.config.run_config import all_settings
from nn_core.config.setting import Setting


@pytest.mark.parametrize("item", all_settings(), ids=lambda item: item.name)
def test_a_default_is_what_its_own_check_makes_of_it(item: Setting):
    checked = item.check(item.default)
    assert (checked, type(checked)) == (item.default, type(item.default))


def test_a_value_that_only_equals_its_default_is_made_what_the_setting_is():
    assert type(RunConfig.from_dict({"dropout": 0}).dropout) is float
    assert RunConfig.from_dict({"hidden": [128]}).hidden == (128,)
    with pytest.raises(ConfigError, match="seed must be a number"):
        RunConfig.from_dict({"seed": False})
