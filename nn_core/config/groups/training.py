"""The settings of training: loss, optimizer, learning rate and its schedule, batches, budget, seed."""

from __future__ import annotations

from dataclasses import dataclass

from nn_core.config.setting import declare


@dataclass(frozen=True)
class TrainingSettings:
    """How the network is trained."""

    loss: str = declare(
        "choice",
        "cross_entropy",
        "Loss",
        "What training makes as small as it can. Try squared error, and see how much slower it starts.",
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
        citation="Polyak 1964",
        low=0.0,
        high=0.999,
        steps=(0.0, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.999),
        searched=(0.8, 0.99),
    )
    beta1: float = declare(
        "float",
        0.9,
        "Beta 1",
        "How much of the running mean of gradients is kept in each step. Try 0: no momentum is left.",
        r"m \leftarrow \beta_1 m + (1-\beta_1) g",
        "training",
        "new network",
        citation="Kingma & Ba 2015",
        low=0.0,
        high=0.999,
        steps=(0.0, 0.5, 0.8, 0.9, 0.95, 0.99, 0.999),
        searched=(0.8, 0.99),
    )
    beta2: float = declare(
        "float",
        0.999,
        "Beta 2",
        "How much of the running mean of squared gradients is kept in each step. Try 0.99 on short runs.",
        r"v \leftarrow \beta_2 v + (1-\beta_2) g^2",
        "training",
        "new network",
        citation="Kingma & Ba 2015",
        low=0.0,
        high=0.99999,
        steps=(0.0, 0.5, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999, 0.9999),
        searched=(0.9, 0.9999),
    )
    weight_decay: float = declare(
        "float",
        0.01,
        "Weight decay",
        "In each step every weight shrinks by this share times the learning rate. Try 1 at a learning rate of 0.001.",
        r"W \leftarrow (1 - \eta \lambda) W",
        "training",
        "now",
        citation="Loshchilov & Hutter 2019",
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
        "How the learning rate changes over the epochs, as a multiple of the one set. Try cosine over 10 epochs.",
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
        searched=(0.0, 0.3),
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
        searched=(0.3, 0.99),
    )
    decay_every: int = declare(
        "int",
        10,
        "Decay every",
        "In so many epochs the learning rate falls by the decay factor once. Try a third of the epochs.",
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
        "Images per step. Small: noisy, many steps. Full batch: the true gradient, one step per epoch.",
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
