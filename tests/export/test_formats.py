"""A run taken elsewhere: what is written, read back by other means, is the same run."""

from __future__ import annotations

import ast
import csv
import io
import json
import os
import struct
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import nn_core.export
from nn_core import RunConfig
from nn_core.config.choices import choices
from nn_core.data import Dataset
from nn_core.data.npz import DATA_DIR
from nn_core.export import FORMATS, ExportError, ExportSource, export
from nn_core.export.script import MAX_LINES
from nn_core.export.source import one_line
from nn_core.export.weights import from_safetensors
from nn_core.nn.network import from_weights, shapes_of
from tests import ROOT
from tests.exporting import HOSTILE, source_of, trained

NETWORKS: list[dict[str, Any]] = [
    *({"activation": name} for name in choices("activation")),
    *({"normalization": name} for name in choices("normalization") if name != "none"),
    {"normalization": "batch", "activation": "gelu", "input_scaling": "standard"},
    {"hidden": ()},
    {"loss": "linear_mse", "hidden": ()},
    {"hidden": (12,), "input_scaling": "standard"},
    {"hidden": (20, 18, 16, 14, 12, 10), "normalization": "layer", "activation": "tanh"},
    {"hidden": (40, 20)},
    {"model": "cnn", "channels": (4, 6)},
    {
        "model": "cnn",
        "channels": (3, 5),
        "kernel": 3,
        "padding": 1,
        "pool": 3,
        "pooling": "average",
        "normalization": "batch",
        "dense_units": (12, 8),
    },
    {"model": "cnn", "channels": (8, 8), "head": "average", "activation": "silu", "input_scaling": "standard"},
]
IDS = ["-".join(str(value) for value in network.values()) for network in NETWORKS]


@pytest.fixture(scope="module")
def source(tiny: Dataset) -> ExportSource:
    """One run with a changed learning rate."""
    return source_of(RunConfig(hidden=(16,), batch_size=50, normalization="batch"), tiny, edits=True)


def written(source: ExportSource, form: str, data: Dataset) -> bytes:
    return export(source, form, lambda: data)


# ---------------------------------------------------------------------------------------------- weights


def test_an_npz_holds_the_very_weights_and_needs_no_pickle(source: ExportSource, tiny: Dataset):
    with np.load(io.BytesIO(written(source, "npz", tiny)), allow_pickle=False) as arrays:
        assert set(arrays.files) == set(source.weights)
        for name, values in source.weights.items():
            np.testing.assert_array_equal(arrays[name], values, strict=True)


@pytest.mark.parametrize("network", NETWORKS, ids=IDS)
def test_safetensors_hold_the_very_weights_as_their_own_library_reads_them(network: dict[str, Any], tiny: Dataset):
    from safetensors.numpy import load

    source = trained(tiny, **network)
    arrays = load(written(source, "safetensors", tiny))
    assert set(arrays) == set(source.weights)
    for name, values in source.weights.items():
        np.testing.assert_array_equal(arrays[name], values, strict=True)
    again = from_weights(source.config, arrays)
    np.testing.assert_array_equal(again.predict_proba(tiny.test_images), source.model.predict_proba(tiny.test_images))


@pytest.mark.parametrize("network", NETWORKS, ids=IDS)
def test_a_network_comes_back_from_its_file_and_from_its_bare_arrays(network: dict[str, Any], tiny: Dataset):
    from safetensors.numpy import save

    source = trained(tiny, **network)
    again = from_safetensors(written(source, "safetensors", tiny))
    assert again.config == source.config and not again.remarks
    bare = from_safetensors(save({name: np.ascontiguousarray(W) for name, W in source.weights.items()}))
    assert shapes_of(bare.config) == shapes_of(source.config) and "are assumed" in bare.remarks[0]


# ---------------------------------------------------------------------------------------------- ONNX


@pytest.mark.parametrize("network", NETWORKS, ids=IDS)
def test_onnxruntime_reads_200_test_images_as_the_network_does(network: dict[str, Any], tiny: Dataset):
    pytest.importorskip("onnx", reason="onnx is not installed: pip install -r requirements-export.txt")
    onnxruntime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    source = trained(tiny, **network)
    session = onnxruntime.InferenceSession(written(source, "onnx", tiny), providers=["CPUExecutionProvider"])
    images = tiny.test_images
    probabilities, logits = session.run(["probabilities", "logits"], {"images": images})
    mine = source.model.predict_proba(images)
    assert len(images) == 200 and len(np.unique(mine.argmax(axis=1))) > 2
    np.testing.assert_array_equal(probabilities.argmax(axis=1), mine.argmax(axis=1))
    np.testing.assert_allclose(probabilities, mine, rtol=0, atol=1e-5)
    np.testing.assert_allclose(logits, source.model.logits(images), rtol=1e-4, atol=1e-4)
    assert session.run(["logits"], {"images": images[:1]})[0].shape == (1, 10)


def test_an_onnx_file_says_its_settings_and_step(source: ExportSource, tiny: Dataset):
    onnx = pytest.importorskip("onnx", reason="onnx is not installed: pip install -r requirements-export.txt")
    model = onnx.load_from_string(written(source, "onnx", tiny))
    properties = {item.key: item.value for item in model.metadata_props}
    assert RunConfig.from_json(properties["config"]) == source.config and properties["step"] == "12"


# ---------------------------------------------------------------------------------------------- curves


@pytest.mark.parametrize("first", ["=", "+", "-", "@", "\t", "\r"])
def test_no_spreadsheet_takes_a_name_in_a_csv_for_a_formula(source: ExportSource, tiny: Dataset, first: str):
    name = f'{first}HYPERLINK("http://example.org","open, please")\ud800'
    hostile = replace(source, series={name: replace(source.series["val/loss"], points=np.full((1, 5), -2.5))})
    ((written_name, *numbers),) = list(csv.reader(io.StringIO(written(hostile, "csv", tiny).decode(), newline="")))[1:]
    assert written_name == f"'{name[:-1]}?"
    assert [float(number) for number in numbers] == [-2.0, -2.5, -2.0, -2.5, -2.5]


def test_csv_and_parquet_hold_every_point_of_every_series_in_full(source: ExportSource, tiny: Dataset):
    lines = list(csv.DictReader(io.StringIO(written(source, "csv", tiny).decode())))
    table = pd.read_parquet(io.BytesIO(written(source, "parquet", tiny)))
    assert len(lines) == len(table) == sum(len(series) for series in source.series.values()) > 20
    for name, series in source.series.items():
        mine = [line for line in lines if line["series"] == name]
        frame = table[table["series"] == name]
        for column in ("step", "epoch", "images", "seconds", "value"):
            np.testing.assert_array_equal([float(line[column]) for line in mine], getattr(series, column))
            np.testing.assert_array_equal(frame[column], getattr(series, column))
    assert table["step"].dtype == table["images"].dtype == np.int64


def crc32c(data: bytes) -> int:
    """Castagnoli's checksum, bit by bit (RFC 3720, appendix B.4)."""
    value = 0xFFFFFFFF
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
    return value ^ 0xFFFFFFFF


def records(data: bytes) -> list[bytes]:
    """The records of a TensorBoard event file, their masked checksums checked."""
    found, at = [], 0
    while at < len(data):
        (length,) = struct.unpack_from("<Q", data, at)
        content = data[at + 12 : at + 12 + length]
        for place, part in ((at + 8, data[at : at + 8]), (at + 12 + length, content)):
            sum_ = crc32c(part)
            masked = ((sum_ >> 15 | sum_ << 17) + 0xA282EAD8) & 0xFFFFFFFF
            assert struct.unpack_from("<I", data, place) == (masked,)
        found.append(content)
        at += 16 + length
    return found


def test_tensorboard_events_hold_every_point_with_its_step_and_time(source: ExportSource, tiny: Dataset):
    pytest.importorskip("tensorboardX", reason="tensorboardX is not installed: pip install -r requirements-export.txt")
    from tensorboardX.proto.event_pb2 import Event

    events = [Event.FromString(record) for record in records(written(source, "tensorboard", tiny))]
    assert events[0].file_version == "brain.Event:2"
    points: dict[str, list[tuple[int, float, float]]] = {}
    for event in events:
        for value in event.summary.value:
            if value.HasField("simple_value"):
                points.setdefault(value.tag, []).append((event.step, event.wall_time, value.simple_value))
    assert set(points) == set(source.series)
    for name, series in source.series.items():
        steps, times, values = zip(*points[name], strict=True)
        assert list(steps) == series.step.tolist()
        np.testing.assert_allclose(times, source.created + series.seconds)
        np.testing.assert_allclose(values, series.value, rtol=1e-6)
    assert "tfevents" in FORMATS["tensorboard"].file_name(source)  # by which TensorBoard finds it


# ---------------------------------------------------------------------------------------------- the script


def unpacked(data: bytes, folder: Path) -> Path:
    """classify.py of an exported zip."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        archive.extractall(folder)
        names = sorted(Path(name).name for name in archive.namelist())
    assert names == ["README.txt", "classify.py", "weights.npz"]
    (script,) = folder.glob("*/classify.py")
    return script


def run_alone(script: Path, data: Path, cwd: Path) -> str:
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    command = [sys.executable, "-I", str(script), str(data)]  # -I: neither cwd nor PYTHONPATH is looked into
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


@pytest.fixture(scope="module")
def keras_file(tiny: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny data in the layout of Keras's mnist.npz."""
    path = tmp_path_factory.mktemp("keras") / "mnist.npz"
    x, y = {"x_train": tiny.train_images, "x_test": tiny.test_images}, {"y_test": tiny.test_labels}
    np.savez_compressed(path, **x, **y)  # type: ignore[arg-type]
    return path


@pytest.mark.parametrize("network", NETWORKS, ids=IDS)
def test_the_script_reproduces_the_reported_accuracy_without_this_project(
    network: dict[str, Any], tiny: Dataset, keras_file: Path, tmp_path: Path
):
    source = trained(tiny, **network)
    script = unpacked(written(source, "script", tiny), tmp_path)
    text = script.read_text("ascii")
    assert text.count("\n") <= MAX_LINES == 40
    assert {name for node in ast.walk(ast.parse(text)) for name in _imported(node)} == {"pathlib", "sys", "numpy"}
    right = int((source.model.predict(tiny.test_images) == tiny.test_labels).sum())
    said = f"accuracy {right / 200} on 200 test images, {right / 200} as reported\n"
    assert run_alone(script, keras_file, tmp_path).endswith(said)
    assert f"{right} of 200 images" in (script.parent / "README.txt").read_text()


def _imported(node: ast.AST) -> list[str]:
    return [alias.name for alias in node.names] if isinstance(node, ast.Import | ast.ImportFrom) else []


def test_the_script_reads_all_of_mnist_as_the_network_does(mnist: Dataset, tmp_path: Path):
    source = source_of(RunConfig(hidden=(16,), lr=0.3), mnist, steps=60)
    script = unpacked(written(source, "script", mnist), tmp_path)
    accuracy = float((source.model.predict(mnist.test_images) == mnist.test_labels).mean())
    assert accuracy > 0.6
    assert f"accuracy {accuracy} on 10000 test images" in run_alone(script, DATA_DIR / "mnist.npz", tmp_path)


def test_a_hostile_name_is_text_in_the_script(tiny: Dataset, keras_file: Path, tmp_path: Path):
    source = replace(trained(tiny), name=HOSTILE)
    script = unpacked(written(source, "script", tiny), tmp_path)
    assert script.read_text("ascii").count("\n") <= MAX_LINES
    assert run_alone(script, keras_file, tmp_path).startswith('"""; import os; </title>')


# ---------------------------------------------------------------------------------------------- all forms


@pytest.mark.parametrize("form", list(FORMATS))
def test_every_form_takes_hostile_names_and_a_run_that_has_not_begun(form: str, tiny: Dataset):
    missing = FORMATS[form].missing
    if missing:
        pytest.skip(missing)
    source = source_of(RunConfig(hidden=(3,), batch_size=50), tiny, steps=0, name=HOSTILE)
    assert len(written(source, form, tiny)) > 100
    name = FORMATS[form].file_name(source)
    assert name.startswith("glassnet-0123abcd-step0") and Path(name).name == name


@pytest.mark.parametrize("form", [name for name, form in FORMATS.items() if form.packages])
def test_a_missing_package_is_a_sentence_with_the_command_that_installs_it(
    form: str, source: ExportSource, tiny: Dataset, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(nn_core.export, "find_spec", lambda name: None)
    with pytest.raises(ExportError) as refused:
        written(source, form, tiny)
    for package in FORMATS[form].packages:
        assert package in str(refused.value)
    file = str(refused.value).rsplit(" ", 1)[1]
    named = (ROOT / file).read_text()
    assert "pip install -r requirements" in str(refused.value)
    assert FORMATS[form].packages[0] in named


def test_a_form_without_packages_needs_numpy_alone(source: ExportSource, tmp_path: Path):
    forms = [name for name, form in FORMATS.items() if not form.packages]
    assert forms == ["npz", "script", "csv"]
    code = (
        "import sys\n"
        "class Block:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.split('.')[0] not in (*sys.stdlib_module_names, 'numpy', 'nn_core'):\n"
        "            raise ModuleNotFoundError(name)\n"
        "sys.meta_path.insert(0, Block())\n"
        "from nn_core import RunConfig, Trainer, load_mnist\n"
        "from nn_core.export import ExportSource, export\n"
        "t = Trainer(RunConfig(n_train=200, hidden=(4,)), load_mnist())\n"
        "t.score()\n"
        "of = t.model.weights(), True, t.history.series()\n"
        "source = ExportSource('0123abcd', '', t.config, (), 0, 0.0, 0.0, 0.0, *of)\n"
        f"print([len(export(source, form, load_mnist)) > 0 for form in {forms}])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, str([True] * 3), "")


@pytest.mark.parametrize("text", [HOSTILE, "x" * 5000, "\ud800\udfff", "a\r\n\tb", "", "  "])
def test_a_title_is_one_short_line_of_valid_text(text: str):
    line = one_line(text)
    assert len(line) <= 300 and line.isprintable()
    assert line.encode("utf-8").decode() == line
    json.dumps(line)
