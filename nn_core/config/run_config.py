"""All settings of a training run in one immutable object, RunConfig.

It reads and writes them as JSON, links and commands, compares them with others, and refuses what cannot work together.
The settings themselves are declared in groups/, one file a group. Widgets, command line, links and checks are made
from these declarations; the names that a setting can take come from choices.py.
"""

from __future__ import annotations

import dataclasses
import json
import shlex
from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields
from functools import cache, lru_cache
from typing import Any

from nn_core.config.choices import CHOICES, choices
from nn_core.config.errors import ConfigError, Conflict, meant, sentence, shorten
from nn_core.config.foreign import parse_json
from nn_core.config.groups.augmentation import AugmentationSettings
from nn_core.config.groups.data import DataSettings
from nn_core.config.groups.network import NetworkSettings
from nn_core.config.groups.regularization import RegularizationSettings
from nn_core.config.groups.training import TrainingSettings
from nn_core.config.setting import Setting


# the order of the settings everywhere is that of these classes from the last to the first: dataclasses collect so
@dataclass(frozen=True, repr=False)
class RunConfig(AugmentationSettings, RegularizationSettings, TrainingSettings, NetworkSettings, DataSettings):
    """All that decides a training run. Immutable; checks itself; JSON and link text in and out.

    Raises ConfigError, naming the setting, the limit and the value, when a value makes no sense.
    """

    def __new__(cls, *_: Any, **settings: Any) -> RunConfig:
        """Names of settings are checked first, so that a slip is told what was meant."""
        for name in settings:
            setting(name)
        return super().__new__(cls)

    def __post_init__(self) -> None:
        values = vars(self)
        for item in all_settings():
            name, value = item.name, values[item.name]
            if value is not item.default:
                object.__setattr__(self, name, item.check(value))
        self._check_together()

    def __repr__(self) -> str:
        changed = (f"{item.name}={getattr(self, item.name)!r}" for item in all_settings() if self.changed(item))
        return f"RunConfig({', '.join(changed)})"

    def _check_together(self) -> None:
        """Raise Conflict where a choice lacks what it needs."""
        for chooser in CHOICES:
            name = getattr(self, chooser)
            for needed in choices(chooser)[name].needs:
                if self.in_use(setting(needed)) and not getattr(self, needed):
                    found = setting(needed).format(getattr(self, needed))
                    raise Conflict(chooser, f"{chooser} {name} cannot work with {needed} {found}")
        if self.normalization == "batch" and self.batch_size == 1:
            raise Conflict(
                "normalization", "normalization batch cannot work with batch_size 1: one image has no spread"
            )
        choices("model")[self.model].target.check(self)

    # -- text in and out

    def to_dict(self) -> dict[str, Any]:
        """Name -> value, JSON-ready, every setting present."""
        return {key: list(value) if isinstance(value, tuple) else value for key, value in vars(self).items()}

    def to_json(self) -> str:
        """One line of JSON with every setting."""
        return json.dumps(self.to_dict())

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> RunConfig:
        """The configuration with these values and defaults elsewhere; raises ConfigError on an unknown name."""
        if not isinstance(values, Mapping):
            raise ConfigError(f"the configuration must be a JSON object, got {shorten(values)}")
        given, known = {}, _by_name()
        for name, value in values.items():
            default = (known.get(name) or setting(name)).default
            if type(value) is list:
                value = tuple(value)
            if type(value) is not type(default) or value != default:  # most are, and a check takes its time
                given[name] = value
        return cls(**given)

    @classmethod
    def from_json(cls, text: str) -> RunConfig:
        """The inverse of `to_json`; raises ConfigError."""
        try:
            values = parse_json(text)
        except ValueError as error:  # JSONDecodeError, or an int of more than 4,300 digits
            raise ConfigError(f"the configuration is not JSON: {error}") from None
        return cls.from_dict(values)

    def to_query(self) -> dict[str, str]:
        """Name -> text of every setting that is not at its default: their part of a link."""
        return {item.name: item.format(getattr(self, item.name)) for item in all_settings() if self.changed(item)}

    @classmethod
    def from_query(cls, query: Mapping[str, str]) -> tuple[RunConfig, list[str]]:
        """The configuration of a link, and one sentence for each value that was refused (its default stands)."""
        values: dict[str, Any] = {}
        problems: list[str] = []
        for item in all_settings():
            if item.name not in query:
                continue
            try:
                values[item.name] = item.parse(query[item.name])
            except ConfigError as error:
                problems.append(f"{sentence(str(error))} The default, {item.format(item.default)}, is used.")
        while True:
            try:
                return cls(**values), problems
            except Conflict as error:
                item = setting(error.setting)
                refused = item.format(values.pop(item.name))
                problems.append(
                    f"{sentence(str(error))} {item.name} {refused} is left out; the default, "
                    f"{item.format(item.default)}, is used."
                )

    def in_effect(self) -> RunConfig:
        """The same training, with the settings that have no effect on it put back to their defaults."""
        return _in_effect(self)

    def to_command(self) -> str:
        """The shell command that trains with these settings."""
        command = "python -m nn_core train"
        for name, text in self.in_effect().to_query().items():
            between = "=" if text.startswith("-") else " "  # after a space it would be taken for an option
            command += f" --{name.replace('_', '-')}{between}{shlex.quote(text)}"
        return command

    def to_python(self) -> str:
        """The Python lines that train with these settings."""
        return (
            "from nn_core import RunConfig, Trainer, load_dataset\n\n"
            f"config = {self.in_effect()!r}\n"
            "trainer = Trainer(config, load_dataset(config.dataset))\n"
            "trainer.train_epochs(config.epochs)\n"
            "print(trainer.score())\n"
        )

    # -- comparing

    def changed(self, item: Setting) -> bool:
        """Whether a setting differs from its default."""
        return bool(getattr(self, item.name) != item.default)

    def key(self) -> str:
        """A short hash of the settings that are not at their default: equal settings, equal key."""
        import hashlib

        return hashlib.sha256(json.dumps(self.to_query(), sort_keys=True).encode()).hexdigest()[:12]

    def replace(self, **changes: Any) -> RunConfig:
        """A copy with some settings changed; raises ConfigError, for an unknown name too."""
        for name in changes:
            setting(name)
        return dataclasses.replace(self, **changes)

    def edited(self, name: str, value: Any) -> RunConfig:
        """A copy with a live setting changed; raises ConfigError, also for a setting that needs a new network."""
        if setting(name).applies != "now":
            raise ConfigError(f"{name} takes effect in a new network only; live are {', '.join(LIVE_SETTINGS)}")
        return self.replace(**{name: value})

    def differences(self, other: RunConfig) -> list[Setting]:
        """The settings whose values differ."""
        return [item for item in all_settings() if getattr(self, item.name) != getattr(other, item.name)]

    def diff(self, other: RunConfig) -> str:
        """One line on what differs, like "one setting differs: learning rate 0.1 against 0.3; same seed"."""
        differing = self.differences(other)
        if not differing:
            return "the same settings"
        parts = [
            f"{item.word} {item.format(getattr(self, item.name))} against {item.format(getattr(other, item.name))}"
            for item in differing
        ]
        seed = "; same seed" if self.seed == other.seed else ""
        if len(differing) == 1:
            return f"one setting differs: {parts[0]}{seed}"
        return f"{len(parts)} settings differ: {', '.join(parts)}{seed}"

    def title(self, without: Collection[str] = ()) -> str:
        """A name made of what is not at its default and has an effect, like "hidden 64, init xavier, lr 0.3"."""
        told = self.in_effect().to_query().items()
        parts = [f"{name} {text}" for name, text in told if name not in without]
        return ", ".join(parts) or "default settings"

    # -- what matters now

    def in_use(self, item: Setting) -> bool:
        """Whether a setting has any effect under the current choices (momentum has none under plain SGD)."""
        if item.needs and not getattr(self, item.needs):
            return False
        return all(
            item.name in choices(chooser)[getattr(self, chooser)].uses or not _used_by_some(chooser, item.name)
            for chooser in CHOICES
        )

    def effective_batch(self, n_images: int) -> int:
        """Images a full step takes out of `n_images`: batch_size, or all of them when it is 0 or larger."""
        return min(self.batch_size, n_images) or n_images


@lru_cache(maxsize=1024)  # pages name the same runs at every rerun
def _in_effect(config: RunConfig) -> RunConfig:
    told = (item for item in all_settings() if config.changed(item) and config.in_use(item))
    return RunConfig(**{item.name: getattr(config, item.name) for item in told})


def _used_by_some(chooser: str, name: str) -> bool:
    return any(name in choice.uses for choice in choices(chooser).values())


@cache
def all_settings() -> tuple[Setting, ...]:
    """Every setting, in order of declaration."""
    return tuple(Setting(name=item.name, **item.metadata["setting"]) for item in fields(RunConfig))


@cache
def _by_name() -> dict[str, Setting]:
    return {item.name: item for item in all_settings()}


def setting(name: str) -> Setting:
    """The setting of this name; raises ConfigError for a name that is none."""
    if name in _by_name():
        return _by_name()[name]
    raise ConfigError(f"no setting is called {shorten(name)}{meant(name, _by_name())}")


LIVE_SETTINGS = tuple(item.name for item in all_settings() if item.applies == "now")
