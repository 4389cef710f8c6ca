"""The commands of a search: `python -m nn_core sweep` begins one and works on it, `worker` joins one."""

from __future__ import annotations

import argparse
import json
import math
import secrets
import shlex
import socket
import subprocess
import time
from typing import Any

from nn_core.cli.settings import add_settings, config_of, given_settings
from nn_core.config import ConfigError, RunConfig, all_settings, shorten
from nn_core.config.environment import STORAGE
from nn_core.machine.numbers import exact, percent
from nn_core.search.database_errors import SearchError, SearchGone, hidden, in_a_sentence
from nn_core.search.objectives import OBJECTIVES
from nn_core.search.processes import start_workers
from nn_core.search.space import Range, checked, parse, suggested, varied_settings
from nn_core.search.spec import PRUNERS, SAMPLERS, SearchSpec
from nn_core.search.storage import VARIABLE, file_of
from nn_core.search.study import OpenSearch, ask_for_trials, control, create_search, load_study
from nn_core.search.trials import test_accuracy
from nn_core.search.watch import SearchView, TrialRow, read_search
from nn_core.search.worker import PATIENCE_SECONDS, Worker, say

LOOK_SECONDS = 0.5
OTHERS_SECONDS = 30.0  # after which workers of other programs that are not seen at work are taken to have ended
STORAGE_HELP = (
    f'the database: a URL like "postgresql://user:password@host/database"; {VARIABLE} in the environment does the '
    "same, where other users could see a command line. Default: an SQLite file in the runs folder."
)


def add_commands(commands: Any) -> None:
    """Add `sweep` and `worker` to the subparsers."""
    _add_sweep(commands)
    _add_worker(commands)


def _add_sweep(commands: Any) -> None:
    """The settings that all trials share are options like those of `train`."""
    sweep = commands.add_parser("sweep", help="search for good settings with several worker processes")
    sweep.set_defaults(run=lambda options: _sweep(options, config_of(options)))
    _add_study(sweep)
    sweep.add_argument(
        "--vary",
        action="append",
        default=[],
        metavar="SETTING[=RANGE]",
        help='a setting that varies, with its range ("lr=0.001:1:log", "optimizer=sgd,adam", "hidden=16:128x1:3"); '
        "without a range, the one that the setting suggests. Repeat it for each setting. One of: "
        + ", ".join(item.name for item in varied_settings()),
    )
    sweep.add_argument(
        "--sampler", choices=list(SAMPLERS), help="how the settings of a trial are chosen. Default: tpe."
    )
    sweep.add_argument("--pruner", choices=list(PRUNERS), help="when a bad trial is ended early. Default: median.")
    sweep.add_argument(
        "--trials",
        type=int,
        metavar="N",
        help="how many trials in all. Default: 40; with --resume, as many as before.",
    )
    sweep.add_argument(
        "--objective",
        action="append",
        metavar="NAME",
        help=f"what trials are judged by; give it twice for two objectives. One of: {', '.join(OBJECTIVES)}. "
        "Default: val_accuracy.",
    )
    sweep.add_argument("--workers", type=int, default=2, metavar="N", help="processes on this machine. Default: 2.")
    sweep.add_argument(
        "--resume", action="store_true", help="go on with a search that was begun before, with its own settings"
    )
    sweep.add_argument("--test", action="store_true", help="at the end, score the best trial on the test images, once")
    sweep.add_argument("--json", action="store_true", help="print one JSON object as the last line of stdout")
    add_settings(sweep)


def _add_worker(commands: Any) -> None:
    worker = commands.add_parser(
        "worker", help="join a search, from this or any other machine that reaches its database"
    )
    worker.set_defaults(run=_work)
    _add_study(worker)
    worker.add_argument(
        "--number",
        type=_number,
        default=None,
        metavar="N",
        help="the seed of what this worker draws: another one for each worker. Default: at random.",
    )
    worker.add_argument(
        "--patience",
        type=float,
        default=PATIENCE_SECONDS,
        metavar="SECONDS",
        help=f"how long to wait for a database that does not answer. Default: {PATIENCE_SECONDS:g}.",
    )


def _add_study(command: argparse.ArgumentParser) -> None:
    command.add_argument("--study", required=True, metavar="NAME", help="the name of the search")
    command.add_argument("--storage", default=STORAGE.read(), metavar="URL", help=STORAGE_HELP)


def _number(text: str) -> int:
    if not text.isdecimal() or int(text) >= 2**31:
        raise argparse.ArgumentTypeError(f"must be a whole number from 0 to {2**31 - 1}, got {text!r}")
    return int(text)


def _work(options: argparse.Namespace) -> None:
    number = secrets.randbelow(2**31) if options.number is None else options.number
    Worker(options.study, options.storage, number, options.patience).work()


def _sweep(options: argparse.Namespace, base: RunConfig) -> None:
    """Create the search, or go on with it, start workers, and tell what happens until it is done."""
    if not 0 <= options.workers <= 64:
        raise ConfigError(f"workers must be in [0, 64], got {options.workers}")
    if options.resume:
        _check_unchanged(options, load_study(options.study, options.storage).info.spec)
        if options.trials is not None:
            ask_for_trials(options.study, options.trials, options.storage)
        control(options.study, "run", options.storage)
    else:
        create_search(options.study, _spec(options, base), options.storage)
    opened = load_study(options.study, options.storage)
    workers: list[subprocess.Popen[bytes]] = []
    try:
        start_workers(options.study, options.workers, options.storage, workers)
        view = _until_done(opened, options, workers)
    except (KeyboardInterrupt, BrokenPipeError) as told:
        _stop(workers, options)
        if isinstance(told, BrokenPipeError):
            raise
        raise KeyboardInterrupt(f"stopped; it goes on with: {_how_to_go_on(options)}") from None
    _tell_result(view, options)


def _stop(workers: list[subprocess.Popen[bytes]], options: argparse.Namespace) -> None:
    """End the search's workers everywhere; where its database cannot be told, those of this machine by a signal."""
    try:
        control(options.study, "stop", options.storage)
    except SearchError:
        for process in workers:
            process.terminate()
    for process in workers:
        process.wait()


def _check_unchanged(options: argparse.Namespace, begun: SearchSpec) -> None:
    """Raise ConfigError where the options ask for another search than the one that was begun."""
    config = config_of(options)
    names = [item.name for item in all_settings()] if options.preset else list(given_settings(options))
    asked = [(name, getattr(begun.base, name), getattr(config, name)) for name in names]
    asked += [(name, getattr(begun, name), getattr(options, name)) for name in ("sampler", "pruner")]
    if options.objective:
        asked.append(("objective", " and ".join(begun.objectives), " and ".join(options.objective)))
    vary = {name: checked(name, each) for name, each in _vary(options).items()} if options.vary else begun.vary
    if set(vary) != set(begun.vary):
        asked.append(("vary", ", ".join(begun.vary), ", ".join(vary)))
    for name, was, wanted in asked:
        if wanted not in (None, was):
            raise ConfigError(f"a search goes on as it was begun: its {name} is {shorten(was)}, got {shorten(wanted)}")
    if other := [name for name in vary if vary[name] != begun.vary[name]]:
        raise ConfigError(f"a search goes on as it was begun: the range of {other[0]} is another one")


def _vary(options: argparse.Namespace) -> dict[str, Range]:
    """What varies, as the options say; raises ConfigError."""
    vary: dict[str, Range] = {}
    for text in options.vary or ["lr", "batch_size", "init"]:
        name, has_range, wanted = text.partition("=")
        items = {item.name: item for item in varied_settings()}
        if name not in items:
            raise ConfigError(f"vary must name one of {', '.join(items)}, got {name!r}")
        vary[name] = parse(name, wanted) if has_range else suggested(items[name])
    return vary


def _spec(options: argparse.Namespace, base: RunConfig) -> SearchSpec:
    """The search that the options ask for; raises ConfigError."""
    return SearchSpec(
        base,
        _vary(options),
        options.sampler or "tpe",
        options.pruner or "median",
        40 if options.trials is None else options.trials,
        tuple(options.objective or ["val_accuracy"]),
    )


def _until_done(opened: OpenSearch, options: argparse.Namespace, workers: list[Any]) -> SearchView:
    """Print a line for each trial that has ended, until all are done or no worker is left."""
    told: set[int] = set()
    others_seen = -math.inf  # when workers of other programs were last seen at work
    is_away = False  # whether the database could not be read when it was last asked
    while True:
        working = any(process.poll() is None for process in workers)
        try:
            with in_a_sentence(options.study, options.storage):
                view = read_search(opened)
        except SearchGone as gone:
            for process in workers:  # they have noticed it too
                process.wait()
            raise gone
        except SearchError as error:
            if not working:
                raise SearchError(f"{error}; no worker is left. It goes on with: {_how_to_go_on(options)}") from None
            if not is_away:
                say(f"{error}; the workers try again.")
            is_away = True
            time.sleep(LOOK_SECONDS)
            continue
        if is_away:
            say("The database answers again.")
            is_away = False
        for row in view.trials:
            if row.state in ("complete", "pruned", "failed") and row.number not in told and not row.superseded:
                told.add(row.number)
                value = ", ".join(map(_shown, row.values or ())) or row.state
                drawn = ", ".join(
                    f"{name} {shown:.4g}" if isinstance(shown, float) else f"{name} {shown}"
                    for name, shown in row.params.items()
                )
                say(f"[{view.n_done}/{view.n_total}] trial {row.number}: {value} ({drawn}) {row.reason}".rstrip())
        if view.n_done >= view.n_total:
            for process in workers:
                process.wait()
            return view
        own = {f"{socket.gethostname()}:{process.pid}" for process in workers}
        if set(view.workers) - own:
            others_seen = time.monotonic()
        others_work = time.monotonic() - others_seen < OTHERS_SECONDS  # between two trials a worker is not seen
        if not working and workers and not others_work:
            log = file_of(options.study).with_suffix(".log")
            raise SearchError(
                f"no worker is left, and {view.n_total - view.n_done} of {view.n_total} trials are open; see {log}. "
                f"It goes on with: {_how_to_go_on(options)}"
            )
        time.sleep(LOOK_SECONDS)


def _shown(value: float) -> str:
    """The value of an objective: a large count in full, others with six digits."""
    return f"{value:,.0f}" if value >= 1e5 else f"{value:.6g}"


def _values(view: SearchView, row: TrialRow) -> str:
    named = zip(view.spec.judged_by, row.values or (), strict=True)
    return ", ".join(f"{each.label} {each.unit.text(value)}" for each, value in named)


def _of_front(view: SearchView, row: TrialRow) -> dict[str, Any]:
    """A trial of the front as JSON: its number, its value by each objective, its settings."""
    values = dict(zip(view.spec.objectives, row.values or (), strict=True))
    return {"trial": row.number, "values": values, "config": None if row.config is None else row.config.to_dict()}


def _how_to_go_on(options: argparse.Namespace) -> str:
    """The command that resumes the search; a URL stands in it without its password."""
    given = options.storage and options.storage != STORAGE.read()
    where = f" --storage {shlex.quote(hidden(options.storage))}" if given else ""
    return f"python -m nn_core sweep --resume --study {shlex.quote(options.study)}{where}"


def _tell_result(view: SearchView, options: argparse.Namespace) -> None:
    best = view.best
    tested = None
    if options.test and best is not None:
        tested = test_accuracy(options.study, best.number, options.storage)
    if options.json:
        print(
            json.dumps(
                {
                    "study": view.name,
                    "n_trials": view.n_done,
                    "counts": dict(view.counts),
                    "best": None if best is None else best.number,
                    "values": None if best is None else best.values,
                    "config": None if best is None or best.config is None else best.config.to_dict(),
                    "front": [_of_front(view, row) for row in view.front],
                    "epochs_saved": view.epochs_saved,
                    "test_accuracy": tested,
                }
            )
        )
        return
    if best is None:
        print("No trial came to its end.")
        return
    if len(view.spec.judged_by) > 1:
        print("none betters these in both:")
        for row in view.front:
            print(f"  trial {row.number}: {_values(view, row)}")
            print(f"    {row.config.to_command()}" if row.config is not None else "    settings unknown")
    print(f"best: trial {best.number}, {_values(view, best)}")
    if best.config is not None:
        print(best.config.to_command())
    print(f"pruning saved {percent(view.epochs_saved, 0)} of the epochs")
    if tested is not None:
        print(f"test accuracy {exact(tested)}, scored once")
