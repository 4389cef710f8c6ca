"""Where searches are kept: an SQLite file in the runs folder, or a database that several machines reach by its URL."""

from __future__ import annotations

import os
import re
import sqlite3
import time
import warnings
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from nn_core.knobs import shorten
from nn_core.store import runs_folder

VARIABLE = "GLASSNET_STORAGE"  # how a worker process is told a URL: the password in it is not for the list of processes
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._ -]{0,59}")
HEARTBEAT_SECONDS, GRACE_SECONDS = 5, 20  # a worker gives a sign of life so often, and is given up after so long
MAX_RETRIES = 3  # of a trial whose worker was lost
A_URL = 'a URL like "postgresql://user:password@host/database"'
BUSY_SECONDS = 20  # that an SQLite file may be locked by another process


class SearchError(Exception):
    """What cannot be done with a search; one sentence for the user, without a password."""


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


def hidden(url: str) -> str:
    """The URL without the password in it, whatever else is wrong with it."""
    login, at, place = url.rpartition("@")
    place = place.partition("?")[0]
    if not at:
        return place
    found = re.fullmatch(r"([\w+]+://)([^:/?@]*)(:.*)?", login, re.DOTALL)
    if found is None:  # nobody knows where in it the password is
        return f"***@{place}"
    return f"{found[1]}{found[2]}{':***' if found[3] else ''}@{place}"


def check_optuna() -> None:
    """Raise SearchError where Optuna is not installed."""
    try:
        import optuna  # noqa: F401
    except ModuleNotFoundError:
        raise SearchError("a search needs Optuna, which is not installed: pip install -r requirements.txt") from None


@contextmanager
def in_a_sentence(name: str, url: str = "") -> Iterator[None]:
    """What a database answers, as a SearchError; anything else goes through."""
    try:
        yield
    except (SearchError, KeyboardInterrupt):
        raise
    except Exception as error:
        sentence = database_sentence(error, name, url)
        if sentence is None:
            raise
        raise SearchError(sentence) from None


def database_sentence(error: BaseException, name: str, url: str = "") -> str | None:
    """What went wrong in a database, in one sentence; None where the error is none of a database."""
    chain: list[BaseException] = []
    while error is not None and error not in chain:
        chain.append(error)
        error = error.__cause__ or error.__context__  # type: ignore[assignment]
    kinds = {type(each).__name__ for each in chain}
    modules = {type(each).__module__.split(".")[0] for each in chain}
    is_of_database = bool(modules & _OF_DATABASES) or "StorageInternalError" in kinds
    text = " ".join(str(each) for each in chain)
    where = f"the search {name}" if not url or url.startswith("sqlite") else f"the database {hidden(url)}"
    for pattern, answer in _ANSWERS:
        if is_of_database and re.search(pattern, text, re.IGNORECASE):
            return answer.format(where=where, name=name)
    if "The runtime optuna version" in text:
        return f"{where} was made by another version of Optuna than the one installed here"
    if kinds & {"NoSuchModuleError", "ArgumentError", "NoSuchModule"}:
        return f"the storage must be {A_URL}, got {shorten(hidden(url))}"
    if "ImportError" in kinds or "ModuleNotFoundError" in kinds:
        return f"{where} needs a driver that is not installed: pip install -r requirements-distributed.txt"
    if is_of_database:
        return f"{where} cannot be used ({sorted(kinds & _KINDS or kinds)[0]})"
    return None


_OF_DATABASES = {"sqlalchemy", "sqlite3", "psycopg", "alembic"}
_KINDS = {"OperationalError", "DatabaseError", "StorageInternalError", "ProgrammingError", "IntegrityError"}
_ANSWERS = (
    (r"relation \S+ does not exist", "there is no search {name} in {where}"),
    (
        r"not a database|malformed|no such table|no such column",
        "the file of {where} is damaged or holds something else",
    ),
    (r"database is locked", "the file of {where} is locked by another program; try again when that has ended"),
    (r"readonly|read-only", "the file of {where} cannot be written"),
    (r"unable to open database file", "the file of {where} cannot be opened"),
    (r"disk is full|No space left", "the disk is full: {where} could not be written"),
    (
        r"password authentication failed|no password supplied|role .* does not exist",
        "{where} refuses the user or the password",
    ),
    (r"database \S+ does not exist", "{where} does not exist on its server"),
    (r"could not translate host|Name or service not known|resolve", "{where} is on a host that is not known"),
    (
        r"refused|timeout|timed out|server closed|terminating|starting up|shutting down|"
        r"connection .*(lost|closed|failed)|No such file",
        "{where} does not answer",
    ),
    (r"Record does not exist|study .* not exist", "there is no search {name} there"),
)
