"""`python -m nn_core runs export|import`: a run into a file, a file into a run."""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path

from nn_core.config import shorten
from nn_core.data import load_dataset
from nn_core.export import ENDINGS, FORMATS, export, from_store, to_archive
from nn_core.export.foreign.questions import ASKED
from nn_core.export.importing import bring_in
from nn_core.export.source import ExportError
from nn_core.machine.disk import reason, write_out
from nn_core.store import RunStore

ARCHIVE = "archive"
LONG = 120  # characters of a path that is told whole


def export_options(parser: argparse.ArgumentParser) -> None:
    """What `runs export` takes."""
    parser.add_argument("run_id", metavar="RUN", help="a run's id")
    about = "; ".join(f"{name}: {form.help[0].lower()}{form.help[1:-1]}" for name, form in FORMATS.items())
    parser.add_argument(
        "--to",
        required=True,
        choices=[*FORMATS, ARCHIVE],
        help=f"{about}; {ARCHIVE}: the whole run, for `runs import`",
    )
    parser.add_argument("--at", type=int, metavar="STEP", help="the network of this step. Default: the newest.")
    parser.add_argument("--out", type=Path, metavar="PATH", help="a file, folder or pipe. Default: the working folder.")
    parser.add_argument("--json", action="store_true", help="print JSON, one object a line")


def run_export(store: RunStore, options: argparse.Namespace) -> None:
    """Write the file and print its path; raises StoreError and DataError."""
    if options.to == ARCHIVE:
        if options.at is not None:
            raise ExportError("an archive holds all steps of its run: leave --at away")
        data, name = to_archive(store, options.run_id), f"glassnet-{options.run_id}.zip"
        newest = store.load(options.run_id)
        what, step, skipped = "run up to", newest.checkpoint.step, newest.skipped
    else:
        source = from_store(store, options.run_id, options.at)
        data = export(source, options.to, lambda: load_dataset(source.config.dataset))
        name = FORMATS[options.to].file_name(source)
        what, step, skipped = "network of", source.step, source.skipped
    if skipped:
        print(*skipped, f"The {what} step {step:,} is exported.", file=sys.stderr)
    path = Path(name) if options.out is None else options.out / name if os.path.isdir(options.out) else options.out
    try:
        write_out(path, data)
    except BrokenPipeError:
        raise
    except OSError as error:
        named = path if len(str(path)) <= LONG else shorten(str(path))
        raise ExportError(f"{named} cannot be written: {reason(error).lower()}") from None
    told = json.dumps({"file": str(path), "bytes": len(data)}) if options.json else path
    print(told, file=sys.stdout if path.is_file() else sys.stderr)  # what went to a pipe may have gone to stdout


def import_options(parser: argparse.ArgumentParser) -> None:
    """What `runs import` takes."""
    parser.add_argument(
        "file",
        type=Path,
        metavar="FILE",
        help="a run's archive, or weights: of `runs export`, a PyTorch state_dict in safetensors, or Keras' weights "
        f"({', '.join(ENDINGS)})",
    )
    parser.add_argument(
        "--say",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help=f"what weights of another framework leave open: {', '.join(ASKED)}; without it, what is open is named",
    )
    parser.add_argument("--json", action="store_true", help="print JSON, one object a line")


def run_import(store: RunStore, options: argparse.Namespace) -> None:
    """Print the id of the run that the file became; raises StoreError."""
    answers = {}
    for text in options.say:
        name, equals, value = text.partition("=")
        if not equals:
            raise ExportError(f"--say must be NAME=VALUE, such as activation=relu, got {shorten(text)}")
        answers[name] = value
    run_id, remarks = bring_in(options.file, options.file.name, store, answers)
    if options.json:
        print(json.dumps({"run": run_id, "remarks": remarks}))
        return
    print("\n".join([*remarks, f"Run {run_id} is among the runs."]))
