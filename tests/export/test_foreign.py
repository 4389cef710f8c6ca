"""Weights of other frameworks without those frameworks: how they are understood, asked about and refused."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save

from nn_core import RunConfig
from nn_core.data import Dataset
from nn_core.export import ExportError, export, from_store
from nn_core.export.foreign import files, hdf5
from nn_core.export.foreign.keras_config import facts_of
from nn_core.export.foreign.questions import Ambiguous
from nn_core.export.importing import bring_in
from nn_core.export.torch_script import state_dict
from nn_core.frameworks.torch_names import to_torch
from nn_core.store.run_store import RunStore
from tests.exporting import HOSTILE, source_of

Arrays = dict[str, np.ndarray]
RELU = {"activation": "relu", "input_scaling": "unit"}
CNN_ANSWERS = {"pooling": "max", "flatten": "channels_first"}


@pytest.fixture
def store(tmp_path: Any) -> RunStore:
    return RunStore(tmp_path / "runs")


def drawn(**shapes: tuple[int, ...]) -> Arrays:
    """Arrays of these shapes; `__` in a name stands for a dot."""
    rng = np.random.default_rng(0)
    return {k.replace("__", "."): rng.normal(0, 0.1, shape).astype(np.float32) for k, shape in shapes.items()}


def brought(arrays: Arrays, **answers: str) -> tuple[Arrays, tuple[str, ...]]:
    """The weights by our names, and the remarks."""
    found = files.from_file(save(arrays), {**RELU, **answers})
    return dict(found.weights), found.remarks


def refusal(data: bytes, store: RunStore, name: str = "net.safetensors", **answers: str) -> str:
    with pytest.raises(ExportError) as refused:
        bring_in(data, name, store, {**RELU, **answers})
    assert not isinstance(refused.value, Ambiguous) and not store.runs()
    return str(refused.value)


# ---------------------------------------------------------------------------------------------- names and layouts

MLP = {
    "PyTorch's numbers": ("0.weight", "0.bias", "2.weight", "2.bias", True),
    "PyTorch's words": ("fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias", True),
    "a wrapped model": ("module.net.0.weight", "module.net.0.bias", "module.net.10.weight", "module.net.10.bias", True),
    "Keras' numbers": ("layers.0.kernel", "layers.0.bias", "layers.1.kernel", "layers.1.bias", False),
    "words without order": ("inner.weight", "inner.bias", "end.weight", "end.bias", True),
    "kernels turned": ("a.kernel", "a.bias", "b.kernel", "b.bias", True),
    "Flax": ("params.Dense_0.kernel", "params.Dense_0.bias", "params.Dense_1.kernel", "params.Dense_1.bias", False),
}


@pytest.mark.parametrize("case", MLP)
def test_names_and_orientation_of_an_mlp_are_understood_and_told(case: str):
    W1, b1, W2, b2, turned = MLP[case]
    arrays = {W1: (7, 784) if turned else (784, 7), b1: (7,), W2: (10, 7) if turned else (7, 10), b2: (10,)}
    given = drawn(**arrays)
    found, (remark,) = brought(given)
    for ours, theirs in (("dense1.W", W1), ("dense2.W", W2)):
        np.testing.assert_array_equal(found[ours], given[theirs].T if turned else given[theirs])
    np.testing.assert_array_equal(found["dense2.b"], given[b2])
    assert "784-7-10" in remark and ("(outputs, inputs)" in remark) == turned
    assert "activation relu" in remark and "input scaling unit" in remark


@pytest.mark.parametrize("last", [False, True])
def test_kernels_and_flattened_maps_are_turned_from_either_order(last: bool, tiny: Dataset):
    source = source_of(RunConfig(model="cnn", channels=(3, 5), kernel=3, batch_size=50), tiny, steps=1)
    state = to_torch(source.weights, source.config)
    names = {"0": "conv1", "3": "conv2", "7": "dense"}
    arrays = {f"{names[name.split('.')[0]]}.{name.split('.')[1]}": values for name, values in state.items()}
    if last:
        for name in ("conv1", "conv2"):
            arrays[f"{name}.kernel"] = np.ascontiguousarray(arrays.pop(f"{name}.weight").transpose(2, 3, 1, 0))
        W = arrays.pop("dense.weight").reshape(10, 5, 5, 5)  # out, channel, row, column
        arrays["dense.kernel"] = np.ascontiguousarray(W.transpose(2, 3, 1, 0).reshape(-1, 10))
    order = "channels_last" if last else "channels_first"
    found, _ = brought(arrays, flatten=order, pooling="max")
    for name, values in source.weights.items():
        np.testing.assert_array_equal(found[name], values)


@pytest.mark.parametrize(("scaling", "seen"), [("symmetric", lambda x: 2 * x - 1), ("raw", lambda x: 255 * x)])
def test_another_scaling_of_the_pixels_goes_into_the_first_layer(
    scaling: str, seen: Callable[[np.ndarray], np.ndarray], tiny: Dataset, store: RunStore
):
    x = tiny.test_images.astype(np.float64) / 255
    given = {name: values / 255 for name, values in drawn(a__weight=(10, 784), a__bias=(10,)).items()}
    run_id, (remark,) = bring_in(save(given), "net.safetensors", store, {"input_scaling": scaling})
    theirs = seen(x).reshape(-1, 784) @ given["a.weight"].T + given["a.bias"]
    np.testing.assert_allclose(from_store(store, run_id).model.logits(tiny.test_images), theirs, atol=1e-5)
    assert f"into which {scaling} was folded" in remark
    maps = drawn(c__weight=(4, 1, 5, 5), d__weight=(10, 576), d__bias=(10,))
    run_id, _ = bring_in(save(maps), "n.safetensors", store, {**RELU, "input_scaling": scaling, **CNN_ANSWERS})
    windows = np.lib.stride_tricks.sliding_window_view(seen(x[:5]), (5, 5), axis=(1, 2))
    z = np.einsum("nrsij,cij->ncrs", windows, maps["c.weight"][:, 0]).reshape(5, 4, 12, 2, 12, 2).max(axis=(3, 5))
    theirs = np.maximum(z, 0).reshape(5, -1) @ maps["d.weight"].T + maps["d.bias"]
    found = from_store(store, run_id).model.logits(tiny.test_images[:5])
    np.testing.assert_allclose(found, theirs, rtol=1e-4, atol=1e-4)


def test_a_square_matrix_lies_as_the_others_do_unless_it_is_said():
    given = drawn(a__weight=(8, 784), b__weight=(8, 8), c__weight=(10, 8))
    found, _ = brought(given)
    np.testing.assert_array_equal(found["dense2.W"], given["b.weight"].T)
    np.testing.assert_array_equal(found["dense2.b"], np.zeros(8))
    said, _ = brought(given, orientation="in-out")
    np.testing.assert_array_equal(said["dense2.W"], given["b.weight"])
    np.testing.assert_array_equal(said["dense1.W"], found["dense1.W"])


def test_normalizations_go_with_layers_whose_names_have_no_order_by_their_sizes():
    given = drawn(z__weight=(8, 784), a__weight=(6, 8), b__weight=(10, 6), n__weight=(6,), o__weight=(8,))
    found, _ = brought(given)
    np.testing.assert_array_equal(found["norm1.gamma"], given["o.weight"])
    np.testing.assert_array_equal(found["norm2.gamma"], given["n.weight"])
    np.testing.assert_array_equal(found["norm2.beta"], np.zeros(6))


def test_a_square_matrix_is_asked_about_where_the_names_speak_against_the_others(store: RunStore):
    given = drawn(a__kernel=(8, 784), b__kernel=(8, 8), c__kernel=(10, 8))
    with pytest.raises(Ambiguous) as asked:
        bring_in(save(given), "net.safetensors", store, RELU)
    assert [each.name for each in asked.value.questions] == ["orientation"]


def test_what_is_open_is_asked_with_the_answers_that_read_most(mnist: Dataset, store: RunStore):
    source = source_of(RunConfig(hidden=(16,), activation="tanh", input_scaling="standard", lr=0.3), mnist, steps=150)
    data = save(state_dict(source))
    with pytest.raises(Ambiguous) as asked:
        bring_in(data, "net.safetensors", store)
    assert asked.value.accuracy is not None and asked.value.accuracy > 0.8
    assert {each.name for each in asked.value.questions} == {"activation", "input_scaling"}
    assert "--say activation=" in str(asked.value) and "--say input_scaling=standard" in str(asked.value)
    assert store.runs() == []
    again = Ambiguous.from_json(json.loads(json.dumps(asked.value.to_json())))
    assert str(again) == str(asked.value)


@pytest.mark.parametrize("form", ["torch", "keras"])
def test_what_was_exported_comes_back_whole_and_nothing_is_asked(form: str, tiny: Dataset):
    pytest.importorskip("h5py", reason="h5py is not installed: pip install -r requirements-export.txt")
    for network in (
        {"normalization": "batch", "activation": "gelu", "input_scaling": "standard"},
        {"normalization": "layer", "hidden": (12,)},
        {"model": "cnn", "channels": (3, 5), "padding": 2, "pooling": "average", "normalization": "batch"},
        {"model": "cnn", "channels": (8, 8), "head": "average", "kernel": 3, "padding": 1, "pool": 3},
    ):
        source = source_of(RunConfig(**{"hidden": (9, 6), "batch_size": 50, **network}), tiny, steps=2)  # type: ignore[arg-type]
        data = export(source, form, lambda: tiny)
        again = files.from_zip(io.BytesIO(data), len(data), {})
        assert again is not None and again.config == source.config and again.step == source.step
        for name, values in source.weights.items():
            np.testing.assert_allclose(again.weights[name], values, rtol=0, atol=1e-7)


# ---------------------------------------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    ("arrays", "answers", "sentence"),
    [
        (drawn(a__weight=(7, 784), b__weight=(11, 7)), {}, "must lead from 784 pixels to 10 digits"),
        (drawn(a__weight=(7, 700), b__weight=(10, 7)), {}, "'a' (7, 700), 'b' (10, 7)"),
        (drawn(a__weight=(10, 784), a__bias=(9,)), {}, "dense1.b must have shape (10,) beside the other layers"),
        (drawn(a__weight=(10, 784), b__weight=(9,), b__bias=(9,)), {}, "got 0 and 1 normalizations"),
        (drawn(a__weight=(8, 784), n__weight=(9,), z__weight=(10, 8)), {}, "must have [8] units, got [9]"),
        (drawn(c__weight=(4, 1, 5, 5), d__weight=(10, 576), n__weight=(4,)), {}, "not layer normalization"),
        (
            drawn(z__weight=(8, 784), a__weight=(8, 8), b__weight=(8, 8), c__weight=(10, 8)),
            {},
            "the names do not tell the order of these layers: 'a' (8, 8)",
        ),
        (
            drawn(z__weight=(8, 784), a__weight=(8, 8), c__weight=(10, 8), n__weight=(8,), o__weight=(8,)),
            {},
            "the names do not tell which layer each belongs to: 'n' (8,), 'o' (8,)",
        ),
        (drawn(a__weight=(7, 784), a__gain=(7,)), {}, "no weights called 'a.gain'"),
        (drawn(a__weight=(7, 784), a__kernel=(7, 784)), {}, "are the same part of one layer"),
        (drawn(a__bias=(7,)), {}, "'a' has no weights"),
        (drawn(a__weight=(7, 784, 3)), {}, "'a' must be a dense layer, a convolution or a normalization"),
        (drawn(a__weight=(3000, 784), b__weight=(10, 3000)), {}, "each hidden layer must have 1 to 2,048 units"),
        (drawn(c__weight=(4, 3, 5, 5), d__weight=(10, 64)), {}, "must lead from one channel on"),
        (drawn(c__weight=(4, 1, 5, 3), d__weight=(10, 64)), {}, "square kernels of one size"),
        (
            drawn(c1__weight=(8, 1, 3, 3), c2__weight=(16, 8, 3, 3), d__weight=(10, 2304)),
            {},
            "no padding and pool that are the same in all 2 blocks of convolution lead to the 2,304 inputs of 'd'",
        ),
        (drawn(**{str(n): (10, 10) for n in range(9)}), {}, "no weights called '0'"),
        (drawn(**{f"a{n}__weight": (10, 10) for n in range(9)}), {}, "1 to 7 dense layers, got 0 and 9"),
        (drawn(a__weight=(10, 784)), {"activatoin": "relu"}, "did you mean 'activation'?"),
        (drawn(a__weight=(10, 784)), {"activation": "rlu"}, "activation must be relu, sigmoid"),
        (drawn(a__weight=(10, 784)), {"epsilon": "nan"}, "epsilon must be 0.001, 1e-05, got 'nan'"),
        (drawn(c__weight=(4, 1, 5, 5), d__weight=(10, 576)), {"maps": "3,2"}, "maps (padding,pool) must be 0,2"),
        (
            drawn(c__weight=(4, 1, 5, 5), d__weight=(10, 784)),
            {"input_scaling": "symmetric"},
            "pixels scaled as symmetric have no equal beside padding",
        ),
        ({"a.weight": np.full((10, 784), np.nan, np.float32)}, {}, "holds numbers that are not finite"),
        ({"a.weight": np.zeros((10, 784), np.int64)}, {}, "must be of type F16, F32, F64, got 'I64'"),
    ],
)
def test_arrays_that_make_no_network_are_refused_in_a_sentence(
    arrays: Arrays, answers: dict[str, str], sentence: str, store: RunStore
):
    assert sentence in refusal(save(arrays), store, **{**CNN_ANSWERS, **answers})


@pytest.mark.parametrize("name", ["model.pt", "model.pth", "model.pkl", "model.safetensors"])
def test_a_pickle_is_never_read_and_the_sentence_says_how_to_convert_it(name: str, store: RunStore):
    said = refusal(b"\x80\x02cos\nsystem\n(S'true'\ntR.", store, name)
    assert f"{name} is a pickle" in said and "save_file(model.state_dict()" in said


def test_a_file_of_torch_save_is_told_by_what_is_in_it(store: RunStore):
    assert "is a pickle" in refusal(zipped({"model/data.pkl": b"\x80\x02.", "model/version": b"3"}), store, "model.zip")


def test_a_bomb_in_a_zip_is_refused_before_it_is_unpacked(store: RunStore):
    bomb = zipped({"model.weights.h5": bytes(64_000_001)})
    assert "model.weights.h5 may have at most 64,000,000 bytes, got 64,000,001" in refusal(bomb, store, "net.keras")


def zipped(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


# ---------------------------------------------------------------------------------------------- HDF5


def h5(write: Callable[[Any], None]) -> bytes:
    h5py = pytest.importorskip("h5py", reason="h5py is not installed: pip install -r requirements-export.txt")
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        write(file)
    return buffer.getvalue()


def plain_h5(file: Any) -> None:
    file["layers/dense/vars/0"] = np.ones((784, 10), np.float32)


def external(file: Any) -> None:
    file.create_dataset("layers/dense/vars/0", (784, 10), "f4", external=[("/etc/passwd", 0, 40_000)])


def elsewhere(file: Any) -> None:
    import h5py

    file["layers/dense/vars"] = h5py.ExternalLink("/tmp/other.h5", "/x")


def soft(file: Any) -> None:
    import h5py

    file["layers"] = h5py.SoftLink("/")


def circle(file: Any) -> None:
    file["layers/a"] = np.ones((784, 10), np.float32)
    file["layers/again"] = file["layers"]


def deep(file: Any) -> None:
    file.create_group("/".join("x" * 40))


def virtual(file: Any) -> None:
    import h5py

    layout = h5py.VirtualLayout((784, 10), "f4")
    layout[:] = h5py.VirtualSource("/tmp/other.h5", "x", (784, 10))
    file.create_virtual_dataset("layers/dense/vars/0", layout)


HOSTILE_H5: dict[str, tuple[Callable[[Any], Any], str]] = {
    "an array in another file": (external, "must lie in the file as it is"),
    "an array out of another file": (virtual, "must lie in the file as it is"),
    "a bomb": (
        lambda file: file.create_dataset("a/vars/0", (784, 1_000_000), "f4", chunks=(784, 1000), compression=9),
        "must lie in the file as it is",
    ),
    "more than there is": (lambda file: file.create_dataset("a/vars/0", (784, 10**9), "f4"), "at most 200,000,000"),
    "a link to another file": (elsewhere, "is a link to elsewhere"),
    "a link to itself": (soft, "is a link to elsewhere"),
    "a circle": (circle, "12 deep at most"),
    "depth": (deep, "12 deep at most"),
    "many": (lambda file: [file.create_group(str(n)) for n in range(1001)], "at most 1,000 groups"),
    "whole numbers": (lambda file: file.create_dataset("a/vars/0", (784, 10), "i8"), "must hold numbers of type"),
    "texts": (lambda file: file.create_dataset("a/vars/0", data=["x"] * 3), "must hold numbers of type"),
    "no shape": (lambda file: file.create_dataset("a/vars/0", dtype="f4", shape=None), "must hold numbers of type"),
    "three rows": (lambda file: [file.create_dataset(f"a/vars/{n}", (3,), "f4") for n in range(3)], "holds 3 arrays"),
    "nothing": (lambda file: None, "1 to 7 dense layers, got 0 and 0"),
    "not finite": (lambda file: file.create_dataset("a/vars/0", data=np.full((784, 10), np.inf)), "not finite"),
}


@pytest.mark.parametrize("case", HOSTILE_H5)
def test_an_hdf5_file_that_reaches_out_or_grows_is_refused_in_a_sentence(case: str, store: RunStore):
    write, sentence = HOSTILE_H5[case]
    assert sentence in refusal(h5(write), store, "net.weights.h5")


def test_damaged_hdf5_is_refused_in_a_sentence(store: RunStore):
    data = h5(plain_h5)
    for cut in (8, 100, 800, len(data) // 2, len(data) - 5):
        refusal(data[:cut], store, "net.h5")


def test_without_h5py_the_sentence_names_the_command(store: RunStore, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(hdf5, "find_spec", lambda name: None)
    said = refusal(hdf5.MAGIC, store, "net.weights.h5")
    assert said == "Keras' weights need h5py to be read: pip install -r requirements-export.txt"


# ---------------------------------------------------------------------------------------------- Keras' configuration


def layer(kind: str, **config: Any) -> dict[str, Any]:
    return {"class_name": kind, "config": config}


def dense(activation: Any = "relu") -> dict[str, Any]:
    return layer("Dense", activation=activation)


def conv(**more: Any) -> dict[str, Any]:
    settings = {"kernel_size": [3, 3], "strides": [1, 1], "padding": "same", "activation": "linear", **more}
    return layer("Conv2D", **settings)


POOL = layer("MaxPooling2D", pool_size=[2, 2], strides=[2, 2], padding="valid")
NORM = layer("BatchNormalization", epsilon=0.001)
RELU_LAYER, LAST_LAYER = layer("Activation", activation="relu"), dense("softmax")


def told(*layers: Any, kind: str = "Sequential") -> str:
    return json.dumps({"class_name": kind, "config": {"layers": layers}})


def test_the_configuration_of_keras_answers_what_is_asked():
    facts, remarks = facts_of(told(conv(), NORM, RELU_LAYER, POOL, layer("Flatten"), dense("relu"), LAST_LAYER))
    assert facts == {
        **{"activation": "relu", "epsilon": "0.001", "maps": "1,2", "pooling": "max", "flatten": "channels_last"},
        **{"batch_norm": "before_pooling"},
    }
    assert remarks == ()
    symmetric, _ = facts_of(told(layer("Rescaling", scale=1 / 127.5, offset=-1), LAST_LAYER))
    assert symmetric == {"input_scaling": "symmetric"}
    assert facts_of(told(layer("Rescaling", scale=1 / 255, offset=0), dense("gelu"), LAST_LAYER))[1]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[]", "not one that Keras 3 writes"),
        ("{}", "not one that Keras 3 writes"),
        ("[" * 100_000, "not one that Keras 3 writes"),
        (json.dumps({"class_name": "Sequential", "config": {"layers": [3]}}), "not one that Keras 3 writes"),
        (told(LAST_LAYER, kind="Evil"), "must be a Sequential or a Functional"),
        (told(layer("Lambda", function="os.system")), "has no layer like 'Lambda'"),
        (told(layer("LSTM")), "has no layer like 'LSTM'"),
        (told(), "no dense layer"),
        (told(dense("mish"), LAST_LAYER), "the activation 'mish' has no equal here"),
        (told(dense({"class_name": "x"}), LAST_LAYER), "has no equal here"),
        (told(dense(), NORM, LAST_LAYER), "a normalization behind the activation has no equal here"),
        (told(dense(), dense("tanh"), LAST_LAYER), "must have the same activation, got relu, tanh"),
        (told(dense(), dense("sigmoid")), "nothing but a softmax"),
        (told(conv(strides=[2, 2]), LAST_LAYER), "stride 1"),
        (told(conv(kernel_size=[4, 4]), LAST_LAYER), "odd where padding is same"),
        (told(conv(), POOL, conv(), LAST_LAYER), "the same pool"),
        (told(conv(), layer("MaxPooling2D", pool_size=[2, 2], strides=[1, 1], padding="valid"), LAST_LAYER), "a pool"),
        (told(conv(activation="gelu"), POOL, LAST_LAYER), "max pooling behind gelu has no equal here"),
        (told(layer("Rescaling", scale=2.0, offset=0.0), LAST_LAYER), "have no equal here"),
        (told(layer("LeakyReLU", negative_slope=0.3), LAST_LAYER), "slope of a leaky ReLU must be 0.01"),
        (told(dense("linear"), layer("LayerNormalization", epsilon=0.001), RELU_LAYER, LAST_LAYER), "must be 1e-05"),
    ],
)
def test_a_configuration_without_equal_here_is_refused_in_a_sentence(text: str, sentence: str):
    with pytest.raises(ExportError) as refused:
        facts_of(text)
    assert sentence in str(refused.value)


def test_hostile_names_of_layers_are_quoted_and_short(store: RunStore):
    name = f"{HOSTILE}.weight".encode("utf-8", "replace").decode()
    said = refusal(save({name: np.zeros((3, 3), np.float32)}), store)
    assert said.isprintable() and len(said) < 300 and "must lead from 784 pixels" in said
