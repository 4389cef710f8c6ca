"""Adding a choice touches one place: what is registered here, in a test, is found wherever it should be."""

from __future__ import annotations

import ast
import io
import json
import zipfile
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from nn_core import RunConfig, Trainer
from nn_core.cli.main import main
from nn_core.config.choices import CHOICES, choices, register
from nn_core.config.run_config import setting
from nn_core.data import Dataset
from nn_core.export import ExportError, export
from nn_core.instruments.measures.edge import edge_of
from nn_core.machine.memory import Array
from nn_core.nn.activations import Activation, OnnxGraph
from nn_core.nn.hessian import Hessian
from nn_core.nn.losses import CrossEntropy
from nn_core.nn.network import build_model
from nn_core.nn.optimizers import Optimizer
from nn_core.search.space import Values, suggested
from tests.exporting import trained
from tests.numerical import relative_error
from tests.pages.looking import without_links


class Softplus(Activation):
    """log(1 + exp(z))."""

    numpy = "np.logaddexp(z, np.float32(0))"

    @staticmethod
    def value(z: Array) -> Array:
        return np.logaddexp(z, z.dtype.type(0))

    @staticmethod
    def slope(z: Array, a: Array) -> Array:
        return 1 - np.exp(-a)

    @classmethod
    def bend(cls, z: Array, a: Array) -> Array:
        return np.exp(-a) * (1 - np.exp(-a))

    @staticmethod
    def onnx(graph: OnnxGraph, z: str) -> str:
        return graph.add("Softplus", z)


class Signum(Optimizer):
    """v <- mu v + (1 - mu) g; theta <- theta - lr sign(v)."""

    state_names = ("v",)

    def update(self, params: Array, grads: Array, scratch: Array, config: RunConfig, *state: Array) -> None:
        (v,) = state
        v *= params.dtype.type(config.momentum)
        v += params.dtype.type(1 - config.momentum) * grads
        params -= params.dtype.type(self.lr) * np.sign(v)


@pytest.fixture
def softplus() -> Iterator[str]:
    """An activation, registered for the time of a test."""
    register(
        "activation",
        "softplus",
        label="Softplus",
        help="A smooth ReLU. Try it with Adam.",
        formula=r"\phi(z) = \log(1 + e^z)",
        citation="Dugas et al. 2001",
    )(Softplus)
    yield "softplus"
    del CHOICES["activation"]["softplus"]


@pytest.fixture
def signum() -> Iterator[str]:
    """An optimizer, registered for the time of a test."""
    register(
        "optimizer",
        "signum",
        label="Signum",
        help="Steps of one size. Try it at 0.001.",
        formula=r"\theta \leftarrow \theta - \eta\, \text{sign}(v)",
        citation="Bernstein et al. 2018",
        uses=("momentum",),
    )(Signum)
    yield "signum"
    del CHOICES["optimizer"]["signum"]


@pytest.fixture(params=["activation", "optimizer"])
def added(request: pytest.FixtureRequest) -> tuple[str, str]:
    """(setting, the choice that was added to it)."""
    return request.param, request.getfixturevalue({"activation": "softplus", "optimizer": "signum"}[request.param])


def small(**more: Any) -> RunConfig:
    return RunConfig(hidden=(12,), n_train=500, batch_size=50, lr=0.01, epochs=2, **more)


def test_it_stands_in_the_menu_with_its_help(added: tuple[str, str]):
    def page() -> None:
        from ui.sidebar.settings import settings

        settings("new network")

    name, choice = added
    app = AppTest.from_function(page, default_timeout=30)
    app.query_params[name] = choice
    app.run()
    menu = app.selectbox(key=f"set-{name}")
    assert choices(name)[choice].label in menu.options
    app = menu.set_value(choice).run()
    assert choices(name)[choice].help in without_links(app.selectbox(key=f"set-{name}").help) and not app.exception


def test_a_link_json_and_a_command_carry_it(added: tuple[str, str]):
    name, choice = added
    config = RunConfig.from_dict({name: choice})
    assert RunConfig.from_query(config.to_query()) == (config, [])
    assert RunConfig.from_json(config.to_json()) == config
    assert config.to_command() == f"python -m nn_core train --{name} {choice}"


def test_the_command_line_trains_with_it_and_names_it_in_its_help(
    added: tuple[str, str], tiny: Dataset, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    name, choice = added
    monkeypatch.setattr("nn_core.cli.train.load_dataset", lambda dataset: tiny)
    quick = ["--n-train", "400", "--epochs", "1", "--hidden", "8", "--batch-size", "50", "--lr", "0.01", "--json"]
    assert main(["train", f"--{name}", choice, *quick]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["config"][name] == choice
    with pytest.raises(SystemExit):
        main(["train", "--help"])
    assert choice in capsys.readouterr().out


def test_a_search_suggests_it(added: tuple[str, str]):
    name, choice = added
    found = suggested(setting(name))
    assert isinstance(found, Values) and choice in found.values


@pytest.mark.parametrize("model", ["mlp", "cnn"])
@pytest.mark.parametrize("loss", sorted(choices("loss")))
def test_a_network_learns_with_it_and_resumes_bit_for_bit(added: tuple[str, str], model: str, loss: str, tiny: Dataset):
    more: dict[str, Any] = {added[0]: added[1], "model": model, "loss": loss, "channels": (3,)}
    trainer = Trainer(small(**more), tiny)
    before = trainer.score().train_loss
    trainer.train_epochs(1)
    again = Trainer.resume(trainer.checkpoint(), tiny)
    for each in (trainer, again):
        each.train_epochs(1)
    assert np.array_equal(trainer.model.flat, again.model.flat)
    assert trainer.score().train_loss < before


def test_the_curvature_of_a_network_with_an_added_activation_is_that_of_central_differences(softplus: str):
    rng = np.random.default_rng(0)
    network = build_model(RunConfig(hidden=(4, 3), activation=softplus), rng, dtype=np.float64)
    x, labels, v = rng.normal(size=(5, 784)), rng.integers(0, 10, 5), rng.normal(size=network.n_params) * 1e-5
    product, at = Hessian(network, x, labels).times(v), network.flat.copy()
    gradients = []
    for sign in (1, -1):
        network.flat[...] = at + sign * v
        network.loss_and_gradients(x, labels)
        gradients.append(network.flat_grads.copy())
    assert relative_error(product, (gradients[0] - gradients[1]) / 2) < 1e-6


def test_an_added_optimizer_that_knows_no_edge_of_stability_says_so(signum: str):
    edge = edge_of(RunConfig(optimizer=signum))
    assert edge.value is None and edge.words == "It is not known at which curvature this rule begins to swing."


def test_a_loss_that_onnx_has_no_form_for_is_refused_by_its_name(tiny: Dataset):
    register("loss", "own", label="", help="", formula="", citation="")(CrossEntropy)
    try:
        source = trained(tiny, loss="own")
        with pytest.raises(ExportError, match="the loss own has no ONNX form here"):
            export(source, "onnx", lambda: tiny)
    finally:
        del CHOICES["loss"]["own"]


def test_the_run_card_says_it(added: tuple[str, str], tiny: Dataset):
    name, choice = added
    card = export(trained(tiny, **{name: choice}), "card", lambda: tiny).decode()
    assert choices(name)[choice].label in card


@pytest.mark.parametrize("model", ["mlp", "cnn"])
def test_the_exported_script_computes_the_same_logits_with_an_added_activation(
    softplus: str, model: str, tiny: Dataset
):
    source = trained(tiny, activation=softplus, model=model, channels=(4,))
    with zipfile.ZipFile(io.BytesIO(export(source, "script", lambda: tiny))) as archive:
        files = {name.rpartition("/")[2]: archive.read(name) for name in archive.namelist()}
    functions: list[ast.stmt] = [
        node for node in ast.parse(files["classify.py"]).body if isinstance(node, ast.FunctionDef)
    ]
    with np.load(io.BytesIO(files["weights.npz"])) as arrays:
        scope: dict[str, Any] = {"np": np, "W": dict(arrays)}
    exec(compile(ast.Module(functions, []), "classify.py", "exec"), scope)
    logits = scope["logits"](tiny.test_images)
    np.testing.assert_allclose(logits, source.model.logits(tiny.test_images), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("model", ["mlp", "cnn"])
def test_onnxruntime_computes_the_same_logits_with_an_added_activation(softplus: str, model: str, tiny: Dataset):
    pytest.importorskip("onnx", reason="onnx is not installed: pip install -r requirements-export.txt")
    onnxruntime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    source = trained(tiny, activation=softplus, model=model, channels=(4,))
    data = export(source, "onnx", lambda: tiny)
    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    (logits,) = session.run(["logits"], {"images": tiny.test_images})
    np.testing.assert_allclose(logits, source.model.logits(tiny.test_images), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("form", ["script", "onnx", "torch", "keras"])
def test_an_activation_that_does_not_say_what_it_is_elsewhere_is_not_exported_there(form: str, tiny: Dataset):
    class Silent(Softplus):
        numpy = ""
        onnx = Activation.onnx

    register("activation", "silent", label="", help="", formula="", citation="")(Silent)
    try:
        with pytest.raises(ExportError, match="the activation silent has no"):
            export(trained(tiny, activation="silent"), form, lambda: tiny)
    finally:
        del CHOICES["activation"]["silent"]
