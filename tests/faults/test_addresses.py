"""Hostile addresses, as many as the test command has time for; in Chromium: tests/browser/test_foreign_words.py."""

from __future__ import annotations

import pytest
from streamlit.components.v2 import manifest_scanner

from tests.pages.conftest import installed_components

from .attack_addresses import attack


@pytest.mark.slow
def test_what_stands_in_an_address_is_drawn_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(manifest_scanner, "scan_component_manifests", installed_components)
    figures = attack(full=False)
    assert all(one.holds for one in figures), figures
