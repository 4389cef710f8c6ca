"""A search whose file is deleted, replaced, destroyed, begun twice, or in a folder with an odd name or none at all."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from nn_core import RunConfig
from nn_core.cli import search
from nn_core.cli.main import main
from nn_core.search import SearchError, SearchSpec, Span, create_search, list_searches, open_trial, start_workers
from nn_core.search.database_errors import SearchGone
from nn_core.search.storage import file_of, searches_folder, trials_folder
from nn_core.search.study import load_study
from nn_core.search.trial_run import TrialRun
from nn_core.search.watch import SearchView, read_search
from nn_core.search.worker import Worker
from nn_core.store import RunStore, runs_folder

SPEC = SearchSpec(
    RunConfig(n_train=300, hidden=(8,), epochs=1, batch_size=50), {"lr": Span(0.05, 0.5, True)}, "random", "none", 2
)


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GLASSNET_RUNS", str(tmp_path / "runs"))
    return tmp_path / "runs"


def delete(path: Path) -> None:
    path.unlink()


def replace_it(path: Path) -> None:
    path.rename(path.with_suffix(".old"))
    path.write_bytes(path.with_suffix(".old").read_bytes())


def destroy(path: Path) -> None:
    for each in (path, path.with_name(f"{path.name}-wal")):
        each.write_bytes(b"rubbish" * 3_000)


@pytest.mark.parametrize("harm", [delete, replace_it, destroy])
def test_a_worker_whose_file_is_gone_in_mid_trial_ends_at_once_and_says_what_is_lost(
    harm: Callable[[Path], None], runs: Path, monkeypatch: pytest.MonkeyPatch
):
    create_search("gone", SPEC)
    one_epoch = TrialRun.one_epoch

    def harmful(run: TrialRun, obey: Callable[[], None]) -> None:
        harm(file_of("gone"))
        one_epoch(run, obey)

    monkeypatch.setattr(TrialRun, "one_epoch", harmful)
    told: list[str] = []
    with pytest.raises(SearchGone, match="what it knew of its trials is lost") as said:
        Worker("gone", tell=told.append).work()
    assert str(trials_folder("gone")) in str(said.value)
    assert "kept" not in str(said.value) and "can go on" not in str(said.value)
    assert not any("trying again" in line for line in told)
    assert file_of("gone").exists() == (harm is not delete)  # and nothing was made in its place


class Ended:
    """A worker process that has ended."""

    pid = 1

    def poll(self) -> int:
        return 0

    def wait(self) -> int:
        return 0


def test_a_sweep_whose_file_is_deleted_ends_with_two_and_a_sentence(
    runs: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    def start_and_delete(name: str, n: int, storage: str, started: list[Any]) -> None:
        file_of(name).unlink()
        started.append(Ended())

    monkeypatch.setattr(search, "start_workers", start_and_delete)
    assert main(["sweep", "--study", "gone", "--trials", "1", "--epochs", "1"]) == 2
    said = capsys.readouterr().err
    assert "was deleted while the search gone used it; what it knew of its trials is lost" in said


def test_while_the_workers_of_others_are_at_work_a_sweep_without_its_own_goes_on_watching(
    runs: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    seen: list[SearchView] = []

    def as_if_others_worked(opened: Any) -> SearchView:
        view = read_search(opened)
        seen.append(view)
        at_work: tuple[str, ...] = ("elsewhere:7",) if len(seen) % 2 else ()  # between two trials it is not seen
        return replace(view, workers=at_work, n_done=view.n_total if len(seen) == 6 else 0)

    monkeypatch.setattr(search, "LOOK_SECONDS", 0.01)
    monkeypatch.setattr(search, "start_workers", lambda name, n, storage, started: started.append(Ended()))
    monkeypatch.setattr(search, "read_search", as_if_others_worked)
    assert main(["sweep", "--study", "others", "--trials", "1", "--epochs", "1"]) == 0
    monkeypatch.setattr(search, "OTHERS_SECONDS", 0.0)
    seen.clear()
    assert main(["sweep", "--study", "none", "--trials", "1", "--epochs", "1"]) == 2
    assert "no worker is left" in capsys.readouterr().err


def test_of_searches_of_one_name_begun_at_once_one_is_made_and_the_others_are_told(runs: Path):
    for round_ in range(2):
        said: list[str] = []
        barrier = threading.Barrier(3)

        def begin(name: str, said: list[str] = said, barrier: threading.Barrier = barrier) -> None:
            barrier.wait()
            try:
                create_search(name, SPEC)
            except SearchError as error:
                said.append(str(error))

        threads = [threading.Thread(target=begin, args=(f"twin {round_}",)) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert said == [f"there is a search twin {round_} already; choose another name"] * 2
        assert load_study(f"twin {round_}").info.spec == SPEC
    assert sorted(path.stem for path in searches_folder().glob("*.db")) == [f"twin {n}" for n in range(2)]
    assert not list(searches_folder().glob("*.tmp*"))


@pytest.mark.parametrize("name", ["why? #", "100%41 ü", "{SCHEMA_VERSION}"])
def test_a_folder_of_any_name_holds_searches_and_nothing_is_left_beside_it(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("GLASSNET_RUNS", str(tmp_path / name))
    create_search("odd", SPEC)
    assert list_searches() == ["odd"] and load_study("odd").info.spec == SPEC
    load_study("odd", f"sqlite:///{tmp_path / name / 'searches' / 'odd.db'}") if "?" not in name else None
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert file_of("odd").is_file() and file_of("odd").parent.parent == tmp_path / name


def test_a_tilde_in_the_runs_folder_is_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("GLASSNET_RUNS", "~/networks")
    assert runs_folder() == tmp_path / "networks"


def test_where_no_folder_can_be_made_a_search_and_its_workers_say_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("GLASSNET_RUNS", str(tmp_path / "file" / "runs"))
    with pytest.raises(SearchError, match=r"file/runs/searches cannot be made: not a directory"):
        create_search("nowhere", SPEC)
    with pytest.raises(SearchError, match=r"file/runs/searches cannot be made: not a directory"):
        start_workers("nowhere", 1)
    with pytest.raises(SearchError, match="there is no search nowhere"):
        load_study("nowhere")
    assert main(["sweep", "--study", "nowhere", "--trials", "1"]) == 2
    assert "cannot be made" in capsys.readouterr().err


def test_to_look_for_a_search_makes_no_folder(runs: Path):
    with pytest.raises(SearchError, match="there is no search"):
        load_study("none")
    assert not runs.exists()


def test_a_trial_is_opened_whole_by_two_programs_at_once_and_not_while_another_trains_it_on(
    runs: Path, monkeypatch: pytest.MonkeyPatch
):
    create_search("opened", SPEC)
    Worker("opened", tell=lambda line: None).work()
    best = read_search(load_study("opened")).best
    assert best is not None
    lock = RunStore(trials_folder("opened")).run_folder(best.run).lock
    assert lock.claim()
    with monkeypatch.context() as patch:
        patch.setattr("platform.node", lambda: "elsewhere")
        with pytest.raises(SearchError, match=r"trained by another program \(process .*Pause it there first"):
            open_trial("opened", best.number, RunStore(runs))
    lock.release()
    found: list[str] = []
    threads = [
        threading.Thread(target=lambda: found.append(open_trial("opened", best.number, RunStore(runs))))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [best.run] * 4
    assert RunStore(runs).load(best.run).skipped == ()
    assert sorted(path.name for path in runs.iterdir()) == [best.run, "searches"]
    assert not (runs / best.run / ".holder.json").exists()
