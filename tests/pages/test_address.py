"""What an address says that cannot be taken from it gets a sentence; what others hang on it gets none."""

from __future__ import annotations

from urllib.parse import parse_qsl

import pytest
from streamlit.testing.v1 import AppTest

from tests.pages.looking import fails, new_tab, notices


def opened(query: str) -> AppTest:
    """The dashboard at this address."""
    tab = new_tab()
    for name, value in parse_qsl(query, keep_blank_values=True):
        tab.query_params[name] = [*tab.query_params.get(name, []), value]
    return tab.run()


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("lr=0.1&lr=0.2", "The link gives 'lr' 2 times ('0.1', '0.2'): the last one counts."),
        ("activation=Relu", "got 'Relu'; did you mean 'relu'?"),
        ("race=feedface", "it must name 2 to 4 runs, got 'feedface'."),
        ("race=feedface-deadbeef", "this server does not know the run 'feedface', 'deadbeef'."),
        ("race=a-b-c-d-e", "it must name 2 to 4 runs, got 'a-b-c-d-e'."),
        ("nonsense=1&utm_source=mail", "The link names unknown settings: nonsense."),
    ],
)
def test_what_cannot_be_taken_from_an_address_is_said(app: AppTest, query: str, says: str) -> None:
    shown = opened(query)
    assert says in notices(shown).replace("\\", "") and not fails(shown)


@pytest.mark.parametrize("query", ["lr=0.2&lr=0.2", "lr=0.2&utm_source=a&utm_campaign=b&fbclid=c&gclid=d&msclkid=e"])
def test_what_others_hang_on_a_link_passes_in_silence_and_leaves_the_address(app: AppTest, query: str) -> None:
    shown = opened(query)
    assert not notices(shown) and not fails(shown)
    assert shown.session_state["draft"].lr == 0.2 and set(shown.query_params) == {"lr"}


def test_a_tracker_alone_leaves_the_settings_of_the_visit(app: AppTest) -> None:
    shown = opened("lr=0.2")
    shown.query_params["fbclid"] = "x"
    shown.run()
    assert shown.session_state["draft"].lr == 0.2 and set(shown.query_params) == {"lr"}
