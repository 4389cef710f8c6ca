"""The settings of regularization: what keeps a network from learning its training images by heart."""

from __future__ import annotations

from dataclasses import dataclass

from nn_core.config.setting import declare


@dataclass(frozen=True)
class RegularizationSettings:
    """Penalties, dropout, limits, normalization, early stopping."""

    l2: float = declare(
        "float",
        0.0,
        "L2 penalty",
        "Pulls every weight toward zero. Try 0.01: filters become smooth, and training accuracy falls.",
        r"L + \frac{\lambda}{2} \sum W^2",
        "regularization",
        "now",
        citation="Krogh & Hertz 1992",
        low=0.0,
        high=1.0,
        log=True,
        steps=(0.0, 1e-05, 3e-05, 0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0),
        zero_means="off",
        searched=(1e-6, 1e-2),
    )
    dropout: float = declare(
        "float",
        0.0,
        "Dropout",
        "The share of hidden units set to 0 at random in each training step. Try 0.5 with 512 units.",
        r"a \leftarrow a \odot \frac{r}{1-p}, \quad r \sim \text{Bernoulli}(1-p)",
        "regularization",
        "now",
        citation="Srivastava, Hinton, Krizhevsky, Sutskever & Salakhutdinov 2014",
        low=0.0,
        high=0.9,
        steps=(0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9),
        zero_means="off",
        searched=(0.0, 0.5),
    )
    l1: float = declare(
        "float",
        0.0,
        "L1 penalty",
        "Pulls every weight toward zero by the same amount, so that many end there: sparse filters. Try 0.0001.",
        r"L + \lambda_1 \sum |W|",
        "regularization",
        "now",
        citation="Tibshirani 1996",
        low=0.0,
        high=1.0,
        log=True,
        steps=(0.0, 1e-06, 1e-05, 3e-05, 0.0001, 0.0003, 0.001, 0.003, 0.01, 0.1, 1.0),
        zero_means="off",
        folded=True,
        searched=(1e-7, 1e-3),
    )
    label_smoothing: float = declare(
        "float",
        0.0,
        "Label smoothing",
        "The share of each target spread over all digits: the network is not asked to be certain. Try 0.1.",
        r"t = (1-\epsilon)\, \mathbb{1}_y + \epsilon / 10",
        "regularization",
        "now",
        citation="Szegedy, Vanhoucke, Ioffe, Shlens & Wojna 2016",
        low=0.0,
        high=0.9,
        steps=(0.0, 0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 0.9),
        zero_means="off",
        folded=True,
        searched=(0.0, 0.2),
    )
    clip_norm: float = declare(
        "float",
        0.0,
        "Clip gradient",
        "A longer gradient, penalties included, is shortened to this length. Try 1 with a rate that overshoots.",
        r"g \leftarrow g \min\left(1, \frac{c}{\lVert g \rVert}\right)",
        "regularization",
        "now",
        citation="Pascanu, Mikolov & Bengio 2013",
        low=0.0,
        high=1000.0,
        log=True,
        steps=(0.0, 0.01, 0.03, 0.1, 0.3, 0.5, 1.0, 2.0, 5.0, 10.0, 100.0),
        zero_means="off",
        folded=True,
        searched=(0.1, 10.0),
    )
    max_norm: float = declare(
        "float",
        0.0,
        "Max-norm",
        "After each step, the weights into a unit are shrunk to at most this length. Try 2 with dropout.",
        r"w \leftarrow w \min\left(1, \frac{c}{\lVert w \rVert}\right)",
        "regularization",
        "now",
        citation="Srebro & Shraibman 2005; Srivastava et al. 2014",
        low=0.0,
        high=1000.0,
        log=True,
        steps=(0.0, 0.1, 0.3, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 10.0),
        zero_means="off",
        folded=True,
        searched=(1.0, 10.0),
    )
    normalization: str = declare(
        "choice",
        "none",
        "Normalization",
        "Centres and scales the sums of each hidden layer before the activation. Try batch at a high learning rate.",
        r"y = \gamma \hat z + \beta",
        "regularization",
        "new network",
        folded=True,
    )
    early_stopping: int = declare(
        "int",
        0,
        "Early stopping",
        "Epochs to wait for a lower validation loss; then training stops, and the best weights are kept. Try 3.",
        r"L_{\text{val}}(e) \ge \min L_{\text{val}} \text{ for } k \text{ epochs}",
        "regularization",
        "new network",
        citation="Prechelt 1998",
        low=0,
        high=100_000,
        log=True,
        steps=(0, 1, 2, 3, 5, 10, 20, 50),
        zero_means="off",
        folded=True,
    )
