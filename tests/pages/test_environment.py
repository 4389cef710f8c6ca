"""A variable of the environment that cannot be used: a sentence, once, and the pages stand."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from nn_core.config.environment import VARIABLES
from tests.pages.looking import fails, notices
from ui import session

FOR_ONE = [name for name in VARIABLES if name not in ("GLASSNET_SHARED", "GLASSNET_RUNS", "GLASSNET_DATASETS")]


def test_what_is_set_wrongly_is_said_once_and_the_pages_stand(app: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in FOR_ONE:
        monkeypatch.setenv(name, "0x")
    session.registry().close()
    session.registry.clear()
    del app.session_state["environment is checked"]
    shown = app.run()
    assert not fails(shown)
    said = [text for text in notices(shown).splitlines() if text.startswith(("GLASSNET_", "OPENBLAS_"))]
    assert len(said) == len(FOR_ONE) - 2  # an address of a database is not looked at, and 0x could be a host's name
    assert "GLASSNET_MAX_TRAINING must be a whole number in \\[1, 256\\], got '0x'; 2 is used." in said
    for button in [one for one in shown.button if one.label == "Dismiss"][::-1]:
        shown = button.click().run()
    assert not notices(shown) and not notices(shown.run())
