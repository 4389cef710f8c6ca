"""Where searches are kept: an SQLite file in the runs folder, or a database that several machines reach by its URL."""

from __future__ import annotations

import os
import re
import sqlite3
import time
import warnings
from contextlib import closing
from functools import cache
from pathlib import Path
from typing import Any

from nn_core.config.errors import shorten
from nn_core.search.database_errors import A_URL, SearchError, database_sentence, hidden, in_a_sentence
from nn_core.store.run_store import runs_folder

VARIABLE = "GLASSNET_STORAGE"  # how a worker process is told a URL: the password in it is not for the list of processes
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._ -]{0,59}")
HEARTBEAT_SECONDS, GRACE_SECONDS = 5, 20  # a worker gives a sign of life so often, and is given up after so long
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


def open_storage(name: str, url: str = "", *, create: bool = False, heartbeat: bool = True) -> Any:
    """Optuna's storage; raises SearchError in one sentence. Only with `create` is an SQLite file or a table made.

    With `heartbeat`, a trial whose worker gives no sign of life is failed and queued again.
    """
    path = None if url else file_of(name)
    if path is not None:
        if not create and not path.exists():
            raise SearchError(f"there is no search {name} in {searches_folder()}")
        path.parent.mkdir(parents=True, exist_ok=True)
    address = f"sqlite:///{path}" if path is not None else _dialect(url)
    is_sqlite = address.startswith("sqlite")
    if is_sqlite:
        _look_at_file(Path(address.partition("///")[2].partition("?")[0]), name, create)
    sqlite_arguments = {"timeout": BUSY_SECONDS, "factory": _Connection}
    engine = {"connect_args": sqlite_arguments} if is_sqlite else {"pool_pre_ping": True}
    with in_a_sentence(name, address), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # heartbeats are called experimental
        import optuna

        optuna.logging.set_verbosity(optuna.logging.ERROR)  # what a trial ended by is told in the search
        signs: dict[str, Any] = {}
        if heartbeat:
            retry = optuna.storages.RetryHeartbeatStaleTrialCallback(max_retry=MAX_RETRIES)
            signs = {
                "heartbeat_interval": _seconds("GLASSNET_HEARTBEAT", HEARTBEAT_SECONDS),
                "grace_period": _seconds("GLASSNET_GRACE", GRACE_SECONDS),
                "heartbeat_stale_trial_callback": retry,
            }
        template = address.replace("{", "{{").replace("}", "}}")
        try:
            made = _storage_class()(template, engine, skip_table_creation=not create, **signs)
        except ValueError:  # a port that is no number, say; what is said of it may repeat the password
            raise SearchError(f"the storage must be {A_URL}, got {shorten(hidden(address))}") from None
        if is_sqlite and create:
            with made.engine.connect() as connection:
                connection.exec_driver_sql("PRAGMA journal_mode=WAL")  # who reads keeps nobody from writing
        return made


@cache
def _storage_class() -> Any:
    """Optuna's storage in a database, with signs of life that outlast an outage and miss no lost worker."""
    import optuna

    class Storage(optuna.storages.RDBStorage):
        """Where a worker was lost between taking a trial and its first sign of life, the trial is given up too."""

        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options)
            self._without_a_sign: dict[int, float] = {}  # trial id -> when it was seen so first, time.monotonic()

        def record_heartbeat(self, trial_id: int) -> None:
            try:
                super().record_heartbeat(trial_id)
            except Exception as error:  # the next one comes; meanwhile the training meets the same trouble, and waits
                if database_sentence(error, "") is None:
                    raise

        def _get_stale_trial_ids(self, study_id: int) -> list[int]:
            with self.engine.connect() as connection:
                found = connection.exec_driver_sql(_WITHOUT_A_SIGN.format(int(study_id))).scalars().all()
            now = time.monotonic()
            self._without_a_sign = {trial: self._without_a_sign.get(trial, now) for trial in found}
            grace = self.grace_period or 2 * (self.heartbeat_interval or HEARTBEAT_SECONDS)
            silent = [trial for trial, since in self._without_a_sign.items() if now - since > grace]
            return [*super()._get_stale_trial_ids(study_id), *silent]

    return Storage


_WITHOUT_A_SIGN = (
    "SELECT trials.trial_id FROM trials LEFT JOIN trial_heartbeats ON trial_heartbeats.trial_id = trials.trial_id "
    "WHERE trials.study_id = {} AND trials.state = 'RUNNING' AND trial_heartbeats.trial_id IS NULL"
)


class _Connection(sqlite3.Connection):
    """One that does not wait for the disk at each commit: no killed process loses anything by it, nor is it damaged."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.execute("PRAGMA synchronous=NORMAL").close()


def _seconds(variable: str, default: int) -> int:
    text = os.environ.get(variable, "")
    return int(text) if text.isdecimal() and int(text) > 0 else default


def _dialect(url: str) -> str:
    """The URL, with the driver that requirements-distributed.txt brings."""
    for plain in ("postgresql://", "postgres://"):
        if url.startswith(plain):
            return "postgresql+psycopg://" + url.removeprefix(plain)
    return url


def lost_trials(study: Any) -> set[int]:
    """The ids of the trials that run without a sign of life for longer than the grace; empty where nobody looks."""
    kept = study._storage
    if getattr(kept, "get_heartbeat_interval", lambda: None)() is None:
        return set()
    return set(kept._get_stale_trial_ids(study._study_id))


def _look_at_file(path: Path, name: str, create: bool) -> None:
    """Raise SearchError where a file is missing, or is an SQLite database of something else: nothing is added to it."""
    if not path.is_file():
        if create:
            return
        raise SearchError(f"there is no file {path}")
    with in_a_sentence(name), closing(sqlite3.connect(path, timeout=BUSY_SECONDS)) as connection:
        tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if tables and not {"studies", "version_info", "alembic_version"} <= tables:
        raise SearchError(f"the file {path} holds something else than searches; it is left as it is")


def check_optuna() -> None:
    """Raise SearchError where Optuna is not installed."""
    try:
        import optuna  # noqa: F401
    except ModuleNotFoundError:
        raise SearchError("a search needs Optuna, which is not installed: pip install -r requirements.txt") from None
