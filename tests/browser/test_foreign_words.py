"""Words of strangers are drawn as words: no markup of theirs, and no request leaves the page for them."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page

from tests.browser.conftest import Server
from tests.browser.waiting import open_app, wait_until
from tests.faults.attack_addresses import AWKWARD, MARKUP, hostile_queries, open_all

APP = Path(__file__).parent / "apps" / "foreign_words.py"
MARKED_UP = """all => all.map(one => [one.innerText,
    [...one.querySelectorAll('a, img, strong, em, code, pre, del, h1, ul, ol, table, hr, .katex, p span')].length])
"""


@pytest.mark.slow
def test_twenty_hostile_addresses_bring_no_markup_and_no_request(page: Page, app: Server) -> None:
    drawn, called, answered = open_all(page, app.url, hostile_queries(20, seed=3))
    assert not drawn and not called
    assert answered > 10


def test_a_foreign_word_reads_as_it_was_written(page: Page, server) -> None:
    words = [" ".join(word.replace("\0", "�").replace("\u202e", "�").split()) for word in (*MARKUP, *AWKWARD)]
    open_app(page, server(APP).url)
    for where in ('[class*="st-key-word"] [data-testid="stMarkdown"]', '[data-testid="stButton"] button', "tbody td"):
        shown = page.locator(where)
        wait_until(page, shown.count, lambda n: n == len(words))
        texts = shown.evaluate_all(MARKED_UP)
        assert [text.replace("\u2060", "").strip() for text, _ in texts] == words
        assert not any(marked_up for _, marked_up in texts)
