"""Locks on folders: one program at a time, and none after its end. Temporary files. Where output goes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from nn_core.machine import disk
from nn_core.machine.disk import Lock, reason, sweep, write_file, write_out

HOLDS = """
import sys
from pathlib import Path
from nn_core.machine.disk import Lock
lock = Lock(Path(sys.argv[1]))
print(lock.claim(), flush=True)
sys.stdin.read()
"""
HOLDS_BY_FLOCK = """
import fcntl, os, sys
handle = os.open(sys.argv[1] + "/.lock", os.O_RDWR | os.O_CREAT, 0o644)
fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
print(True, flush=True)
sys.stdin.read()
"""


def test_a_folder_is_claimed_by_one_lock_at_a_time(tmp_path: Path):
    one, other = Lock(tmp_path), Lock(tmp_path)
    assert one.claim() and one.claim() and not other.claim()
    one.release()
    assert other.claim() and not one.claim()
    other.release()
    other.release()


@pytest.mark.parametrize("program", [HOLDS, HOLDS_BY_FLOCK], ids=["this version", "versions before"])
def test_the_lock_of_another_program_holds_until_it_is_killed(program: str, tmp_path: Path):
    if program is HOLDS_BY_FLOCK:
        pytest.importorskip("fcntl")
    other = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    lock = Lock(tmp_path)
    try:
        assert other.stdout is not None and other.stdout.readline() == "True\n"
        assert not lock.claim()
    finally:
        other.send_signal(signal.SIGTERM if sys.platform == "win32" else signal.SIGKILL)
        other.communicate()
    assert lock.claim()
    lock.release()


def test_a_program_of_before_respects_the_lock_of_this_one(tmp_path: Path):
    pytest.importorskip("fcntl")
    lock = Lock(tmp_path)
    assert lock.claim()
    refused = subprocess.run(
        [sys.executable, "-c", HOLDS_BY_FLOCK, str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert "BlockingIOError" in refused.stderr
    lock.release()


def test_a_folder_that_is_moved_while_it_is_locked_can_be_given_back_and_claimed_anew(tmp_path: Path):
    folder, elsewhere = tmp_path / "here", tmp_path / "there"
    folder.mkdir()
    lock = Lock(folder)
    assert lock.claim()
    folder.rename(elsewhere)
    lock.release()
    again = Lock(elsewhere)
    assert again.claim()
    again.release()


def test_a_folder_that_is_not_there_is_not_made_by_a_claim(tmp_path: Path):
    with pytest.raises(OSError, match="No such file"):
        Lock(tmp_path / "none").claim()
    assert not (tmp_path / "none").exists()


def test_without_its_package_a_claim_fails_with_a_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "filelock", None)
    with pytest.raises(OSError, match="filelock") as failure:
        Lock(tmp_path).claim()
    assert reason(failure.value) == "the package filelock is not installed"


# ---------------------------------------------------------------------------------------------- temporary files

WRITES = """
import os, sys, time
from pathlib import Path
from nn_core.machine import disk
disk.os.fsync = lambda handle: (print("writing", flush=True), sys.stdin.read())
disk.write_file(Path(sys.argv[1]) / "file", b"all of it")
"""


@pytest.fixture
def writer(tmp_path: Path):
    """Another program in the middle of writing a file into tmp_path; it ends when its stdin is closed."""
    other = subprocess.Popen(
        [sys.executable, "-c", WRITES, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert other.stdout is not None and other.stdout.readline() == "writing\n"
    yield other
    other.kill()
    other.communicate()


@pytest.mark.parametrize("days", [-1, 1, 4_000])
def test_a_clock_that_is_set_deletes_no_file_that_is_being_written(writer, tmp_path: Path, days: int, monkeypatch):
    (temporary,) = tmp_path.glob(".*.tmp")
    then = time.time() - days * 86_400  # as it looks where the clock is that many days ahead
    os.utime(temporary, (then, then))
    sweep(tmp_path)
    assert temporary.exists()
    writer.communicate("")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_file_of_a_killed_writer_is_swept_though_its_number_has_gone_to_another_process(writer, tmp_path: Path):
    (temporary,) = tmp_path.glob(".*.tmp")
    _, began, _ = temporary.name[1:].split("-")
    again = temporary.with_name(f".{os.getpid()}-{began}-00000000.tmp")  # as if our number had been its
    temporary.rename(again)
    sweep(tmp_path)
    assert began == "0" or not again.exists()


def test_files_of_versions_before_are_swept_when_their_writer_is_gone(tmp_path: Path):
    gone = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True)
    orphan, own = tmp_path / f".{int(gone.stdout)}-0123abcd.tmp", tmp_path / f".{os.getpid()}-0123abcd.tmp"
    for path in (orphan, own):
        path.write_bytes(b"half")
    sweep(tmp_path)
    assert own.exists() and not orphan.exists()


# ---------------------------------------------------------------------------------------------- where output is put

posix = pytest.mark.skipif(os.name != "posix", reason="links, pipes and devices as Unix has them")


@posix
def test_output_goes_where_a_link_leads_and_the_link_stays(tmp_path: Path):
    (tmp_path / "file").write_bytes(b"old")
    for name, target in (("link", "file"), ("link to the link", "link"), ("leads nowhere yet", "new")):
        (tmp_path / name).symlink_to(target)
        write_out(tmp_path / name, name.encode())
        assert (tmp_path / name).is_symlink() and (tmp_path / name).read_bytes() == name.encode()
    assert (tmp_path / "file").read_bytes() == b"link to the link" and (tmp_path / "new").is_file()


@posix
def test_output_goes_through_a_pipe_which_stays_one(tmp_path: Path):
    pipe, read = tmp_path / "pipe", list[bytes]()
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: read.append(pipe.read_bytes()), daemon=True)
    reader.start()
    write_out(pipe, b"all of it")
    reader.join(10)
    assert read == [b"all of it"] and pipe.is_fifo()


@posix
def test_a_device_is_written_to_and_never_replaced(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(disk, "write_file", lambda *_: pytest.fail("it would be replaced"))
    for device in ("/dev/null", "/dev/stdout", "/dev/fd/1"):
        write_out(Path(device), b"")
    assert Path("/dev/null").is_char_device()


def test_a_folder_and_too_long_a_name_are_refused_with_a_reason(tmp_path: Path):
    for path, why in (
        (tmp_path, "it is a folder"),
        (tmp_path / ("x" * 300), "a name may have at most 255 bytes, got 300"),
        (tmp_path / ("é" * 200), "a name may have at most 255 bytes, got 400"),
        (tmp_path / "none" / "x", "No such file or directory"),
    ):
        with pytest.raises(OSError) as refused:
            write_out(path, b"x")
        assert reason(refused.value) == why
    assert list(tmp_path.iterdir()) == []


def test_what_is_written_replaces_a_file_in_one_piece(tmp_path: Path):
    for write in (write_file, write_out):
        write(tmp_path / "file", b"1")
        write(tmp_path / "file", b"22")
        assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("file", b"22")]
