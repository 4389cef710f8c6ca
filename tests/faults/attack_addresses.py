"""Addresses that strangers could make someone open: their words must be drawn as words, and nobody be called.

The full form opens each in Chromium and looks at what is drawn and where requests go; the short form reads what the
page would send to the browser.
"""

from __future__ import annotations

import os
import random
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from unittest import mock
from urllib.parse import urlencode

from nn_core.config import all_settings

from .figures import Figure

if TYPE_CHECKING:
    from playwright.sync_api import Page, Request

HOST = "glassnet.invalid"  # there is none of this name, but Chromium would ask for it
MARKUP = (  # must not reach the browser as it is
    f"![x](http://{HOST}/a.svg)",
    f"[Session expired. Sign in again](http://{HOST}/b)",
    f"http://{HOST}/c",
    f"https://{HOST}",
    f"www.{HOST}",
    f"somebody@{HOST}",
    f"<http://{HOST}/d>",
    f"<img src=http://{HOST}/e.png onerror=fetch('http://{HOST}/f')>",
    f"<script>fetch('http://{HOST}/g')</script>",
    f"[x]: http://{HOST}/h",
    "**bold**",
    "__bold__",
    "*slanted*",
    "`code`",
    "~~gone~~",
    "$x^2$",
    "$$x^2$$",
    ":red[red]",
    ":red-badge[red]",
    ":material/home:",
    ":material_home:",
    ":streamlit:",
    ":smile:",
    "&lt;b&gt;",
    "| a | b |\n|---|---|\n| c | d |",
    "```\ncode\n```",
)
AWKWARD = (
    "# heading",
    "- item",
    "1. item",
    "> quote",
    "---",
    "nan",
    "-inf",
    "1e999",
    "9" * 400,
    "\0",
    "\u202eb",
    " ",
    "%",
)
OTHER_NAMES = ("run", "step", "ghost", "race", "search", "utm_source", "x")
DRAWN = """(host) => {
    const found = [];
    for (const shown of document.querySelectorAll('[data-testid="stAlert"], [data-testid="stMarkdown"]')) {
        if (!shown.innerText.includes('HOSTILE')) continue;
        for (const one of shown.querySelectorAll(
            'a, img, strong, em, code, pre, del, h1, h2, h3, ul, ol, table, blockquote, hr, script, .katex,' +
            ' p [style*="color"], p [role="img"]')) found.push(one.outerHTML.slice(0, 200));
    }
    for (const one of document.querySelectorAll('a[href], [src]'))
        if (`${one.getAttribute('href')} ${one.getAttribute('src')}`.includes(host))
            found.push(one.outerHTML.slice(0, 200));
    for (const one of document.querySelectorAll('.stException')) found.push(one.innerText.slice(0, 200));
    return found;
}"""


def hostile_queries(n: int, seed: int) -> list[dict[str, str]]:
    """What n addresses say behind their question mark. Each word of theirs has HOSTILE in it where it can be seen."""
    rng = random.Random(seed)
    names = [*(item.name for item in all_settings()), *OTHER_NAMES]
    queries = []
    for _ in range(n):
        query = {}
        for _ in range(rng.choice((1, 1, 1, 2, 4))):
            word = " ".join(rng.choices(MARKUP + AWKWARD, k=rng.choice((1, 1, 2))))
            word = rng.choice((f"HOSTILE {word}", f"{word} HOSTILE", word))
            if rng.random() < 0.2:  # the name of a setting is a stranger's word too
                query[word] = "1"
            else:
                query[rng.choice(names)] = word
        queries.append(query)
    return queries


def attack(full: bool) -> list[Figure]:
    if not full:
        return _without_browser(hostile_queries(50, seed=1))
    return _in_chromium(hostile_queries(2_000, seed=2))


# ---------------------------------------------------------------------------------------------- what would be sent


@contextmanager
def _empty_folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder, mock.patch.dict(os.environ, {"GLASSNET_RUNS": folder}):
        yield Path(folder)


def _without_browser(queries: list[dict[str, str]]) -> list[Figure]:
    from streamlit.testing.v1 import AppTest

    from tests import ROOT
    from ui import session

    raw, broken = [], []
    with _empty_folder():
        app = AppTest.from_file(str(ROOT / "dashboard.py"), default_timeout=60)
        for query in queries:
            app.session_state["notices"] = []
            app.query_params.clear()
            for name, value in query.items():
                app.query_params[name] = value
            app.run()
            broken += [*(shown.message for shown in app.exception), *(shown.value for shown in app.error)]
            drawn = [str(shown.value) for kind in (app.markdown, app.caption, app.warning, app.info) for shown in kind]
            drawn += [text for shown in [*app.button, *app.selectbox] for text in (shown.label, str(shown.help))]
            raw += [word for word in MARKUP for text in drawn if word in text]
        session.registry().close()
        session.registry.clear()
    return [
        Figure(f"{len(queries)} hostile addresses", f"{len(raw)} with markup", "0 with markup", not raw),
        Figure(f"{len(queries)} hostile addresses", f"{len(broken)} tracebacks", "0 tracebacks", not broken),
    ]


# ---------------------------------------------------------------------------------------------- what is drawn

PAGES = [*["race"] * 12, "", "draw", "data", "weights", "inside", "evaluate", "runs", "search"]  # race is quickest
GO = """address => new Promise((done) => {  // as the Back button does; whether an answer came: a run, a new address
    const app = document.querySelector('[data-testid="stApp"]');
    const asked = Date.now();
    let began = false, still = asked;
    const clock = setInterval(() => {
        const runs = app.dataset.testScriptState !== 'notRunning';
        began ||= runs || location.href !== address;
        if (runs || !began) still = Date.now();
        const late = Date.now() - asked > 10_000;
        if (Date.now() - still < 100 && !late) return;
        clearInterval(clock);
        done(!late);
    }, 10);
    history.pushState({}, '', address);
    dispatchEvent(new PopStateEvent('popstate'));
})"""
A_VISIT = 100  # addresses after which the page is loaded anew, by one of them


def open_all(page: Page, url: str, queries: list[dict[str, str]]) -> tuple[list[str], list[str], int]:
    """Open each address on this page: the markup that was drawn, the requests that left, how many got a sentence."""
    from tests.browser.waiting import open_app, wait_idle

    drawn: list[str] = []
    called: list[str] = []
    answered = 0

    def note(request: Request) -> None:
        if request.url.startswith("http") and not request.url.startswith(f"{url}/"):
            called.append(request.url)

    page.on("request", note)
    for at, query in enumerate(queries):
        address = f"{url}/{PAGES[at // A_VISIT % len(PAGES)]}?{urlencode(query)}"
        if at % A_VISIT == 0 or not page.evaluate(GO, address):
            open_app(page, address)
        wait_idle(page)
        drawn += page.evaluate(DRAWN, HOST)
        answered += page.locator('[data-testid="stAlert"]').count() > 0
    return drawn, called, answered


def _in_chromium(queries: list[dict[str, str]]) -> list[Figure]:
    from playwright.sync_api import sync_playwright

    from tests.browser.conftest import CHROMIUM_FLAGS, Server, find_chromium

    with _empty_folder() as folder, sync_playwright() as playwright:
        server = Server("dashboard.py", folder / "log.txt", {"GLASSNET_RUNS": f"{folder}/runs"})
        server.start()
        try:
            browser = playwright.chromium.launch(executable_path=find_chromium(), args=list(CHROMIUM_FLAGS))
            drawn, called, answered = open_all(browser.new_page(), server.url, queries)
            browser.close()
        finally:
            server.stop()
        tracebacks = server.log.count("Traceback")
    tried = f"{len(queries):,} hostile addresses in Chromium"
    return [
        Figure(tried, f"{len(drawn)} pieces of markup drawn", "0 drawn", not drawn),
        Figure(tried, f"{len(called)} requests that left the page", "0 requests", not called),
        Figure(
            tried, f"{answered:,} answered by a sentence", f"over {len(queries) // 2:,}", answered > len(queries) / 2
        ),
        Figure(tried, f"{tracebacks} tracebacks", "0 tracebacks", not tracebacks),
    ]
