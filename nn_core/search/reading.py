"""Reads the trials of a search out of its database: only what is new since the last look, and never their curves.

Optuna's own reading makes an object of each row of each table, which takes it a minute for ten thousand trials. The
tables are part of the format of Optuna's databases; a trial that has ended does not change any more.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from nn_core.config.foreign import parse_json
from nn_core.search.database_errors import SearchError

UNREAD = "curves"  # what a worker notes with a trial that no list shows
ENDED = {"COMPLETE", "PRUNED", "FAIL"}
NOT_FINITE = {"INF_POS": math.inf, "INF_NEG": -math.inf, "NAN": math.nan}


@dataclass(eq=False)
class Trial:
    """One trial as it lies in the database."""

    id: int
    number: int
    state: str
    started: datetime | None
    ended: datetime | None
    params: dict[str, Any] = field(default_factory=dict)
    distributions: dict[str, Any] = field(default_factory=dict)  # of Optuna
    values: dict[int, float] = field(default_factory=dict)  # by objective
    reported: dict[int, float] = field(default_factory=dict)  # by epoch
    user_attrs: dict[str, Any] = field(default_factory=dict)
    system_attrs: dict[str, Any] = field(default_factory=dict)

    def __repr__(self) -> str:
        return f"Trial({self.number}: {self.state})"

    @property
    def has_ended(self) -> bool:
        """Whether nothing of it changes any more."""
        return self.state in ENDED

    def frozen(self) -> Any:
        """The same as an optuna.trial.FrozenTrial."""
        import optuna

        return optuna.trial.FrozenTrial(
            number=self.number,
            state=optuna.trial.TrialState[self.state],
            value=None,
            values=[self.values[at] for at in sorted(self.values)] or None,
            datetime_start=self.started,
            datetime_complete=self.ended,
            params=self.params,
            distributions=self.distributions,
            user_attrs=self.user_attrs,
            system_attrs=self.system_attrs,
            intermediate_values=self.reported,
            trial_id=self.id,
        )


class TrialReader:
    """The trials of one search; each `read` asks the database for those that had not ended at the last one."""

    def __init__(self, engine: Any, study_name: str) -> None:
        self._engine, self._name = engine, study_name
        self._trials: dict[int, Trial] = {}  # by id

    def __repr__(self) -> str:
        return f"TrialReader({self._name}, {len(self._trials)} trials)"

    def read(self) -> list[Trial]:
        """All trials, by number; one that had ended before is the same object. Raises SearchError."""
        with self._engine.connect() as connection:
            tables = _tables()
            found = {trial.id: trial for trial in self._new(connection, tables)}
            for trial, row in self._rows(connection, tables, "trial_params", found):
                distribution = _distribution(row.distribution_json)
                trial.distributions[row.param_name] = distribution
                trial.params[row.param_name] = distribution.to_external_repr(row.param_value)
            for trial, row in self._rows(connection, tables, "trial_values", found):
                trial.values[row.objective] = NOT_FINITE.get(row.value_type, row.value)
            for trial, row in self._rows(connection, tables, "trial_intermediate_values", found):
                value = NOT_FINITE.get(row.intermediate_value_type, row.intermediate_value)
                trial.reported[row.step] = value
            for trial, row in self._rows(connection, tables, "trial_user_attributes", found):
                trial.user_attrs[row.key] = parse_json(row.value_json)
            for trial, row in self._rows(connection, tables, "trial_system_attributes", found):
                trial.system_attrs[row.key] = parse_json(row.value_json)
        self._trials |= found
        return sorted(self._trials.values(), key=lambda trial: trial.number)

    def _new(self, connection: Any, tables: Mapping[str, Any]) -> Iterator[Trial]:
        """The trials that have come or may have changed, without what the other tables say of them."""
        import sqlalchemy as sql

        studies, trials = tables["studies"], tables["trials"]
        study = connection.execute(sql.select(studies.c.study_id).where(studies.c.study_name == self._name)).scalar()
        if study is None:
            raise SearchError(f"there is no search {self._name} in this database")
        under_way = [trial.id for trial in self._trials.values() if not trial.has_ended]
        is_new = trials.c.trial_id > max(self._trials, default=-1)
        self._wanted = (trials.c.study_id == study) & (is_new | trials.c.trial_id.in_(under_way))
        columns = trials.c.trial_id, trials.c.number, trials.c.datetime_start, trials.c.datetime_complete
        state = sql.cast(trials.c.state, sql.String).label("state")
        for row in connection.execute(sql.select(*columns, state).where(self._wanted)):
            yield Trial(row.trial_id, row.number, row.state, _local(row.datetime_start), _local(row.datetime_complete))

    def _rows(
        self, connection: Any, tables: Mapping[str, Any], name: str, found: Mapping[int, Trial]
    ) -> Iterator[tuple[Trial, Any]]:
        """Each row that a table has of these trials, with its trial. One that has come meanwhile waits for the next."""
        import sqlalchemy as sql

        table, trials = tables[name], tables["trials"]
        wanted = sql.select(table).join(trials, trials.c.trial_id == table.c.trial_id).where(self._wanted)
        if name == "trial_user_attributes":
            wanted = wanted.where(table.c.key != UNREAD)
        for row in connection.execute(wanted):
            if row.trial_id in found:
                yield found[row.trial_id], row


def _local(utc: datetime | None) -> datetime | None:
    """The time on this machine's clock, without a zone, as Optuna gives it."""
    return None if utc is None else utc.replace(tzinfo=UTC).astimezone().replace(tzinfo=None)


@lru_cache(maxsize=1)
def _tables() -> Mapping[str, Any]:
    """The tables that are read, by name."""
    import sqlalchemy as sql

    columns = {
        "studies": ("study_id", "study_name"),
        "trials": ("trial_id", "number", "study_id", "state"),
        "trial_params": ("trial_id", "param_name", "param_value", "distribution_json"),
        "trial_values": ("trial_id", "objective", "value"),
        "trial_intermediate_values": ("trial_id", "step", "intermediate_value"),
        "trial_user_attributes": ("trial_id", "key", "value_json"),
        "trial_system_attributes": ("trial_id", "key", "value_json"),
    }
    typed: dict[str, list[Any]] = {
        "trials": [sql.column(name, sql.DateTime) for name in ("datetime_start", "datetime_complete")],
        "trial_values": [sql.column("value_type", sql.String)],
        "trial_intermediate_values": [sql.column("intermediate_value_type", sql.String)],
    }
    return {name: sql.table(name, *map(sql.column, of), *typed.get(name, ())) for name, of in columns.items()}


@lru_cache(maxsize=4096)
def _distribution(text: str) -> Any:
    import optuna

    return optuna.distributions.json_to_distribution(text)
