"""The search that a visitor looks at: which one it is, its newest reading, and what the buttons do to it."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Callable

import streamlit as st

from nn_core import ConfigError, RunConfig
from nn_core.runs import Run
from nn_core.search import (
    SearchError,
    SearchSpec,
    SearchView,
    SearchWatch,
    ask_for_trials,
    control,
    create_search,
    list_searches,
    open_trial,
    start_workers,
    test_accuracy,
)
from ui.session.current import COMMAND_SECONDS, draft, set_draft, start
from ui.session.notices import notify
from ui.session.once import Once
from ui.session.runs import open_run, store
from ui.session.visitor import (
    arriving,
    claim_search,
    may_change_search,
    may_see_search,
    name_for_search,
    refuse_search,
    shared,
    visitor,
)
from ui.visitors.queues import Workers

Place = tuple[str, str]  # the name of a search, and the URL of its storage ("": the runs folder)
MOST_WATCHED = 4  # searches that are read at once, for all visitors


@Once
def _watches() -> dict[Place, SearchWatch]:
    return {}


@Once
def workers() -> Workers:
    """The worker processes that this server has started, and those that wait for a place."""
    limits = shared().limits
    each = limits.workers_each if shared().is_on else limits.workers
    return Workers(_start_processes, limits.workers, each)


def _start_processes(name: str, n: int, storage: str) -> list[subprocess.Popen[bytes]]:
    return start_workers(name, n, storage=storage)


def search_on_page() -> Place | None:
    """The search that the page shows."""
    place: Place | None = st.session_state.get("search")
    return place


def show_search(name: str, storage: str = "") -> None:
    """Show a search, or with "" none; one that this visitor may not see is none."""
    if name and not may_see_search(name, storage):
        notify("There is no such search here, or it is another visitor's: ask them for its link.")
        name = ""
    st.session_state["search"] = (name, storage) if name else None


def watch() -> SearchWatch | None:
    """The thread that reads the search on the page, so that the page need not wait for a database."""
    place = search_on_page()
    if place is None:
        return None
    watches = _watches()
    if place not in watches:
        while len(watches) >= MOST_WATCHED:
            watches.pop(next(iter(watches))).close()
        watches[place] = SearchWatch(*place)
    return watches[place]


def search_view() -> SearchView | None:
    """The newest reading of the search on the page; None until there is one."""
    found = watch()
    st.session_state["drew an old search"] = found is not None and found.is_behind  # noted before the view is taken
    return found.view if found is not None else None


def workers_here() -> int:
    """How many workers of the search on the page run on this machine, started by this server."""
    place = search_on_page()
    if place is None:
        return 0
    return workers().at_work(place)


def workers_waiting() -> list[int]:
    """The numbers in the queue of the workers of the search on the page that wait for a place."""
    place = search_on_page()
    return [] if place is None else workers().waiting(place)


def most_workers() -> int:
    """How many workers a search may have at once here."""
    return workers().most_each


def may_watch() -> bool:
    """Whether this visitor may look at searches in other databases: on a shared server an owner alone."""
    return may_see_search("", "elsewhere")


def mine() -> bool:
    """Whether the search on the page obeys this visitor."""
    place = search_on_page()
    return place is None or may_change_search(*place)


def search_runs() -> bool:
    """Whether the page should keep looking: the search has workers, or has not been read yet."""
    if search_on_page() is None:
        return False
    found = watch()
    view = found.view if found is not None else None
    if found is None or view is None or found.is_behind or st.session_state.get("drew an old search"):
        return True
    return (view.control == "run" and not _is_done(view)) or workers_here() > 0 or bool(workers_waiting())


def _is_done(view: SearchView) -> bool:
    return view.n_done >= view.n_total


def begin_search(name: str, spec: SearchSpec, n_workers: int) -> None:
    """Create a search in the runs folder and start its workers; the settings it begins with are scored first."""

    def begin() -> None:
        kept_as = name_for_search(name)
        claim_search(kept_as)
        create_search(kept_as, spec, score_default=spec.sampler != "grid")
        show_search(kept_as)
        _start(n_workers)

    _or_say(begin)


def add_workers(n: int = 1) -> None:
    """Start more workers of the search on the page."""
    _or_say(lambda: _start(n))


def _start(n: int) -> None:
    """Start workers of the search on the page, and remember their processes."""
    place = search_on_page()
    if place is not None and _allowed(place):
        workers().ask(place, n, visitor().id)


def _allowed(place: Place) -> bool:
    """Whether this visitor may act on a search; says so where not."""
    if may_change_search(*place):
        return True
    refuse_search()
    return False


def pause_search() -> None:
    """The workers wait at the end of their epochs."""
    _control("pause")


def go_on_with_search(n_workers: int) -> None:
    """Go on after a pause or a stop, with workers where there are none left."""
    _control("run")
    missing = n_workers - workers_here() - len(workers_waiting())
    if missing > 0:
        add_workers(missing)


def search_more(n_trials: int, n_workers: int) -> None:
    """Go on with a search that is done, until it has so many trials in all."""
    place = search_on_page()
    if place is None or not _allowed(place):
        return

    def go_on() -> None:
        ask_for_trials(place[0], n_trials, storage=place[1])
        go_on_with_search(n_workers)

    _or_say(go_on)


def stop_search() -> None:
    """The workers end, and those that wait are not started."""
    _control("stop")
    place = search_on_page()
    if place is not None and may_change_search(*place):
        workers().cancel(place)


def _control(command: str) -> None:
    place = search_on_page()
    if place is not None and _allowed(place):
        _or_say(lambda: control(place[0], command, storage=place[1]))


def searches() -> list[str]:
    """This visitor's searches in the runs folder, by name."""
    try:
        return [name for name in list_searches() if may_change_search(name)]
    except SearchError as error:
        notify(str(error))
        return []


def open_trial_as_run(number: int) -> bool:
    """Show a trial on all pages as a run with its curves; gives whether that could be done."""
    place, runs, opened = search_on_page(), store(), False
    if place is None or runs is None or not _allowed(place):
        return False

    def copy() -> None:
        nonlocal opened
        with arriving(runs) as claim:
            run_id = open_trial(place[0], number, runs, storage=place[1])
            claim(run_id)
        open_run(run_id)
        opened = True

    _or_say(copy)
    return opened


def train_trial_again(number: int) -> bool:
    """Train a new network with the settings of a trial; gives whether it was made."""
    view = search_view()
    trial = next((row for row in view.trials if row.number == number), None) if view else None
    run = start(trial.config) if trial is not None and trial.config is not None else None
    if run is not None:
        Run.play(run).wait(COMMAND_SECONDS)
    return run is not None


def use_settings_of_trial(config: RunConfig) -> None:
    """Put the settings of a trial into the sidebar, except its epochs: their number is that of the search."""
    set_draft(config.replace(epochs=draft().epochs))


def score_on_test(number: int) -> None:
    """Read the test images with the network of a trial, once."""
    place = search_on_page()
    if place is not None and _allowed(place):
        with contextlib.suppress(KeyError):
            _or_say(lambda: test_accuracy(place[0], number, storage=place[1]))


def _or_say(act: Callable[[], object]) -> None:
    """Do it; what cannot be done is said at the top of the page."""
    try:
        act()
    except (SearchError, ConfigError) as error:
        notify(str(error))
    found = watch()
    if found is not None:
        found.read_again()
