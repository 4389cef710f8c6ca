"""What a database says, in one sentence for the user and without a password."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from nn_core.config.errors import shorten

A_URL = 'a URL like "postgresql://user:password@host/database"'


class SearchError(Exception):
    """What cannot be done with a search; one sentence for the user, without a password."""


class SearchGone(SearchError):
    """The file of a search was deleted, replaced or destroyed while it was in use: waiting does not bring it back."""


def hidden(url: str) -> str:
    """The URL without the password in it, whatever else is wrong with it, and without what follows a "?"."""
    if url.count("@") == 1:  # where there are more, a password may hold some, and the parser cuts it at the first
        with suppress(Exception):  # what the parser cannot read is cut by hand below
            from sqlalchemy import make_url

            parts = make_url(url).set(query={})
            if parts.username is not None:
                return parts.render_as_string(hide_password=True)
    login, at, place = url.rpartition("@")
    place = re.split("[?&]", place)[0]
    if not at:
        return place
    found = re.fullmatch(r"([\w+]+://)([^:/?@]*)(:.*)?", login, re.DOTALL)
    if found is None:  # nobody knows where in it the password is
        return f"***@{place}"
    return f"{found[1]}{found[2]}{':***' if found[3] else ''}@{place}"


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
    chain = _chain(error)
    kinds = {type(each).__name__ for each in chain}
    modules = {type(each).__module__.split(".")[0] for each in chain}
    is_of_database = bool(modules & _OF_DATABASES) or "StorageInternalError" in kinds
    where = f"the search {name}" if not url or url.startswith("sqlite") else f"the database {hidden(url)}"
    answer = _answer(chain) if is_of_database else None
    if answer is not None:
        return answer.format(where=where, name=name)
    if any("The runtime optuna version" in str(each) for each in chain):  # a RuntimeError like any other
        return f"{where} was made by another version of Optuna than the one installed here"
    if kinds & {"NoSuchModuleError", "ArgumentError"}:
        return f"the storage must be {A_URL}, got {shorten(hidden(url))}"
    if "ImportError" in kinds or "ModuleNotFoundError" in kinds:
        return f"{where} needs a driver that is not installed: pip install -r requirements-distributed.txt"
    if is_of_database:
        return f"{where} cannot be used ({sorted(kinds & _KINDS or kinds)[0]})"
    return None


def is_destroyed(error: BaseException) -> bool:
    """Whether the file of a database holds no database any more."""
    codes = [getattr(each, "sqlite_errorname", None) or "" for each in _chain(error)]
    return any(code.startswith(_DESTROYED) for code in codes)


def is_taken(error: BaseException) -> bool:
    """Whether another program has just made what was to be made: a table, a row."""
    chain = _chain(error)
    codes = {getattr(each, "sqlstate", None) for each in chain}
    return (
        bool(codes & _TAKEN)
        or "IntegrityError" in {type(each).__name__ for each in chain}
        or any(type(each).__module__ == "sqlite3" and "already exists" in str(each) for each in chain)
    )


def _chain(error: BaseException | None) -> list[BaseException]:
    """The error, what caused it, and so on: Optuna's, SQLAlchemy's, the driver's."""
    chain: list[BaseException] = []
    while error is not None and error not in chain:
        chain.append(error)
        error = error.__cause__ or error.__context__
    return chain


def _answer(chain: list[BaseException]) -> str | None:
    """The sentence by the driver's code, or by its words where it gives no code that tells."""
    codes = [getattr(each, "sqlstate", None) or getattr(each, "sqlite_errorname", None) or "" for each in chain]
    for beginnings, answer in _BY_CODE:
        if any(code.startswith(beginnings) for code in codes):
            return answer
    text = " ".join(str(each) for each in chain)
    for pattern, answer in _BY_WORDS:
        if re.search(pattern, text, re.IGNORECASE):
            return answer
    return None


_OF_DATABASES = {"sqlalchemy", "sqlite3", "psycopg", "alembic"}
_KINDS = {"OperationalError", "DatabaseError", "StorageInternalError", "ProgrammingError", "IntegrityError"}

_TAKEN = {"42P07", "42710", "23505"}  # PostgreSQL: there is such a table, such an object, such a row
_DESTROYED = ("SQLITE_NOTADB", "SQLITE_CORRUPT")
_DAMAGED = "the file of {where} is damaged or holds something else"
_REFUSED = "{where} refuses the user or the password"
_UNKNOWN = "{where} does not exist on its server"
_SILENT = "{where} does not answer"

# how a code begins: the SQLSTATE of PostgreSQL, or SQLite's name of a result
_BY_CODE: tuple[tuple[tuple[str, ...], str], ...] = (
    (("42P01",), "there is no search {name} in {where}"),  # the tables are not there
    (_DESTROYED, _DAMAGED),
    (
        ("SQLITE_BUSY", "SQLITE_LOCKED"),
        "the file of {where} is locked by another program; try again when that has ended",
    ),
    (("SQLITE_READONLY",), "the file of {where} cannot be written"),
    (("25006",), "{where} cannot be written"),
    (("SQLITE_CANTOPEN",), "the file of {where} cannot be opened"),
    (("SQLITE_FULL", "53100"), "the disk is full: {where} could not be written"),
    (("28",), _REFUSED),
    (("3D000",), _UNKNOWN),
    (("08", "57P"), _SILENT),  # no connection, or the server is starting or shutting down
)
# Words decide only where there is no code: psycopg has none for a connection that did not come about or broke off, and
# SQLite has one code, SQLITE_ERROR, for every statement that does not suit the tables.
_BY_WORDS = (
    (r"no such table|no such column", _DAMAGED),
    (r"password authentication failed|no password supplied|role .* does not exist", _REFUSED),
    (r"database \S+ does not exist", _UNKNOWN),
    (r"could not translate host|Name or service not known|resolve", "{where} is on a host that is not known"),
    (
        r"refused|timeout|timed out|server closed|terminating|starting up|shutting down|"
        r"connection .*(lost|closed|failed)|No such file",
        _SILENT,
    ),
)
