"""`python -m nn_core data`: data sets of one's own, looked at, kept, listed and deleted; and `train --data`."""

from __future__ import annotations

import argparse
import json
from typing import Any

from nn_core import DataError, RunConfig, load_dataset
from nn_core.cli.console import note
from nn_core.data.kept import kept_names
from nn_core.own_data import METHODS, Choices, Found, from_pen, from_scikit_learn, keep, prepared, read
from nn_core.own_data.keep import delete

OWN = "scikit-digits", "letters"  # sets that need no file
FILES = (
    "an .npz, idx files (images and labels, gzipped or not), a CSV table (label first or last), or a zip or folder of "
    f"pictures, a folder a class; or {OWN[0]}, or {OWN[1]}:ABCDE, which are made here"
)


def add_commands(commands: Any) -> None:
    """Add `data` and what stands under it to the subparsers of the command line."""
    parser: argparse.ArgumentParser = commands.add_parser("data", help="data sets of your own")
    below = parser.add_subparsers(required=True, metavar="command")
    one = below.add_parser("look", help="say how files are understood, and keep nothing")
    one.set_defaults(run=_look)
    _add_choices(one)
    one = below.add_parser("keep", help="keep a set; --dataset NAME trains on it then")
    one.set_defaults(run=_keep)
    _add_choices(one)
    one.add_argument("--title", default="", help="what its name begins with. Default: the file's name.")
    one = below.add_parser("list", help="the sets that are kept")
    one.set_defaults(run=_list)
    one.add_argument("--json", action="store_true", help="print JSON, one object a line")
    one = below.add_parser("delete", help="delete kept sets; runs on them can be looked at, and not go on")
    one.set_defaults(run=_delete)
    one.add_argument("names", metavar="NAME", nargs="+", help="names of sets")


def add_data_option(command: argparse.ArgumentParser) -> None:
    """`--data FILE ...` of `train`."""
    command.add_argument(
        "--data", nargs="+", metavar="FILE", help=f"learn from files of your own, which are kept: {FILES}"
    )


def _add_choices(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("files", metavar="FILE", nargs="+", help=FILES)
    parser.add_argument("--classes", metavar="A,B", help="at most ten of its classes. Default: the first ten.")
    parser.add_argument("--names", metavar="A,B", help="other names for them, in the same order")
    parser.add_argument(
        "--invert", choices=("yes", "no"), help="turn dark on light to bright on dark. Default: as the borders are."
    )
    parser.add_argument("--turn", action="store_true", help="exchange rows and columns")
    parser.add_argument(
        "--method", choices=list(METHODS), default="smooth", help="how images get 28 x 28. Default: smooth."
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object as the last line of stdout")


def found_in(files: list[str]) -> Found:
    """The set that these files, or one of the names of OWN, stand for. Raises DataError."""
    name, colon, letters = files[0].partition(":")
    if len(files) == 1 and name == OWN[0]:
        return from_scikit_learn()
    if len(files) == 1 and name == OWN[1]:
        return from_pen(letters) if colon else from_pen()
    return read(files)


def config_with(config: RunConfig, options: argparse.Namespace) -> RunConfig:
    """The settings for the set of `--data`, which is kept; raises DataError. What was not asked for is fitted to it."""
    if options.data is None:
        return config
    found = found_in(options.data)
    data = keep(found)
    for sentence in _understood(found, Choices.guessed(found)):
        note(sentence)
    note(f"The set is kept as {data.name}.")
    return fitted(config.replace(dataset=data.name), options.n_train)


def fitted(config: RunConfig, asked: str | None) -> RunConfig:
    """With no more training images than a set has, where their number was not asked for."""
    n = len(load_dataset(config.dataset).train_labels)
    return config if asked is not None or config.n_train <= n else config.replace(n_train=n)


def _choices(found: Found, options: argparse.Namespace) -> Choices:
    guess = Choices.guessed(found)
    classes = guess.classes
    if options.classes is not None:
        wanted = [name.strip() for name in options.classes.split(",")]
        unknown = [name for name in wanted if name not in found.classes]
        if unknown:
            raise DataError(f"classes must be some of {', '.join(found.classes)}, got {unknown[0]!r:.40}")
        classes = tuple(found.classes.index(name) for name in wanted)
    names = tuple(found.classes[at] for at in classes)
    if options.names is not None:
        names = tuple(name.strip() for name in options.names.split(","))
    inverted = guess.inverted if options.invert is None else options.invert == "yes"
    return Choices(classes, names, inverted, options.turn, options.method)


def _understood(found: Found, choices: Choices) -> list[str]:
    n, rows, columns = found.images.shape
    sentences = [f"{n:,} images of {rows} x {columns} pixels, {len(found.classes)} classes.", *found.remarks]
    if len(choices.classes) < len(found.classes):
        sentences.append(f"Networks here have ten outputs: of its classes {', '.join(choices.names)} are taken.")
    if choices.inverted:
        sentences.append("Its images are dark on light; they are turned to bright on dark.")
    return sentences


def _look(options: argparse.Namespace) -> None:
    found = found_in(options.files)
    choices = _choices(found, options)
    ready = prepared(found, choices)
    n_train, n_test = len(ready.arrays["y_train"]), len(ready.arrays["y_test"])
    if options.json:
        told = {"classes": ready.classes, "training": n_train, "test": n_test, "inverted": choices.inverted}
        print(json.dumps(told))
        return
    print("\n".join([*_understood(found, choices), *ready.remarks]))
    print(f"It would be kept with {n_train:,} training and {n_test:,} test images of {', '.join(ready.classes)}.")


def _keep(options: argparse.Namespace) -> None:
    found = found_in(options.files)
    choices = _choices(found, options)
    data = keep(found, choices, options.title)
    if options.json:
        print(json.dumps({"name": data.name, "identity": data.identity}))
        return
    print("\n".join(_understood(found, choices)))
    print(f"Kept as {data.name}: python -m nn_core train --dataset {data.name}")


def _list(options: argparse.Namespace) -> None:
    for name in kept_names():
        data = load_dataset(name)
        n, classes = len(data.train_labels) + len(data.val_labels), [c for c in data.class_names if "unused " not in c]
        if options.json:
            print(json.dumps({"name": name, "training": n, "test": len(data.test_labels), "classes": classes}))
        else:
            print(f"{name}  {n:,} training and {len(data.test_labels):,} test images of {', '.join(classes)}")
    if not kept_names() and not options.json:
        print("No sets are kept: python -m nn_core data keep FILE")


def _delete(options: argparse.Namespace) -> None:
    for name in options.names:
        delete(name)
        print(f"{name} is deleted.")
