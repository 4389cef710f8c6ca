"""A run that was recorded from a loop that is not ours is shown by the pages like any other, and beside ours."""

from __future__ import annotations

from pathlib import Path

import pytest

from nn_core.config.run_config import RunConfig
from tests.homework.test_watch import recorded
from tests.pages.looking import at, fails, look_at, words
from ui import session

PAGES = [
    "pages/play/train.py",
    "pages/look/weights.py",
    "pages/look/inside.py",
    "pages/look/dynamics.py",
    "pages/look/evaluate.py",
    "pages/compare/runs.py",
]


@pytest.fixture
def watched(app, few, tmp_path: Path) -> str:
    """The id of such a run, in the folder of the app; 784-9-10 after 60 updates."""
    return recorded(few, tmp_path, n_steps=60, name="by *hand*").run_id


def test_pages_show_it_now_and_looking_back_and_the_runs_page_lists_it(app, watched):
    run = session.registry().get(watched)
    assert run is not None
    app.session_state["run"] = watched
    for page in PAGES:
        shown = at(app, page)
        assert not fails(shown), page
    look_at(app, run, run.snapshot.film[9].step)
    for page in PAGES[:2]:
        shown = at(app, page)
        assert not fails(shown) and "looking back" in words(shown), page
    assert [stored.name for stored in session.runs()] == ["by *hand*"]


def test_it_is_the_ghost_of_ours_and_ours_of_it(app, with_run, watched):
    ours = with_run(hidden=(9,), activation="tanh", lr=0.2)
    app.session_state["ghost"] = watched
    shown = at(app, "pages/play/train.py")
    assert not fails(shown) and "by \\*hand\\*" in words(shown)
    assert "started from the same weights" not in words(shown), "its own are not those of the seed"
    app.session_state["run"], app.session_state["ghost"] = watched, ours.id
    assert not fails(app.run()) and not fails(at(app, "pages/look/weights.py"))


def test_it_can_be_trained_on_by_ours(app, few, watched):
    run = session.registry().get(watched)
    assert run is not None and run.settings == RunConfig(hidden=(9,), activation="tanh", lr=0.2, batch_size=50)
    assert run.step_once().wait(20)
    assert run.snapshot.step == 61 and not run.snapshot.message.startswith("Training stopped")
