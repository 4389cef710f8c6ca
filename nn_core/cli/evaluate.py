"""`python -m nn_core evaluate`: all figures of the page Evaluate, for a stored run or the network that comes along."""

from __future__ import annotations

import argparse
import json
import math
import sys
from typing import Any

import numpy as np

from nn_core import load_dataset, load_shipped
from nn_core.cli.console import note
from nn_core.cli.runs import add_runs_option
from nn_core.cli.settings import add_threads
from nn_core.cli.train import set_threads
from nn_core.config.errors import ConfigError
from nn_core.data import Dataset
from nn_core.evaluation import Evaluation, Share, paired
from nn_core.evaluation.robustness import N_IMAGES, Robustness, measure
from nn_core.machine.numbers import exact, loss, percent
from nn_core.machine.threads import planned_blas_threads
from nn_core.nn.network import Network, from_weights
from nn_core.store import RunStore
from nn_core.training import exact_frame

SHIPPED = "shipped"
SPLITS = ("val", "test", "train")


def add_commands(commands: Any) -> None:
    """Add `evaluate` to the subparsers of the command line."""
    command = commands.add_parser("evaluate", help="how well a stored run reads a split, with all that follows from it")
    command.set_defaults(run=_evaluate)
    add_runs_option(command)
    command.add_argument(
        "--run",
        dest="run_id",
        required=True,
        metavar="RUN",
        help=f"a run's id, or {SHIPPED}: the network of the project",
    )
    command.add_argument(
        "--at", type=int, metavar="STEP", help="a step of which a checkpoint is kept. Default: newest."
    )
    command.add_argument("--split", choices=SPLITS, default="val", help="Default: val. test is for the final result.")
    command.add_argument("--beside", metavar="RUN", help=f"a second run (or {SHIPPED}) for McNemar's test")
    command.add_argument(
        "--robustness", action="store_true", help="also on images that are turned, blurred ...: seconds to minutes"
    )
    command.add_argument(
        "--images", type=int, default=N_IMAGES, metavar="N", help=f"of the robustness. Default: the first {N_IMAGES:,}."
    )
    command.add_argument("--json", action="store_true", help="print one JSON object as the last line of stdout")
    add_threads(command)


def _evaluate(options: argparse.Namespace) -> None:
    """Print the figures; raises StoreError, DataError and ConfigError."""
    if options.images < 1:
        raise ConfigError(f"images must be at least 1, got {options.images}")
    set_threads(planned_blas_threads(options.threads))
    model, step = _network(options, options.run_id, options.at)
    data = load_dataset(model.config.dataset)
    found = _answers(model, data, options.split)
    told: dict[str, Any] = {"run": options.run_id, "step": step, "split": options.split, **found.to_json()}
    if options.beside is not None:
        other, _ = _network(options, options.beside, None)
        two = paired(found.labels, found.predictions, _answers(other, data, options.split).predictions)
        told["beside"] = {"run": options.beside, **vars(two), "mcnemar_p": two.p_value}
    if options.robustness:
        images, labels = data.split(options.split)
        robust = measure(model, images[: options.images], labels[: options.images], _progress)
        told["robustness"] = robust.to_json()
    if options.json:
        print(json.dumps(_finite(told), allow_nan=False))
    else:
        _print(told, found)


def _network(options: argparse.Namespace, run_id: str, step: int | None) -> tuple[Network, int | None]:
    """The network of a run at a step, and that step; None of the network that comes along."""
    if run_id == SHIPPED:
        if step is not None:
            raise ConfigError(f"at must be left away with --run {SHIPPED}, which has no steps, got {step}")
        return load_shipped(), None
    checkpoint = RunStore(options.runs).checkpoint(run_id, step)
    return from_weights(checkpoint.config, exact_frame(checkpoint).weights()), checkpoint.step


def _answers(model: Network, data: Dataset, split: Any) -> Evaluation:
    images, labels = data.split(split)
    with np.errstate(all="ignore"):  # of a network that diverged
        logits = model.logits(images)
        held_out = None if split == "val" else lambda: (data.val_labels, model.logits(data.val_images))
        return Evaluation(labels, logits, model.loss.probabilities(logits), held_out)


def _progress(found: Robustness) -> None:
    if sys.stderr.isatty():
        note(f"\rrobustness: {percent(found.share, 0)}   ", end="" if found.share < 1 else "\r")


def _print(told: dict[str, Any], found: Evaluation) -> None:
    """The figures in a few lines."""
    of = "" if told["step"] is None else f" at step {told['step']:,}"
    print(f"Run {told['run']}{of}, split {told['split']}, n={found.accuracy.n:,}")
    for name, share in (("accuracy", found.accuracy), ("two likeliest", found.top2)):
        low, high = share.interval
        print(f"{name:<16}{exact(share.value)}   95 % interval {exact(low)} to {exact(high)}")
    print(f"{'loss':<16}{loss(found.loss)}")
    print(f"{'mean F1':<16}{exact(found.scores.mean_f1)}")
    print(f"{'ECE':<16}{exact(found.before.ece)}   at temperature {found.temperature:.2f}: {exact(found.after.ece)}")
    for answered, right, least in found.refusing.at((0.95, 0.9)):
        print(f"{'answering':<16}{percent(answered)}   {exact(right)} right, at least {percent(least)} sure")
    if "beside" in told:
        two = told["beside"]
        print(
            f"{'beside':<16}{two['run']}: only here right {two['only_first']:,}, only there "
            f"{two['only_second']:,}, McNemar's p {two['mcnemar_p']:.2g}"
        )
    if "robustness" in told:
        robust = told["robustness"]
        low, high = Share(round(robust["clean_accuracy"] * robust["n"]), robust["n"]).interval
        print(f"\nCorruptions, n={robust['n']:,}; as they are {exact(robust['clean_accuracy'])} ", end="")
        print(f"(95 % interval {exact(low)} to {exact(high)})")
        for name, row in robust["corruptions"].items():
            print(f"{name:<16}{'  '.join(f'{percent(share):>7}' for share in row['accuracy'])}   {row['made']}")
        print(f"{'mean':<16}{exact(robust['mean_corruption_accuracy'])}")


def _finite(value: Any) -> Any:
    """The same with None for each number that is not finite, wherever it stands."""
    if isinstance(value, dict):
        return {name: _finite(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_finite(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
