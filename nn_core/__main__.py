"""The command line: `python -m nn_core train --help`. Every field of RunConfig is an option."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from typing import Any

from nn_core import PRESETS, ConfigError, DataError, RunConfig, Trainer, load_dataset
from nn_core.config import knobs
from nn_core.knobs import choices
from nn_core.metrics import accuracy
from nn_core.profile import profile
from nn_core.threads import planned_blas_threads, set_blas_threads

BAR = 30  # characters of the progress bar
MAX_THREADS = 64  # OpenBLAS in NumPy's wheels is built for as many
MAX_SECONDS = 3600  # of a profile


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; 0 when it worked, 2 with one sentence on stderr when the settings or the data are at fault."""
    parser = _parser()
    options = parser.parse_args(arguments)
    try:
        options.run(options)
    except (ConfigError, DataError, ArithmeticError) as error:
        print(f"{parser.prog}: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nstopped", file=sys.stderr)
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m nn_core", description="A neural network in NumPy alone.")
    commands = parser.add_subparsers(required=True, metavar="command")
    command = commands.add_parser("train", help="train one network and score it")
    command.set_defaults(run=_train)
    command.add_argument("--json", action="store_true", help="print one JSON object as the last line of stdout")
    command.add_argument("--quiet", action="store_true", help="no progress bar")
    command.add_argument(
        "--scores-at", type=int, metavar="STEP", help="also score the network as it is after this many steps"
    )
    _add_settings(command)
    command = commands.add_parser("profile", help="show where the time of a training step goes")
    command.set_defaults(run=_profile)
    command.add_argument("--json", action="store_true", help="print one JSON object as the last line of stdout")
    command.add_argument("--seconds", type=_positive, default=1.0, help="how long to measure. Default: 1.")
    _add_settings(command)
    return parser


def _add_settings(command: argparse.ArgumentParser) -> None:
    """An option for the preset, the threads and every field of RunConfig."""
    command.add_argument("--preset", choices=list(PRESETS), help="start from these settings instead of the defaults")
    command.add_argument(
        "--threads",
        type=_threads,
        metavar="N",
        help="threads of the matrix products, 1 to 64. Default: OPENBLAS_NUM_THREADS, or what is quicker here.",
    )
    for knob in knobs():
        known = f" One of: {', '.join(choices(knob.name))}." if knob.kind == "choice" else ""
        special = f" 0: {knob.zero_means}." if knob.zero_means else ""
        text = f"{knob.label}. {knob.help}{known}{special} Default: {knob.format(knob.default)}."
        command.add_argument(
            f"--{knob.name.replace('_', '-')}", dest=knob.name, metavar=knob.kind.upper(), help=text.replace("%", "%%")
        )


def _threads(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= MAX_THREADS:
        raise argparse.ArgumentTypeError(f"must be in [1, {MAX_THREADS}], got {text!r}")
    return int(text)


def _positive(text: str) -> float:
    try:
        if 0 < (number := float(text)) <= MAX_SECONDS:
            return number
    except ValueError:
        pass
    raise argparse.ArgumentTypeError(f"must be above 0 and at most {MAX_SECONDS}, got {text!r}")


def _config(options: argparse.Namespace) -> RunConfig:
    """The preset, or the defaults, with the options that were given."""
    base = PRESETS[options.preset].config if options.preset else RunConfig()
    given = {knob.name: knob.parse(text) for knob in knobs() if (text := getattr(options, knob.name)) is not None}
    return base.replace(**given)


def _train(options: argparse.Namespace) -> None:
    config = _config(options)
    threads = planned_blas_threads(config, options.threads)
    if options.scores_at is not None and options.scores_at < 1:
        raise ConfigError(f"scores-at must be a step of at least 1, got {options.scores_at}")
    train(config, threads, as_json=options.json, scores_at=options.scores_at, quiet=options.quiet)


def _profile(options: argparse.Namespace) -> None:
    """Print where a step's time goes."""
    config = _config(options)
    threads = planned_blas_threads(config, options.threads)
    set_blas_threads(threads)
    result = profile(config, load_dataset(config.dataset), options.seconds)
    if options.json:
        parts = {name: round(us, 2) for name, us in result.parts_us.items()}
        print(json.dumps({"blas_threads": threads, "step_us": round(result.step_us, 2), "parts_us": parts}))
        return
    print(f"{config.title()}, {threads} BLAS thread{'s' if threads > 1 else ''}, {result.n_steps:,} steps")
    print(result.table())


def train(config: RunConfig, threads: int, *, as_json: bool, scores_at: int | None, quiet: bool) -> None:
    """Train through the budget of epochs, with a progress bar on stderr and the result on stdout."""
    set_blas_threads(threads)
    trainer = Trainer(config, load_dataset(config.dataset))
    early: dict[str, Any] = {}
    while trainer.epoch < config.epochs - 1e-9 and trainer.step():
        if trainer.step_count == scores_at:
            early = _accuracies(trainer) | {"step": scores_at}
        if not quiet and (trainer.step_count % 50 == 1 or trainer.config.batch_size == 0):
            _show_progress(trainer)
    trainer.score()
    if not quiet:
        _show_progress(trainer)
        print(file=sys.stderr)
    if trainer.stopped:
        print(trainer.stopped, file=sys.stderr)
    result = {
        "config": trainer.config.to_dict(),
        "steps": trainer.step_count,
        "epochs": trainer.epoch,
        **_accuracies(trainer),
        "test_accuracy": accuracy(trainer.data.test_labels, trainer.model.predict(trainer.data.test_images)),
        "seconds": trainer.seconds,
        "samples_per_second": trainer.images_seen / trainer.seconds if trainer.seconds else 0.0,
        "blas_threads": threads,
        "stopped": trainer.stopped,
    }
    if early:
        result["scores_at"] = early
    if as_json:
        print(json.dumps(result))
        return
    print(
        f"{trainer.step_count:,} steps in {trainer.seconds:.1f} s ({result['samples_per_second']:,.0f} images/s): "
        f"training {result['train_accuracy']:.2%} (n = {len(trainer.train_labels):,}), "
        f"validation {result['val_accuracy']:.2%} (n = {len(trainer.data.val_labels):,}), "
        f"test {result['test_accuracy']:.2%} (n = {len(trainer.data.test_labels):,})"
    )
    if early:
        print(f"after {scores_at:,} steps: {early['train_accuracy']:.2%} / {early['val_accuracy']:.2%}")


def _accuracies(trainer: Trainer) -> dict[str, float]:
    """Accuracy on all images trained on, and on validation, as fractions."""
    return {
        "train_accuracy": accuracy(trainer.train_labels, trainer.model.predict(trainer.train_images)),
        "val_accuracy": trainer.score().val_accuracy,
    }


def _show_progress(trainer: Trainer) -> None:
    done = min(1.0, trainer.epoch / trainer.config.epochs)
    filled = round(BAR * done)
    scores = trainer.scores
    shown = f"validation {scores.val_accuracy:.1%}" if scores else ""
    print(
        f"\r[{'#' * filled}{'.' * (BAR - filled)}] epoch {trainer.epoch:.1f} of {trainer.config.epochs}  {shown}",
        end="",
        file=sys.stderr,
        flush=True,
    )


if __name__ == "__main__":
    sys.exit(main())
