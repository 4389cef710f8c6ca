"""The accuracy of the averaged network beside that of the network as it stands."""

from __future__ import annotations

from collections.abc import Mapping

from nn_core.instruments.look import Look
from nn_core.instruments.registry import LINE, WHOLE, instrument
from nn_core.instruments.weight_average import averaged_weights, serves
from nn_core.nn.metrics import accuracy


@instrument(
    "average_accuracy",
    label="Averaged network",
    unit="share",
    formula=r"\text{validation accuracy of}\ \bar w \ \text{beside that of}\ w",
    source="Izmailov, Podoprikhin, Garipov et al. 2018, arXiv:1803.05407",
    reading="How well the average of the weights over the newest ninth of the run reads the validation images: a "
    "smoother curve, and often a better one than the network itself. It can be chosen on Draw and on Evaluate.",
    check="The predictions of a network with averaged weights.",
    cost="all",
    needs="copy",
    order=33,
    parts={WHOLE: "averaged", LINE: "as it stands"},
    measured_on=lambda config: "all validation images",
    serves=serves,
)
def average_accuracy(look: Look) -> Mapping[str, float]:
    """The accuracy of both on validation; nothing before the first average."""
    model, data = look.model, look.data
    values = averaged_weights(look.kept, model.n_params)
    if values is None:
        return {}
    now = accuracy(data.val_labels, model.predict(data.val_images))
    model.flat[...] = values  # the network is a copy
    return {WHOLE: accuracy(data.val_labels, model.predict(data.val_images)), LINE: now}
