"""The short forms of the attacks with files that strangers made (docs/faults.md has the long ones)."""

from __future__ import annotations

import pytest

from . import attack_folders, attack_imports, attack_weights


def test_spoilt_files_are_refused_in_a_sentence_or_become_runs_that_work():
    figures = attack_imports.attack(full=False)
    assert [one for one in figures if not one.holds] == []


def test_spoilt_weights_of_other_frameworks_are_refused_in_a_sentence_or_become_runs_that_work():
    pytest.importorskip("h5py", reason="h5py is not installed: pip install -r requirements-export.txt")
    figures = attack_weights.attack(full=False)
    assert [one for one in figures if not one.holds] == []


def test_garbage_among_the_runs_hides_none_of_them():
    figures = attack_folders.attack(full=False)
    assert [one for one in figures if not one.holds] == []
