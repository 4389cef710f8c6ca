"""A training process killed in the middle of saving: nothing becomes unreadable, nothing goes backwards."""

from __future__ import annotations

from pathlib import Path

import pytest

from .attack_kills import rounds_of_kills


@pytest.mark.parametrize(("rounds", "seed"), [(4, 1), pytest.param(100, 2, marks=pytest.mark.slow)])
def test_killed_while_saving_no_run_is_unreadable_none_goes_backwards_and_all_go_on_bit_for_bit(
    rounds: int, seed: int, tmp_path: Path
):
    results = rounds_of_kills(str(tmp_path / "runs"), rounds, seed)
    assert len(results) == rounds
    for result in results:
        assert result["problems"] == []
        assert result["step"] >= result["saved"]
        assert result["exact"] and result.get("curves", True) and result.get("film", True)
        assert result["orphans"] == []
    steps = [result["step"] for result in results]
    assert steps == sorted(steps) and steps[-1] > 0
