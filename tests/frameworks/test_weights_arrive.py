"""Weights that PyTorch and Keras have saved become networks that predict as they did there, within 1e-5."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nn_core.data import Dataset
from nn_core.export import from_store
from nn_core.export.foreign.questions import Ambiguous
from nn_core.export.importing import bring_in
from nn_core.frameworks import FRAMEWORKS
from nn_core.store.run_store import RunStore
from nn_core.training.trainer import Trainer
from tests.frameworks.test_weights_travel import softmax

Answers = dict[str, str]
UNIT = {"input_scaling": "unit"}


def predicted(run_id: str, store: RunStore, images: np.ndarray) -> np.ndarray:
    """The probabilities of the run's network."""
    return from_store(store, run_id).model.predict_proba(images)


def needs(name: str) -> Any:
    """The framework; skips where it is not installed."""
    if not FRAMEWORKS[name].is_installed:
        pytest.skip(f"{name} is not installed")
    FRAMEWORKS[name].net()
    return sys.modules[name]


def stirred(arrays: list[np.ndarray]) -> list[np.ndarray]:
    """Other numbers of the same sizes, large enough for the images to be told apart."""
    rng = np.random.default_rng(3)
    return [
        (values * (3 if values.ndim > 1 else 1) + rng.normal(0, 0.08, values.shape)).astype(np.float32)
        for values in arrays
    ]


# ---------------------------------------------------------------------------------------------- PyTorch


def named(**layers: Any) -> Callable[[Any], Any]:
    """A Sequential whose layers have names."""
    from collections import OrderedDict

    return lambda nn: nn.Sequential(OrderedDict({name: make(nn) for name, make in layers.items()}))


TORCH: dict[str, tuple[Callable[[Any], Any], Answers, bool]] = {  # model, answers, whether it takes maps
    "numbers": (
        lambda nn: nn.Sequential(nn.Linear(784, 20), nn.Tanh(), nn.Linear(20, 20), nn.Tanh(), nn.Linear(20, 10)),
        {"activation": "tanh"},
        False,
    ),
    "words": (
        named(
            fc1=lambda nn: nn.Linear(784, 12),
            bn1=lambda nn: nn.BatchNorm1d(12),
            act=lambda nn: nn.ReLU(),
            fc2=lambda nn: nn.Linear(12, 10),
        ),
        {"activation": "relu"},
        False,
    ),
    "names without order": (
        named(
            input=lambda nn: nn.Linear(784, 30),
            a=lambda nn: nn.SiLU(),
            head=lambda nn: nn.Linear(30, 16, bias=False),
            c=lambda nn: nn.SiLU(),
            classifier=lambda nn: nn.Linear(16, 10),
        ),
        {"activation": "silu"},
        False,
    ),
    "normalization before the pool": (
        lambda nn: nn.Sequential(
            *(nn.Conv2d(1, 4, 3, padding=1, bias=False), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2)),
            *(nn.Conv2d(4, 6, 3, padding=1), nn.BatchNorm2d(6), nn.ReLU(), nn.MaxPool2d(2)),
            *(nn.Flatten(), nn.Linear(6 * 49, 12), nn.ReLU(), nn.Linear(12, 10)),
        ),
        {"activation": "relu", "batch_norm": "before_pooling", "pooling": "max", "flatten": "channels_first"},
        True,
    ),
    "global average": (
        lambda nn: nn.Sequential(
            *(nn.Conv2d(1, 8, 5), nn.MaxPool2d(2), nn.ELU()),
            *(nn.Conv2d(8, 10, 5), nn.MaxPool2d(2), nn.ELU()),
            *(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(10, 10)),
        ),
        {"activation": "elu", "maps": "0,2", "pooling": "max", "orientation": "out-in"},
        True,
    ),
}


@pytest.mark.parametrize("case", TORCH)
def test_a_state_dict_of_torch_predicts_here_as_it_did_there(case: str, tiny: Dataset, tmp_path: Path) -> None:
    torch = needs("torch")
    from safetensors.torch import save_file

    make, answers, maps = TORCH[case]
    torch.manual_seed(0)
    model = make(torch.nn).eval()
    state = model.state_dict()
    floats = {name: values for name, values in state.items() if values.is_floating_point()}
    for values, new in zip(floats.values(), stirred([v.numpy() for v in floats.values()]), strict=True):
        values.copy_(torch.from_numpy(new))
    for name in (name for name in floats if name.endswith("running_var")):
        floats[name].abs_()
    for name in (name for name in floats if name in ("1.weight", "5.weight") and "normalization" in case):
        floats[name][0] = -0.7  # a falling line
    save_file(state, tmp_path / "model.safetensors")
    store = RunStore(tmp_path / "runs")
    with pytest.raises(Ambiguous) as asked:
        bring_in(tmp_path / "model.safetensors", "model.safetensors", store)
    assert {each.name for each in asked.value.questions} == {*answers, "input_scaling"}
    run_id, remarks = bring_in(tmp_path / "model.safetensors", "model.safetensors", store, {**answers, **UNIT})
    x = torch.from_numpy(tiny.test_images.reshape(-1, *((1, 28, 28) if maps else (784,))) / 255).float()
    with torch.inference_mode():
        theirs = softmax(model(x).numpy())
    assert theirs.std(axis=0).max() > 0.01  # the images are told apart
    assert np.abs(predicted(run_id, store, tiny.test_images) - theirs).max() < 1e-5
    assert "as in PyTorch" in remarks[0]


# ---------------------------------------------------------------------------------------------- Keras


def keras_mlp(layers: Any) -> list[Any]:
    return [
        *(layers.Dense(20), layers.BatchNormalization(), layers.Activation("sigmoid"), layers.Dropout(0.2)),
        *(layers.Dense(12), layers.BatchNormalization(), layers.Activation("sigmoid")),
        layers.Dense(10, activation="softmax"),
    ]


def keras_cnn(layers: Any) -> list[Any]:
    return [
        *(layers.Conv2D(4, 3, padding="same"), layers.BatchNormalization(), layers.ReLU(), layers.MaxPooling2D(2)),
        *(layers.Conv2D(6, 3, padding="same"), layers.BatchNormalization(), layers.ReLU(), layers.MaxPooling2D(2)),
        *(layers.Flatten(), layers.Dense(12, activation="relu"), layers.Dense(10, activation="softmax")),
    ]


def keras_book(layers: Any) -> list[Any]:
    return [
        layers.Rescaling(1 / 255),
        *(layers.Conv2D(6, 5, activation="tanh"), layers.MaxPooling2D(2), layers.Conv2D(8, 5, activation="tanh")),
        *(layers.MaxPooling2D(2), layers.GlobalAveragePooling2D(), layers.Dropout(0.5), layers.Dense(10)),
    ]


KERAS: dict[str, tuple[Callable[[Any], list[Any]], tuple[int, ...], Answers]] = {
    "mlp": (keras_mlp, (784,), {"activation": "sigmoid", "epsilon": "0.001"}),
    "cnn": (
        keras_cnn,
        (28, 28, 1),
        {
            **{"activation": "relu", "epsilon": "0.001", "pooling": "max", "batch_norm": "before_pooling"},
            **{"flatten": "channels_last"},
        },
    ),
    "rescaled": (keras_book, (28, 28, 1), {"activation": "tanh", "maps": "0,2", "pooling": "max"}),
}


def keras_model(keras: Any, case: str) -> Any:
    make, shape, _ = KERAS[case]
    model = keras.Sequential([keras.Input(shape), *make(keras.layers)])
    weights = [np.abs(v) if v.ndim == 1 and (v == 1).all() else v for v in stirred(model.get_weights())]
    at = [number for number, variable in enumerate(model.weights) if "gamma" in variable.path]
    for number in at[:1]:
        weights[number][0] = -0.7
    for number, variable in enumerate(model.weights):
        if "variance" in variable.path:
            weights[number] = np.abs(weights[number])
    model.set_weights(weights)
    return model


@pytest.mark.parametrize("form", ["weights.h5", "keras", "h5"])
@pytest.mark.parametrize("case", KERAS)
def test_a_file_of_keras_predicts_here_as_it_did_there(case: str, form: str, tiny: Dataset, tmp_path: Path) -> None:
    keras = needs("keras")
    model, answers, path = keras_model(keras, case), KERAS[case][2], tmp_path / f"net.{form}"
    model.save_weights(path) if form == "weights.h5" else model.save(path)
    store = RunStore(tmp_path / "runs")
    rescaled = case == "rescaled"
    answers = {} if form == "keras" else answers  # which says all but the scaling
    answers = answers if rescaled and form == "keras" else {**answers, **UNIT}
    if answers:
        with pytest.raises(Ambiguous) as asked:
            bring_in(path, path.name, store)
        assert {each.name for each in asked.value.questions} == set(answers)
    run_id, remarks = bring_in(path, path.name, store, answers)
    x = tiny.test_images.reshape(-1, *KERAS[case][1]).astype(np.float32) / (1 if rescaled else 255)
    theirs = model.predict(x, verbose=0)
    theirs = softmax(theirs) if rescaled else theirs
    assert theirs.std(axis=0).max() > 0.01  # the images are told apart
    assert np.abs(predicted(run_id, store, tiny.test_images) - theirs).max() < 1e-5
    assert "as in Keras" in remarks[0]


def test_a_network_of_torch_is_a_run_that_is_trained_on(mnist: Dataset, tmp_path: Path) -> None:
    torch = needs("torch")
    from safetensors.torch import save

    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(784, 16), torch.nn.ReLU(), torch.nn.Linear(16, 10))
    store = RunStore(tmp_path)
    run_id, _ = bring_in(save(model.state_dict()), "a.safetensors", store, {"activation": "relu", **UNIT})
    assert store.get(run_id).name == "weights of a"
    trainer = Trainer.resume(store.checkpoint(run_id), mnist)
    before = trainer.score().val_loss
    for _ in range(50):
        trainer.step()
    assert trainer.score().val_loss < 0.95 * before
