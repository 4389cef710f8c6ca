"""The browser fixtures themselves, on an app of a few lines: what they promise to notice, they notice."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.waiting import open_app, wait_idle, wait_number, wait_until

APP = """
import os
import streamlit as st

st.write("greeting:", os.environ["GREETING"])

@st.fragment(run_every=0.2)
def clock():
    st.session_state.ticks = st.session_state.get("ticks", 0) + 1
    st.write(f"ticks {st.session_state.ticks + 1_000:,}")

clock()
if st.button("break"):
    raise ValueError("broken on purpose")
"""


@pytest.fixture(scope="module")
def small_app(server, tmp_path_factory):
    script = tmp_path_factory.mktemp("app") / "small.py"
    script.write_text(APP)
    return server(script, GREETING="hello")


@pytest.mark.slow
def test_a_page_shows_a_running_app_and_a_restarted_server_finds_it_again(small_app, page):
    open_app(page, small_app.url)
    expect(page.get_by_text("greeting: hello")).to_be_visible()
    first = wait_number(page, "ticks")
    assert first > 1_000
    wait_number(page, "ticks", lambda n: n > first)
    url, pid = small_app.url, small_app.pid
    small_app.restart()
    assert (small_app.url, small_app.pid != pid) == (url, True)
    open_app(page, small_app.url)
    expect(page.get_by_text("greeting: hello")).to_be_visible()


@pytest.mark.slow
def test_a_traceback_is_a_problem_even_when_it_is_gone_at_the_end(small_app, page, problems):
    open_app(page, small_app.url)
    assert problems == []
    page.get_by_role("button", name="break").click()
    expect(page.get_by_text("broken on purpose").first).to_be_visible()
    page.reload()  # a click on another button waited for it in vain once, on a busy machine
    expect(page.get_by_text("broken on purpose")).to_have_count(0)
    wait_idle(page)
    assert [text for text in problems if "broken on purpose" in text]
    assert "broken on purpose" in small_app.log
    problems.clear()


@pytest.mark.parametrize(
    "script",
    ["setTimeout(() => { throw new Error('on purpose') }, 0)", "console.error('live_plot', new Error('on purpose'))"],
    ids=["uncaught", "caught by a component"],
)
def test_a_script_error_is_a_problem_in_a_second_tab_too(page, problems, script: str):
    tab = page.context.new_page()
    tab.evaluate(script)
    wait_until(page, lambda: list(problems))
    assert "on purpose" in problems[0]
    problems.clear()


def test_a_server_that_dies_at_start_says_what_it_printed(server, tmp_path):
    with pytest.raises(pytest.fail.Exception, match="does not exist"):
        server(tmp_path / "missing.py")
