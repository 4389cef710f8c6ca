"""One visitor tries all there is on another's runs and searches, by the functions that pages use: all is refused."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import streamlit as st

from nn_core import RunConfig
from nn_core.data import Dataset
from nn_core.export import to_archive
from nn_core.export.importing import bring_in
from nn_core.runs.run import Run
from nn_core.search import SearchSpec, Span
from nn_core.search.study import load_study
from nn_core.store.run_store import RunStore
from tests.ui.visitors.conftest import KEY, SharedServer
from ui import session
from ui.panels import trash
from ui.session import searches
from ui.session import visitor as asking
from ui.session.race import join_race
from ui.visitors.limits import read_environment

SMALL: dict[str, Any] = {"n_train": 400, "batch_size": 50, "hidden": (4,)}


@dataclass(frozen=True)
class Anns:
    """What Ann has."""

    training: str
    paused: str
    thrown: str
    search: str = ""


def all_of(name: str) -> Any:
    """A run as the process holds it, whoever asks."""
    return session.registry()._runs[name]


def the_store() -> RunStore:
    store = session.store()
    assert store is not None
    return store


def the_run() -> Run:
    """The run on the page."""
    run = session.current_run()
    assert run is not None
    return run


def wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def trained(config: RunConfig, mnist: Dataset) -> str:
    run = session.registry().create(config, mnist)
    run.epoch_once()
    wait_until(lambda: run.snapshot.step == 8 and not run.snapshot.is_training and not run.is_asked)
    return run.id


@pytest.fixture
def anns(shared_server: SharedServer, mnist: Dataset) -> Anns:
    """A run that trains, one at rest, and one in the trash."""

    def begin() -> Anns:
        paused, thrown = (trained(RunConfig(**SMALL, seed=seed), mnist) for seed in (1, 2))
        wait_until(lambda: thrown in the_store())
        assert session.delete_runs([thrown]) == [thrown]
        run = session.registry().create(RunConfig(**SMALL, epochs=1000), mnist)
        run.set_speed("1")
        run.play()
        wait_until(lambda: run.snapshot.step > 0 and run.id in the_store())
        return Anns(run.id, paused, thrown)

    found = shared_server.do("ann", begin)
    assert isinstance(found, Anns), found
    return found


@pytest.fixture
def anns_and_search(shared_server: SharedServer, anns: Anns, monkeypatch: pytest.MonkeyPatch) -> Anns:
    """With a search too, whose workers are none."""
    monkeypatch.setattr(searches, "start_workers", lambda *what, **where: [])
    spec = SearchSpec(RunConfig(**SMALL, epochs=1), {"lr": Span(0.01, 0.1, True)})

    def begin() -> Any:
        searches.begin_search("first", spec, 1)
        return searches.search_on_page()

    name, _ = shared_server.do("ann", begin)
    return replace(anns, search=name)


def as_it_is(anns: Anns, of_search: bool) -> tuple[Any, ...]:
    """All that an attempt could have changed."""
    training, paused = (all_of(run_id) for run_id in (anns.training, anns.paused))
    disk = RunStore(the_store().folder)
    labels = [(run.id, run.name, run.starred) for run in disk.runs() if run.id in vars(anns).values()]
    shots = [(run.settings, run.snapshot.speed, run.snapshot.status) for run in (training, paused)]
    searched: Any = ()
    if of_search:
        study, info, _ = load_study(anns.search, heartbeat=False)
        searched = study.user_attrs.get("control"), study.user_attrs.get("test"), info.spec.n_trials
    return shots, paused.snapshot.step, labels, disk.ids(trash=True), searched


def show(run_id: str) -> None:
    """By its link: the run stands on the page."""
    session.open_run(run_id)
    assert the_run().id == run_id


def on(run_id: str, act: Callable[[Run], Any]) -> Any:
    show(run_id)
    return act(the_run())


def on_search(name: str, act: Callable[[], Any]) -> Any:
    searches.show_search(name)
    assert searches.search_on_page() == (name, "")
    return act()


def in_race(run_ids: str, act: Callable[[], Any]) -> Any:
    join_race(run_ids)
    assert session.race()
    return act()


ATTEMPTS: dict[str, Callable[[Anns], Any]] = {
    "pause": lambda ann: on(ann.training, lambda run: run.pause().wait(5)),
    "pause as the button does": lambda ann: on(ann.training, lambda run: session.command(Run.pause)()),
    "train": lambda ann: on(ann.paused, lambda run: session.command(Run.play)()),
    "one step": lambda ann: on(ann.paused, lambda run: session.command(Run.step_once)()),
    "one epoch": lambda ann: on(ann.paused, lambda run: run.epoch_once().wait(5)),
    "another rate": lambda ann: on(ann.training, lambda run: run.change("lr", 0.5).wait(5)),
    "the slider of the rate": lambda ann: on(ann.training, lambda run: session.edit("lr", 0.7)),
    "the slider of the batch": lambda ann: on(ann.paused, lambda run: session.edit("batch_size", 10)),
    "dropout": lambda ann: on(ann.training, lambda run: session.edit("dropout", 0.5)),
    "its speed": lambda ann: on(ann.training, lambda run: session.set_speed("full")),
    "its speed, past the page": lambda ann: on(ann.training, lambda run: run.set_speed("100").wait(5)),
    "a new run beside it": lambda ann: on(ann.training, lambda run: session.start(RunConfig(**SMALL, seed=9))),
    "a race beside it": lambda ann: on(ann.training, lambda run: session.start_race([RunConfig(**SMALL)] * 2)),
    "a branch of it": lambda ann: on(ann.training, lambda run: session.branch(None)),
    "delete": lambda ann: session.delete_runs([ann.paused, ann.training]),
    "delete past the page": lambda ann: session.registry().delete(ann.training),
    "delete in the store": lambda ann: the_store().delete(ann.paused),
    "throw away": lambda ann: trash.throw([ann.paused]),
    "rename": lambda ann: session.change_stored(lambda store: store.rename(ann.paused, "mine")),
    "star": lambda ann: session.change_stored(lambda store: store.star(ann.paused, True)),
    "rename past the page": lambda ann: the_store().rename(ann.training, "mine"),
    "bring back": lambda ann: session.restore_runs([ann.thrown]),
    "bring back past the page": lambda ann: the_store().restore(ann.thrown),
    "purge": lambda ann: session.change_stored(lambda store: store.purge(ann.thrown)),
    "purge all": lambda ann: session.change_stored(lambda store: store.purge()),
    "empty the trash": lambda ann: trash._empty(),
    "pause as a race": lambda ann: in_race(f"{ann.training}-{ann.paused}", lambda: session.command_race(Run.pause)),
    "train as a race": lambda ann: in_race(f"{ann.paused}-{ann.paused}", lambda: session.command_race(Run.play)),
    "end as a race": lambda ann: in_race(f"{ann.training}-{ann.paused}", session.end_race),
    "pause the search": lambda ann: on_search(ann.search, searches.pause_search),
    "stop the search": lambda ann: on_search(ann.search, searches.stop_search),
    "workers for the search": lambda ann: on_search(ann.search, lambda: searches.go_on_with_search(2)),
    "more trials": lambda ann: on_search(ann.search, lambda: searches.search_more(99, 1)),
    "a trial of it": lambda ann: on_search(ann.search, lambda: searches.open_trial_as_run(0)),
    "its test score": lambda ann: on_search(ann.search, lambda: searches.score_on_test(0)),
}
ABOUT_THE_SEARCH = set(list(ATTEMPTS)[-7:])
NOTHING_TO_SAY = {  # what leaves the other's alone, and is done on one's own or not at all
    *("the slider of the rate", "the slider of the batch", "dropout", "its speed", "a new run beside it"),
    *("a race beside it", "a branch of it", "purge all", "empty the trash", "end as a race"),
}


def test_every_attempt_of_one_visitor_on_anothers_runs_is_refused(shared_server: SharedServer, anns_and_search: Anns):
    assert len(ATTEMPTS) >= 30
    anns = anns_and_search
    before = {of_search: as_it_is(anns, of_search) for of_search in (False, True)}
    for name, attempt in ATTEMPTS.items():
        of_search = name in ABOUT_THE_SEARCH
        found = shared_server.do("bob", partial(attempt, anns))
        said = [*shared_server.told, str(found) if isinstance(found, Exception) else ""]
        assert as_it_is(anns, of_search) == before[of_search], name
        assert name in NOTHING_TO_SAY or any("another visitor's" in sentence for sentence in said), (name, said)


def test_nothing_lists_another_visitors_runs_and_searches(shared_server: SharedServer, anns_and_search: Anns):
    anns = anns_and_search

    def listed() -> str:
        runs = [run.id for run in session.runs()]
        return str((runs, session.in_trash(), session.readers(), searches.searches(), session.unreadable()))

    for who, sees in (("ann", True), ("bob", False), ("", False)):
        text = shared_server.do(who, listed)
        assert [name in text for name in vars(anns).values()] == [sees] * 4, who
    assert shared_server.do("bob", session.any_trains) is False


def test_who_has_the_link_looks_on_and_branches_and_the_branch_is_theirs(shared_server: SharedServer, anns: Anns):
    def branch() -> str:
        show(anns.paused)
        assert all_of(anns.paused).snapshot.step == 8 and session.film_of(the_store().get(anns.paused))
        session.train_branch()
        run = the_run()
        wait_until(lambda: run.snapshot.step > 8)
        run.pause().wait(5)
        return run.id

    made = shared_server.do("bob", branch)
    assert made != anns.paused and [run.id for run in shared_server.do("bob", session.runs)] == [made]
    assert made not in [run.id for run in shared_server.do("ann", session.runs)]


def test_a_visitor_does_with_their_own_what_they_like(shared_server: SharedServer, anns_and_search: Anns):
    anns = anns_and_search

    def deeds() -> tuple[Any, ...]:
        on(anns.training, lambda run: run.pause().wait(5))
        session.change_stored(lambda store: store.rename(anns.training, "the first"))
        session.restore_runs([anns.thrown])
        deleted = session.delete_runs([anns.paused])
        on_search(anns.search, searches.pause_search)
        return all_of(anns.training).snapshot.status, the_store().get(anns.training).name, deleted

    assert shared_server.do("ann", deeds) == ("paused", "the first", [anns.paused])
    assert shared_server.told == []


def test_whose_a_run_is_outlasts_the_server(shared_server: SharedServer, anns: Anns):
    session.registry().close()
    for each in (asking.access, session.registry):
        each.clear()
    assert {run.id for run in shared_server.do("ann", session.runs)} == {anns.training, anns.paused}
    assert shared_server.do("bob", session.runs) == []
    assert shared_server.do("bob", lambda: on(anns.paused, lambda run: run.play().wait(5))) and shared_server.told


def test_the_owners_key_opens_all_and_a_wrong_one_nothing(
    shared_server: SharedServer, anns: Anns, monkeypatch: pytest.MonkeyPatch
):
    pauses: list[float] = []
    monkeypatch.setattr(asking.owners(), "_sleep", pauses.append)

    def try_key(key: str) -> tuple[int, str]:
        session.show_key(key)
        session.open_run(anns.training)
        the_run().pause().wait(5)
        return len(session.runs()), all_of(anns.training).snapshot.status

    assert shared_server.do("eve", lambda: try_key("correct horse battery stapl")) == (0, "training")
    assert "not the owner's key" in " ".join(shared_server.told) and pauses == [1.0]
    assert shared_server.do("", lambda: try_key(KEY)) == (0, "training"), "nobody is no owner"
    assert shared_server.do("tom", lambda: try_key(KEY)) == (2, "paused")
    shared_server.do("tom", session.leave_key)
    assert shared_server.do("tom", session.runs) == []


def test_guessing_the_links_of_runs_leads_nowhere(shared_server: SharedServer, anns: Anns):
    def guess() -> list[bool]:
        for number in range(80):
            session.registry().get(f"{number:08x}")
        return [session.registry().get(run_id) is not None for run_id in (anns.paused, anns.training)]

    assert shared_server.do("eve", guess) == [False, False], "after many guesses even a right one is not answered"
    assert shared_server.do("ann", lambda: session.registry().get(anns.paused)) is not None, "one's own always are"


def test_what_others_keep_on_the_disk_is_not_told(shared_server: SharedServer, anns_and_search: Anns, tmp_path: Path):
    anns = anns_and_search

    def watch() -> Any:
        searches.show_search("x", f"sqlite:///{tmp_path}/runs/searches/{anns.search}.db")
        return searches.search_on_page(), searches.may_watch()

    assert shared_server.do("bob", watch) == (None, False)
    shared_server.do("bob", lambda: session.start(RunConfig(dataset="/etc/hostname")))
    assert shared_server.told == ["on this server a data set is chosen by its name, not by a path, got '/etc/hostname'"]
    shared_server.do("bob", lambda: session.start(RunConfig(dataset="/no/such.npz")))
    assert "chosen by its name" in shared_server.told[0]


def test_an_archive_of_anothers_run_becomes_a_run_of_ones_own(shared_server: SharedServer, anns: Anns):
    def bring() -> str:
        store = the_store()
        with asking.arriving(store) as claim:
            run_id, _ = bring_in(to_archive(store, anns.paused), "a.zip", store)
            claim(run_id)
        return run_id

    new = shared_server.do("bob", bring)
    assert new not in (anns.paused, anns.training)
    assert [run.id for run in shared_server.do("bob", session.runs)] == [new]


def test_what_a_thread_brings_in_is_the_run_of_the_visitor_who_began_it(shared_server: SharedServer, anns: Anns):
    found: list[str] = []

    def bring() -> None:
        store = the_store()
        archive, arrival = to_archive(store, anns.paused), asking.arriving(store)

        def work() -> None:
            with arrival as claim:
                run_id, _ = bring_in(archive, "a.zip", store)
                claim(run_id)
            found.append(run_id)

        thread = threading.Thread(target=work)
        thread.start()
        thread.join()

    shared_server.do("bob", bring)
    assert [asking.access().ledger.owner_of(run_id) for run_id in found] == ["bob"]


def test_an_archive_takes_no_id_of_a_run_that_is_not_on_the_disk_yet(shared_server: SharedServer, anns: Anns):
    def bring() -> tuple[str, str]:
        store = the_store()
        archive = to_archive(store, anns.paused)
        shutil.rmtree(store.folder / anns.paused)  # as if Ann's run were in memory alone
        with asking.arriving(store) as claim:
            run_id, _ = bring_in(archive, "a.zip", store)
            claim(run_id)
        return run_id, asking.access().ledger.owner_of(anns.paused)

    new, owner = shared_server.do("bob", bring)
    assert new != anns.paused and owner == "ann"


def test_looking_at_anothers_run_does_not_keep_it_training(shared_server: SharedServer, anns: Anns):
    before = set(all_of(anns.training)._sessions)
    shared_server.do("bob", lambda: show(anns.training))
    assert all_of(anns.training)._sessions == before


LIMITS = {
    "GLASSNET_VISITOR_RUNS": ("2", "A visitor may have 2 runs, the trash included, and you have"),
    "GLASSNET_MAX_RUNS": ("2", "This server keeps 2 runs at most"),
    "GLASSNET_VISITOR_QUEUE": ("1", "A visitor may have 1 runs that train or wait. You have 1"),
}


@pytest.mark.parametrize(("name", "value", "says"), [(name, *more) for name, more in LIMITS.items()], ids=LIMITS)
def test_a_visitor_who_has_enough_gets_a_sentence(
    shared_server: SharedServer, anns: Anns, monkeypatch: pytest.MonkeyPatch, name: str, value: str, says: str
):
    monkeypatch.setenv(name, value)
    limits = read_environment().limits
    monkeypatch.setattr(asking.access(), "limits", limits)

    def train_one_more() -> None:
        run = session.start(RunConfig(**SMALL, seed=5))
        if run is not None:
            run.play().wait(5)

    shared_server.do("ann", train_one_more)
    assert says in " ".join(shared_server.told)


def test_what_takes_too_much_of_the_disk_neither_trains_nor_is_brought_in(
    shared_server: SharedServer, anns: Anns, monkeypatch: pytest.MonkeyPatch
):
    access = asking.access()
    monkeypatch.setattr(access, "size_of_own", lambda: 500_000_000)
    shared_server.do("ann", lambda: on(anns.paused, lambda run: run.play().wait(5)))
    assert "Your runs and searches take 500 MB, and a visitor may have 500 MB" in shared_server.told[0]

    def take_in() -> Any:
        with asking.arriving(the_store()):
            raise AssertionError("there is no room")

    assert "take 500 MB" in str(shared_server.do("ann", take_in))
    monkeypatch.undo()


def test_the_sizes_on_the_disk_are_counted_by_visitor(shared_server: SharedServer, anns_and_search: Anns):

    def sizes() -> tuple[int, int]:
        asking.access().measure_again()
        return asking.access().size_of_own(), asking.access().size_of_all()

    own, everything = shared_server.do("ann", sizes)
    assert 0.8 * everything < own <= everything and shared_server.do("bob", sizes)[0] == 0


def test_no_message_of_a_browser_drops_the_runs_of_the_process(shared_server: SharedServer, anns: Anns):
    held = session.registry(), searches.workers(), asking.access()
    st.cache_resource.clear()
    st.cache_data.clear()
    assert (session.registry(), searches.workers(), asking.access()) == held
    assert all_of(anns.training).snapshot.status == "training"
