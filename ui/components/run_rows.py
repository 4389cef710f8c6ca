"""The rows of the list of runs, as the browser is sent them, and the filters above the list."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from nn_core.config import RunConfig, all_settings
from nn_core.export.curves import as_text
from nn_core.machine.numbers import exact
from nn_core.store import StoredRun
from nn_core.training import in_effect
from ui.words import words_of

Row = dict[str, Any]

MOST = 0.8  # of the runs: a setting in which so many agree goes without saying
OWN_COLUMNS = {"+tags": "Tags", "+note": "Note", "+test": "Test accuracy"}  # of a run, beside its settings
FACETS = {  # what a run may be: the words of the filter's button
    "starred": "Starred",
    "training": "Training",
    "finished": "Finished",
    "diverged": "Diverged",
    "branched": "Branched",
}


def rows(
    runs: Sequence[StoredRun],
    *,
    current: str | None = None,
    ghost: str | None = None,
    unreadable: Mapping[str, str] | None = None,
    columns: Sequence[str] = (),
) -> list[Row]:
    """One row a run, JSON-ready; `current` and `ghost` are the ids of the run on the pages and of the pinned one.

    `unreadable` are the runs that cannot be read: id -> why. `columns` are further ones that are shown, of those in
    `offered_columns`.
    """
    called = names(runs)
    telling = _telling_settings(runs)
    return [
        {
            **{"id": run.id, "own": run.name, "name": called[run.id], "about": _title(run.config)},
            **{"note": _note(run, called, current, ghost), "tip": _tip(run)},
            **{"status": words_of(run.status).short, "state": words_of(run.status).colour},
            **{"best": run.best_val_accuracy, "epoch": round(run.epoch, 2), "seconds": round(run.seconds, 2)},
            **{"size": run.size, "created": run.created, "changed": run.changed, "starred": run.starred},
            **{"current": run.id == current, "ghost": run.id == ghost},
            **{"facets": _facets(run), "settings": telling[run.id], "words": " ".join([*run.tags, run.note])},
            "more": {name: _cell(run, name) for name in columns},
        }
        for run in runs
    ] + [_row_of_unreadable(run_id, why) for run_id, why in (unreadable or {}).items()]


def _row_of_unreadable(run_id: str, why: str) -> Row:
    """It says so; it can be deleted, and what opens it says why once more."""
    return {
        **{"id": run_id, "own": "", "name": f"run {run_id}", "about": why, "note": "cannot be read", "tip": why},
        **{"status": "unreadable", "state": "bad", "best": None, "epoch": None, "seconds": None, "size": None},
        **{"created": None, "changed": None, "starred": False, "current": False, "ghost": False},
        **{"facets": [], "settings": [], "words": "", "more": {}},
    }


def offered_columns(runs: Sequence[StoredRun]) -> list[tuple[str, str]]:
    """(name, title) of each further column: tags, note, test accuracy, then the settings, those that differ first."""
    texts = [_texts(run.config) for run in runs]
    differs = {item.name: len({of_run[item.name] for of_run in texts}) > 1 for item in all_settings()}
    settings = sorted(all_settings(), key=lambda item: not differs[item.name])
    return [*OWN_COLUMNS.items(), *((f"+{item.name}", item.label) for item in settings)]


def _cell(run: StoredRun, name: str) -> tuple[str, str | float | None]:
    """What a further column shows of a run, and what it is sorted by; nothing for a column that there is not."""
    if name == "+tags":
        return ", ".join(run.tags), ", ".join(run.tags) or None
    if name == "+note":
        return run.note, run.note or None
    if name == "+test":
        return _test_text(run), run.test[1] if run.test else None
    text = _texts(run.config).get(name.removeprefix("+"))
    if text is None:
        return "", None
    value = getattr(run.config, name.removeprefix("+"))
    return text, float(value) if isinstance(value, (int, float)) else text


def _test_text(run: StoredRun) -> str:
    if run.test is None:
        return ""
    step, accuracy = run.test
    return exact(accuracy) + ("" if step == run.step else f" (step {step:,})")


def table(runs: Sequence[StoredRun]) -> str:
    """The runs as CSV with all that the list knows of them, and every setting at the start."""
    called = names(runs)
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow([*_about(runs[0], called), *(item.name for item in all_settings())] if runs else [])
    for run in runs:
        about, texts = _about(run, called), _texts(run.config)
        writer.writerow([*about.values(), *(texts[item.name] for item in all_settings())])
    return text.getvalue()


def _about(run: StoredRun, called: Mapping[str, str]) -> dict[str, Any]:
    step, accuracy = run.test or ("", "")
    return {
        **{"run": run.id, "name": as_text(called[run.id]), "status": run.status, "starred": run.starred},
        **{"step": run.step, "epochs_done": run.epoch, "training_seconds": run.seconds, "bytes": run.size},
        **{"val_accuracy": run.val_accuracy, "best_val_accuracy": run.best_val_accuracy, "best_step": run.best_step},
        **{"test_accuracy": accuracy, "test_step": step, "branched_from": run.parent.run if run.parent else ""},
        **{"started": datetime.fromtimestamp(run.created, UTC).isoformat(timespec="seconds")},
        **{"tags": as_text(", ".join(run.tags)), "note": as_text(run.note)},
    }


def names(runs: Sequence[StoredRun]) -> dict[str, str]:
    """What each run is called in the list: its own name, else the settings in which it differs from most of the runs.

    A setting in which most of them agree is left out where a run agrees with them, and any other at its default; where
    nothing is left, it is "default settings" or all in which the runs do not agree. Of runs that would be called alike,
    all but the oldest get a number.
    """
    texts = {run.id: _texts(run.config) for run in runs}
    usual, open_ones = {}, []
    for item in all_settings() if runs else ():
        value, n = Counter(of_run[item.name] for of_run in texts.values()).most_common(1)[0]
        agreed = n > 1 and n >= MOST * len(runs)
        usual[item.name] = value if agreed else item.format(item.default)
        open_ones += [] if agreed or len(runs) == 1 else [item.name]
    called = {}
    for run in runs:
        parts = [name for name, text in texts[run.id].items() if text != usual[name]]
        if not parts and run.config.in_effect().to_query():
            parts = open_ones
        called[run.id] = run.name or ", ".join(f"{name} {texts[run.id][name]}" for name in parts) or _title(run.config)
    return _numbered(runs, called)


def _numbered(runs: Sequence[StoredRun], called: Mapping[str, str]) -> dict[str, str]:
    """The names, each of one run alone; a run keeps its number when younger ones come."""
    numbers: Counter[str] = Counter()
    unlike = dict(called)
    taken = set(called.values())
    for run in sorted(runs, key=lambda run: (run.created, run.id)):
        name = called[run.id]
        numbers[name] += 1
        while numbers[name] > 1 and (numbered := f"{name} ({numbers[name]})") in taken:
            numbers[name] += 1
        if numbers[name] > 1:
            unlike[run.id] = numbered
            taken.add(numbered)
    return unlike


def facets(listed: Sequence[Mapping[str, Any]], pressed: Collection[str] = ()) -> list[tuple[str, str]]:
    """(name, words) of each filter that some rows answer to and others do not, or that is pressed."""
    found = []
    for name, words in FACETS.items():
        n = sum(name in row["facets"] for row in listed)
        if 0 < n < len(listed) or name in pressed:
            found.append((name, words))
    return found


def _facets(run: StoredRun) -> list[str]:
    kind = {"waiting": "training", "elsewhere": "training", "failed": "diverged"}.get(run.status, run.status)
    return [
        name
        for name, holds in {"starred": run.starred, "branched": run.parent is not None, kind: kind in FACETS}.items()
        if holds
    ]


def _telling_settings(runs: Sequence[StoredRun]) -> dict[str, list[str]]:
    """For each run the settings in which any two of the runs differ, like "lr=0.3"; the filter finds them exactly."""
    texts = {run.id: _texts(run.config) for run in runs}
    differing = [item.name for item in all_settings() if len({of_run[item.name] for of_run in texts.values()}) > 1]
    return {run_id: [f"{name}={of_run[name]}" for name in differing] for run_id, of_run in texts.items()}


@lru_cache(maxsize=1024)  # the list is made anew every second while a run trains
def _texts(config: RunConfig) -> dict[str, str]:
    config = config.in_effect()
    return {item.name: item.format(getattr(config, item.name)) for item in all_settings()}


@lru_cache(maxsize=1024)
def _title(config: RunConfig) -> str:
    return config.title()


def _note(run: StoredRun, called: Mapping[str, str], current: str | None, ghost: str | None) -> str:
    notes = []
    if run.id == current:
        notes.append("current")
    if run.id == ghost:
        notes.append("ghost")
    if run.parent is not None:
        notes.append(f"from {called.get(run.parent.run, run.parent.run)} at step {run.parent.step:,}")
    return ", ".join(notes)


def _tip(run: StoredRun) -> str:
    parts = [f"Run {run.id}: {_title(run.config)}, seed {run.config.seed}, step {run.step:,}"]
    if run.best_val_accuracy is not None and run.best_step is not None:
        parts.append(f"best validation accuracy {exact(run.best_val_accuracy)} at step {run.best_step:,}")
    if edits := in_effect(run.edits, run.step):
        changed = sorted({edit.setting for edit in edits})
        parts.append(f"changed while training: {', '.join(changed)}")
    return "; ".join(parts) + ". Click to make it the current run."
