"""Keeps settings and run in the page's address, so that a copied link, F5 or the Back button find them again."""

from __future__ import annotations

import json
from urllib.parse import urlencode, urlsplit

import streamlit as st
from streamlit.runtime.pages_manager import PagesManager
from streamlit.runtime.scriptrunner import get_script_run_ctx

from nn_core import ConfigError
from nn_core.config import LIVE_SETTINGS, sentence, shorten
from ui.session.current import current_run, draft, follow_live_changes, lost_the_run, set_draft
from ui.session.links import read_link, without_tracking
from ui.session.notices import notify
from ui.session.race import join_race, race
from ui.session.runs import ghost, pin_ghost, run_in_memory
from ui.session.searches import search_on_page, show_search
from ui.session.selection import choose
from ui.session.server import registry
from ui.session.time_machine import asked_for, look, look_from_address, looked_at_step


def load_deep_link_again() -> None:
    """On the first run of a session on a fresh server, load the address of any page but the first once more.

    Because there is a folder pages/, Streamlit takes an app for one without st.navigation until st.navigation has run
    once in the process: it then does not find the page, and says so in a dialog. Which sessions that befell is told by
    the pages that Streamlit has made of the folder for them: another session may have run st.navigation since this one
    began. Call it before st.navigation.
    """
    PagesManager.uses_pages_directory = False
    context = get_script_run_ctx()
    if context is None or st.session_state.get("navigated"):
        return
    st.session_state["navigated"] = True
    of_the_folder = any("url_pathname" in page for page in context.pages_manager.get_pages().values())
    address = st.context.url or ""
    if of_the_folder and urlsplit(address).path.strip("/"):
        query = urlencode(st.query_params.to_dict())
        target = json.dumps(f"{address}?{query}" if query else address).replace("<", "\\u003c")
        st.html(f"<script>location.replace({target})</script>", unsafe_allow_javascript=True)
        st.stop()


def sync_address() -> None:
    """Read settings and run from the address when it is new (a link, F5, the Back button), and write them into it.

    Called once in every full run, before anything is drawn: a page switch drops the query, so it is written again.
    """
    _count_visit()
    lost_the_run()
    query = without_tracking(st.query_params.to_dict())
    term = query.pop("term", None)  # of the glossary: says nothing of the run
    choose("term", term)
    known = st.session_state.get("address")
    if query and query != known:
        if known is not None and _without_step(query) == _without_step(known):
            _look_again(query.get("step"))
        else:
            _open(dict(query))
    follow_live_changes()
    run = current_run()
    address = {name: shown.id for name, shown in (("run", run), ("ghost", ghost())) if shown is not None}
    if racers := race():
        address["race"] = "-".join(run.id for run in racers)
    search = search_on_page()
    if search is not None and not search[1]:  # an address of another database may hold a password
        address["search"] = search[0]
    address |= draft().to_query()
    looked_at = looked_at_step()
    if looked_at is not None:
        address["step"] = str(looked_at)
    shown = address if term is None else {**address, "term": term}
    if st.query_params.to_dict() != shown:
        st.query_params.from_dict(shown)
    st.session_state["address"] = address


def comes_to_look_around() -> bool:
    """Whether neither a run nor a race nor a search is on the pages: who comes by a link to one needs no tour."""
    return current_run() is None and not race() and search_on_page() is None


def _count_visit() -> None:
    """Count the pages that were opened, so that a new visit of a page can be told from a rerun of it."""
    context = get_script_run_ctx(suppress_warning=True)
    page = context.page_script_hash if context is not None else ""
    if page != st.session_state.get("page"):
        st.session_state["page"] = page
        st.session_state["visit"] = st.session_state.get("visit", 0) + 1


def _said_twice(name: str, values: list[str]) -> str:
    told = ", ".join(shorten(value) for value in values[:4])
    return f"The link gives {shorten(name)} {len(values):,} times ({told}): the last one counts."


def _without_step(query: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in query.items() if name != "step"}


def _look_again(step: str | None) -> None:
    """Only the step in the address is new: through the Back button, or because the scrubber has written it there."""
    if step is None:
        look(None)
    elif step != str(asked_for()):
        look_from_address(step)


def _open(query: dict[str, str]) -> None:
    """Take over the settings, the run and its step that an address names, and say what in it was refused."""
    run_id, step = query.pop("run", None), query.pop("step", None)
    pin_ghost(query.pop("ghost", None))
    join_race(query.pop("race", ""))
    if "search" in query:
        show_search(query.pop("search"))
    config, refused = read_link(query)
    refused += [_said_twice(name, values) for name in query if len(set(values := st.query_params.get_all(name))) > 1]
    asked = config
    in_memory = run_in_memory(run_id) if run_id else None
    run = registry().get(run_id) if run_id else None
    if run is not None:
        st.session_state["run"] = run.id
        if run is not in_memory and run.snapshot.status != "elsewhere":
            at = f"{run.snapshot.step:,}"
            remark = registry().remark(run.id)
            notify(f"This run was brought back from disk at step {at}; Train goes on from there. {remark}".strip())
        live = {name: getattr(run.settings, name) for name in LIVE_SETTINGS}
        try:
            config = config.replace(**live) if query else run.settings
        except ConfigError as error:
            notify(f"Part of this link was ignored: {sentence(str(error))} The settings of its run are shown.")
            config = run.settings
    elif run_id:
        st.session_state.pop("run", None)
        known = "Its settings are open: press Train." if query else "The link does not tell its settings."
        notify(registry().problem(run_id) or f"The run in this link is not on this server any more. {known}")
    look(None)
    set_draft(config)
    if step is not None:
        look_from_address(step)
        if looked_at_step() is not None and query:
            set_draft(asked)  # of the branch that would begin there
    for number, problem in enumerate(refused):
        notify(problem, about=f"the address, {number}")
