"""Where searches are kept: an SQLite file in the runs folder, or a database that several machines reach by its URL."""

from __future__ import annotations

import os
import re
import secrets
import sqlite3
import time
import warnings
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from functools import cache, partial
from pathlib import Path
from typing import Any

from nn_core.config.environment import GRACE, HEARTBEAT, STORAGE
from nn_core.config.errors import shorten
from nn_core.machine.disk import reason, sweep
from nn_core.search.database_errors import (
    A_URL,
    SearchError,
    SearchGone,
    database_sentence,
    hidden,
    in_a_sentence,
    is_taken,
)
from nn_core.search.reading import Trial, TrialReader
from nn_core.store.run_store import runs_folder

VARIABLE = STORAGE.name  # how a worker process is told a URL: the password in it is not for the list of processes
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._ -]{0,59}")
MAX_RETRIES = 3  # of a trial whose worker was lost
BUSY_SECONDS = 20  # that an SQLite file may be locked by another process


def searches_folder() -> Path:
    """Where searches on this machine are kept, each with the runs of its trials."""
    return runs_folder().absolute() / "searches"


def check_name(name: str) -> str:
    """The name, if a search may have it; raises SearchError."""
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise SearchError(
            "a search's name must have 1 to 60 letters, digits, spaces, dots, hyphens or underscores and begin with a "
            f"letter or digit, got {shorten(name)}"
        )
    return name


def file_of(name: str) -> Path:
    """The SQLite file of a search in the runs folder."""
    return searches_folder() / f"{check_name(name)}.db"


def trials_folder(name: str) -> Path:
    """Where this machine keeps the runs of a search's trials."""
    return searches_folder() / check_name(name)


def networks_left(name: str) -> str:
    """What is left of a search whose file is gone, as a part of a sentence."""
    where = f"; their networks lie in {trials_folder(name)}" if NAME.fullmatch(name) else ""
    return f"what it knew of its trials is lost{where}"


def check_optuna() -> None:
    """Raise SearchError where Optuna is not installed."""
    try:
        import optuna  # noqa: F401
    except ModuleNotFoundError:
        raise SearchError("a search needs Optuna, which is not installed: pip install -r requirements.txt") from None


def open_storage(name: str, url: str = "", *, create: bool = False, heartbeat: bool = True) -> Any:
    """A `Storage`; raises SearchError in one sentence. Only with `create` is an SQLite file or a table made.

    With `heartbeat`, trials of workers that give no sign of life are found, failed and queued again.
    """
    address = _with_driver(url)
    path = _path_in(address) if url else file_of(name)
    if not url and not create and not file_of(name).exists():
        raise SearchError(f"there is no search {name} in {searches_folder()}")
    return _open(name, path, address, create, heartbeat)


@contextmanager
def new_storage(name: str, url: str = "") -> Iterator[Any]:
    """A `Storage` to begin a search in; raises SearchError.

    A file gets its name when all is in it, so that nobody meets half a search, and of two begun at once one has it.
    """
    if url:
        yield open_storage(name, url, create=True)
        return
    path = file_of(name)
    make_folder(path.parent)
    sweep(path.parent)
    draft = path.with_name(f".{os.getpid()}-{secrets.token_hex(4)}.tmp")
    try:
        made = _open(name, draft, "", create=True, heartbeat=False)
        try:
            yield made
        finally:
            made.remove_session()
            made.engine.dispose()
        with in_a_sentence(name):
            _give_name(draft, path)
    except FileExistsError:
        raise SearchError(f"there is a search {name} already; choose another name") from None
    except OSError as error:
        raise SearchError(f"{path} could not be written: {reason(error).lower()}") from None
    finally:
        for end in ("", "-journal", "-wal", "-shm"):
            draft.with_name(draft.name + end).unlink(missing_ok=True)


def _give_name(draft: Path, path: Path) -> None:
    """Raises FileExistsError where there is a file of that name."""
    try:
        os.link(draft, path)
    except FileExistsError:
        raise
    except OSError:  # a file system without hard links
        if path.exists():
            raise FileExistsError(path) from None
        os.rename(draft, path)


def make_folder(folder: Path) -> None:
    """Make a folder where searches are kept; raises SearchError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SearchError(f"the folder {folder} cannot be made: {reason(error).lower()}") from None


def _path_in(address: str) -> Path | None:
    """The file that the URL of an SQLite database names, None for another one."""
    return Path(address.partition("///")[2].partition("?")[0]) if address.startswith("sqlite") else None


def _open(name: str, path: Path | None, address: str, create: bool, heartbeat: bool) -> Any:
    """The storage in an SQLite file, or at another address."""
    engine: dict[str, Any] = {"pool_pre_ping": True}
    if path is not None:
        _look_at_file(path, name, create)
        address = "sqlite:///search.db"  # whose path _connect knows, with whatever characters
        engine = {"creator": partial(_connect, path, create)}
    with in_a_sentence(name, address), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # heartbeats are called experimental
        import optuna

        optuna.logging.set_verbosity(optuna.logging.ERROR)  # what a trial ended by is told in the search
        signs = _signs_of_life() if heartbeat else {}
        template = address.replace("{", "{{").replace("}", "}}")
        try:
            made = _make(template, engine, create, signs)
        except ValueError:  # a port that is no number, say; what is said of it may repeat the password
            raise SearchError(f"the storage must be {A_URL}, got {shorten(hidden(address))}") from None
        if path is not None:
            made.watch_file(name, path)
        if path is not None and create:
            with made.engine.connect() as connection:
                connection.exec_driver_sql("PRAGMA journal_mode=WAL")  # who reads keeps nobody from writing
        return made


def _make(template: str, engine: dict[str, Any], create: bool, signs: dict[str, Any]) -> Any:
    """The storage; tables that another program makes at the same moment are used."""
    try:
        return _storage_class()(template, engine, skip_table_creation=not create, **signs)
    except Exception as error:
        if not create or not is_taken(error):
            raise
        return _storage_class()(template, engine, skip_table_creation=not create, **signs)


def _connect(path: Path, create: bool) -> sqlite3.Connection:
    """A connection to a file, whatever characters its path has. Only with `create` is a file made."""
    uri = f"{path.absolute().as_uri()}?mode={'rwc' if create else 'rw'}"
    return sqlite3.connect(uri, uri=True, timeout=BUSY_SECONDS, factory=_Connection, check_same_thread=False)


def _with_driver(url: str) -> str:
    """The URL, with the driver that requirements-distributed.txt brings."""
    for plain in ("postgresql://", "postgres://"):
        if url.startswith(plain):
            return "postgresql+psycopg://" + url.removeprefix(plain)
    return url


def _look_at_file(path: Path, name: str, create: bool) -> None:
    """Raise SearchError where a file is missing, or is an SQLite database of something else: nothing is added to it."""
    if not path.is_file():
        if create:
            return
        raise SearchError(f"there is no file {path}")
    with in_a_sentence(name), closing(_connect(path, create=False)) as connection:
        tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if tables and not {"studies", "version_info", "alembic_version"} <= tables:
        raise SearchError(f"the file {path} holds something else than searches; it is left as it is")


class _Connection(sqlite3.Connection):
    """One that does not wait for the disk at each commit: no killed process loses anything by it, nor is it damaged."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.execute("PRAGMA synchronous=NORMAL").close()


# ---------------------------------------------------------------------------------------------- signs of life


def _signs_of_life() -> dict[str, Any]:
    """How often a worker gives one, after how long without it is given up, and what becomes of its trial then."""
    import optuna

    return {
        "heartbeat_interval": HEARTBEAT.read(),
        "grace_period": GRACE.read(),
        "heartbeat_stale_trial_callback": optuna.storages.RetryHeartbeatStaleTrialCallback(max_retry=MAX_RETRIES),
    }


@cache
def _storage_class() -> Any:
    """The class `Storage`; it is made in a function because only Optuna has its base class."""
    import optuna

    class Storage(optuna.storages.RDBStorage):
        """Optuna's storage in a database, with signs of life that outlast an outage and miss no lost worker.

        Optuna itself waits for ever for a worker that was lost between taking a trial and its first sign of life.
        """

        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options)
            self._silent_since: dict[int, float] = {}  # trial id -> time.monotonic() when it was first seen so
            self._readers: dict[str, TrialReader] = {}  # by the name of the search
            self._file: tuple[str, Path, tuple[int, int] | None] | None = None  # of which search, where, which one

        def trials_of(self, study_name: str) -> list[Trial]:
            """The trials of a search as they stand; only what is new since the last look is read."""
            return self._readers.setdefault(study_name, TrialReader(self.engine, study_name)).read()

        def watch_file(self, name: str, path: Path) -> None:
            """Remember which file this is, for `check_file`."""
            self._file = name, path, _identity(path)

        def check_file(self) -> None:
            """Raise SearchGone where the file is no longer there, or another one has taken its place.

            SQLite itself goes on writing into a file that was deleted.
            """
            if self._file is None:
                return
            name, path, identity = self._file
            if _identity(path) != identity:
                what = "replaced by another one" if path.exists() else "deleted"
                raise SearchGone(f"{path} was {what} while the search {name} used it; {networks_left(name)}")

        def record_heartbeat(self, trial_id: int) -> None:
            try:
                super().record_heartbeat(trial_id)
            except Exception as error:  # the next one comes; meanwhile the training meets the same trouble, and waits
                if database_sentence(error, "") is None:
                    raise

        def lost_trials(self, study_name: str) -> dict[int, int]:
            """Number -> id of the trials that run without a sign of life for longer than the grace period.

            Empty in a storage without a heartbeat: nobody looks then.
            """
            if self.heartbeat_interval is None:
                return {}
            grace, now = self.grace_period or 2 * self.heartbeat_interval, time.monotonic()
            rows = _running_trials(self.engine, study_name)
            silent = [trial_id for _, trial_id, seconds in rows if seconds is None]
            self._silent_since = {trial_id: self._silent_since.get(trial_id, now) for trial_id in silent}
            return {
                number: trial_id
                for number, trial_id, seconds in rows
                if (now - self._silent_since[trial_id] if seconds is None else seconds) > grace
            }

        def give_up_lost_trials(self, study: optuna.Study) -> None:
            """Fail the trials whose workers were lost, and queue them again."""
            queue_again = self.get_heartbeat_stale_trial_callback()
            for trial_id in self.lost_trials(study.study_name).values():
                with suppress(optuna.exceptions.UpdateFinishedTrialError):  # another worker was quicker
                    if self.set_trial_state_values(trial_id, optuna.trial.TrialState.FAIL) and queue_again:
                        queue_again(study, self.get_trial(trial_id))

        def __repr__(self) -> str:
            return f"Storage({hidden(str(self.engine.url))})"

    return Storage


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _running_trials(engine: Any, study_name: str) -> list[tuple[int, int, float | None]]:
    """(number, id, seconds since the last sign of life or None before the first) of each trial that runs.

    Optuna has no public function that tells it; its tables are part of the format of the databases.
    """
    import sqlalchemy as sql

    studies = sql.table("studies", sql.column("study_id"), sql.column("study_name"))
    trials = sql.table("trials", *(sql.column(name) for name in ("trial_id", "number", "study_id", "state")))
    signs = sql.table("trial_heartbeats", sql.column("trial_id"), sql.column("heartbeat", sql.DateTime))
    wanted = (
        sql.select(trials.c.number, trials.c.trial_id, signs.c.heartbeat, sql.func.now())  # by the database's clock
        .join(studies, studies.c.study_id == trials.c.study_id)
        .join(signs, signs.c.trial_id == trials.c.trial_id, isouter=True)
        .where(studies.c.study_name == study_name, sql.cast(trials.c.state, sql.String) == "RUNNING")
    )
    with engine.connect() as connection:
        rows = connection.execute(wanted).all()
    return [
        (number, trial_id, None if sign is None else (now.replace(tzinfo=None) - sign).total_seconds())
        for number, trial_id, sign, now in rows
    ]
