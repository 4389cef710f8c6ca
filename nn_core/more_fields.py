"""Every hyperparameter of regularization and augmentation, declared once (see fields.py)."""

from __future__ import annotations

from dataclasses import dataclass

from nn_core.fields import declare


@dataclass(frozen=True)
class RegularizationFields:
    """What keeps the network from memorising."""

    l2: float = declare(
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
    dropout: float = declare(
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
