"""Locks on folders: one program at a time, whichever way it locks, and none after its end."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from nn_core.machine.disk import Lock, reason

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
