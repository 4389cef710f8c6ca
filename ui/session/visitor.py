"""Who this visitor is, on a server that several people share, and what they may change; one person alone may all."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from nn_core.store import runs_folder
from ui.session.notices import notify
from ui.session.once import Once
from ui.visitors.access import ANOTHERS, SEARCH, Access
from ui.visitors.gate import WHO, Gate
from ui.visitors.limits import Shared, read_environment
from ui.visitors.runs import SharedStore
from ui.visitors.visitor import NOBODY, Owners, Visitor

NO_GATE = "This server is to be shared (GLASSNET_SHARED), so start it with `streamlit run shared.py`."
NO_COOKIE = (
    "This server tells its visitors apart by a cookie, and your browser sent none. Allow cookies for this page, and "
    "load it again."
)


@Once
def shared() -> Shared:
    """What the environment says of sharing this server."""
    return read_environment()


@Once
def owners() -> Owners:
    """Who has shown the owner's key."""
    return Owners(shared().owner_key)


@Once
def access() -> Access:
    """What is whose on this server."""
    return Access(runs_folder().absolute(), shared().limits, visitor, notify)


def visitor() -> Visitor:
    """Who asks; nobody where the calling thread is none of a page's."""
    name = _told_by_the_gate() if get_script_run_ctx(suppress_warning=True) is not None else ""
    return Visitor(name, name in owners()) if name else NOBODY


def _told_by_the_gate() -> str:
    return st.context.headers.get(WHO) or "" if Gate.stands else ""


def check_visitor() -> None:
    """On a shared server, end the page with a sentence where it is not guarded, or the visitor is not known."""
    if shared().is_on and not visitor().id:
        st.error(NO_COOKIE if Gate.stands else NO_GATE, icon=":material/lock:")
        st.stop()


# ---------------------------------------------------------------------------------------------- runs


def may_change(run_id: str) -> bool:
    """Whether a run obeys this visitor."""
    return not shared().is_on or access().may_change(run_id)


def arriving(store: object) -> AbstractContextManager[Callable[[str], None]]:
    """For the thread that brings something in; what it gives is told the id of the run that comes of it.

    Raises NoRoom at once.
    """
    return store.arriving() if isinstance(store, SharedStore) else nullcontext(lambda run_id: None)


# ---------------------------------------------------------------------------------------------- searches


def name_for_search(name: str) -> str:
    """The name under which a new search is kept: on a shared server one that nobody guesses, as a link holds it."""
    return f"{name[:50]}-{secrets.token_hex(4)}" if shared().is_on else name


def claim_search(name: str) -> None:
    """A search that is about to be made is this visitor's; raises NoRoom."""
    if shared().is_on:
        access().check_disk()
        access().claim(SEARCH + name)


def may_change_search(name: str, storage: str = "") -> bool:
    """Whether a search obeys this visitor. One in another database is for an owner alone."""
    if not shared().is_on:
        return True
    return visitor().is_owner if storage else access().may_change(SEARCH + name)


def may_see_search(name: str, storage: str = "") -> bool:
    """Whether this visitor may look at a search: their own, and by its link another visitor's."""
    if not shared().is_on or visitor().is_owner:
        return True
    guesses, asker, thing = access().guesses, visitor().id, SEARCH + name
    if storage or not (access().is_mine(thing) or guesses.may_look(asker, thing)):
        return False
    found = bool(access().ledger.owner_of(thing))
    guesses.note(asker, thing, found)
    return found


def refuse_search() -> None:
    """Say that a search is another visitor's."""
    notify(ANOTHERS.format("search"))


# ---------------------------------------------------------------------------------------------- the owner


def show_key(key: str) -> None:
    """Take the owner's key from this visitor, and say whether it is right."""
    if key and not owners().show(visitor().id, key):
        notify("That is not the owner's key.")


def leave_key() -> None:
    """This visitor is one like any other again."""
    owners().leave(visitor().id)
