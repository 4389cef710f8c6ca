"""A search as it is asked for: what varies, by which sampler and pruner, how many trials, and what is best."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from nn_core.config.errors import ConfigError, shorten
from nn_core.config.foreign import parse_json
from nn_core.config.run_config import RunConfig
from nn_core.nn.losses import loss_of
from nn_core.search import space
from nn_core.search.objectives import OBJECTIVES, Direction, Objective
from nn_core.search.space import Range

MOST_TRIALS = 100_000


class Option(NamedTuple):
    """One name of a menu."""

    name: str
    label: str
    help: str


SAMPLERS: Mapping[str, Option] = {
    each.name: each
    for each in (
        Option("tpe", "TPE", "Draws where good trials were denser than bad ones (Bergstra et al. 2011)."),
        Option("random", "Random", "Draws anywhere in the ranges: a fair baseline (Bergstra & Bengio 2012)."),
        Option("grid", "Grid", "Goes through all combinations of the sliders' stops, in a random order."),
    )
}
PRUNERS: Mapping[str, Option] = {
    each.name: each
    for each in (
        Option("median", "Median", "Ends a trial that is below the median of the others at the same epoch."),
        Option("successive_halving", "Halving", "Keeps the best part at each rung (Jamieson & Talwalkar 2016)."),
        Option("hyperband", "Hyperband", "Successive halving with several first budgets at once (Li et al. 2018)."),
        Option("none", "None", "Every trial is trained to its end."),
    )
}


@dataclass(frozen=True)
class SearchSpec:
    """What a search is asked to do: train `base` again and again, each time with other values of what is in `vary`.

    A trial is one such training, of `base.epochs` epochs. Raises ConfigError with setting, limit and value.
    """

    base: RunConfig
    vary: Mapping[str, Range] = field(default_factory=dict)
    sampler: str = "tpe"
    pruner: str = "median"
    n_trials: int = 40
    objectives: tuple[str, ...] = ("val_accuracy",)
    seed: int = 0

    def __post_init__(self) -> None:
        if not self.vary:
            raise ConfigError("a search needs at least one setting that varies")
        object.__setattr__(self, "vary", {name: space.checked(name, each) for name, each in self.vary.items()})
        object.__setattr__(self, "objectives", tuple(self.objectives))
        for what, known in (("sampler", SAMPLERS), ("pruner", PRUNERS)):
            if getattr(self, what) not in known:
                raise ConfigError(f"{what} must be one of {', '.join(known)}, got {shorten(getattr(self, what))}")
        if type(self.n_trials) is not int or not 1 <= self.n_trials <= MOST_TRIALS:
            raise ConfigError(f"n_trials must be a whole number in [1, {MOST_TRIALS}], got {shorten(self.n_trials)}")
        if self.sampler == "grid":
            object.__setattr__(self, "n_trials", min(self.n_trials, space.grid_size(self.vary)))
        self._check_objectives()

    def _check_objectives(self) -> None:
        wanted = self.objectives
        if not 1 <= len(wanted) <= 2 or len(set(wanted)) < len(wanted) or not set(wanted) <= set(OBJECTIVES):
            raise ConfigError(
                f"objectives must be one or two of {', '.join(OBJECTIVES)}, got {', '.join(wanted) or 'none'}"
            )
        if not OBJECTIVES[wanted[0]].can_stand_first:
            raise ConfigError(f"the first objective must say how well it reads, got {wanted[0]}")

    def check_comparable(self) -> None:
        """Raise ConfigError where trials would be ranked by losses of different units; old searches may be such."""
        varied = self.vary.get("loss")
        units = {name: loss_of(self.base.replace(loss=name)).unit for name in getattr(varied, "values", ())}
        named = [each.name for each in self.judged_by if each.in_unit_of_loss]
        if named and len(set(units.values())) > 1:
            got = ", ".join(f"{name} ({unit})" for name, unit in units.items())
            raise ConfigError(f"loss must vary over losses of one unit where {named[0]} is compared, got {got}")

    @property
    def judged_by(self) -> list[Objective]:
        """The objectives themselves, the one that ranks the trials first."""
        return [OBJECTIVES[name] for name in self.objectives]

    @property
    def directions(self) -> list[Direction]:
        """Optuna's word for each objective, "maximize" or "minimize"."""
        return [each.direction for each in self.judged_by]

    def config_of(self, trial: Any) -> RunConfig:
        """The settings that an optuna.Trial draws; raises ConfigError where they cannot be together."""
        return self.base.replace(**{name: space.draw(trial, name, each) for name, each in self.vary.items()})

    def __repr__(self) -> str:
        wanted = " and ".join(self.objectives)
        return (
            f"SearchSpec({self.n_trials} trials of {', '.join(self.vary)} by {self.sampler}, {self.pruner}: {wanted})"
        )

    def to_json(self) -> str:
        """The search as one line of JSON, as the database keeps it."""
        values = {**vars(self), "base": self.base.to_dict()}
        values["vary"] = {name: space.to_json(each) for name, each in self.vary.items()}
        return json.dumps(values)

    @classmethod
    def from_json(cls, text: str) -> SearchSpec:
        """The search that `to_json` wrote; raises ConfigError."""
        try:
            values = parse_json(text)
            values["base"] = RunConfig.from_dict(values["base"])
            values["vary"] = {name: space.from_json(each) for name, each in values["vary"].items()}
            return cls(**values)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            if isinstance(error, ConfigError):
                raise
            raise ConfigError(f"what is stored of the search is not usable: {shorten(str(error))}") from None


# ---------------------------------------------------------------------------------------------- in Optuna's terms


def make_sampler(spec: SearchSpec, worker: int = 0, n_begun: int = 0) -> Any:
    """Optuna's sampler for one worker.

    Its seed comes from the search, the worker's number and how many trials had begun when it joined: so no two workers
    draw the same, nor does one that joins again draw what it drew before. A grid's order is the same for all workers.
    """
    from optuna import samplers

    seed = int(np.random.SeedSequence([spec.seed, worker, n_begun]).generate_state(1)[0])
    made: Mapping[str, Callable[[], Any]] = {
        "tpe": lambda: samplers.TPESampler(seed=seed, constant_liar=True),
        "random": lambda: samplers.RandomSampler(seed=seed),
        "grid": lambda: samplers.GridSampler(space.grid(spec.vary), seed=spec.seed),
    }
    return made[spec.sampler]()


def make_pruner(spec: SearchSpec) -> Any:
    """Optuna's pruner, with budgets in epochs."""
    from optuna import pruners

    made: Mapping[str, Callable[[], Any]] = {
        "median": lambda: pruners.MedianPruner(n_startup_trials=4),
        "successive_halving": pruners.SuccessiveHalvingPruner,
        "hyperband": lambda: pruners.HyperbandPruner(max_resource=spec.base.epochs),
        "none": pruners.NopPruner,
    }
    return made[spec.pruner]()
