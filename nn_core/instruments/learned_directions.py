"""How many singular values of each weight matrix are larger than chance would have them."""

from __future__ import annotations

from collections.abc import Mapping

from nn_core.instruments.look import Look
from nn_core.instruments.measures.spectrum import chance_edge, n_above, singular_values
from nn_core.instruments.registry import instrument


@instrument(
    "learned_directions",
    label="Directions beyond chance",
    unit="singular values",
    formula=r"\#\{i : \sigma_i > 1.05\, s\, (\sqrt{n_{\text{in}}} + \sqrt{n_{\text{out}}})\}",
    source="Marchenko & Pastur 1967; Martin & Mahoney 2021, arXiv:1810.01075",
    reading="How many singular values of a layer stand above those of a matrix of random numbers of the same size and "
    "spread: 0 before any learning, one more for each direction that is learned.",
    check="0 for random numbers; as many as were planted.",
    cost="all",
    needs="copy",
    order=41,
)
def learned_directions(look: Look) -> Mapping[str, float]:
    """That of every weight matrix, a convolution's with a column a channel; the spread s is that of its own weights."""
    layers = look.matrices(look.model.flat)
    return {
        layer: float(n_above(singular_values(W), chance_edge(W.shape, float(W.std()))))
        for layer, W in zip(layers, look.model.matrices, strict=True)
    }
