"""The pages of a shared server as visitors see them."""

from __future__ import annotations

from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from nn_core import RunConfig
from nn_core.data import Dataset
from tests import ROOT
from tests.ui.visitors.conftest import KEY, SharedServer
from ui import session
from ui.session import visitor as asking
from ui.visitors.gate import Gate

SMALL: dict[str, Any] = {"n_train": 400, "batch_size": 50, "hidden": (4,)}
PAGES = sorted(path.relative_to(ROOT).as_posix() for path in ROOT.glob("pages/*/*.py"))


def dashboard() -> AppTest:
    return AppTest.from_file(str(ROOT / "dashboard.py"), default_timeout=60)


def words(app: AppTest) -> str:
    return "\n".join(str(part.value) for part in [*app.markdown, *app.caption, *app.info, *app.warning, *app.error])


@pytest.fixture
def anns(shared_server: SharedServer, mnist: Dataset) -> str:
    def train() -> str:
        run = session.registry().create(RunConfig(**SMALL), mnist)
        run.step_once().wait(20)
        return run.id

    run_id: str = shared_server.do("ann", train)
    return run_id


def test_every_page_opens_on_anothers_run_and_says_whose_it_is(shared_server: SharedServer, anns: str):
    shared_server.who = "bob"
    app = dashboard()
    app.query_params["run"] = anns
    app.run()
    for page in PAGES:
        shown = app.run() if page == "pages/play/train.py" else app.switch_page(page).run()
        assert not shown.exception and not shown.error, page
        assert "Another visitor's run" in words(shown), page
        assert {"train", "pause"} & {button.key for button in shown.button} == {"train"}


def test_a_press_on_branch_trains_a_run_of_ones_own(shared_server: SharedServer, anns: str):
    shared_server.who = "bob"
    app = dashboard()
    app.query_params["run"] = anns
    shown = app.run().button(key="train").click().run()
    assert not shown.exception and "Another visitor's run" not in words(shown)
    run = shared_server.do("bob", lambda: session.registry().get(shown.session_state["run"]))
    assert run.parent is not None and run.parent.run == anns and run.id != anns


def test_the_sidebar_says_what_is_ones_own_and_takes_the_owners_key(
    shared_server: SharedServer, anns: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(asking.owners(), "_sleep", lambda seconds: None)
    shared_server.who = "tom"
    app = dashboard().run()
    assert "0 of 100 runs" in words(app) and "of 2 places taken" in words(app)
    shown = app.text_input(key="owner-key").set_value(KEY).run().button(key="show-key").click().run()
    assert "All runs of this server are listed" in words(shown)
    assert KEY not in str(shown.query_params)
    shown.button(key="leave-key").click().run()
    assert shared_server.do("tom", session.runs) == []


def test_a_browser_without_a_cookie_is_told_why_it_sees_nothing(
    shared_server: SharedServer, anns: str, monkeypatch: pytest.MonkeyPatch
):
    shared_server.who = ""
    app = dashboard()
    app.query_params["run"] = anns
    for stands, says in ((True, "Allow cookies for this page"), (False, "streamlit run shared.py")):
        monkeypatch.setattr(Gate, "stands", stands)
        shown = app.run()
        assert says in shown.error[0].value and not shown.button and not shown.exception


def test_one_person_alone_sees_nothing_of_all_this(monkeypatch: pytest.MonkeyPatch):
    asking.shared.clear()
    monkeypatch.delenv("GLASSNET_SHARED", raising=False)
    app = dashboard().run()
    assert not app.exception and "Shared server" not in words(app) and "cookie" not in words(app)
    session.registry().close()
    session.registry.clear()
