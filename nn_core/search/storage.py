"""Where searches are kept: an SQLite file in the runs folder, or a database that several machines reach by its URL."""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from nn_core.knobs import shorten
from nn_core.store import runs_folder

VARIABLE = "GLASSNET_STORAGE"  # how a worker process is told a URL: the password in it is not for the list of processes
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._ -]{0,59}")
HEARTBEAT_SECONDS, GRACE_SECONDS = 5, 20  # a worker gives a sign of life so often, and is given up after so long
MAX_RETRIES = 3  # of a trial whose worker was lost
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
    if is_sqlite and not create:
        _must_exist(address)
    engine = {"connect_args": {"timeout": BUSY_SECONDS}} if is_sqlite else {"pool_pre_ping": True}
    with in_a_sentence(name, address), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # heartbeats are called experimental
        import optuna

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        signs: dict[str, Any] = {}
        if heartbeat:
            retry = optuna.storages.RetryHeartbeatStaleTrialCallback(max_retry=MAX_RETRIES)
            signs = {
                "heartbeat_interval": _seconds("GLASSNET_HEARTBEAT", HEARTBEAT_SECONDS),
                "grace_period": _seconds("GLASSNET_GRACE", GRACE_SECONDS),
                "heartbeat_stale_trial_callback": retry,
            }
        return optuna.storages.RDBStorage(address, engine_kwargs=engine, **signs)


def _seconds(variable: str, default: int) -> int:
    text = os.environ.get(variable, "")
    return int(text) if text.isdecimal() and int(text) > 0 else default


def _dialect(url: str) -> str:
    """The URL, with the driver that requirements-distributed.txt brings."""
    for plain in ("postgresql://", "postgres://"):
        if url.startswith(plain):
            return "postgresql+psycopg://" + url.removeprefix(plain)
    return url


def _must_exist(address: str) -> None:
    path = Path(address.removeprefix("sqlite:///"))
    if not path.exists():
        raise SearchError(f"there is no file {path}")


def hidden(url: str) -> str:
    """The URL without the password in it."""
    return re.sub(r"(://[^:/@]*):[^@]*@", r"\1:***@", url)


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
    text = " ".join(str(each) for each in chain)
    where = f"the search {name}" if not url or url.startswith("sqlite") else f"the database {hidden(url)}"
    for pattern, answer in _ANSWERS:
        if re.search(pattern, text, re.IGNORECASE) and modules & _OF_DATABASES:
            return answer.format(where=where, name=name)
    if kinds & {"NoSuchModuleError", "ArgumentError", "NoSuchModule"}:
        return f'the storage must be a URL like "postgresql://user:password@host/database", got {hidden(shorten(url))}'
    if "ImportError" in kinds or "ModuleNotFoundError" in kinds:
        return f"{where} needs a driver that is not installed: pip install -r requirements-distributed.txt"
    if modules & _OF_DATABASES:
        return f"{where} cannot be used ({sorted(kinds & _KINDS or kinds)[0]})"
    return None


_OF_DATABASES = {"sqlalchemy", "sqlite3", "psycopg", "alembic", "optuna"}
_KINDS = {"OperationalError", "DatabaseError", "StorageInternalError", "ProgrammingError", "IntegrityError"}
_ANSWERS = (
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
