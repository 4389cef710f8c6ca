"""No rule finds anything wrong with the networks that are offered: the default, and the presets."""

from __future__ import annotations

import pytest

from nn_core import Dataset, RunConfig, Trainer
from nn_core.config.presets import PRESETS
from nn_core.instruments.recording import Recording

NETWORKS = {  # and the epochs that are looked at: of the one that takes minutes, the first of them
    "default": (RunConfig(), 200),
    "classic": (PRESETS["classic"].config, 700),
    "quick": (PRESETS["quick"].config, 20),
    "98-in-seconds": (PRESETS["98-in-seconds"].config, 3),
    "best-mlp": (PRESETS["best-mlp"].config, 2),
    "cnn-fast": (PRESETS["cnn-fast"].config, 4),
}


@pytest.mark.slow
@pytest.mark.parametrize(("config", "epochs"), NETWORKS.values(), ids=NETWORKS)
def test_nothing_is_wrong_with_a_preset_from_its_beginning_to_its_end(mnist: Dataset, config: RunConfig, epochs: int):
    trainer = Trainer(config, mnist)
    recording = Recording(trainer)
    while trainer.epoch < epochs - 1e-9 and trainer.step():
        recording.note()
    trainer.score()
    recording.finish()
    wrong = [event for event in recording.events if event.level in ("bad", "warning")]
    assert trainer.epoch >= epochs - 1e-9 and not wrong, [(event, event.why) for event in wrong]
