"""Every instrument against a value that does not come from its own formula."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from nn_core import RunConfig, Trainer
from nn_core.config.run_config import setting
from nn_core.data import Dataset
from nn_core.instruments.look import Look
from nn_core.instruments.readings import readings
from nn_core.instruments.registry import INSTRUMENTS, WHOLE, times
from nn_core.training.history import Series
from nn_core.training.watching import Scored, Update

SMALL: dict[str, Any] = {"hidden": (8,), "n_train": 400, "batch_size": 100, "lr": 0.1}


class Looks:
    """Looks at every update of a trainer through some instruments; `values` are those of each, step by step."""

    def __init__(self, trainer: Trainer, *names: str) -> None:
        self.trainer, self.names = trainer, names
        self.values: dict[str, list[Any]] = {name: [] for name in names}
        self.updates: list[Update] = []
        self.start = trainer.model.flat.copy()
        trainer.watcher = self

    def wants(self, step: int, seconds: float) -> bool:
        return True

    def saw(self, update: Update) -> None:
        trainer = self.trainer
        look = Look(trainer.model, trainer.config, trainer.data, self.start, update)
        for name in self.names:
            self.values[name].append(dict(INSTRUMENTS[name].measure(look)))
        self.updates = [update]

    def scored(self, scored: Scored) -> None:
        """Nothing of it is looked at here."""


def looked_at(data: Dataset, *names: str, steps: int = 1, **settings: Any) -> tuple[Trainer, dict[str, list[Any]]]:
    trainer = Trainer(RunConfig(**{**SMALL, **settings}), data)
    looks = Looks(trainer, *names)
    for _ in range(steps):
        assert trainer.step()
    return trainer, looks.values


def now(trainer: Trainer, name: str, start: np.ndarray | None = None) -> Mapping[str, float]:
    """What an instrument that needs no update says of the network as it stands."""
    first = trainer.model.flat.copy() if start is None else start
    return INSTRUMENTS[name].measure(Look(trainer.model, trainer.config, trainer.data, first))


# ---------------------------------------------------------------------------------------------- the step gauge


class Quadratic:
    """An update of plain descent on w'Aw/2."""

    def __init__(self, A: np.ndarray, w: np.ndarray, lr: float) -> None:
        self.before = w
        self.change = -lr * A @ w
        self.both_sides = type("Sides", (), {"before": A @ w, "after": A @ (w + self.change)})


@pytest.mark.parametrize("r", [0.25, 1.0, 2.0, 3.0])
def test_the_step_gauge_is_exactly_1_at_the_minimum_along_a_step_and_2_at_the_edge(r: float):
    A, w = np.diag([4.0, 4.0, 4.0]), np.array([1.0, -2.0, 0.5])
    look: Any = type("Look", (), {"update": Quadratic(A, w, r / 4)})
    assert INSTRUMENTS["step_gauge"].measure(look)[WHOLE] == r


@pytest.mark.parametrize(
    "settings", [{}, {"l2": 0.1}, {"model": "cnn", "channels": (2,), "pooling": "average", "n_train": 200}]
)
def test_for_plain_descent_the_step_gauge_is_lr_times_the_curvature_along_the_gradient(
    settings: dict[str, Any], tiny: Dataset
):
    """lr g'Hg / g'g, with Hg by a central difference of the gradient in float64, at a rate where the step is short."""
    lr = 0.002
    trainer = Trainer(RunConfig(**{**SMALL, "activation": "tanh", "lr": lr, "batch_size": 0, **settings}), tiny)
    exact = type(trainer.model)(trainer.config, np.random.default_rng(0), dtype=np.float64)
    exact.flat[...] = trainer.model.flat
    x, labels = exact.inputs(trainer.train_images), trainer.train_labels
    looks = Looks(trainer, "step_gauge")
    trainer.step()

    def gradient(at: np.ndarray) -> np.ndarray:
        exact.flat[...] = at
        exact.loss_and_gradients(x, labels)
        return exact.flat_grads.copy()

    w = exact.flat.copy()
    g = gradient(w)
    h = 1e-4 / np.linalg.norm(g)
    Hg = (gradient(w + h * g) - gradient(w - h * g)) / (2 * h)
    (found,) = looks.values["step_gauge"]
    assert found[WHOLE] == pytest.approx(lr * (g @ Hg) / (g @ g), rel=0.03)  # the third derivative is not in it


@pytest.mark.parametrize(
    "settings",
    [
        {"lr": 0.6},
        {"optimizer": "momentum", "lr": 3.0, "batch_size": 20, "loss": "mse"},
        {"optimizer": "adam", "lr": 0.03, "batch_size": 20},
    ],
)
def test_above_2_the_loss_of_the_batch_rose_and_below_it_fell_in_more_than_95_percent_of_500_steps(
    settings: dict[str, Any], tiny: Dataset
):
    trainer = Trainer(RunConfig(**{**SMALL, "hidden": (32,), "n_train": 1000, **settings}), tiny)
    looks = Looks(trainer, "step_gauge")
    agree, above = [], 0
    for _ in range(500):
        trainer.step()
        both, r = looks.updates[0].both_sides, looks.values["step_gauge"][-1].get(WHOLE)
        if r is None or float(np.dot(both.before, looks.updates[0].change)) >= 0:
            continue  # momentum carried this step uphill from its first inch
        above += r > 2
        agree.append((r > 2) == (both.loss_after > both.loss_before))
    assert len(agree) > 400 and above and np.mean(agree) > 0.95


def test_the_batch_of_before_and_after_is_the_same_and_its_loss_is_that_of_the_network_itself(tiny: Dataset):
    trainer = Trainer(RunConfig(**SMALL, dropout=0.4, l2=0.01, l1=0.001), tiny)
    looks = Looks(trainer)
    trainer.step()
    update = looks.updates[0]
    x, labels = trainer.model.inputs(trainer.train_images[update.indices]), trainer.train_labels[update.indices]
    both = update.both_sides
    for at, loss, gradient in (
        (update.before, both.loss_before, both.before),
        (update.after, both.loss_after, both.after),
    ):
        own = Trainer.initial_model(trainer.config)
        own.flat[...] = at
        assert loss == pytest.approx(own.loss_and_gradients(x, labels), rel=1e-5)
        np.testing.assert_allclose(gradient, own.flat_grads, atol=1e-6)


# ---------------------------------------------------------------------------------------------- by hand


def test_ratio_gradient_and_distance_are_those_of_norms_by_hand(tiny: Dataset):
    trainer = Trainer(RunConfig(**SMALL), tiny)
    start = {name: values.astype(np.float64) for name, values in trainer.model.weights().items()}
    looks = Looks(trainer, "update_ratio", "gradient_rms", "distance", "learning_rate")
    trainer.step()
    moved = {name: values.astype(np.float64) - start[name] for name, values in trainer.model.weights().items()}
    for layer in ("dense1", "dense2"):
        change, W = np.linalg.norm(moved[f"{layer}.W"]), np.linalg.norm(start[f"{layer}.W"])
        assert looks.values["update_ratio"][0][layer] == pytest.approx(change / W, rel=1e-3)
        assert looks.values["distance"][0][layer] == pytest.approx(change / W, rel=1e-3)
        rms = change / 0.1 / np.sqrt(start[f"{layer}.W"].size)  # plain descent: the step is lr times the gradient
        assert looks.values["gradient_rms"][0][layer] == pytest.approx(rms, rel=1e-3)
    assert looks.values["learning_rate"] == [{WHOLE: 0.1}]


def test_the_rate_in_force_is_that_of_the_schedule(tiny: Dataset):
    settings = {"schedule": "cosine", "epochs": 1}
    _, values = looked_at(tiny, "learning_rate", steps=4, **settings)
    rates = [each[WHOLE] for each in values["learning_rate"]]
    np.testing.assert_allclose(rates, [0.05 * (1 + np.cos(np.pi * step / 4)) for step in range(4)], rtol=1e-6)


@pytest.mark.parametrize("n_dead", [0, 3, 8])
def test_as_many_units_are_dead_as_were_silenced(n_dead: int, tiny: Dataset):
    trainer = Trainer(RunConfig(**SMALL), tiny)
    W, b = trainer.model.parts["dense1"].params["W"], trainer.model.parts["dense1"].params["b"]
    W[...] = np.abs(W)
    W[:, :n_dead], b[:n_dead] = -1, -1
    assert now(trainer, "dead_units") == {"dense1": n_dead / 8}


def test_a_channel_is_dead_that_is_0_at_every_place_of_every_image(tiny: Dataset):
    trainer = Trainer(RunConfig(**{**SMALL, "model": "cnn", "channels": (4,), "dense_units": (5,)}), tiny)
    trainer.model.parts["conv1"].params["W"][:1] = 0
    trainer.model.parts["conv1"].params["b"][:1] = -1
    trainer.model.parts["dense1"].params["W"][:, :2] = 0
    assert now(trainer, "dead_units") == {"conv1": 0.25, "dense1": 0.4}


@pytest.mark.parametrize("activation", ["sigmoid", "tanh"])
@pytest.mark.parametrize("end", [-1, 1])
def test_as_many_units_are_saturated_as_were_pushed_to_an_end(activation: str, end: int, tiny: Dataset):
    trainer = Trainer(RunConfig(**{**SMALL, "activation": activation}), tiny)
    W, b = trainer.model.parts["dense1"].params["W"], trainer.model.parts["dense1"].params["b"]
    W *= np.float32(0.1)
    b[:2] = 20 * end
    assert now(trainer, "saturated_units") == {"dense1": 0.25}


def test_mean_and_spread_of_the_outputs_are_numpys(tiny: Dataset):
    trainer = Trainer(RunConfig(**{**SMALL, "hidden": (8, 4), "activation": "tanh"}), tiny)
    outputs = trainer.model.activations(tiny.val_images)
    for layer, of_layer in zip(("dense1", "dense2"), outputs, strict=True):
        assert now(trainer, "activation_mean")[layer] == pytest.approx(np.average(of_layer), rel=1e-5)
        by_unit = [np.var(of_layer[:, unit]) for unit in range(of_layer.shape[1])]
        assert now(trainer, "activation_spread")[layer] ** 2 == pytest.approx(np.average(by_unit), rel=1e-4)
    trainer.model.parts["dense1"].params["W"][...] = 0
    assert now(trainer, "activation_spread")["dense1"] == 0


def test_the_outputs_of_a_convolutional_network_are_those_of_its_layers(tiny: Dataset):
    trainer = Trainer(RunConfig(**{**SMALL, "model": "cnn", "channels": (3, 4), "dense_units": (5,)}), tiny)
    look = Look(trainer.model, trainer.config, tiny, trainer.model.flat)
    assert list(look.outputs) == ["conv1", "conv2", "dense1"]
    for found, wanted in zip(look.outputs.values(), trainer.model.activations(tiny.val_images), strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-5)


# ---------------------------------------------------------------------------------------------- healthy or not


def judged(name: str, **values: float) -> dict[str, str | None]:
    series = {layer: Series(layer, np.array([[1, 0, 0, 0, value]], np.float64)) for layer, value in values.items()}
    return {layer: band.state if band else None for layer, band in INSTRUMENTS[name].judge(series).items()}


def test_a_value_is_judged_by_the_band_it_lies_in_and_a_gradient_beside_the_largest():
    assert judged("step_gauge", a=0.3, b=1.5, c=2.1) == {"a": "fine", "b": "watch", "c": "broken"}
    assert judged("dead_units", a=0.0, b=0.2, c=0.3) == {"a": "fine", "b": "watch", "c": "broken"}
    assert judged("gradient_rms", a=1e-9, b=1e-5, c=1e-1) == {"a": "broken", "b": "watch", "c": "fine"}
    assert judged("gradient_rms", a=1e-9, b=1e-9) == {"a": "fine", "b": "fine"}
    assert judged("activation_mean", a=3.0) == {"a": None}


def test_a_single_wild_step_does_not_make_the_gauge_say_that_all_is_broken():
    values = np.array([[step, 0, 0, 0, 5.0 if step == 9 else 0.3] for step in range(1, 10)], np.float64)
    (band,) = INSTRUMENTS["step_gauge"].judge({WHOLE: Series("r", values)}).values()
    assert band is not None and band.state == "fine"


@pytest.mark.parametrize("name", ["update_ratio", "distance"])
def test_a_layer_whose_weights_were_all_0_has_no_size_to_compare_with(name: str, tiny: Dataset):
    trainer = Trainer(RunConfig(**{**SMALL, "hidden": (8, 8)}), tiny)
    trainer.model.flat[: 784 * 8] = 0  # the first layer's weights
    looks = Looks(trainer, name)
    trainer.step()
    assert set(looks.values[name][-1]) == {"dense2", "dense3"}


def test_the_value_that_is_shown_is_the_one_that_is_judged_the_median_of_the_newest():
    each = INSTRUMENTS["step_gauge"]
    points = np.array([[step, 0, 0, 0, value] for step, value in enumerate([9.0] * 4 + [2.5] * 5 + [0.1] * 4)])
    series = {each.series_name(): Series(each.series_name(), points)}
    (one,) = readings(each, RunConfig(), series, {}).values()
    assert one.value == each.newest(series[each.series_name()]) == 2.5 and one.state == "broken"


@pytest.mark.parametrize(("lr", "proposed"), [(0.1, 0.03), (0.123, 0.04), (1e-5, 1e-5), (10.0, 3.0)])
def test_a_proposed_learning_rate_has_one_digit_and_lies_in_its_range(lr: float, proposed: float):
    assert times(0.3)(RunConfig(lr=lr)) == {"lr": proposed}
    assert times(1e9)(RunConfig(lr=lr)) == {"lr": setting("lr").high}


def state_after(trainer: Trainer, name: str, steps: int) -> tuple[dict[str, str | None], Any]:
    looks = Looks(trainer, name)
    for _ in range(steps):
        trainer.step()
    layers = looks.values[name][-1]
    rows = {
        layer: Series(layer, np.array([[at, 0, 0, 0, each[layer]] for at, each in enumerate(looks.values[name])]))
        for layer in layers
    }
    bands = INSTRUMENTS[name].judge(rows)
    fix = next((band.fix(trainer.config) for band in bands.values() if band and band.fix), {})
    return {layer: band.state if band else None for layer, band in bands.items()}, fix


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("step_gauge", {"lr": 2.0, "batch_size": 0, "activation": "tanh", "input_scaling": "standard"}),
        ("update_ratio", {"optimizer": "adam", "lr": 0.05}),
        ("update_ratio", {"optimizer": "adam", "lr": 0.5}),
    ],
)
def test_the_fix_that_is_offered_cures_what_was_found(name: str, settings: dict[str, Any], tiny: Dataset):
    trainer = Trainer(RunConfig(**{**SMALL, **settings}), tiny)
    for _ in range(4):
        found, fix = state_after(trainer, name, 12)
        if not fix:
            break
        before = found
        for changed, value in fix.items():
            trainer.change(changed, value)
    assert not fix and "broken" not in found.values(), (before, found, fix)
    assert set(before.values()) & {"watch", "broken"}, before


HEALTHY: dict[str, dict[str, Any]] = {
    "default": {},
    "adam": {"hidden": (64,), "optimizer": "adam", "lr": 0.001},
    "deep": {"hidden": (32, 32)},
    "cnn": {"model": "cnn", "channels": (4,), "optimizer": "momentum", "lr": 0.01},
}


@pytest.mark.parametrize("network", HEALTHY)
def test_nothing_is_said_to_be_broken_of_a_network_that_learns_well(network: str, mnist: Dataset):
    trainer = Trainer(RunConfig(**HEALTHY[network], eval_every=1000), mnist)
    names = [each.name for each in INSTRUMENTS.values() if each.cost == "vital" and not each.serves(trainer.config)]
    looks = Looks(trainer, *names)
    looks.wants = lambda step, seconds: step % 10 == 0  # type: ignore[method-assign]
    for _ in range(60):
        trainer.step()
    for name in names:
        rows = {
            layer: Series(layer, np.array([[at, 0, 0, 0, each[layer]] for at, each in enumerate(looks.values[name])]))
            for layer in looks.values[name][-1]
        }
        for layer, band in INSTRUMENTS[name].judge(rows).items():
            assert band is None or band.state == "fine", (name, layer, looks.values[name][-1], band)
