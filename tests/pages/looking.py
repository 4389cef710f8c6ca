"""What a page shows when it is drawn without a browser: its words, what failed on it, its menus."""

from __future__ import annotations

import re

from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import Selectbox

from nn_core.runs.run import Run
from tests import ROOT


def new_tab() -> AppTest:
    """The dashboard in a new tab; `run` draws its first page."""
    return AppTest.from_file(str(ROOT / "dashboard.py"), default_timeout=60)


def at(app: AppTest, page: str) -> AppTest:
    """Go to a page."""
    return app.run() if page == "pages/play/train.py" else app.switch_page(page).run()


def words(app: AppTest) -> str:
    """All sentences on the page."""
    return "\n".join(str(part.value) for part in [*app.markdown, *app.caption, *app.info])


def without_links(text: str) -> str:
    """A help text without its links to the glossary: the words alone."""
    return re.sub(r"\[([^\]]*)\]\(glossary\?[^)]*\)", r"\1", text)


def fails(app: AppTest) -> list[str]:
    """Tracebacks, and panels that could not be drawn."""
    return [*(shown.message for shown in app.exception), *(shown.value for shown in app.error)]


def unnamed(app: AppTest) -> list[str | None]:
    """The keys of the buttons that are an icon alone."""
    return [button.key for button in app.button if not button.label]


def notices(app: AppTest) -> str:
    """What the page warns of, all of it."""
    return "\n".join(str(shown.value) for shown in app.warning)


def menu(app: AppTest, place: str) -> Selectbox:
    """The menu of networks on the page."""
    return next(box for box in app.selectbox if box.key and re.fullmatch(rf"{place}-\w+", box.key))


def look_at(app: AppTest, run: Run, step: int) -> AppTest:
    """Open the address of a run at a step."""
    app.query_params["run"], app.query_params["step"] = run.id, str(step)
    return app.run()
