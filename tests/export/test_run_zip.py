"""Whole runs and weights brought in: what fits becomes a run; what does not is refused in a sentence."""

from __future__ import annotations

import io
import json
import stat
import struct
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load, save

from nn_core import RunConfig, Trainer, load_mnist
from nn_core.export import ExportError, export, from_store, to_archive, unpacking
from nn_core.export.importing import bring_in
from nn_core.export.weights import from_safetensors
from nn_core.store.files import pack_checkpoint
from nn_core.store.recorder import Recorder
from nn_core.store.reopen import reopen
from nn_core.store.run_store import RunStore, new_id
from nn_core.store.run_writer import RunWriter
from nn_core.training.state import Edit
from tests.exporting import HOSTILE, trained

CONFIG = RunConfig(n_train=400, hidden=(8,), batch_size=50, normalization="batch", optimizer="adam", lr=0.01)


def stored(store: RunStore, config: RunConfig = CONFIG, steps: int = 20) -> str:
    """A run on real images, trained and written down; a live setting is changed on the way."""
    data, run_id = load_mnist(), new_id()
    trainer = Trainer(config, data)
    trainer.score()
    recorder = Recorder(trainer, RunWriter(store, run_id, data))
    for step in range(steps):
        if step == steps // 2:
            trainer.change("lr", 0.005)
        trainer.step()
        recorder.note()
    trainer.score()
    recorder.note()
    recorder.keep("paused")
    assert not recorder.problem
    return run_id


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> RunStore:
    return RunStore(tmp_path_factory.mktemp("source"))


@pytest.fixture(scope="module")
def run_id(source: RunStore) -> str:
    run_id = stored(source)
    source.rename(run_id, "my run")
    return run_id


@pytest.fixture(scope="module")
def archive(source: RunStore, run_id: str) -> bytes:
    return to_archive(source, run_id)


@pytest.fixture
def store(tmp_path: Path) -> RunStore:
    return RunStore(tmp_path / "runs")


def refusal_of(data: bytes, store: RunStore, name: str = "run.zip") -> str:
    """The sentence; nothing is left in the store, nor beside it."""
    with pytest.raises(ExportError) as refused:
        bring_in(data, name, store)
    assert not store.folder.exists() or list(store.folder.iterdir()) == []
    assert {path.name for path in store.folder.parent.iterdir()} <= {"runs"}
    text = str(refused.value)
    assert text and "\n" not in text and len(text) < 400
    return text


def zipped(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as out:
        for name, content in files.items():
            out.writestr(name, content)
    return buffer.getvalue()


def contents(archive: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(archive)) as file:
        return {name: file.read(name) for name in file.namelist()}


# ---------------------------------------------------------------------------------------------- archives


def test_an_archive_brought_in_is_the_same_run_and_goes_on_bit_for_bit(
    archive: bytes, source: RunStore, run_id: str, store: RunStore
):
    again, remarks = bring_in(archive, "anything", store)
    assert again == run_id and remarks == ()
    one, other = source.get(run_id), store.get(run_id)
    for field in ("name", "config", "edits", "parent", "created", "step", "epoch", "status", "best_val_accuracy"):
        assert getattr(one, field) == getattr(other, field), field
    configs = [json.loads((each.folder / run_id / "config.json").read_text()) for each in (source, store)]
    assert configs[0] == {"id": run_id, **configs[1]}  # numbers as numbers: two threads are not "2"
    for name, series in source.series(run_id).items():
        np.testing.assert_array_equal(series.points, store.series(run_id)[name].points)
    films = source.film(run_id), store.film(run_id)
    assert [frame.step for frame in films[0]] == [frame.step for frame in films[1]] and len(films[0]) > 5
    trainers = [
        Trainer.resume(reopen(each, run_id, lambda name: load_mnist()).checkpoint, load_mnist())
        for each in (source, store)
    ]
    for trainer in trainers:
        for _ in range(5):
            trainer.step()
    np.testing.assert_array_equal(trainers[0].model.flat, trainers[1].model.flat)
    np.testing.assert_array_equal(trainers[0].model.running, trainers[1].model.running)


def test_a_run_that_is_there_already_is_brought_in_under_a_new_id_beside_it(archive: bytes, store: RunStore):
    first, second = bring_in(archive, "a.zip", store)[0], bring_in(archive, "a.zip", store)[0]
    store.delete(first)
    third = bring_in(archive, "a.zip", store)[0]  # the first one may be brought back from the trash
    assert len({first, second, third}) == 3
    store.restore(first)
    assert {run.id for run in store.runs()} == {first, second, third} and store.problems() == []


@pytest.mark.parametrize(
    "name",
    [
        "../evil.json",
        "/etc/evil.json",
        "checkpoints/../../evil.safetensors",
        "..\\evil.json",
        "C:\\evil.json",
        "frames/1.safetensors/../../../x",
        "config.json\0.txt",
        "x" * 300,
        "frames/",
        "script.py",
        "checkpoints/000001-1.pkl",
    ],
)
def test_an_entry_with_another_name_is_refused_and_nothing_is_written(name: str, archive: bytes, store: RunStore):
    safe = name.replace("\0", "?")  # zipfile itself would cut the name there
    data = zipped({**contents(archive), safe: b"{}"}).replace(safe.encode(), name.encode())
    assert "which is no file of a run" in refusal_of(data, store)


def test_a_link_in_an_archive_is_refused(archive: bytes, store: RunStore):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as out:
        for name, content in contents(archive).items():
            entry = zipfile.ZipInfo(name)
            if name == "label.json":
                entry.external_attr, content = (stat.S_IFLNK | 0o777) << 16, b"/etc/passwd"
            out.writestr(entry, content)
    assert "label.json as a link" in refusal_of(buffer.getvalue(), store)


@pytest.mark.parametrize("name", ["run.zip", "weights.safetensors"])
def test_an_empty_file_is_called_empty(name: str, store: RunStore):
    assert refusal_of(b"", store, name) == f"{name} is empty"


def test_two_entries_of_one_name_are_refused(archive: bytes, store: RunStore):
    buffer = io.BytesIO(archive)
    with pytest.warns(UserWarning, match="Duplicate"), zipfile.ZipFile(buffer, "a") as out:
        out.writestr("label.json", b"{}")
    assert "two files of the same name" in refusal_of(buffer.getvalue(), store)


def test_a_bomb_is_refused_by_what_it_declares_before_it_is_unpacked(store: RunStore, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(unpacking, "FEW_BYTES", 5_000_000)
    zeros = b"\0" * 60_000
    bomb = zipped({f"frames/{step}.safetensors": zeros for step in range(90)})
    assert len(bomb) < 30_000
    monkeypatch.setattr(unpacking, "Archive", lambda *_: pytest.fail("it was unpacked"))
    what = f"an archive of {len(bomb):,} bytes may unpack to at most 5,000,000, this one declares 5,400,000"
    assert refusal_of(bomb, store) == what
    for name, most in (("config.json", 1_000_000), ("metrics.jsonl", 32_000_000)):
        small = zipped({name: b" " * (most + 1)})
        assert refusal_of(small, store) == f"{name} may have at most {most:,} bytes, got {most + 1:,}"


def test_curves_of_too_many_lines_are_refused_while_they_are_unpacked(archive: bytes, store: RunStore):
    many = zipped({**contents(archive), "metrics.jsonl": b"{}\n" * 300_001})
    assert len(many) < len(archive) + 10_000
    assert refusal_of(many, store) == "metrics.jsonl may have at most 300,000 lines"


def test_an_archive_packed_in_a_way_that_takes_much_memory_is_refused(archive: bytes, store: RunStore):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_LZMA) as out:
        for name, content in contents(archive).items():
            out.writestr(name, content)
    assert "must be stored or deflated" in refusal_of(buffer.getvalue(), store)


def test_an_archive_that_declares_less_than_it_holds_is_refused(archive: bytes, store: RunStore):
    data = bytearray(zipped({**contents(archive), "metrics.jsonl": b"x" * 1_000_000}))
    table = data.rfind(b"PK\x01\x02")
    struct.pack_into("<I", data, table + 24, 10)  # the size after unpacking, as the table says
    assert "damaged" in refusal_of(bytes(data), store)


def test_too_many_entries_are_refused_before_the_list_is_read(store: RunStore, monkeypatch: pytest.MonkeyPatch):
    many = zipped({f"frames/{step}.safetensors": b"" for step in range(5_000)})
    monkeypatch.setattr(zipfile, "ZipFile", lambda *_: pytest.fail("the list was read"))
    assert refusal_of(many, store).startswith("an archive may hold at most 128 files, got 5,000")


def test_a_file_beyond_the_limit_is_refused(store: RunStore, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(unpacking, "MAX_BYTES", 1_000)
    assert refusal_of(b"PK" + b"\0" * 999, store) == "an archive may have at most 1,000 bytes, got 1,001"


@pytest.mark.parametrize("share", [0.0001, 0.01, 0.5, 0.9, 0.999])
def test_a_truncated_archive_is_refused(share: float, archive: bytes, store: RunStore):
    refusal_of(archive[: max(2, int(len(archive) * share))], store)


def test_a_flipped_byte_is_noticed_wherever_it_matters(archive: bytes, source: RunStore, run_id: str, tmp_path: Path):
    rng = np.random.default_rng(0)
    for round_, at in enumerate(rng.integers(0, len(archive), 25)):
        store = RunStore(tmp_path / str(round_))
        data = bytearray(archive)
        data[at] ^= 0x55
        try:
            again, _ = bring_in(bytes(data), "run.zip", store)
        except ExportError:
            continue
        np.testing.assert_array_equal(  # a byte that says nothing of the content, like a date
            store.checkpoint(again).arrays["params"], source.checkpoint(run_id).arrays["params"]
        )


def changed(name: str, change: Callable[[dict[str, Any]], object]) -> Callable[[dict[str, bytes]], dict[str, bytes]]:
    def edit(files: dict[str, bytes]) -> dict[str, bytes]:
        value = json.loads(files[name])
        change(value)
        return {**files, name: json.dumps(value).encode()}

    return edit


def without(start: str) -> Callable[[dict[str, bytes]], dict[str, bytes]]:
    return lambda files: {name: content for name, content in files.items() if not name.startswith(start)}


def replaced(start: str, content: bytes) -> Callable[[dict[str, bytes]], dict[str, bytes]]:
    return lambda files: {name: content if name.startswith(start) else old for name, old in files.items()}


@pytest.mark.parametrize(
    ("edit", "sentence"),
    [
        (changed("manifest.json", lambda m: m.update(version=2)), "newer than this version reads"),
        (changed("manifest.json", lambda m: m.update(version="x")), "must be of format 1"),
        (changed("manifest.json", lambda m: m.update(format="other")), "no archive of a run"),
        (without("manifest"), "no archive of a run"),
        (without("checkpoints/"), "no checkpoint"),
        (replaced("checkpoints/", b"junk" * 100), "checkpoint of step 20 cannot be read"),
        (replaced("frames/", b"junk" * 100), "a frame in the archive cannot be read"),
        (replaced("config.json", b"[1]"), "config.json in the archive is no JSON object"),
        (replaced("summary.json", b"[" * 100_000), "summary.json in the archive is no JSON object"),
        (changed("config.json", lambda c: c["data"].update(identity="0" * 64)), "trained on other images"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(
    edit: Callable[[dict[str, bytes]], dict[str, bytes]], sentence: str, archive: bytes, store: RunStore
):
    assert sentence in refusal_of(zipped(edit(contents(archive))), store)


def test_frames_of_another_network_are_refused(archive: bytes, store: RunStore, tmp_path_factory: Any):
    other = RunStore(tmp_path_factory.mktemp("other"))
    theirs = contents(to_archive(other, stored(other, CONFIG.replace(hidden=(5,)), steps=2)))
    frames = {name: content for name, content in theirs.items() if name.startswith("frames/")}
    assert "does not hold the weights" in refusal_of(zipped({**contents(archive), **frames}), store)


@pytest.mark.parametrize(
    ("forged", "sentence"),
    [
        ({"step": -5}, "step must be a whole number in [0, 1,000,000,000,000,000], got -5"),
        ({"step": 10**400}, "step must be a whole number"),
        ({"step": float("inf")}, "step must be a whole number"),
        ({"step": 21}, "the checkpoint of step 20 holds step 21"),
        ({"step": 3}, "its scores must be of step 3 at most, got 20"),
        ({"images_seen": 10**400}, "images_seen must be a whole number"),
        ({"position": 400}, "position must be below n_train 400, got 400"),
        ({"seconds": float("nan")}, "seconds must be a number in"),
        ({"dropout_state": {"bit_generator": "MT19937"}}, "dropout_state must be the state of a PCG64 generator"),
        ({"dropout_state": {"state": "x"}}, "dropout_state must be the state of a PCG64 generator"),
        ({"early_stopping": (1,)}, "early_stopping must be four numbers"),
        ({"early_stopping": ("x", 1, 1, 1)}, "val_loss must be a number, got 'x'"),
        ({"batch_losses": (float("nan"),)}, "batch_losses must be finite numbers"),
        ({"stopped": "x" * 1_001}, "stopped must be a text of at most 1,000 characters"),
        ({"edits": (Edit(99, "lr", 0.1, 0.2),)}, "its changes must be of step 20 at most"),
        ({"edits": (Edit(9, "hidden", (8,), (9,)),)}, "hidden cannot be changed while a network trains"),
        ({"inherited": 7}, "inherited must be a whole number in [0, 1], got 7"),
        ({"config": CONFIG.replace(dataset="/etc/passwd")}, "may name one of nn_core/data, not a path"),
        ({"config": CONFIG.replace(dataset="no_such")}, "no_such.npz is missing"),
        ({"config": CONFIG.replace(hidden=(9,))}, "cannot be read"),
    ],
)
def test_a_forged_checkpoint_whose_checksum_is_right_is_refused(
    forged: dict[str, Any], sentence: str, archive: bytes, source: RunStore, run_id: str, store: RunStore
):
    fake = pack_checkpoint(replace(source.checkpoint(run_id), **forged))
    assert sentence in refusal_of(zipped(replaced("checkpoints/", fake)(contents(archive))), store)


@pytest.mark.parametrize(
    ("forged", "sentence"),
    [
        ({"val_accuracy": "x"}, "val_accuracy must be a number in [0, 1], got 'x'"),
        ({"val_accuracy": 1.5}, "val_accuracy must be a number in [0, 1], got 1.5"),
        ({"train_loss": None}, "train_loss must be a number, got None"),
        ({"step": "20"}, "step must be a whole number"),
        ({"confusion": np.zeros((3, 3), np.int64)}, "its confusion must be counts of the shape (10, 10)"),
    ],
)
def test_forged_scores_are_refused(
    forged: dict[str, Any], sentence: str, archive: bytes, source: RunStore, run_id: str, store: RunStore
):
    checkpoint = source.checkpoint(run_id)
    assert checkpoint.scores is not None
    fake = pack_checkpoint(replace(checkpoint, scores=replace(checkpoint.scores, **forged)))
    assert sentence in refusal_of(zipped(replaced("checkpoints/", fake)(contents(archive))), store)


@pytest.mark.parametrize("name", ["params", "running", "optimizer.m", "best.params"])
def test_forged_arrays_are_refused(name: str, archive: bytes, source: RunStore, run_id: str, store: RunStore):
    checkpoint = source.checkpoint(run_id)
    for array in (np.ones(1, np.float32), np.full(checkpoint.arrays["params"].shape, np.nan, np.float32)[:7]):
        fake = pack_checkpoint(replace(checkpoint, arrays={**checkpoint.arrays, name: array}))
        assert f"{name} must have the shape" in refusal_of(
            zipped(replaced("checkpoints/", fake)(contents(archive))), store
        )


def test_a_folder_that_cannot_be_made_is_a_sentence(archive: bytes, tmp_path: Path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(ExportError, match="could not be written to"):
        bring_in(archive, "run.zip", RunStore(tmp_path / "file" / "runs"))


def test_hostile_labels_become_plain_ones(archive: bytes, store: RunStore):
    def hostile(label: dict[str, Any]) -> None:
        label.update(name=HOSTILE * 9, starred="yes", more={"a": 1})

    again, _ = bring_in(zipped(changed("label.json", hostile)(contents(archive))), "x.zip", store)
    run = store.get(again)
    assert len(run.name) <= 80 and run.name.isprintable() and run.starred is False
    odd = changed("config.json", lambda c: c.update(parent={"run": "../..", "step": 3, "exact": True}, created="now"))
    other = store.get(bring_in(zipped(odd(contents(archive))), "x.zip", store)[0])
    assert other.parent is None and other.created > 0


# ---------------------------------------------------------------------------------------------- weights


@pytest.mark.parametrize("normalization", ["none", "batch", "layer"])
def test_weights_brought_in_are_a_run_with_the_same_answers_that_can_go_on(normalization: str, store: RunStore):
    data = load_mnist()
    source = trained(data, normalization=normalization, activation="tanh")
    run_id, remarks = bring_in(export(source, "safetensors", lambda: data), "weights.safetensors", store)
    run = store.get(run_id)
    assert remarks == () and run.config == source.config and run.step == source.step == 100
    assert run.name.startswith("weights of ") and run.epoch == pytest.approx(source.epoch, abs=1e-4)
    found = from_store(store, run_id)
    np.testing.assert_array_equal(
        found.model.predict_proba(data.test_images[:50]), source.model.predict_proba(data.test_images[:50])
    )
    trainer = Trainer.resume(store.checkpoint(run_id), data)
    assert trainer.step() and trainer.step_count == 101


def test_weights_without_settings_are_taken_with_a_remark(store: RunStore):
    arrays: dict[str, np.ndarray] = {
        "dense1.W": np.full((784, 3), 0.01, np.float64),
        "dense1.b": np.zeros(3, np.float16),
        "dense2.W": np.eye(3, 10, dtype=np.float32),
        "dense2.b": np.zeros(10, np.float32),
    }
    run_id, remarks = bring_in(save(arrays), HOSTILE + ".safetensors", store)
    assert len(remarks) == 1 and "activation relu and input scaling unit are assumed" in remarks[0]
    run = store.get(run_id)
    assert run.config == RunConfig(hidden=(3,)) and run.name.isprintable() and run.step == 1


def good() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    shapes = {"dense1.W": (784, 4), "dense1.b": (4,), "dense2.W": (4, 10), "dense2.b": (10,)}
    return {name: rng.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"dense2.W": np.zeros((5, 10), np.float32)}, "dense2.W must have shape (4, 10)"),
        ({"dense2.W": np.zeros((4, 9), np.float32)}, "dense2.W must have shape (4, 10)"),
        ({"dense1.b": None}, "dense1.b must have shape (4,) beside the other layers, got none"),
        ({"dense1.W": None}, "must have"),
        ({"layer.weight": np.zeros(3, np.float32)}, "no weights called 'layer.weight'"),
        ({"dense1.W": np.zeros((784, 4), np.int64)}, "must be of type F16, F32, F64, got 'I64'"),
        ({"dense1.b": np.full(4, np.nan, np.float32)}, "dense1.b holds numbers that are not finite"),
        ({"dense1.b": np.full(4, 1e300)}, "dense1.b holds numbers that are not finite"),
        ({"norm1.gamma": np.zeros(4, np.float32)}, "norm1.beta must have shape (4,)"),
        ({"norm2.gamma": np.zeros(4, np.float32)}, "norm1.gamma must have shape (4,)"),
        (
            {f"norm1.{n}": np.full(4, -1, np.float32) for n in ("gamma", "beta", "mean", "var")},
            "norm1.var must not be negative",
        ),
        (
            {
                **{"dense1.W": np.zeros((784, 10), np.float32), "dense1.b": np.zeros(10, np.float32)},
                **{"dense2.W": None, "dense2.b": None},
                **{f"norm1.{n}": np.zeros(10, np.float32) for n in ("gamma", "beta", "mean", "var")},
            },
            "no network here has these weights: normalization batch cannot work with hidden none",
        ),
        ({"dense1.W": np.zeros((784, 3000), np.float32)}, "each hidden layer must have 1 to 2,048 units, got 3000"),
        ({"dense1.W": np.zeros((784, 0), np.float32)}, "each hidden layer must have 1 to 2,048 units, got 0"),
    ],
)
def test_arrays_that_make_no_network_are_refused_by_name(change: dict[str, Any], sentence: str, store: RunStore):
    arrays = {name: values for name, values in {**good(), **change}.items() if values is not None}
    assert sentence in refusal_of(save(arrays), store, "w.safetensors")


@pytest.mark.parametrize(
    ("metadata", "sentence"),
    [
        ({"config": RunConfig(hidden=(5,)).to_json(), "version": "1"}, "the settings in the file say hidden 5"),
        ({"config": "{}", "version": "2"}, "must be of version 1, got '2'"),
        ({"config": '{"lr": -3}', "version": "1"}, "lr must be in"),
        ({"config": "[" * 60_000, "version": "1"}, "nested too deeply"),
        ({"config": "[]", "version": "1"}, "must be a JSON object"),
        ({"config": '{"hidden": [4], "dataset": "no_such"}', "version": "1"}, "no_such.npz is missing"),
    ],
)
def test_metadata_that_does_not_fit_is_refused(metadata: dict[str, str], sentence: str, store: RunStore):
    assert sentence in refusal_of(save(good(), metadata), store, "w.safetensors")


def test_a_path_as_data_set_is_not_opened(store: RunStore):
    config = RunConfig(hidden=(4,), dataset="/etc/passwd")
    run_id, remarks = bring_in(save(good(), {"config": config.to_json(), "version": "1"}), "w.safetensors", store)
    assert store.get(run_id).config.dataset == "mnist" and "names a path" in remarks[0]


def header(text: bytes, body: bytes = b"") -> bytes:
    return len(text).to_bytes(8, "little") + text + body


ENTRY = '{"dense1.W":{"dtype":"F32","shape":%s,"data_offsets":%s}}'


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"short",
        b"\xff" * 100,
        header(b"not json"),
        header(b"[]"),
        header(b"[" * 50_000),
        header(b'{"dense1.W": 3}'),
        header(b'{"dense1.W":{"dtype":["F32"],"shape":[1],"data_offsets":[0,4]}}', b"\0" * 4),
        header((ENTRY % ("[784,10]", "[0,31360]")).encode()),  # declares more than there is
        header((ENTRY % ("[99999999999,99999999999]", "[0,8]")).encode(), b"\0" * 8),
        header((ENTRY % ("[-1,-1]", "[0,4]")).encode(), b"\0" * 4),
        header((ENTRY % ("[784,10]", "[31360,0]")).encode()),
        header((ENTRY % ("[true,1]", "[0,4]")).encode(), b"\0" * 4),
        (2**63).to_bytes(8, "little") + b"{}",
        save(good())[:-7],
        save(good()) + b"more",
    ],
)
def test_garbage_is_refused_in_a_sentence(data: bytes, store: RunStore):
    refusal_of(data, store, "w.safetensors")


def test_tensors_that_overlap_are_refused(store: RunStore):
    entries = {
        name: {"dtype": "F32", "shape": list(values.shape), "data_offsets": [0, values.nbytes]}
        for name, values in good().items()
    }
    refusal_of(header(json.dumps(entries).encode(), b"\0" * (784 * 4 * 4)), store, "w.safetensors")


def test_another_kind_of_file_is_refused(store: RunStore):
    assert "must be a run's archive or weights (.zip, .safetensors, .h5, .keras), got x.txt" in refusal_of(
        b"\x81\x04", store, "x.txt"
    )


def test_what_is_read_is_what_the_library_reads():
    data = save(good())
    for name, values in load(data).items():
        np.testing.assert_array_equal(from_safetensors(data).weights[name], values)
