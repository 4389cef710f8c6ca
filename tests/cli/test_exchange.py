"""`python -m nn_core runs export` and `import`."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save

from nn_core.cli.main import main
from nn_core.export import FORMATS
from nn_core.store.run_store import RunStore
from tests import ROOT
from tests.export.test_run_zip import stored


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(scope="module")
def run_id(runs: Path) -> str:
    return stored(RunStore(runs))


def refusal_of(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(["runs", *arguments]) == 2
    printed = capsys.readouterr()
    assert printed.out == "" and printed.err.count("\n") == 1
    return printed.err.strip()


@pytest.mark.parametrize("form", [*FORMATS, "archive"])
def test_every_form_is_written_and_its_path_is_printed(
    form: str, runs: Path, run_id: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    if form in FORMATS and FORMATS[form].missing:
        pytest.skip(FORMATS[form].missing)
    assert main(["runs", "export", run_id, "--runs", str(runs), "--to", form, "--out", str(tmp_path)]) == 0
    (file,) = tmp_path.iterdir()
    assert capsys.readouterr().out.strip() == str(file)
    assert file.stat().st_size > 300 and run_id in file.name


def test_the_network_of_an_earlier_step_can_be_exported(
    runs: Path, run_id: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    steps = [frame.step for frame in RunStore(runs).film(run_id)]
    out = tmp_path / "early.npz"
    where = ["--runs", str(runs), "--out", str(out)]
    assert main(["runs", "export", run_id, *where, "--to", "npz", "--at", str(steps[2]), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"file": str(out), "bytes": out.stat().st_size}
    frame = RunStore(runs).film(run_id)[2]
    with np.load(out) as arrays:
        for name, values in frame.weights().items():
            np.testing.assert_array_equal(arrays[name], values)
    assert (
        main(["runs", "export", run_id, "--runs", str(runs), "--to", "csv", "--at", str(steps[2]), "--out", str(out)])
        == 0
    )
    capsys.readouterr()
    rows = list(csv.DictReader(out.read_text().splitlines()))
    assert rows and max(int(row["step"]) for row in rows) <= steps[2]
    assert "keeps no weights of step 99,999; the nearest kept are" in refusal_of(
        capsys, "export", run_id, "--runs", str(runs), "--to", "npz", "--at", "99999"
    )


def test_what_was_exported_is_imported_as_a_run(
    runs: Path, run_id: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    target = tmp_path / "target"
    for form in ("archive", "safetensors"):
        out = tmp_path / form
        out.mkdir()
        assert main(["runs", "export", run_id, "--runs", str(runs), "--to", form, "--out", str(out)]) == 0
        (file,) = out.iterdir()
        capsys.readouterr()
        assert main(["runs", "import", str(file), "--runs", str(target), "--json"]) == 0
        imported = json.loads(capsys.readouterr().out)["run"]
        np.testing.assert_array_equal(
            RunStore(target).checkpoint(imported).arrays["params"], RunStore(runs).checkpoint(run_id).arrays["params"]
        )
    assert run_id in RunStore(target) and len(RunStore(target).runs()) == 2


def test_what_weights_of_pytorch_leave_open_is_named_and_can_be_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    rng = np.random.default_rng(0)
    shapes = {"fc1.weight": (8, 784), "fc1.bias": (8,), "fc2.weight": (10, 8), "fc2.bias": (10,)}
    file, there = tmp_path / "net.safetensors", ("--runs", str(tmp_path / "runs"))
    file.write_bytes(save({name: rng.normal(0, 0.1, shape).astype(np.float32) for name, shape in shapes.items()}))
    refused = refusal_of(capsys, "import", str(file), *there)
    assert "dense layers 784-8-10" in refused and "--say activation=" in refused and "--say input_scaling=" in refused
    say = ("--say", "activation=tanh", "--say", "input_scaling=unit")
    assert main(["runs", "import", str(file), *say, *there, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert RunStore(tmp_path / "runs").get(told["run"]).config.activation == "tanh" and "fc1" in told["remarks"][0]
    assert "--say must be NAME=VALUE" in refusal_of(capsys, "import", str(file), "--say", "tanh", *there)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["export", "ffffffff", "--to", "npz"], "There is no run ffffffff"),
        (["export", "../../etc", "--to", "archive"], "A run's id is eight hexadecimal digits"),
        (["export", "../../etc", "--to", "card"], "A run's id is eight hexadecimal digits"),
        (["import", "no/such.zip"], "no/such.zip cannot be read: no such file or directory"),
        (["import", "."], ". cannot be read: it is no plain file"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(
    arguments: list[str], sentence: str, runs: Path, capsys: pytest.CaptureFixture[str]
):
    assert sentence in refusal_of(capsys, *arguments, "--runs", str(runs))


def test_a_folder_that_cannot_be_written_is_named(runs: Path, run_id: str, capsys: pytest.CaptureFixture[str]):
    out = "/proc/no-such-folder/x.npz"
    assert f"{out} cannot be written" in refusal_of(
        capsys, "export", run_id, "--runs", str(runs), "--to", "npz", "--out", out
    )


def test_a_broken_archive_is_refused_in_a_sentence(runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("../x", b"")
    sentence = refusal_of(capsys, "import", str(tmp_path / "x.zip"), "--runs", str(runs))
    assert "'../x', which is no file of a run" in sentence


@pytest.mark.skipif(os.name != "posix", reason="links and pipes as Unix has them")
def test_an_export_goes_through_links_and_pipes_and_a_bad_place_is_a_sentence(
    runs: Path, run_id: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    where = ["export", run_id, "--runs", str(runs), "--to", "csv", "--out"]
    (tmp_path / "link").symlink_to("file")
    assert main(["runs", *where, str(tmp_path / "link")]) == 0
    assert (tmp_path / "link").is_symlink() and (tmp_path / "file").read_text().startswith("series,step")
    capsys.readouterr()
    assert main(["runs", *where, "/dev/null"]) == 0 and Path("/dev/null").is_char_device()
    printed = capsys.readouterr()
    assert printed.out == "" and printed.err == "/dev/null\n"
    assert "a name may have at most 255 bytes, got 300" in refusal_of(capsys, *where, str(tmp_path / ("x" * 300)))
    assert "cannot be written: no such file" in refusal_of(capsys, *where, str(tmp_path / "none" / "x"))
    command = [sys.executable, "-m", "nn_core", "runs", *where, "/dev/stdout"]
    piped = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert piped.returncode == 0 and piped.stdout == (tmp_path / "file").read_text()


@pytest.mark.parametrize(
    ("out", "why"), [(".", "it is a folder"), ("x" * 300, "at most 255 bytes"), ("none/x", "no such")]
)
def test_ship_refuses_a_place_that_is_no_file_before_it_trains(
    out: str, why: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    assert main(["ship", "--out", str(tmp_path / out)]) == 2
    said = capsys.readouterr().err
    assert "out must be a file in a folder that is there" in said and why in said
