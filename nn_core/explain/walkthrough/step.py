"""One training step replayed in float64 with everything kept: what went through each layer, there and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from nn_core.config.run_config import RunConfig
from nn_core.machine.memory import Array
from nn_core.nn.activations import Activation
from nn_core.nn.conv import Conv2D
from nn_core.nn.layers import Dense, Layer
from nn_core.nn.losses import targets
from nn_core.nn.network import Network, build_model
from nn_core.nn.optimizers import make_optimizer
from nn_core.nn.regularizers import clip_to_norm, project_to_max_norm
from nn_core.nn.schedules import lr_multiplier

MOST_IMAGES = 8  # of a mini-batch that is walked


@dataclass(frozen=True, eq=False, repr=False)
class Moments:
    """What an optimizer has kept from earlier updates: their number, and its vectors (n_params,) by name."""

    t: int = 0
    state: Mapping[str, Array] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Passed:
    """What went through one layer: `x` in and `out` out, and on the way back `dout` in and `dx` out."""

    name: str  # "dense1", "norm1", "activation1", ...
    number: int  # of the dense or convolutional layer that it belongs to, from 1
    layer: Layer
    x: Array
    out: Array
    dout: Array
    dx: Array

    def __repr__(self) -> str:
        return f"<{self.name}: {self.x.shape} to {self.out.shape}>"


@dataclass(frozen=True, eq=False, repr=False)
class Step:
    """One training step on a batch x (m, ...): all float64, arrays by the names of `Network.named_params`."""

    model: Network
    x: Array
    labels: Array
    passed: tuple[Passed, ...]
    logits: Array
    probabilities: Array
    targets: Array
    data_loss: float
    penalty: float  # of L2 and L1, which is added to the loss
    dlogits: Array
    data_gradients: Mapping[str, Array]  # of the data's loss alone
    penalty_gradients: Mapping[str, Array]
    clip: float  # the factor of clipping, 1 where nothing is clipped
    gradients: Mapping[str, Array]  # what the optimizer is given
    lr: float  # the learning rate in force
    t: int  # the number of this update, from 1
    before: Mapping[str, Array]
    after: Mapping[str, Array]
    state_before: Mapping[str, Mapping[str, Array]]  # of the optimizer: its vector -> parameter -> values
    state_after: Mapping[str, Mapping[str, Array]]

    @property
    def config(self) -> RunConfig:
        """The settings that the step is made with."""
        return self.model.config

    @property
    def m(self) -> int:
        """The number of images."""
        return len(self.labels)


def replica(config: RunConfig, weights: Mapping[str, Array]) -> Network:
    """The network of these settings and weights in float64, without dropout: every unit takes part."""
    model = build_model(config.replace(init="zeros"), np.random.default_rng(0), dtype=np.float64)
    model.load(weights)
    return model


def rate_at(config: RunConfig, epoch: float) -> float:
    """What the schedule multiplies the learning rate by after so many epochs; as `Trainer.lr_multiplier`."""
    if config.schedule == "constant":
        return 1.0
    size = config.effective_batch(config.n_train)
    steps_an_epoch = -(-config.n_train // size)
    whole = int(epoch)
    made = whole * steps_an_epoch + round((epoch - whole) * config.n_train) / size
    return lr_multiplier(made, config.epochs * steps_an_epoch, config)


def take_step(model: Network, x: Array, labels: Array, rate: float = 1.0, moments: Moments | None = None) -> Step:
    """The step that training makes on inputs x (m, ...) and labels (m,), at `rate` times the learning rate.

    The model, one of `replica`, is left as it is, but for what its layers remember. Batch normalization takes the
    statistics of the batch, and of one image alone the running ones. Finite inputs are taken for granted.
    """
    config, smoothing = model.config, model.config.label_smoothing
    running = model.running.copy()
    ins, outs = _forward(model, x, len(labels) > 1)
    model.running[...] = running
    logits = outs[-1]
    dlogits = model.loss.gradient(logits, labels, smoothing)
    douts, dxs = _backward(model, dlogits)
    data = model.flat_grads.copy()
    model.add_penalties(config.l2, config.l1)
    total = model.flat_grads.copy()
    penalty = total - data
    norm = clip_to_norm(total, config.clip_norm) if config.clip_norm else 0.0
    clip = config.clip_norm / norm if config.clip_norm and norm > config.clip_norm else 1.0
    after, state_before, state_after, t, lr = _update(model, total, rate, moments or Moments())
    return Step(
        model=model,
        x=x,
        labels=labels,
        passed=tuple(
            Passed(*named, layer, *four)
            for named, layer, four in zip(
                layer_names(model), model.layers, zip(ins, outs, douts, dxs, strict=True), strict=True
            )
        ),
        logits=logits,
        probabilities=model.loss.probabilities(logits),
        targets=targets(logits, labels, smoothing),
        data_loss=model.loss.value(logits, labels, smoothing),
        penalty=model.penalties(config.l2, config.l1),
        dlogits=dlogits,
        data_gradients=_by_name(model, data),
        penalty_gradients=_by_name(model, penalty),
        clip=clip,
        gradients=_by_name(model, total),
        lr=lr,
        t=t,
        before=_by_name(model, model.flat.copy()),
        after=_by_name(model, after),
        state_before={name: _by_name(model, vector) for name, vector in state_before.items()},
        state_after={name: _by_name(model, vector) for name, vector in state_after.items()},
    )


def _forward(model: Network, x: Array, training: bool) -> tuple[list[Array], list[Array]]:
    ins, outs = [], []
    for layer in model.layers:
        ins.append(x)
        x = layer.forward(x, training)
        outs.append(x)
    return ins, outs


def _backward(model: Network, dout: Array) -> tuple[list[Array], list[Array]]:
    douts, dxs = [], []
    for layer in reversed(model.layers):
        douts.append(dout)
        dout = layer.backward(dout)
        dxs.append(dout)
    return douts[::-1], dxs[::-1]


def _update(
    model: Network, gradients: Array, rate: float, moments: Moments
) -> tuple[Array, dict[str, Array], dict[str, Array], int, float]:
    """The parameters after the update, the optimizer's vectors before and after it, its number and its rate."""
    config, after = model.config, model.flat.copy()
    optimizer = make_optimizer(config, model.n_params, np.float64, model.matrices)
    optimizer.t = moments.t
    for name, vector in optimizer.state.items():
        if name in moments.state:
            vector[...] = moments.state[name]
    before = {name: vector.copy() for name, vector in optimizer.state.items()}
    optimizer.step(after, gradients, config, rate)
    if config.max_norm:
        weights = [of["W"] for of in model.views(after).values() if "W" in of]
        project_to_max_norm([W if W.ndim == 2 else W.reshape(len(W), -1).T for W in weights], config.max_norm)
    return after, before, dict(optimizer.state), optimizer.t, optimizer.lr


def _by_name(model: Network, vector: Array) -> dict[str, Array]:
    """ "dense1.W" -> its array, out of a vector laid out like `flat`; views."""
    return {f"{layer}.{name}": values for layer, of in model.views(vector).items() for name, values in of.items()}


def layer_names(model: Network) -> list[tuple[str, int]]:
    """For each layer its name and the number of the layer with weights that it belongs to."""
    own, names, number = {id(layer): name for name, layer in model.parts.items()}, [], 0
    for layer in model.layers:
        number += isinstance(layer, Dense | Conv2D)
        kind = "activation" if isinstance(layer, Activation) else type(layer).__name__.lower()
        names.append((own.get(id(layer), f"{kind}{number}"), number))
    return names
