"""`python -m nn_core train`: train a network, go on with a stored run, or branch off from one."""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any, get_args

from nn_core import ConfigError, Trainer, load_dataset
from nn_core.cli.console import Told, note, when_told_to_end
from nn_core.cli.data import add_data_option, config_with
from nn_core.cli.exit_codes import BROKEN_PIPE, DIVERGED, DONE
from nn_core.cli.runs import add_runs_option, parse_place
from nn_core.cli.settings import add_settings, config_of, given_settings
from nn_core.instruments.events import events_to_json
from nn_core.instruments.recording import Recording
from nn_core.instruments.registry import Recorded, last_values
from nn_core.machine.numbers import exact, percent
from nn_core.machine.threads import planned_blas_threads, use_blas_threads
from nn_core.nn.flat import digest
from nn_core.nn.metrics import accuracy
from nn_core.runs import begin_branch, stored_origin
from nn_core.store import Recorder, RunStore, RunWriter, StoreError, new_id
from nn_core.store.reopen import reopen

BAR = 30  # characters of the progress bar
KEEP_EVERY = 16  # steps between two looks at whether the run should be saved


class Interrupted(Exception):
    """Training was told to end; the message says where, and how it goes on. `code` is the program's exit code."""

    def __init__(self, sentence: str, code: int) -> None:
        super().__init__(sentence)
        self.code = code


def add_commands(commands: Any) -> None:
    """Add `train` to the subparsers of the command line."""
    command = commands.add_parser("train", help="train one network and score it")
    command.set_defaults(run=_train)
    command.add_argument("--json", action="store_true", help="print one JSON object as the last line of stdout")
    command.add_argument("--quiet", action="store_true", help="no progress bar")
    command.add_argument(
        "--scores-at", type=int, metavar="STEP", help="also score the network as it is after this many steps"
    )
    origin = command.add_mutually_exclusive_group()
    origin.add_argument("--resume", metavar="RUN", help="go on with a run on disk; live settings may be changed")
    origin.add_argument(
        "--from", dest="branch", metavar="RUN@STEP", help="branch: begin with a run's network as it was at that step"
    )
    command.add_argument(
        "--instruments",
        choices=get_args(Recorded),
        default="vital",
        help="what is measured of the training itself, and kept with its curves: all, the vital signs, or nothing",
    )
    command.add_argument(
        "--test", action="store_true", help="score the trained network on the test images too: once, at the very end"
    )
    command.add_argument("--no-save", action="store_true", help="do not write the run to the disk")
    add_runs_option(command)
    add_data_option(command)
    add_settings(command)


def _train(options: argparse.Namespace) -> int:
    if options.scores_at is not None and options.scores_at < 1:
        raise ConfigError(f"scores-at must be a step of at least 1, got {options.scores_at}")
    if options.resume is not None or options.branch is not None:
        if options.preset or options.no_save or options.data:
            raise ConfigError(
                "a stored run goes on with its own settings and is saved: no --preset, no --no-save, no --data"
            )
        store = RunStore(options.runs)
        return _go_on(store, options.resume, options) if options.branch is None else _branch(store, options)
    config = config_with(config_of(options), options)
    threads = set_threads(planned_blas_threads(options.threads))
    trainer = Trainer(config, load_dataset(config.dataset))
    writer, run_id = None, ""
    if not options.no_save:
        run_id = new_id()
        writer = RunWriter(RunStore(options.runs), run_id, trainer.data)
    recorder = Recorder(trainer, writer)
    return train(trainer, recorder, threads, run_id, options)


def _go_on(store: RunStore, run_id: str, options: argparse.Namespace) -> int:
    """Train a stored run on, with the live changes that were asked for."""
    threads = set_threads(options.threads or store.open(run_id).blas_threads or planned_blas_threads())
    found = reopen(store, run_id, load_dataset)
    for sentence in found.warnings:
        print(sentence, file=sys.stderr)
    trainer = Trainer.resume(found.checkpoint, found.data)
    for name, value in given_settings(options).items():
        trainer.change(name, value)
    recorder = Recorder(trainer, found.writer, found.film, found.stored.parent, found.best_accuracy)
    return train(trainer, recorder, threads, run_id, options)


def _branch(store: RunStore, options: argparse.Namespace) -> int:
    """Begin a branch, on disk where that can be written, and train it."""
    parent, step = parse_place(options.branch)
    opened = store.open(parent)
    config = opened.settings_at(step).replace(**given_settings(options))
    threads = set_threads(options.threads or opened.blas_threads or planned_blas_threads())
    data = load_dataset(config.dataset)
    past, origin = begin_branch(stored_origin(opened, data), step, config, data)
    print(past.message, file=sys.stderr)
    trainer = Trainer.resume(past.checkpoint, data)
    trainer.score()
    run_id = new_id()
    recorder = Recorder(trainer, RunWriter(store, run_id, data, parent=origin), past.film, origin)
    recorder.keep("paused")
    return train(trainer, recorder, threads, run_id, options)


def set_threads(n: int) -> int | None:
    """Set the threads of the matrix products; those in force, None where nobody knows, which is said on stderr."""
    threads, sentence = use_blas_threads(n)
    if sentence:
        note(sentence)
    return threads


def train(trainer: Trainer, recorder: Recorder, threads: int | None, run_id: str, options: argparse.Namespace) -> int:
    """Train through the budget of epochs, or once more through it where it is used up; returns the exit code.

    A progress bar goes to stderr, the result to stdout. Raises Interrupted when the run is saved, on Ctrl-C, on SIGTERM
    and where nobody reads the bar any more; StoreError where another program trains the run.
    """
    if refusal := recorder.claim():
        branch = f"python -m nn_core train --from {run_id}@{trainer.step_count}"
        raise StoreError(f"{refusal} A branch of it can be trained meanwhile: {branch}")
    scores_at, quiet = options.scores_at, options.quiet
    recording = Recording(trainer, options.instruments)
    budget = trainer.initial_config.epochs
    end = budget * ((trainer.epoch + 1e-9) // budget + 1)
    early: dict[str, Any] = {}
    begun = trainer.step_count, trainer.images_seen, trainer.seconds
    said = _say_what_is_not_saved(recorder)
    unread = False  # whether who read the bar is gone
    with when_told_to_end(_after_this_step) as told:
        try:
            while trainer.epoch < end - 1e-9 and not told and trainer.step():
                recorder.note()
                recording.note()
                if trainer.step_count % KEEP_EVERY == 0:
                    recorder.keep("training")
                    said = _say_what_is_not_saved(recorder, said)
                if trainer.step_count == scores_at:
                    early = _accuracies(trainer) | {"step": scores_at}
                if not quiet and (trainer.step_count % 50 == 1 or trainer.config.batch_size == 0):
                    show_progress(trainer, end)
        except BrokenPipeError:
            unread = True
        trainer.score()
        recording.finish()
        recorder.went_back()
        done = trainer.epoch >= end - 1e-9 or trainer.stopped_early
        recorder.keep("diverged" if trainer.stopped and not done else "finished" if done else "paused")
    if (told or unread) and not done:
        raise Interrupted(_how_to_go_on(trainer, recorder, run_id), told.code if told else BROKEN_PIPE)
    _say_what_is_not_saved(recorder, said)
    if not quiet:
        show_progress(trainer, end)
        note("")
    if trainer.stopped:
        note(trainer.stopped)
    ended = DIVERGED if trainer.stopped and not trainer.stopped_early else DONE
    steps, images, seconds = trainer.step_count - begun[0], trainer.images_seen - begun[1], trainer.seconds - begun[2]
    result: dict[str, Any] = {
        "config": trainer.config.to_dict(),
        "begun_at": begun[0],
        "steps": trainer.step_count,
        "epochs": trainer.epoch,
        **_accuracies(trainer),
        "test_accuracy": _test_accuracy(trainer) if options.test else None,
        "seconds": trainer.seconds,
        "samples_per_second": images / seconds if seconds else 0.0,
        "blas_threads": threads,
        "stopped": trainer.stopped,
        "run": "" if recorder.problem else run_id,
        "instruments": last_values(trainer.history.series()),
        "events": events_to_json(recording.events),
        "weights_sha256": digest(trainer.model.weights()),
    }
    for name, sentence in recording.off.items():
        print(f"{name}: {sentence}", file=sys.stderr)
    if early:
        result["scores_at"] = early
    if options.json:
        print(json.dumps(result))
        return ended
    tested = f", test {exact(result['test_accuracy'])} (n = {len(trainer.data.test_labels):,})" if options.test else ""
    from_there = f" after step {begun[0]:,}" if begun[0] else ""
    print(
        f"{steps:,} steps{from_there} in {seconds:.1f} s ({result['samples_per_second']:,.0f} images/s): "
        f"training {exact(result['train_accuracy'])} (n = {len(trainer.train_labels):,}), "
        f"validation {exact(result['val_accuracy'])} (n = {len(trainer.data.val_labels):,}){tested}"
    )
    if early:
        print(f"after {scores_at:,} steps: {exact(early['train_accuracy'])} / {exact(early['val_accuracy'])}")
    if result["run"]:
        print(f"run {run_id}")
    return ended


def _after_this_step(_told: Told) -> None:
    """The loop looks itself whether it was told to end."""


def _say_what_is_not_saved(recorder: Recorder, said: str = "") -> str:
    """Print on stderr what is not being saved, unless that was said already; what has been said now."""
    if recorder.problem and recorder.problem != said:
        note(f"\n{recorder.problem}")
    return recorder.problem or said


def _how_to_go_on(trainer: Trainer, recorder: Recorder, run_id: str) -> str:
    if not run_id or recorder.problem:
        return f"stopped at step {trainer.step_count:,}, not saved"
    return f"stopped at step {trainer.step_count:,}; it goes on with: python -m nn_core train --resume {run_id}"


def _accuracies(trainer: Trainer) -> dict[str, float]:
    """Accuracy on all images trained on, and on validation, as fractions."""
    return {
        "train_accuracy": accuracy(trainer.train_labels, trainer.model.predict(trainer.train_images)),
        "val_accuracy": trainer.score().val_accuracy,
    }


def _test_accuracy(trainer: Trainer) -> float:
    return accuracy(trainer.data.test_labels, trainer.model.predict(trainer.data.test_images))


def show_progress(trainer: Trainer, end: float) -> None:
    """Draw the progress bar on stderr again; `end` in epochs."""
    done = min(1.0, trainer.epoch / end)
    filled = round(BAR * done)
    scores = trainer.scores
    shown = f"validation {percent(scores.val_accuracy)}" if scores else ""
    note(f"\r[{'#' * filled}{'.' * (BAR - filled)}] epoch {trainer.epoch:.1f} of {end:g}  {shown}", end="")
