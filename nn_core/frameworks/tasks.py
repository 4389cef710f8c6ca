"""What is compared: networks and their settings, which frameworks train each, and the figures that everybody quotes."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

from nn_core.config.presets import PRESETS
from nn_core.config.run_config import RunConfig
from nn_core.nn.network import OUTLINED, outline

SAME_SEED = 1  # of networks that are to stay equal; with 0, rounding flips a ReLU at update 61, and they part
MOST_TURNS = 20  # epochs are put together so that no training has more turns
SOURCE = "quoted in the brief that this project began with"


@dataclass(frozen=True)
class Quoted:
    """Accuracies that are quoted elsewhere, in [0, 1], and where."""

    train: float
    held_out: float
    source: str = SOURCE


@dataclass(frozen=True)
class Task:
    """One network to be trained for `config.epochs` epochs by each of these frameworks."""

    title: str
    config: RunConfig
    frameworks: tuple[str, ...]
    quoted: Mapping[str, Quoted] = field(default_factory=dict)  # framework -> what is quoted of it

    @property
    def epochs_a_turn(self) -> int:
        """Epochs that one framework trains before the next has its turn."""
        return max(1, -(-self.config.epochs // MOST_TURNS))


ADAM = RunConfig(hidden=(128,), optimizer="adam", lr=0.001, batch_size=128)
CNN = RunConfig(model="cnn", channels=(8, 16), optimizer="adam", lr=0.002, batch_size=128)
OF_ALL = ("glassnet", "torch", "keras", "tensorflow", "sklearn")


def tasks(
    config: RunConfig, *, quick: bool = False, quoted: bool = True, only: Collection[str] | None = None
) -> list[Task]:
    """Those settings in every framework and, if `quoted`, the three networks that everybody quotes, beside our equals.

    `only` names the frameworks that are wanted.
    """
    all_of_them = [Task(_named(config), config, OF_ALL), *(_quoted(quick) if quoted else [])]
    if only is None:
        return all_of_them
    wanted = [replace(task, frameworks=tuple(name for name in task.frameworks if name in only)) for task in all_of_them]
    return [task for task in wanted if task.frameworks]


def _quoted(quick: bool) -> list[Task]:
    classic = PRESETS["classic"].config
    return [
        Task(
            "784-10-10, gradient descent on all images at once",
            classic.replace(epochs=100) if quick else classic,
            ("glassnet",),
            {"glassnet": Quoted(0.85, 0.84)},
        ),
        Task(
            "784-128-10 with Adam",
            ADAM.replace(epochs=2 if quick else 10),
            ("keras", "glassnet"),
            {"keras": Quoted(0.98, 0.97)},
        ),
        Task(
            "CNN with 8 and 16 filters, Adam",
            CNN.replace(epochs=1 if quick else 5),
            ("torch", "glassnet"),
            {"torch": Quoted(0.99, 0.98)},
        ),
    ]


def _named(config: RunConfig) -> str:
    """The network, and what of its settings is not the default."""
    more = config.title(OUTLINED)
    return f"{outline(config)}, {more}" if more else outline(config)


def identical_tasks() -> list[tuple[str, RunConfig, int]]:
    """(title, settings, batches to follow) of the comparisons from the same weights on the same batches."""
    mlp = RunConfig(hidden=(128,), batch_size=128, lr=0.1, seed=SAME_SEED)
    an_epoch = -(-mlp.n_train // mlp.batch_size)
    return [
        ("784-128-10", mlp, an_epoch),
        ("784-128-10", mlp.replace(optimizer="momentum", lr=0.02), an_epoch),
        ("784-128-10", mlp.replace(optimizer="adam", lr=0.001), an_epoch),
        *(
            ("CNN 8-16", CNN.replace(optimizer=name, lr=lr), 20)
            for name, lr in (("sgd", 0.05), ("momentum", 0.01), ("adam", 0.001))
        ),
    ]
