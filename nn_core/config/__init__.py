"""The settings of a training run: what each may be, what they mean together, and named ones.

`choices`, `setting` and their like have modules of the same name: import those from there.
"""

from nn_core.config.choices import register
from nn_core.config.errors import ConfigError, Conflict, sentence, shorten
from nn_core.config.presets import PRESETS
from nn_core.config.run_config import LIVE_SETTINGS, RunConfig, all_settings
from nn_core.config.setting import MAX_HIDDEN_LAYERS, Applies, Setting

__all__ = [
    "LIVE_SETTINGS",
    "MAX_HIDDEN_LAYERS",
    "PRESETS",
    "Applies",
    "ConfigError",
    "Conflict",
    "RunConfig",
    "Setting",
    "all_settings",
    "register",
    "sentence",
    "shorten",
]
