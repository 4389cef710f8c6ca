"""Backpropagation through dense layers, a method a line of the textbook, so that one line can be got wrong on purpose.

In float64, samples first: x (m, n_in), one row an image. The activations, the losses and their derivatives are those of
nn_core/nn. Layers are numbered from 0 here; for people, from 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from nn_core.config.choices import choices
from nn_core.config.run_config import RunConfig
from nn_core.machine.memory import Array
from nn_core.nn.activations import Activation
from nn_core.nn.losses import Loss, loss_of

Gradients = dict[str, Array]  # "dW1", "db1", "dW2", ...


@dataclass(frozen=True, eq=False)
class Case:
    """One batch, one network: images x (m, n_in), labels (m,), W of shape (n_in, n_out) and b (n_out,) a layer."""

    x: Array
    labels: Array
    weights: tuple[Array, ...]
    biases: tuple[Array, ...]
    config: RunConfig

    def __repr__(self) -> str:
        return f"<Case of {len(self.x):,} images through {self.outline}>"

    @property
    def sizes(self) -> tuple[int, ...]:
        """Units by layer, the inputs first."""
        return (len(self.weights[0]), *(W.shape[1] for W in self.weights))

    @property
    def outline(self) -> str:
        """Like "784-10-10"."""
        return "-".join(map(str, self.sizes))

    @property
    def activation(self) -> type[Activation]:
        """That of the hidden layers."""
        found: type[Activation] = choices("activation")[self.config.activation].target
        return found

    @property
    def loss(self) -> type[Loss]:
        """What the gradients are of, penalties left out."""
        return loss_of(self.config)


class Backprop:
    """The gradients of one case. A slip overrides one of the methods below; `only` is the one layer that has it."""

    def __init__(self, case: Case, only: int | None = None) -> None:
        self.case, self.only = case, only
        self.n = len(case.weights)
        self.m = len(case.x)

    def _at(self, layer: int) -> Backprop:
        """Who works in this layer: this pass, or the right one where the slip is made in another layer alone."""
        return self if self.only in (None, layer) else Backprop(self.case)

    def gradients(self) -> Gradients:
        """By name, in the order dW1, db1, dW2, ..."""
        case = self.case
        inputs, z = [self.x()], []  # of each layer: what goes in, and its sums
        for layer in range(self.n):
            z.append(self._at(layer).sums(layer, inputs[-1]))
            if layer < self.n - 1:
                inputs.append(self.activate(z[-1]))
        found: Gradients = {}
        dz = self.dz_of_loss(z[-1])
        for layer in reversed(range(self.n)):
            before = inputs[layer] if layer == 0 else self.of_layer_before(inputs[layer], z[layer - 1])
            found[f"dW{layer + 1}"] = self.dW(layer, before, dz) + self.penalty_of_weights(case.weights[layer])
            found[f"db{layer + 1}"] = self.db(layer, dz) + self.penalty_of_biases(case.biases[layer])
            if layer:
                da = self._at(layer).back(layer, dz, found[f"dW{layer + 1}"])
                dz = self._at(layer - 1).through_activation(layer - 1, da, z[layer - 1], inputs[layer], z[layer])
        return {name: found[name] for name in names(self.n)}

    # -- forward

    def x(self) -> Array:
        """The images."""
        return self.case.x

    def labels(self) -> Array:
        """The labels."""
        return self.case.labels

    def sums(self, layer: int, a: Array) -> Array:
        """z = a W + b."""
        return a @ self.case.weights[layer] + self.case.biases[layer]

    def activate(self, z: Array) -> Array:
        """a = phi(z)."""
        return self.case.activation.value(z)

    # -- back

    def dz_of_loss(self, logits: Array) -> Array:
        """dL/dz of the last layer, the 1/m of the mean in it: (p - y) / m for the cross-entropy."""
        return self.case.loss.gradient(logits, self.labels())

    def of_layer_before(self, a: Array, z: Array) -> Array:
        """What a layer's weights were multiplied by: the activations a = phi(z) of the layer before."""
        return a

    def dW(self, layer: int, a: Array, dz: Array) -> Array:
        """dW = a^T dz."""
        return a.T @ dz

    def db(self, layer: int, dz: Array) -> Array:
        """db = sum of dz over the images."""
        return dz.sum(axis=0)

    def penalty_of_weights(self, W: Array) -> Array:
        """The gradient of (l2 / 2) times the sum of squared weights."""
        return self.case.config.l2 * W

    def penalty_of_biases(self, b: Array) -> Array | float:
        """Biases have no penalty."""
        return 0.0

    def back(self, layer: int, dz: Array, dW: Array) -> Array:
        """da = dz W^T."""
        return dz @ self.case.weights[layer].T

    def through_activation(self, layer: int, da: Array, z: Array, a: Array, z_next: Array) -> Array:
        """dz = da * phi'(z)."""
        return da * self.case.activation.slope(z, a)


def names(n_layers: int) -> list[str]:
    """["dW1", "db1", "dW2", "db2", ...]."""
    return [f"d{kind}{layer}" for layer in range(1, n_layers + 1) for kind in "Wb"]


def random_case(config: RunConfig, x: Array, labels: Array, seed: int) -> Case:
    """A network of these settings with weights as He et al. (2015) draw them, and biases that are not zero."""
    rng = np.random.default_rng(seed)
    sizes = (x.shape[1], *config.hidden, 10)
    weights = tuple(rng.normal(0, np.sqrt(2 / n_in), (n_in, n_out)) for n_in, n_out in pairwise(sizes))
    biases = tuple(rng.normal(0, 0.3, n_out) for n_out in sizes[1:])
    return Case(np.asarray(x, np.float64), labels, weights, biases, config)
