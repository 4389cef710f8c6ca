"""Waiting for what a page will show, never for a guessed number of seconds."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable
from typing import TypeVar

from playwright.sync_api import Locator, Page

PATIENCE = 60.0  # seconds: the tests without a browser, or something else, may have the cores meanwhile

_Value = TypeVar("_Value")


def open_app(page: Page, url: str) -> None:
    """Go to `url` and wait until the first run of the script has ended."""
    page.goto(url)
    wait_idle(page)


def wait_idle(page: Page, timeout: float = PATIENCE) -> None:
    """Wait until the page is connected and no script runs; `timeout` in seconds."""
    page.wait_for_selector(
        '[data-testid="stApp"][data-test-connection-state="CONNECTED"][data-test-script-state="notRunning"]',
        timeout=timeout * 1000,
    )


def wait_until(
    page: Page, read: Callable[[], _Value], accept: Callable[[_Value], bool] = bool, timeout: float = PATIENCE
) -> _Value:
    """The first value of `read()` that `accept` likes; asked about 30 times a second while the page goes on.

    Raises AssertionError with the last value after `timeout` seconds. `read` should return at once, as
    `locator.count()` and `locator.all_inner_texts()` do; `locator.inner_text()` waits for an element by itself.
    """
    deadline = time.monotonic() + timeout
    while True:
        value = read()
        if accept(value):
            return value
        assert time.monotonic() < deadline, f"still {value!r} after {timeout:g} s"
        page.wait_for_timeout(30)


def number_after(where: Page | Locator, label: str) -> float:
    """The number that follows `label` in the text shown now ("step 1,375" -> 1375.0); NaN where there is none."""
    body = where.locator("body") if isinstance(where, Page) else where
    found = re.search(rf"{re.escape(label)}\D{{0,3}}?(-?[\d,]*\.?\d+)", " ".join(body.all_inner_texts()), re.IGNORECASE)
    return float(found[1].replace(",", "")) if found else math.nan


def wait_number(
    where: Page | Locator, label: str, accept: Callable[[float], bool] = lambda _: True, timeout: float = PATIENCE
) -> float:
    """The first number after `label` that `accept` likes; raises AssertionError after `timeout` seconds."""
    page = where if isinstance(where, Page) else where.page
    return wait_until(page, lambda: number_after(where, label), lambda n: not math.isnan(n) and accept(n), timeout)
