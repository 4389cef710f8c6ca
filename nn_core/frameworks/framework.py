"""What a framework is to the comparison: its name, how it is installed, and a network that it trains."""

from __future__ import annotations

import importlib.metadata
import importlib.util
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from nn_core.config.run_config import RunConfig, all_settings
from nn_core.data import Dataset
from nn_core.machine.memory import Array

Variant = Mapping[str, Any]  # one way to run it, like {"threads": 1, "optimizer": "fused"}

# what every framework is given in the same way, or what decides nothing of the training
GIVEN = frozenset(
    {
        *("dataset", "n_train", "input_scaling", "label_noise", "model", "hidden", "lr", "batch_size", "epochs"),
        *("eval_every", "seed", "init", "init_scale", "gain"),
    }
)


class Net(ABC):
    """One network in one framework, in the worker's process.

    With `weights`, arrays by our names ("dense1.W" (n_in, n_out), "conv1.W" (c_out, c_in, k, k), ...), it begins there;
    without, with the framework's own initial weights. The images that it learns from are `data.train_images`, as many
    as `config.n_train`.
    """

    @abstractmethod
    def __init__(self, config: RunConfig, data: Dataset, weights: Mapping[str, Array] | None, variant: Variant) -> None:
        """Build it, with the images in memory as the framework likes them."""

    @staticmethod
    def variants(config: RunConfig, cores: int) -> Sequence[Variant]:
        """The ways to run it that are tried, the most usual first; the quickest is used."""
        return ({},)

    @abstractmethod
    def train(self, n: int) -> None:
        """One pass over the first `n` training images, in an order of its own."""

    @abstractmethod
    def follow(self, batches: Iterable[Array]) -> list[float]:
        """One update on each of these batches, index arrays (m,); the loss of each batch, before its update."""

    @abstractmethod
    def predict(self, images: Array) -> Array:
        """The digit (m,) that it reads in each image, uint8 (m, 28, 28)."""

    @abstractmethod
    def weights(self) -> dict[str, Array]:
        """Its parameters by our names and in our orientation, float32."""


@dataclass(frozen=True)
class Framework:
    """One framework. `name` is for links and JSON, `label` for people; `packages` are what `import` must find."""

    name: str
    label: str
    packages: tuple[str, ...]
    install: str  # the command that installs what it needs, "" where nothing is missing ever
    distributions: tuple[str, ...]  # what pip calls its packages; their size on disk is shown
    carries: frozenset[str]  # settings that it has besides those that all are given
    choices: Mapping[str, frozenset[str]]  # of these settings, the choices that it has
    net: Callable[[], type[Net]]  # imports the framework: in the worker's process alone
    code: Callable[..., Any]  # its training step, the function that runs
    follows: bool  # whether it can begin with our weights and take our batches
    order: int

    def __repr__(self) -> str:
        return f"<Framework {self.name}: {'installed' if self.is_installed else 'not installed'}>"

    @property
    def is_installed(self) -> bool:
        """Whether its packages can be found; nothing is imported."""
        return all(importlib.util.find_spec(package) is not None for package in self.packages)

    def refuses(self, config: RunConfig) -> str:
        """Why it cannot train a network of these settings at all, "" where it can."""
        for name, known in self.choices.items():
            value = getattr(config, name)
            if value not in known:
                return f"{self.label} has no equivalent of {name} {value} here."
        return ""

    def leaves_out(self, config: RunConfig) -> list[str]:
        """The settings in use that it has no equal of, like "rotation 10"."""
        carried = GIVEN | self.carries | set(self.choices)
        return [
            f"{item.name} {item.format(getattr(config, item.name))}"
            for item in all_settings()
            if config.changed(item) and config.in_use(item) and item.name not in carried
        ]


FRAMEWORKS: dict[str, Framework] = {}


def framework(
    name: str,
    *,
    label: str,
    packages: tuple[str, ...],
    install: str,
    distributions: tuple[str, ...],
    carries: Iterable[str],
    choices: Mapping[str, Iterable[str]],
    code: Callable[..., Any],
    order: int,
    follows: bool = True,
) -> Callable[[Callable[[], type[Net]]], Callable[[], type[Net]]]:
    """Decorator: register a function that imports a framework and returns its `Net`; see `Framework`."""

    def add(net: Callable[[], type[Net]]) -> Callable[[], type[Net]]:
        known = {setting: frozenset(values) for setting, values in choices.items()}
        FRAMEWORKS[name] = Framework(
            name, label, packages, install, distributions, frozenset(carries), known, net, code, follows, order
        )
        ordered = sorted(FRAMEWORKS.values(), key=lambda one: one.order)
        FRAMEWORKS.clear()
        FRAMEWORKS.update({each.name: each for each in ordered})
        return net

    return add


def installed_mb(distributions: Iterable[str]) -> float | None:
    """Megabytes on the disk of those of these that are installed, as pip recorded their files; None where none is.

    What they depend on is not counted.
    """
    sizes = []
    for name in distributions:
        with suppress(importlib.metadata.PackageNotFoundError):
            sizes.append(sum(file.size or 0 for file in importlib.metadata.files(name) or ()))
    return sum(sizes) / 1e6 if sizes else None
