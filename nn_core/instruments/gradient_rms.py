"""The size of the gradient in each layer: where it vanishes, a layer learns nothing."""

from __future__ import annotations

from collections.abc import Mapping

from nn_core.instruments.look import Look
from nn_core.instruments.measures.layers import rms
from nn_core.instruments.registry import Band, instrument


@instrument(
    "gradient_rms",
    label="Gradient",
    formula=r"\mathrm{RMS}(g) = \sqrt{\tfrac{1}{n} \textstyle\sum_i g_i^2}",
    source="Glorot & Bengio 2010, section 4",
    reading="How strongly a batch pulls at one weight of a layer. Layers should be within a factor of a hundred of one "
    "another.",
    check="By hand; layers far apart in a deep network of sigmoids.",
    needs="update",
    order=10,
    judged_on=3,
    relative=True,
    log=True,
    bands=(
        Band(0.0, "broken", "Next to no gradient arrives here: this layer does not learn."),
        Band(1e-6, "watch", "Far less gradient arrives here than in the strongest layer: this one learns slowly."),
        Band(1e-3, "fine", "The gradient is of a size with that of the other layers."),
    ),
)
def gradient_rms(look: Look) -> Mapping[str, float]:
    """The RMS of the gradient of each layer's weights, penalties included, before any clipping."""
    return {layer: rms(grads) for layer, grads in look.matrices(look.update.gradient).items()}
