"""What the numbers of a run say about its training: a verdict, why, and its remedy.

A rule is one decorated function in a file of its own in `rules/`; the page of a run, its list of events and whatever
else asks for its health knows it by that alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from nn_core.config.run_config import RunConfig
from nn_core.data import Dataset
from nn_core.instruments.evidence import Evidence
from nn_core.machine.memory import Array
from nn_core.training.history import Series

Level = Literal["idle", "good", "warning", "bad"]
URGENT_FIRST: tuple[Level, ...] = ("bad", "warning", "good", "idle")

Remedy = Callable[[Evidence], Mapping[str, Any]]
Words = Callable[[Evidence], str]


@dataclass(frozen=True)
class Health:
    """A verdict ("learning well"), why, and, where something can be mended, the settings that would mend it.

    `restart` says that they help a new network only: this one has lost units, or its weights, for good. A remedy is one
    that was seen to cure, by tests/instruments/test_remedies.py. `rule` is the name of the rule that found it.
    """

    level: Level
    verdict: str
    why: str
    fix: Mapping[str, Any] = field(default_factory=dict)
    restart: bool = False
    rule: str = field(default="", compare=False)
    is_explained: bool = field(default=False, compare=False)  # another verdict of the same moment says it all


@dataclass(frozen=True)
class Rule:
    """One thing that can be said of a run.

    `gain` ranks it among others of its level: by so many percentage points its fix raised validation accuracy where
    tests/instruments/test_remedies.py provokes it, beside the same run left alone. `explains` names vaguer rules that
    have nothing to add where this one finds something.
    """

    name: str
    level: Level
    looks_at: str
    source: str
    gain: float
    explains: Sequence[str]
    why: Words  # a sentence, or "" where the rule finds nothing
    remedy: Remedy  # the settings that would mend it
    verdict: Words  # its name, unless it depends on what is found
    restart: Callable[[Evidence], bool]  # whether the remedy helps a new network only
    needs_curves: bool

    def __repr__(self) -> str:
        return f"Rule({self.name}: {self.level}, from {self.looks_at})"

    @property
    def rank(self) -> tuple[int, float]:
        """The smaller it is, the earlier what it finds is told: the worst level first, then what a fix helps most."""
        return URGENT_FIRST.index(self.level), -self.gain


RULES: list[Rule] = []


def rule(
    name: str,
    level: Level,
    *,
    looks_at: str,
    source: str = "",
    gain: float = 0.0,
    explains: Sequence[str] = (),
    remedy: Remedy = lambda seen: {},
    restart: Callable[[Evidence], bool] = lambda seen: False,
    verdict: Words | None = None,
    needs_curves: bool = True,
) -> Callable[[Words], Words]:
    """Decorator: register a function that gives the reason, or "", as a rule; see `Rule`."""

    def add(why: Words) -> Words:
        said = verdict or (lambda seen: name)
        RULES.append(
            Rule(name, level, looks_at, source, gain, tuple(explains), why, remedy, said, restart, needs_curves)
        )
        return why

    return add


def always(seen: Evidence) -> bool:
    """For `restart`: the remedy helps a new network only."""
    return True


# ---------------------------------------------------------------------------------------------- the verdict


def findings(seen: Evidence) -> list[Health]:
    """All that the rules find, ranked (see `Rule.rank`); where it is too early to tell, that is all they say."""
    with np.errstate(all="ignore"):  # curves of a run that diverged hold what is no number
        found = _ask([each for each in RULES if not each.needs_curves], seen)
        if not any(each.level in ("idle", "bad") for each, _ in found):
            found += _ask([each for each in RULES if each.needs_curves], seen)
        found.sort(key=lambda one: one[0].rank)
        explained = {name for each, _ in found for name in each.explains}
        return [
            Health(
                each.level,
                each.verdict(seen),
                why,
                each.remedy(seen),
                each.restart(seen),
                each.name,
                each.name in explained,
            )
            for each, why in found
        ]


def _ask(rules: Sequence[Rule], seen: Evidence) -> list[tuple[Rule, str]]:
    answers = [(each, each.why(seen)) for each in rules]
    return [(each, why) for each, why in answers if why]


def verdicts(seen: Evidence) -> list[Health]:
    """What is said of a run, the most urgent first: what the rules find, or that it learns well."""
    found = [one for one in findings(seen) if not one.is_explained]
    if found:
        return found
    now, start = seen.val_loss[-1], seen.val_loss[0]
    return [Health("good", "learning well", f"The validation loss has fallen from {start:.3g} to {now:.3g}.")]


def health(
    config: RunConfig,
    series: Mapping[str, Series],
    weights: Mapping[str, Array],
    *,
    step: int,
    epoch: float,
    stopped: str = "",
    dead: Sequence[int] | None = None,
    data: Dataset | None = None,
) -> Health:
    """The verdict on a run. `stopped` is why training ended by itself; `dead` comes from `dead_units.count_dead`.

    Without `dead`, dead units are those that the instrument has recorded.
    """
    return verdicts(Evidence(config, series, weights, step, epoch, stopped, dead, data))[0]
