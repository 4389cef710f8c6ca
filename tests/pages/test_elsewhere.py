"""A run that another program trains, on the pages: who trains it, what it has saved, and a branch instead of Train."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from streamlit.testing.v1 import AppTest

from nn_core.runs.run import Run
from tests.pages.looking import at, fails, notices, words
from ui import session

HOLDS = """
import sys
from pathlib import Path
from nn_core.machine.disk import Lock
lock = Lock(Path(sys.argv[1]))
print(lock.claim(), flush=True)
sys.stdin.read()
"""


@contextmanager
def trained_elsewhere(run: Run) -> Iterator[int]:
    """Another program holds the run's folder meanwhile; its process id."""
    kept = session.registry().store
    assert kept is not None
    command = [sys.executable, "-c", HOLDS, str(kept.folder / run.id)]
    other = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert other.stdout is not None and other.stdout.readline() == "True\n"
        yield other.pid
    finally:
        other.kill()
        other.communicate()


def labels(app: AppTest) -> dict[str | None, str]:
    return {button.key: button.label for button in app.sidebar.button}


def test_a_run_that_another_program_trains_is_followed_branched_and_never_trained_here(
    app: AppTest, with_run: Callable[..., Run], tmp_path: Path
):
    run = with_run()
    app.query_params["run"] = run.id
    with trained_elsewhere(run) as pid:
        app.run()
        assert labels(app)["train"] == "Branch" and "trained by another program" in words(app)
        assert f"process {pid} on" in words(app).replace("\\", "") and fails(app) == []
        assert "Train goes on" not in notices(app) and "Shown as it was saved last" in words(app)
        assert session.any_trains()  # the list keeps looking
        app.sidebar.button(key="step").click().run()
        assert "Branch trains a copy of it here" in notices(app)
        app.sidebar.select_slider(key="set-lr").set_value(0.3).run()
        seen = session.registry().get(run.id)
        assert seen is not None and seen.snapshot.step == run.snapshot.step and not seen.snapshot.edits
        at(app, "pages/compare/runs.py")
        assert [row.status for row in session.runs() if row.id == run.id] == ["elsewhere"]
        app.sidebar.button(key="train").click().run()
        branch = session.registry().get(app.session_state["run"])
        assert branch is not None and branch.id != run.id and branch.settings.lr == 0.3
        assert branch.parent is not None and branch.parent.run == run.id
        branch.pause().wait(10)
        app.session_state["run"] = run.id
        app.run()
    app.run()
    assert labels(app)["train"] != "Branch" and fails(app) == []
