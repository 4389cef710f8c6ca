"""A search of very many trials: soon read, soon on the page, and the page keeps up with it while it goes on."""

from __future__ import annotations

import json
import os
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, expect, sync_playwright

from nn_core import RunConfig
from nn_core.search import SearchSpec, Span, Values, create_search
from nn_core.search.storage import file_of
from nn_core.search.study import load_study
from nn_core.search.watch import read_search
from tests import ROOT
from tests.browser.conftest import CHROMIUM_FLAGS, Server, find_chromium
from tests.browser.waiting import open_app, wait_until
from ui.charts.search import CHARTS

from .figures import Figure

NAME, FEW, N_FEW = "many", "few", 30
VARY: dict[str, Any] = {"lr": Span(0.001, 0.5, True), "optimizer": Values(("sgd", "adam")), "momentum": Span(0.1, 0.9)}
N_TOTAL = 100_000  # so that it goes on
MAX_SECONDS, MAX_UPDATE_SECONDS = 3.0, 1.0


def attack(full: bool) -> list[Figure]:
    n = 10_000 if full else 300
    with tempfile.TemporaryDirectory() as folder, runs_folder(folder) as runs:
        database = search_of(n)
        found = read_and_drawn(n, database, list(CHARTS) if full else ["curves", "history"])
        if full:
            search_of(N_FEW, FEW)
            found += in_the_browser(runs, n, database)
    return found


@contextmanager
def runs_folder(folder: str) -> Iterator[Path]:
    """Where the search is kept meanwhile."""
    before = os.environ.get("GLASSNET_RUNS")
    os.environ["GLASSNET_RUNS"] = folder
    try:
        yield Path(folder)
    finally:
        os.environ.pop("GLASSNET_RUNS") if before is None else os.environ.update(GLASSNET_RUNS=before)


def search_of(n: int, name: str = NAME) -> Path:
    """The database of a search with so many trials that have ended, a third of them pruned."""
    base = RunConfig(n_train=300, hidden=(8,), epochs=3, batch_size=50)
    create_search(name, SearchSpec(base, VARY, "random", "none", N_TOTAL))
    opened = load_study(name, heartbeat=False)
    for _ in range(3):
        trial = opened.study.ask()
        trial.set_user_attr("config", json.dumps(opened.info.spec.config_of(trial).to_dict()))
        trial.set_user_attr("epochs", 3)
        for epoch in (1, 2, 3):
            trial.report(0.3 + epoch / 10, epoch)
        opened.study.tell(trial, 0.6)
    database = file_of(name)
    more_trials(database, n - 3)
    return database


def more_trials(database: Path, n: int) -> None:
    """Add copies of the first trial, each with numbers of its own."""
    with sqlite3.connect(database, timeout=30) as connection:
        (first,) = connection.execute("SELECT min(trial_id), max(trial_id) FROM trials").fetchall()
        source, last = first
        run = connection.execute
        counted = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?) SELECT i FROM n"
        run(f"CREATE TEMP TABLE new AS {counted}", [n])
        for table, changed in COPIED.items():
            columns = [row[1] for row in run(f"PRAGMA table_info({table})") if not row[5] or row[1] == "trial_id"]
            values = [changed.get(column, f"old.{column}") for column in columns]
            run(
                f"INSERT INTO {table} ({', '.join(columns)}) SELECT {', '.join(values)} FROM {table} old, new "
                "WHERE old.trial_id = :source ORDER BY new.i",
                {"source": source, "last": last},
            )
    connection.close()


UNIFORM = "(0.5 + random() / 18446744073709551616.0)"
COPIED = {  # table -> what is not copied
    "trials": {
        "trial_id": ":last + new.i",
        "number": ":last - :source + new.i",
        "state": "CASE WHEN new.i % 3 THEN 'COMPLETE' ELSE 'PRUNED' END",
    },
    "trial_params": {
        "trial_id": ":last + new.i",
        "param_value": "CASE old.param_name WHEN 'optimizer' THEN new.i % 2 "
        f"WHEN 'lr' THEN 0.001 + 0.4 * {UNIFORM} ELSE 0.1 + 0.8 * {UNIFORM} END",
    },
    "trial_values": {"trial_id": ":last + new.i", "value": f"0.2 + 0.7 * {UNIFORM}"},
    "trial_intermediate_values": {"trial_id": ":last + new.i", "intermediate_value": f"0.2 + 0.7 * {UNIFORM}"},
    "trial_user_attributes": {"trial_id": ":last + new.i"},
}


# ---------------------------------------------------------------------------------------------- without a browser


def read_and_drawn(n: int, database: Path, names: list[str]) -> list[Figure]:
    """CPU seconds of the first reading, of the next, and of the chart that takes longest."""
    opened = load_study(NAME, heartbeat=False)
    began = time.process_time()
    view = read_search(opened)
    first, began = time.process_time() - began, time.process_time()
    more_trials(database, 5)
    view = read_search(opened)
    again = time.process_time() - began
    assert view.n_done == n + 5
    longest, slowest = 0.0, ""
    for name in names:
        if name != "pareto":  # of two objectives
            began = time.process_time()
            CHARTS[name][1](view, False, False)
            longest, slowest = max((longest, slowest), (time.process_time() - began, name))
    what = f"a search of {n:,} trials"
    return [
        Figure(f"{what} read", f"{first:.1f} CPU s", f"{MAX_SECONDS:g} s", first <= MAX_SECONDS),
        Figure(
            f"{what}, read again with 5 more",
            f"{again:.2f} CPU s",
            f"{MAX_UPDATE_SECONDS:g} s",
            again <= MAX_UPDATE_SECONDS,
        ),
        Figure(f"{what}: the chart {slowest}", f"{longest:.1f} CPU s", f"{MAX_SECONDS:g} s", longest <= MAX_SECONDS),
    ]


# ---------------------------------------------------------------------------------------------- in a browser

BUSY = """() => {
    window.busy = [];
    new PerformanceObserver(list => window.busy.push(...list.getEntries().map(each => each.duration)))
        .observe({type: 'longtask'});
}"""


def in_the_browser(runs: Path, n: int, database: Path) -> list[Figure]:
    """The page with this search opened, and then with five more trials a second for twenty seconds."""
    server = Server(ROOT / "dashboard.py", runs / "server.log", {"GLASSNET_RUNS": str(runs)})
    server.start(timeout=90)
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=find_chromium(), args=list(CHROMIUM_FLAGS))
            context = browser.new_context(viewport={"width": 1366, "height": 768})
            open_app(context.new_page(), f"{server.url}/data")  # then server and browser have loaded their code
            few, page = (opened(context.new_page(), server, name) for name in (FEW, NAME))
            took = [(gone_to(few), gone_to(page)) for _ in range(5)]
            few.close()
            page.evaluate(BUSY)
            late = sorted(seen_after(page, database) for _ in range(20))[10]
            busy = max(page.evaluate("window.busy"), default=0.0) / 1000
            browser.close()
    finally:
        server.stop()
    what = f"a search of {n:,} trials in Chromium"
    few_seconds, seconds = (statistics.median(each) for each in zip(*took, strict=True))
    looks = "after the database and the page have looked, each once a second"
    return [
        Figure(
            f"{what}: from the click on Search until it takes a click, median of 5",
            f"{seconds:.1f} s; of {N_FEW} trials, in turns: {few_seconds:.1f} s",
            f"{MAX_SECONDS:g} s; on a busy machine, half as much again as of {N_FEW}",
            seconds <= max(MAX_SECONDS, 1.5 * few_seconds),
        ),
        Figure(
            f"{what}: five more trials, until the page shows them, median of 20",
            f"{late:.1f} s",
            f"{MAX_UPDATE_SECONDS:g} s {looks}",
            late <= 2 + MAX_UPDATE_SECONDS,
        ),
        Figure(f"{what}: the longest that it does not answer", f"{busy:.2f} s", f"{MAX_UPDATE_SECONDS:g} s", busy <= 1),
    ]


def opened(page: Page, server: Server, name: str) -> Page:
    """A tab with a search of this name on the page."""
    page.goto(f"{server.url}/search?search={name}")
    usable(page)
    return page


def gone_to(page: Page) -> float:
    """Seconds that the page Search takes, come from another."""
    page.get_by_role("link", name="Data", exact=True).first.click()
    expect(page.get_by_role("figure", name="Validation accuracy of")).to_have_count(0, timeout=60_000)
    page.wait_for_load_state("networkidle")
    began = time.monotonic()
    page.get_by_role("link", name="Search", exact=True).first.click()
    usable(page)
    return time.monotonic() - began


def usable(page: Page) -> None:
    """Until the table and a chart are drawn and the page takes a click."""
    expect(page.locator("[data-testid=stDataFrame] canvas").first).to_be_visible(timeout=60_000)
    expect(page.get_by_role("figure", name="Validation accuracy of")).to_be_visible(timeout=60_000)
    page.get_by_text("Without pruned and failed", exact=True).click()


def seen_after(page: Page, database: Path) -> float:
    """Seconds until the page counts five trials that have just come."""

    def counted() -> int:
        text = page.get_by_text(f"of {N_TOTAL:,} trials").first.inner_text()
        return int(text.split(" of ")[0].replace(",", ""))

    before, began = counted(), time.monotonic()
    more_trials(database, 5)
    wait_until(page, counted, lambda seen: seen > before, timeout=60_000)
    return time.monotonic() - began
