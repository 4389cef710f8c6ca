"""What a database says, in one sentence for the user and without a password."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from nn_core.config.errors import shorten

A_URL = 'a URL like "postgresql://user:password@host/database"'


class SearchError(Exception):
    """What cannot be done with a search; one sentence for the user, without a password."""


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
