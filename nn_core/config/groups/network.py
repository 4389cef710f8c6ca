"""The settings of the network: its layers, and the weights that it starts with."""

from __future__ import annotations

from dataclasses import dataclass

from nn_core.config.setting import declare


@dataclass(frozen=True)
class NetworkSettings:
    """Which network learns, and where it starts."""

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
    channels: tuple[int, ...] = declare(
        "sizes",
        (8, 16),
        "Channels",
        "Filters in each block of convolution and pooling; each first-layer filter is one small picture to look at. "
        "Try 2 and 4, then 32 and 64.",
        r"W_l \in \mathbb{R}^{C_l \times C_{l-1} \times k \times k}",
        "network",
        "new network",
        low=1,
        high=256,
        steps=(1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128),
        each="Block {} channels",
    )
    kernel: int = declare(
        "int",
        5,
        "Kernel",
        "Rows and columns of a filter. Try 3, then 9: larger filters see longer strokes.",
        r"z_{r,s} = \sum_{i,j<k} W_{i,j}\, x_{r+i,\,s+j}",
        "network",
        "new network",
        low=1,
        high=1_000,
        steps=(1, 2, 3, 4, 5, 6, 7, 9, 11),
    )
    padding: int = declare(
        "int",
        0,
        "Padding",
        "Rows and columns of zeros around each map, so that filters reach its rim. Try 2 with a kernel of 5.",
        r"H' = H + 2p - k + 1",
        "network",
        "new network",
        low=0,
        high=14,
        steps=(0, 1, 2, 3, 4, 5),
        zero_means="none",
    )
    pool: int = declare(
        "int",
        2,
        "Pool",
        "After each convolution, a square of so many rows and columns becomes one value: less detail, less work, and "
        "the exact place matters less. Try 1: no pooling.",
        r"H' = \lfloor H / q \rfloor",
        "network",
        "new network",
        low=1,
        high=1_000,
        steps=(1, 2, 3, 4),
    )
    pooling: str = declare(
        "choice",
        "max",
        "Pooling",
        "Which value such a square becomes: its largest, or its average. Try the average.",
        r"y = \max x \quad\text{or}\quad \bar x",
        "network",
        "new network",
    )
    head: str = declare(
        "choice",
        "flatten",
        "Head",
        "What the dense layers see of the last maps. Try the global average: a hundredth of the weights.",
        r"(C, H, W) \to C H W \quad\text{or}\quad C",
        "network",
        "new network",
    )
    dense_units: tuple[int, ...] = declare(
        "sizes",
        (),
        "Dense units",
        "Units in each hidden layer between the maps and the ten outputs. Try one layer of 64.",
        r"a = \phi(x W + b)",
        "network",
        "new network",
        low=1,
        high=2048,
        steps=(8, 10, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512),
        each="Dense layer {} units",
    )
    activation: str = declare(
        "choice",
        "relu",
        "Activation",
        "The nonlinear function between layers; without it, any number of layers is one linear map. Try sigmoid and "
        "see the first layer slow down.",
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
        searched=(0.003, 0.3),
    )
    gain: float = declare(
        "float",
        1.0,
        "Gain",
        "Multiplies the first weights, whichever initialization drew them. Try 0.1 and 5 with two hidden layers.",
        r"W^{(0)} \leftarrow \gamma W^{(0)}",
        "network",
        "new network",
        citation="Saxe, McClelland & Ganguli 2014",
        low=0.01,
        high=10,
        log=True,
        steps=(0.01, 0.03, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0, 1.4, 2.0, 3.0, 5.0, 10.0),
        folded=True,
        searched=(0.1, 3.0),
    )
