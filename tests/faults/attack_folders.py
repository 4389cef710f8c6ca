"""Folders among the runs whose files are garbage: every other run is listed, and nothing hangs or breaks."""

from __future__ import annotations

import json
import os
import random
import shutil
import tempfile
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from nn_core import load_mnist
from nn_core.runs.registry import RunRegistry
from nn_core.store.run_store import RunStore, StoreError
from ui.components import run_rows

from .figures import Figure
from .forging import RUN_ID, a_run, bytes_spoilt, deep, json_spoilt, tensors_spoilt

N_GOOD, MAX_SECONDS = 5, 5.0
MAKE: tuple[Callable[[Path], object], ...] = (
    os.mkfifo,
    lambda path: path.symlink_to(path),
    Path.mkdir,
    lambda path: None,
)


def attack(full: bool) -> list[Figure]:
    n, rng = 500 if full else 40, random.Random(3)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "runs"
        a_run(Path(temporary) / "original", load_mnist())
        good = {f"000000{number:02x}" for number in range(N_GOOD)}
        for run_id in [*good, *(f"bad{number:05x}" for number in range(n))]:
            shutil.copytree(Path(temporary) / "original" / RUN_ID, folder / run_id)
            if run_id not in good:
                spoil(folder / run_id, rng)
        return looked_at(RunStore(folder), good, n)


def spoil(run: Path, rng: random.Random) -> None:
    """One to three files of a run are garbage, of another kind, or gone."""
    for _ in range(rng.choice((1, 1, 2, 3))):
        path = rng.choice([path for path in run.rglob("*") if not path.name.startswith(".")] or [run])
        if rng.random() < 0.3:  # most of what a list reads
            path = run / "summary.json"
        content = path.read_bytes() if path.is_file() and not path.is_symlink() else b""
        way = rng.randrange(9)
        if way < 4 and content:
            try:
                path.write_bytes((json_spoilt if ".json" in path.name else tensors_spoilt)(content, rng))
            except ValueError:  # it was spoilt before
                path.write_bytes(deep(rng))
        elif way == 4 and content:
            path.write_bytes(bytes_spoilt(content, rng))
        elif path != run:
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink(missing_ok=True)
            path.parent.mkdir(parents=True, exist_ok=True)
            MAKE[way % 4](path)


def looked_at(store: RunStore, good: set[str], n: int) -> list[Figure]:
    """List all, open each as the app does."""
    tracebacks = []
    began = time.process_time()
    try:
        runs, unreadable = store.survey()
        json.dumps(run_rows.rows(runs, unreadable=unreadable), allow_nan=False)
        seconds = time.process_time() - began
    except Exception:
        return [
            Figure(f"{n} garbage run folders", f"the list failed: {traceback.format_exc()}", "all others listed", False)
        ]
    missing = good - {run.id for run in runs}
    registry, opened = RunRegistry(store, lease_seconds=0), 0
    for run_id in [run.id for run in runs] + list(unreadable):
        try:
            for read in (store.series, store.film):
                with suppress(StoreError):
                    read(run_id)
            run = registry.get(run_id)
            opened += run is not None
            assert run is not None or registry.problem(run_id)
            if run is not None:
                run.close()
        except Exception:
            tracebacks.append(f"{run_id}: {traceback.format_exc()}")
    registry.close()
    print(*tracebacks[:5], sep="\n") if tracebacks else None
    what = f"{n} garbage run folders beside {len(good)} runs"
    told = f"{len(runs) - len(good)} are listed, {len(unreadable)} as unreadable"
    return [
        Figure(what, f"{len(missing)} runs missing from the list ({told})", "0", not missing),
        Figure(f"{what}: opened one by one ({opened} could be)", f"{len(tracebacks)} tracebacks", "0", not tracebacks),
        Figure(f"{what}: the list", f"{seconds:.1f} CPU s", f"{MAX_SECONDS:g} s", seconds <= MAX_SECONDS),
    ]
