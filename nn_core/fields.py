"""Every hyperparameter of data, network and training, declared once: default, range, stops, help, formula.

`RunConfig` in config.py is made of the classes here and in more_fields.py; the order of declaration is that of the
widgets and of the options.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from nn_core.knobs import Applies, Group, Kind


def declare(
    kind: Kind, default: Any, label: str, help: str, formula: str, group: Group, applies: Applies, **more: Any
) -> Any:
    """A dataclass field that carries its Knob (the field's name is filled in by `config.knobs`)."""
    meta = dict(kind=kind, default=default, label=label, help=help, formula=formula, group=group, applies=applies)
    return field(default=default, metadata={"knob": {**meta, **more}})


@dataclass(frozen=True)
class TrainingFields:
    """What is learned from, the network, and how it is trained."""

    dataset: str = declare(
        "name",
        "mnist",
        "Data set",
        "What is learned. A name in nn_core/data, or the path of an .npz of the same form.",
        r"\mathcal{D} = \{(x_i, y_i)\}",
        "data",
        "new network",
        in_sidebar=False,
    )
    n_train: int = declare(
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
    input_scaling: str = declare(
        "choice",
        "unit",
        "Input scaling",
        "The range in which pixels enter. Try standard: centred inputs make the first steps better conditioned.",
        r"x \leftarrow x/255 \quad\text{or}\quad (x/255-\mu)/\sigma",
        "data",
        "new network",
    )
    label_noise: float = declare(
        "float",
        0.0,
        "Label noise",
        "The share of training labels redrawn at random, fixed by the seed. Training curves then score against these "
        "noisy labels, validation against the true ones. Try 0.5 with 2,000 images: it learns even noise by heart.",
        r"y_i \leftarrow \mathcal{U}\{0, \dots, 9\} \text{ with probability } p",
        "data",
        "new network",
        low=0.0,
        high=1.0,
        steps=(0.0, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0),
        zero_means="off",
        folded=True,
    )
    model: str = declare(
        "choice",
        "mlp",
        "Model",
        "The family of networks.",
        r"f_\theta: \mathbb{R}^{784} \to \mathbb{R}^{10}",
        "network",
        "new network",
    )
    hidden: tuple[int, ...] = declare(
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
    activation: str = declare(
        "choice",
        "relu",
        "Activation",
        "The bend between layers; without it, any depth is one linear map. Try sigmoid and see the first layer slow "
        "down.",
        r"a = \phi(z)",
        "network",
        "new network",
    )
    init: str = declare(
        "choice",
        "he",
        "Initialization",
        "Where the weights start. Try zeros: all hidden units stay copies of one another.",
        r"W^{(0)} \sim p(W)",
        "network",
        "new network",
    )
    init_scale: float = declare(
        "float",
        0.5,
        "Initial scale",
        "The spread of the first weights: standard deviation (normal), half-width (uniform) or the value itself "
        "(constant). Try 0.01, then 3.",
        r"W \sim \mathcal{N}(0, s^2) \quad\text{or}\quad \mathcal{U}(-s, s)",
        "network",
        "new network",
        low=1e-4,
        high=10,
        log=True,
        steps=(0.001, 0.003, 0.01, 0.03, 0.1, 0.2, 0.3, 0.5, 1.0, 2.0, 3.0, 10.0),
    )
    gain: float = declare(
        "float",
        1.0,
        "Gain",
        "Multiplies the first weights, whichever initialization drew them. Try 0.1 and 5 with two hidden layers.",
        r"W^{(0)} \leftarrow \gamma W^{(0)}",
        "network",
        "new network",
        low=0.01,
        high=10,
        log=True,
        steps=(0.01, 0.03, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0, 1.4, 2.0, 3.0, 5.0, 10.0),
        folded=True,
    )
    loss: str = declare(
        "choice",
        "cross_entropy",
        "Loss",
        "What is made small. Try squared error, and see how much slower it starts.",
        r"L(\theta)",
        "training",
        "new network",
        folded=True,
    )
    optimizer: str = declare(
        "choice",
        "sgd",
        "Optimizer",
        "How a gradient becomes a step. Try Adam at a learning rate of 0.003.",
        r"\theta \leftarrow \theta - \Delta(g)",
        "training",
        "new network",
    )
    lr: float = declare(
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
    momentum: float = declare(
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
    beta1: float = declare(
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
    beta2: float = declare(
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
    weight_decay: float = declare(
        "float",
        0.01,
        "Weight decay",
        "The share of every weight, times the learning rate, that is taken away in each step. Try 1 at lr 0.001.",
        r"W \leftarrow (1 - \eta \lambda) W",
        "training",
        "now",
        low=0.0,
        high=10.0,
        log=True,
        steps=(0.0, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0),
        zero_means="off",
    )
    schedule: str = declare(
        "choice",
        "constant",
        "Schedule",
        "How the learning rate changes over the budget of epochs; the slider is its base. Try cosine over 10 epochs.",
        r"\eta_t = \eta\, s(t/T)",
        "schedule",
        "new network",
        folded=True,
    )
    warmup: float = declare(
        "float",
        0.1,
        "Warm-up",
        "The share of the steps in which the learning rate rises. Try 0.3 with a high rate.",
        r"t < wT",
        "schedule",
        "new network",
        low=0.0,
        high=0.9,
        steps=(0.0, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5),
        folded=True,
    )
    decay_factor: float = declare(
        "float",
        0.5,
        "Decay factor",
        "What the learning rate is multiplied by each time. Try 0.1.",
        r"\gamma",
        "schedule",
        "new network",
        low=0.01,
        high=1.0,
        steps=(0.01, 0.1, 0.2, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 0.99, 1.0),
        folded=True,
    )
    decay_every: int = declare(
        "int",
        10,
        "Decay every",
        "Epochs after which the factor has been applied once more. Try a third of the epochs.",
        r"k \text{ epochs}",
        "schedule",
        "new network",
        low=1,
        high=100_000,
        log=True,
        steps=(1, 2, 3, 5, 10, 20, 50, 100, 500),
        folded=True,
    )
    batch_size: int = declare(
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
    epochs: int = declare(
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
    eval_every: int = declare(
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
    seed: int = declare(
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
