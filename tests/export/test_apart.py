"""A file brought in by a process of its own: the same runs, the same sentences, and an end where it takes too long."""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save

from nn_core.export import ExportError, to_archive
from nn_core.export.apart import bring_in_apart
from nn_core.export.foreign.questions import Ambiguous
from nn_core.store.run_store import RunStore
from tests.export.test_run_zip import stored, zipped


def test_a_process_of_its_own_brings_the_same_run_in_and_says_the_same_sentence(tmp_path: Path):
    source, store = RunStore(tmp_path / "source"), RunStore(tmp_path / "runs")
    run_id = stored(source)
    archive = to_archive(source, run_id)
    first, remarks = bring_in_apart(archive, "a.zip", store)
    second, _ = bring_in_apart(archive, "a.zip", store)
    assert first == run_id != second and remarks == ()
    assert {run.step for run in store.runs()} == {source.get(run_id).step}
    with pytest.raises(ExportError, match="the file is no archive of a run"):
        bring_in_apart(zipped({}), "a.zip", store)
    assert {path.name for path in store.folder.iterdir()} == {first, second}


def test_what_takes_too_long_or_too_much_memory_ends_in_a_sentence_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    store = RunStore(tmp_path / "runs")
    with pytest.raises(ExportError, match=r"took more than 0\.05 s"):
        bring_in_apart(b"PK", "a.zip", store, seconds=0.05)
    monkeypatch.setattr(sys, "executable", "/bin/false")  # as a process that the system ended
    with pytest.raises(ExportError, match="more memory than it may have"):
        bring_in_apart(b"PK", "a.zip", store)
    assert list(store.folder.iterdir()) == []


def program(path: Path, *lines: str) -> str:
    path.write_text("\n".join(("#!/bin/sh", *lines, "")))
    path.chmod(0o755)
    return str(path)


def test_an_import_that_is_cancelled_ends_its_process_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    store, note, cancelled = RunStore(tmp_path / "runs"), tmp_path / "process", threading.Event()
    monkeypatch.setattr(sys, "executable", program(tmp_path / "long", f"echo $$ > {note}", "exec sleep 600"))
    threading.Timer(0.3, cancelled.set).start()
    with pytest.raises(ExportError, match="it was cancelled"):
        bring_in_apart(b"PK", "a.zip", store, cancelled=cancelled)
    assert list(store.folder.iterdir()) == []
    assert not note.exists() or not Path("/proc", note.read_text().strip()).exists()


def test_questions_come_from_that_process_and_answers_go_to_it(tmp_path: Path):
    rng, store = np.random.default_rng(0), RunStore(tmp_path / "runs")
    data = save({"a.weight": rng.normal(size=(10, 784)).astype(np.float32)})
    with pytest.raises(Ambiguous) as asked:
        bring_in_apart(data, "a.safetensors", store)
    assert [each.name for each in asked.value.questions] == ["input_scaling"] and not store.runs()
    run_id, _ = bring_in_apart(data, "a.safetensors", store, answers={"input_scaling": "standard"})
    assert store.get(run_id).config.input_scaling == "standard"


def test_a_file_that_crashes_the_library_that_reads_it_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys, "executable", program(tmp_path / "crash", "kill -SEGV $$"))
    with pytest.raises(ExportError, match="the file is damaged: it ended the process that read it"):
        bring_in_apart(b"PK", "a.zip", RunStore(tmp_path / "runs"))


def test_an_import_steps_back_behind_what_trains(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    own = os.getpriority(os.PRIO_PROCESS, 0)
    lines = f"while [ $(nice) -le {own} ]; do sleep 0.05; done", """echo '{"problem": "it stepped back"}'"""
    monkeypatch.setattr(sys, "executable", program(tmp_path / "long", *lines))
    with pytest.raises(ExportError, match="it stepped back"):
        bring_in_apart(b"PK", "a.zip", RunStore(tmp_path / "runs"), seconds=20)
