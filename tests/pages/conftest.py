"""The dashboard without a browser."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from streamlit.testing.v1 import AppTest

from tests import ROOT
from ui import session


@pytest.fixture
def app() -> Iterator[AppTest]:
    """The dashboard on its first page."""
    yield AppTest.from_file(str(ROOT / "dashboard.py"), default_timeout=60).run()
    session.registry().close()
    session.registry.clear()
