"""Compares runs: short names that tell them apart, their settings side by side, and whether they start alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from nn_core.config.run_config import RunConfig, all_settings
from nn_core.nn.network import OUTLINED, outline, shapes_of
from nn_core.training.history import Series
from nn_core.training.state import Edit
from nn_core.training.trainer import Trainer

UNUSED = "not used"
MAX_NAME = 44  # characters of a name in a legend


@dataclass(frozen=True)
class SettingRow:
    """One setting of several runs: what it is called, its value in each run as text, and whether they differ."""

    setting: str
    label: str
    values: tuple[str, ...]
    differs: bool


def same_start(a: RunConfig, b: RunConfig) -> bool:
    """Whether two networks of these settings have the same weights before any learning, bit for bit.

    It makes both networks and compares them, instead of knowing which settings matter to the first weights.
    """
    if a.seed != b.seed or shapes_of(a) != shapes_of(b):
        return False
    first, second = Trainer.initial_model(a).weights(), Trainer.initial_model(b).weights()
    return first.keys() == second.keys() and all(np.array_equal(first[name], second[name]) for name in first)


def began_with_its_seed(series: Mapping[str, Series]) -> bool:
    """Whether a run began at step 0 with the weights of its seed: imported ones and watched ones did not."""
    losses = series.get("val/loss")
    return losses is not None and len(losses) > 0 and losses.step[0] == 0


def side_by_side(configs: Sequence[RunConfig]) -> list[SettingRow]:
    """A row for each setting that has an effect in at least one of the runs."""
    rows = []
    for item in all_settings():
        used = [config.in_use(item) for config in configs]
        if not any(used):
            continue
        values = [getattr(config, item.name) for config in configs]
        texts = tuple(item.format(value) if matters else UNUSED for value, matters in zip(values, used, strict=True))
        rows.append(SettingRow(item.name, item.label, texts, len(set(texts)) > 1))
    return rows


def telling_names(configs: Sequence[RunConfig], own: Sequence[str], marks: Sequence[str] = ()) -> list[str]:
    """A name for each run, all different: the user's own, else the settings in which the runs differ ("lr 0.3").

    Runs of different models begin with the outline of the network ("784-32-10, lr 0.3"). `own` are the names that the
    user gave, "" where none; `marks` come after the other names, "" where there is none. Equal names get a number.
    """
    differing = [row for row in side_by_side(configs) if len({*row.values} - {UNUSED}) > 1]
    unlike = any(row.setting == "model" for row in differing)
    if unlike:
        differing = [row for row in differing if row.setting not in OUTLINED]
    names: list[str] = []
    for at, config in enumerate(configs):
        parts = [outline(config)] if unlike else []
        parts += [f"{row.setting} {row.values[at]}" for row in differing if row.values[at] != UNUSED]
        name = own[at] or ", ".join(parts) or config.title()
        if len(name) > MAX_NAME:
            name = name[: MAX_NAME - 1].rstrip(" ,") + "…"
        names.append(name + marks[at] if marks and not own[at] else name)
    taken: set[str] = set()
    for at, name in enumerate(names):
        n, unique = 1, name
        while unique in taken:
            n += 1
            unique = f"{name} ({n})"
        taken.add(unique)
        names[at] = unique
    return names


def changed_while_training(edits: Mapping[str, Sequence[Edit]]) -> str:
    """One sentence on the settings that were changed live; `edits` by where ("here"). "" where there are none."""
    parts = [f"{', '.join(sorted({edit.setting for edit in made}))} {where}" for where, made in edits.items() if made]
    return f"Changed while training: {'; '.join(parts)}." if parts else ""
