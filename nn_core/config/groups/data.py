"""The settings of what is learned from."""

from __future__ import annotations

from dataclasses import dataclass

from nn_core.config.setting import declare


@dataclass(frozen=True)
class DataSettings:
    """Which images, how many of them, and what is done to pixels and labels once, before training."""

    dataset: str = declare(
        "name",
        "mnist",
        "Data set",
        "The images to learn from: a name in nn_core/data, or the path of an .npz file of the same form.",
        r"\mathcal{D} = \{(x_i, y_i)\}",
        "data",
        "new network",
        in_sidebar=False,
    )
    n_train: int = declare(
        "int",
        55_000,
        "Images",
        "How many images the network may learn from. With few it overfits: try 500 and watch the two "
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
        "The range of the pixel values. Try standard: learning often begins faster where inputs are centred at 0.",
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
        citation="Zhang, Bengio, Hardt, Recht & Vinyals 2017",
        low=0.0,
        high=1.0,
        steps=(0.0, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0),
        zero_means="off",
        folded=True,
    )
