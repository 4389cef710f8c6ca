"""A search in its database: created once, with the data and the code that it belongs to, found again by its name."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping
from functools import cache
from typing import Any, NamedTuple

from nn_core.config.errors import ConfigError, shorten
from nn_core.config.run_config import RunConfig
from nn_core.data import Dataset, load_dataset
from nn_core.machine.disk import ROOT
from nn_core.search.counts import count_done
from nn_core.search.database_errors import SearchError, in_a_sentence
from nn_core.search.default import DEFAULT
from nn_core.search.spec import SearchSpec
from nn_core.search.storage import check_name, check_optuna, file_of, new_storage, open_storage, searches_folder

CONTROLS = ("run", "pause", "stop")


class SearchInfo(NamedTuple):
    """What a search in the database says of itself."""

    name: str
    storage: str
    spec: SearchSpec
    data: Mapping[str, str]  # name and identity of its data set
    code: str  # the version of nn_core that created it


class OpenSearch(NamedTuple):
    """A search whose database is open."""

    study: Any  # an optuna.Study
    info: SearchInfo  # as it was when the search was opened
    kept: Any  # the storage of storage.py

    def __repr__(self) -> str:
        return f"OpenSearch({self.info.name}: {self.info.spec})"


@cache
def code_version() -> str:
    """The version of this code: a hash of nn_core's modules, ten hexadecimal digits."""
    digest = hashlib.sha256()
    folder = ROOT / "nn_core"
    for path in sorted(folder.rglob("*.py")):
        digest.update(path.relative_to(folder).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()[:10]


def create_search(
    name: str, spec: SearchSpec, storage: str = "", data: Dataset | None = None, score_default: bool = False
) -> SearchInfo:
    """Create a search; raises SearchError where there is one of that name, or the database cannot be used.

    Raises ConfigError where its trials would not compare. With `score_default` its first worker trains the settings of
    `spec.base` before anything else.
    """
    check_optuna()
    import optuna

    check_name(name)
    spec.check_comparable()
    if not storage and file_of(name).exists():
        raise SearchError(f"there is a search {name} already; choose another name")
    data = data or load_dataset(spec.base.dataset)
    with new_storage(name, storage) as kept, in_a_sentence(name, storage):
        try:
            study = optuna.create_study(storage=kept, study_name=name, directions=spec.directions)
        except optuna.exceptions.DuplicatedStudyError:
            raise SearchError(f"there is a search {name} already; choose another name") from None
        identity = {"name": data.name, "identity": data.identity}
        for key, value in (("data", identity), ("code", code_version()), ("control", "run"), ("spec", spec.to_json())):
            study.set_user_attr(key, value)
        if score_default:
            study.set_user_attr(DEFAULT, {})
    return SearchInfo(name, storage, spec, identity, code_version())


def load_study(name: str, storage: str = "", **options: Any) -> OpenSearch:
    """Open a search that there is; `options` are those of `open_storage`. Raises SearchError."""
    check_optuna()
    import optuna

    kept = open_storage(name, storage, **options)
    with in_a_sentence(name, storage):
        try:
            study = optuna.load_study(study_name=name, storage=kept, sampler=optuna.samplers.RandomSampler())
        except KeyError:
            raise SearchError(f"there is no search {name} in this database") from None
        return OpenSearch(study, info_of(study, storage), kept)


def info_of(study: Any, storage: str = "") -> SearchInfo:
    """What a study says of itself; raises SearchError where it is none of ours."""
    facts = study.user_attrs
    if "spec" not in facts:
        raise SearchError(f"the study {study.study_name} was not made by this program, or is only just being made")
    try:
        spec = SearchSpec.from_json(facts["spec"])
    except ValueError as error:
        raise SearchError(f"the search {study.study_name} cannot be read: {error}") from None
    data = facts.get("data")
    return SearchInfo(study.study_name, storage, spec, data if isinstance(data, dict) else {}, str(facts.get("code")))


def control(name: str, command: str, storage: str = "") -> None:
    """Have the workers "run", "pause" or "stop", at the latest when their epochs end; raises SearchError."""
    if command not in CONTROLS:
        raise SearchError(f"a search is told to {', '.join(CONTROLS)}, got {shorten(command)}")
    opened = load_study(name, storage, heartbeat=False)
    with in_a_sentence(name, storage):
        opened.study.set_user_attr("control", command)


def ask_for_trials(name: str, n_trials: int, storage: str = "") -> None:
    """Have a search go on until it has so many trials in all; a grid has no more than its combinations.

    Workers that have joined before do not learn of it. Raises SearchError, and ConfigError for such a number, also
    where more trials have ended.
    """
    opened = load_study(name, storage, heartbeat=False)
    spec = dataclasses.replace(opened.info.spec, n_trials=n_trials)
    with in_a_sentence(name, storage):
        n_done = count_done(opened.study.get_trials(deepcopy=False))
        if n_trials < n_done:
            raise ConfigError(f"trials must be at least {n_done}, as so many have ended, got {n_trials}")
        opened.study.set_user_attr("spec", spec.to_json())


def list_searches(storage: str = "") -> list[str]:
    """The names of the searches in the runs folder, newest first, or in a database; raises SearchError."""
    if not storage:
        files = [path for path in searches_folder().glob("*.db") if path.is_file()]
        return [path.stem for path in sorted(files, key=lambda path: path.stat().st_mtime, reverse=True)]
    check_optuna()
    import optuna

    kept = open_storage("", storage, heartbeat=False)
    with in_a_sentence("", storage):
        return list(optuna.get_all_study_names(kept))


def check_data(info: SearchInfo, data: Dataset) -> None:
    """Raise SearchError where a search was begun on other images than these."""
    if info.data.get("identity", data.identity) != data.identity:
        raise SearchError(
            f"this worker cannot join the search {info.name}: its data set {data.name} holds other images than those "
            "the search was begun on"
        )


def config_of(text: str | None) -> RunConfig | None:
    """The settings that a trial was trained with, from its note of them; None before that."""
    try:
        return None if text is None else RunConfig.from_json(text)
    except (TypeError, ValueError):
        return None
