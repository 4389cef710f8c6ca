"""The settings of a training run: every hyperparameter, declared once.

The widgets, the command line, the permalink and the checks are all generated from the fields of `RunConfig`; the named
choices among them are registered by the modules that implement them (see knobs.py).
"""

from __future__ import annotations

import dataclasses
import difflib
import hashlib
import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from functools import cache
from typing import Any

from nn_core.knobs import CHOICES, Applies, ConfigError, Group, Kind, Knob, choices, shorten


def _knob(
    kind: Kind, default: Any, label: str, help: str, formula: str, group: Group, applies: Applies, **more: Any
) -> Any:
    """A dataclass field that carries its Knob (the field's name is filled in by `knobs`)."""
    meta = dict(kind=kind, default=default, label=label, help=help, formula=formula, group=group, applies=applies)
    return field(default=default, metadata={"knob": {**meta, **more}})


# ---------------------------------------------------------------------------------------------- the configuration


@dataclass(frozen=True)
class RunConfig:
    """All that decides a training run. Immutable; checks itself; JSON and permalink text in and out.

    Raises ConfigError, naming the field, the limit and the value, when a value makes no sense.
    """

    dataset: str = _knob(
        "name",
        "mnist",
        "Data set",
        "What is learned. A name in nn_core/data, or the path of an .npz of the same form.",
        r"\mathcal{D} = \{(x_i, y_i)\}",
        "data",
        "new network",
        in_sidebar=False,
    )
    n_train: int = _knob(
        "int",
        55_000,
        "Images",
        "How many images the network may learn from. Few images: it memorises them. Try 500 and watch the two "
        "accuracy curves part.",
        r"|\mathcal{D}_{\text{train}}|",
        "data",
        "new network",
        low=200,
        high=55_000,
        log=True,
        steps=(200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 55_000),
    )
    input_scaling: str = _knob(
        "choice",
        "unit",
        "Input scaling",
        "The range in which pixels enter. Try standard: centred inputs make the first steps better conditioned.",
        r"x \leftarrow x/255 \quad\text{or}\quad (x/255-\mu)/\sigma",
        "data",
        "new network",
    )
    model: str = _knob(
        "choice",
        "mlp",
        "Model",
        "The family of networks.",
        r"f_\theta: \mathbb{R}^{784} \to \mathbb{R}^{10}",
        "network",
        "new network",
    )
    hidden: tuple[int, ...] = _knob(
        "sizes",
        (32,),
        "Hidden units",
        "Units in each hidden layer; each first-layer unit is one filter to look at. Try 4: the network must share "
        "four filters among ten digits.",
        r"a_l = \phi(a_{l-1} W_l + b_l), \quad W_l \in \mathbb{R}^{n_{l-1} \times n_l}",
        "network",
        "new network",
        low=1,
        high=2048,
        steps=(1, 2, 3, 4, 6, 8, 10, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024),
    )
    activation: str = _knob(
        "choice",
        "relu",
        "Activation",
        "The bend between layers; without it, any depth is one linear map. Try sigmoid and see the first layer slow "
        "down.",
        r"a = \phi(z)",
        "network",
        "new network",
    )
    init: str = _knob(
        "choice",
        "he",
        "Initialization",
        "Where the weights start. Try zeros: all hidden units stay copies of one another.",
        r"W^{(0)} \sim p(W)",
        "network",
        "new network",
    )
    init_scale: float = _knob(
        "float",
        0.5,
        "Initial scale",
        "The spread of the first weights: standard deviation (normal) or half-width (uniform). Try 0.01, then 3.",
        r"W \sim \mathcal{N}(0, s^2) \quad\text{or}\quad \mathcal{U}(-s, s)",
        "network",
        "new network",
        low=1e-4,
        high=10,
        log=True,
        steps=(0.001, 0.003, 0.01, 0.03, 0.1, 0.2, 0.3, 0.5, 1.0, 2.0, 3.0, 10.0),
    )
    loss: str = _knob(
        "choice",
        "cross_entropy",
        "Loss",
        "What is made small.",
        r"L(\theta)",
        "training",
        "new network",
    )
    optimizer: str = _knob(
        "choice",
        "sgd",
        "Optimizer",
        "How a gradient becomes a step. Try Adam at a learning rate of 0.003.",
        r"\theta \leftarrow \theta - \Delta(g)",
        "training",
        "new network",
    )
    lr: float = _knob(
        "float",
        0.1,
        "Learning rate",
        "The length of a step. Raise it until the loss jumps, then go back by half.",
        r"\theta \leftarrow \theta - \eta\, \nabla_\theta L",
        "training",
        "now",
        low=1e-5,
        high=10,
        log=True,
        steps=(
            *(1e-05, 3e-05, 0.0001, 0.0002, 0.0003, 0.0005, 0.001, 0.002, 0.003, 0.005, 0.01, 0.02, 0.03, 0.05),
            *(0.1, 0.15, 0.2, 0.3, 0.5, 0.7, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0),
        ),
    )
    momentum: float = _knob(
        "float",
        0.9,
        "Momentum",
        "How much of the last step is kept. Try 0.99: fast, then overshooting.",
        r"v \leftarrow \mu v + g, \quad \theta \leftarrow \theta - \eta v",
        "training",
        "now",
        low=0.0,
        high=0.999,
        steps=(0.0, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.999),
    )
    beta1: float = _knob(
        "float",
        0.9,
        "Beta 1",
        "Memory of the mean gradient. Try 0: no momentum is left.",
        r"m \leftarrow \beta_1 m + (1-\beta_1) g",
        "training",
        "new network",
        low=0.0,
        high=0.999,
        steps=(0.0, 0.5, 0.8, 0.9, 0.95, 0.99, 0.999),
    )
    beta2: float = _knob(
        "float",
        0.999,
        "Beta 2",
        "Memory of the squared gradient. Try 0.99 on short runs.",
        r"v \leftarrow \beta_2 v + (1-\beta_2) g^2",
        "training",
        "new network",
        low=0.0,
        high=0.99999,
        steps=(0.0, 0.5, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999, 0.9999),
    )
    batch_size: int = _knob(
        "int",
        128,
        "Batch size",
        "Images a step. Small: noisy, many steps. Full batch: the true gradient, one step an epoch.",
        r"g = \frac{1}{m} \sum_{i \in \text{batch}} \nabla_\theta L_i",
        "training",
        "now",
        low=0,
        high=60_000,
        log=True,
        steps=(1, 8, 16, 32, 64, 128, 256, 512, 1024, 4096, 0),
        zero_means="full batch",
    )
    l2: float = _knob(
        "float",
        0.0,
        "L2 penalty",
        "Pulls every weight toward zero. Try 0.01: filters become smooth, and training accuracy falls.",
        r"L + \frac{\lambda}{2} \sum W^2",
        "regularization",
        "now",
        low=0.0,
        high=1.0,
        log=True,
        steps=(0.0, 1e-05, 3e-05, 0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0),
        zero_means="off",
    )
    dropout: float = _knob(
        "float",
        0.0,
        "Dropout",
        "The share of hidden units silenced at random in each training step. Try 0.5 with 512 units.",
        r"a \leftarrow a \odot \frac{r}{1-p}, \quad r \sim \text{Bernoulli}(1-p)",
        "regularization",
        "now",
        low=0.0,
        high=0.9,
        steps=(0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9),
        zero_means="off",
    )
    epochs: int = _knob(
        "int",
        200,
        "Epochs",
        "Passes over the training images before it stops by itself; pressing Train again goes on past it.",
        r"T = \text{epochs} \cdot \lceil n/m \rceil",
        "training",
        "new network",
        low=1,
        high=100_000,
        log=True,
        steps=(1, 2, 3, 5, 10, 20, 30, 50, 100, 200, 500, 700, 1_000, 2_000, 5_000),
    )
    eval_every: int = _knob(
        "int",
        0,
        "Score every",
        "Steps between two points of the curves; automatic keeps scoring below 10 % of the time.",
        r"t \equiv 0 \pmod k",
        "training",
        "new network",
        low=0,
        high=1_000_000,
        zero_means="automatic",
        in_sidebar=False,
    )
    seed: int = _knob(
        "int",
        0,
        "Seed",
        "Everything random follows from it: the same seed and settings give the same weights, bit for bit.",
        r"W^{(0)}, \text{order}, \text{masks} = f(\text{seed})",
        "network",
        "new network",
        low=0,
        high=2**32 - 1,
    )

    def __post_init__(self) -> None:
        for knob in knobs():
            object.__setattr__(self, knob.name, knob.check(getattr(self, knob.name)))

    # -- text in and out

    def to_dict(self) -> dict[str, Any]:
        """Field -> value, JSON-ready, every field present."""
        return {key: list(value) if isinstance(value, tuple) else value for key, value in vars(self).items()}

    def to_json(self) -> str:
        """One line of JSON with every field."""
        return json.dumps(self.to_dict())

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> RunConfig:
        """The configuration with these values and defaults elsewhere; raises ConfigError on an unknown field."""
        for name in values:
            knob(name)
        return cls(**values)

    @classmethod
    def from_json(cls, text: str) -> RunConfig:
        """The inverse of `to_json`; raises ConfigError."""
        try:
            values = json.loads(text)
        except ValueError as error:  # JSONDecodeError, or an int of more than 4,300 digits
            raise ConfigError(f"the configuration is not JSON: {error}") from None
        if not isinstance(values, dict):
            raise ConfigError(f"the configuration must be a JSON object, got {shorten(values)}")
        return cls.from_dict(values)

    def to_query(self) -> dict[str, str]:
        """Field -> text of every field that is not at its default: the settings' part of a permalink."""
        return {knob.name: knob.format(getattr(self, knob.name)) for knob in knobs() if self.changed(knob)}

    @classmethod
    def from_query(cls, query: Mapping[str, str]) -> tuple[RunConfig, list[str]]:
        """The configuration of a permalink, and one sentence for each value that was refused (its default stands)."""
        values: dict[str, Any] = {}
        problems: list[str] = []
        for knob in knobs():
            if knob.name not in query:
                continue
            try:
                values[knob.name] = knob.parse(query[knob.name])
            except ConfigError as error:
                problems.append(f"{error}; the default {knob.format(knob.default)} is used")
        return cls(**values), problems

    def to_command(self) -> str:
        """The shell command that trains with these settings."""
        command = "python -m nn_core train"
        for name, text in self.to_query().items():
            between = "=" if text.startswith("-") else " "  # after a space it would be taken for an option
            command += f" --{name.replace('_', '-')}{between}{shlex.quote(text)}"
        return command

    def to_python(self) -> str:
        """The Python lines that train with these settings."""
        arguments = ", ".join(f"{k.name}={getattr(self, k.name)!r}" for k in knobs() if self.changed(k))
        return (
            "from nn_core import RunConfig, Trainer, load_dataset\n\n"
            f"config = RunConfig({arguments})\n"
            "trainer = Trainer(config, load_dataset(config.dataset))\n"
            "trainer.train_epochs(config.epochs)\n"
            "print(trainer.score())\n"
        )

    # -- comparing

    def changed(self, knob: Knob) -> bool:
        """Whether a field differs from its default."""
        return bool(getattr(self, knob.name) != knob.default)

    def key(self) -> str:
        """A short hash of the fields that are not at their default: equal settings, equal key."""
        return hashlib.sha256(json.dumps(self.to_query(), sort_keys=True).encode()).hexdigest()[:12]

    def replace(self, **changes: Any) -> RunConfig:
        """A copy with some fields changed; raises ConfigError, for an unknown field too."""
        for name in changes:
            knob(name)
        return dataclasses.replace(self, **changes)

    def edited(self, field: str, value: Any) -> RunConfig:
        """A copy with a live setting changed; raises ConfigError, also for a field that needs a new network."""
        if knob(field).applies != "now":
            raise ConfigError(f"{field} takes effect in a new network only; live are {', '.join(LIVE_FIELDS)}")
        return self.replace(**{field: value})

    def differences(self, other: RunConfig) -> list[Knob]:
        """The knobs whose values differ."""
        return [knob for knob in knobs() if getattr(self, knob.name) != getattr(other, knob.name)]

    def diff(self, other: RunConfig) -> str:
        """One line on what differs, like "only lr differs: 0.1 against 0.3; same seed"."""
        differing = self.differences(other)
        if not differing:
            return "the same settings"
        parts = [
            f"{k.name}: {k.format(getattr(self, k.name))} against {k.format(getattr(other, k.name))}" for k in differing
        ]
        seed = "; same seed" if self.seed == other.seed else ""
        if len(differing) == 1:
            name, values = parts[0].split(": ", 1)
            return f"only {name} differs: {values}{seed}"
        return f"{len(parts)} settings differ: {', '.join(parts)}{seed}"

    def title(self) -> str:
        """A name made of what is not at its default, like "lr 0.3, init xavier, hidden 64"."""
        parts = [f"{name} {text}" for name, text in self.to_query().items()]
        return ", ".join(parts) or "default settings"

    # -- what matters now

    def in_use(self, knob: Knob) -> bool:
        """Whether a field has any effect under the current choices (momentum has none under plain SGD)."""
        return all(
            knob.name in choices(chooser)[getattr(self, chooser)].uses or not _used_by_some(chooser, knob.name)
            for chooser in CHOICES
        )

    def effective_batch(self, n_images: int) -> int:
        """Images a full step takes out of `n_images`: batch_size, or all of them when it is 0 or larger."""
        return min(self.batch_size, n_images) or n_images


def _used_by_some(chooser: str, name: str) -> bool:
    return any(name in choice.uses for choice in choices(chooser).values())


@cache
def knobs() -> tuple[Knob, ...]:
    """The Knob of every RunConfig field, in order of declaration."""
    return tuple(Knob(name=item.name, **item.metadata["knob"]) for item in fields(RunConfig))


def knob(name: str) -> Knob:
    """The Knob of one field; raises ConfigError for a name that is none."""
    for candidate in knobs():
        if candidate.name == name:
            return candidate
    close = difflib.get_close_matches(name, [k.name for k in knobs()], n=1)
    hint = f"; did you mean {close[0]!r}?" if close else ""
    raise ConfigError(f"no hyperparameter is called {shorten(name)}{hint}")


LIVE_FIELDS = tuple(k.name for k in knobs() if k.applies == "now")
