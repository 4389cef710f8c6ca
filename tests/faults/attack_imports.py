"""Files that strangers made, brought in: each becomes a run that works, or is refused in a sentence, and soon."""

from __future__ import annotations

import json
import random
import resource
import shutil
import statistics
import tempfile
import time
import tomllib
import traceback
from collections.abc import Callable
from pathlib import Path

import numpy as np
from safetensors.numpy import save

from nn_core import Dataset, RunConfig, Trainer, load_mnist
from nn_core.export import ExportError
from nn_core.export.apart import bring_in_apart
from nn_core.export.importing import bring_in
from nn_core.runs.registry import RunRegistry
from nn_core.store.files import pack_checkpoint
from nn_core.store.reopen import reopen
from nn_core.store.run_store import RunStore
from tests import ROOT
from ui.components import run_rows

from .figures import Figure, as_table
from .forging import forged, originals, zipped

MAX_SECONDS, MAX_MEGABYTES, MIN_SPEED = 5.0, 200, 0.8
UPLOAD = 1_000_000 * tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text())["server"]["maxUploadSize"]


def attack(full: bool) -> list[Figure]:
    data = load_mnist()
    memory = Path("/dev/shm")  # what is tried is not the disk
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        files, weights = originals(Path(folder) / "original", data)
        found = fuzzed(Path(folder), files, weights, data, 10_000 if full else 60)
        found += heavy(Path(folder), files, data, full)
        if full:
            print(as_table(found), flush=True)  # the rest takes minutes
            from .imports_in_browser import in_the_browser

            found += [speed_beside(Path(folder), files, data), *in_the_browser(Path(folder), files, weights, 100)]
    return found


# ---------------------------------------------------------------------------------------------- fuzzed files


def fuzzed(folder: Path, files: dict[str, bytes], weights: bytes, data: Dataset, n: int, seed: int = 1) -> list[Figure]:
    """So many spoilt files through the library."""
    rng, tracebacks, longest, n_runs = random.Random(seed), [], 0.0, 0
    memory = peak(anew=True)
    for number in range(n):
        content, name = forged(files, weights, rng)
        store = RunStore(folder / "runs")
        began = time.process_time()
        try:
            run_id, _ = bring_in(content, name, store)
        except ExportError as refused:
            if not str(refused) or "\n" in str(refused) or len(str(refused)) > 600:
                tracebacks.append(f"{number}: {str(refused)[:200]!r} is no sentence")
        except Exception:
            tracebacks.append(f"{number}: {traceback.format_exc()}")
        else:
            n_runs += 1
            try:
                use(store, run_id, data)
            except Exception:
                tracebacks.append(f"{number}, accepted: {traceback.format_exc()}")
        longest = max(longest, time.process_time() - began)
        shutil.rmtree(folder / "runs", ignore_errors=True)
    print(*tracebacks[:5], sep="\n") if tracebacks else None
    grown, what = peak() - memory, f"{n:,} fuzzed imports through the library"
    return [
        Figure(
            f"{what} ({n_runs:,} became runs, all of which work)", f"{len(tracebacks)} tracebacks", "0", not tracebacks
        ),
        Figure(f"{what}: the longest", f"{longest:.1f} CPU s", f"{MAX_SECONDS:g} s", longest <= MAX_SECONDS),
        Figure(f"{what}: memory", f"{grown:.0f} MB more", f"{MAX_MEGABYTES} MB", grown <= MAX_MEGABYTES),
    ]


def use(store: RunStore, run_id: str, data: Dataset) -> None:
    """What pages do with a run: list, draw, look back, go on."""
    (run,) = store.runs()
    assert run.id == run_id and store.unreadable() == {}
    json.dumps(run_rows.rows([run]), allow_nan=False)
    assert all(np.isfinite(series.points[:, :4]).all() for series in store.series(run_id).values())
    assert store.film(run_id)[-1].weights()
    trainer = Trainer.resume(reopen(store, run_id, lambda name: data).checkpoint, data)
    trainer.step()
    trainer.score()


def peak(anew: bool = False) -> float:
    """The most memory that this process has had, in MB; `anew`: it counts from now on."""
    if anew:
        Path("/proc/self/clear_refs").write_text("5")
    (line,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


# ---------------------------------------------------------------------------------------------- heavy files


def heavy(folder: Path, files: dict[str, bytes], data: Dataset, full: bool) -> list[Figure]:
    """Files that are as much work as an upload can be, each in a process of its own as on the page."""
    grown, longest, slowest, most, n = 0.0, 0.0, "", 0.0, 0
    quickly = peak_of_children(folder, zipped(files))
    for name, make in HEAVY.items() if full else list(HEAVY.items())[:2]:
        content, n = make(files, data), n + 1
        assert len(content) <= 1.05 * UPLOAD, f"{name} has {len(content):,} bytes"
        began, before = cpu_of_children(), peak(anew=True)
        ending = "w.safetensors" if content[:2] != b"PK" else "a.zip"
        try:
            bring_in_apart(content, ending, RunStore(folder / "heavy"))
        except ExportError as refused:
            print(f"{name}: {refused}")
        grown = max(grown, peak() - before)
        taken, most = cpu_of_children() - began, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        print(f"{name}: {len(content) / 1e6:.1f} MB, {taken:.1f} CPU s, at most {most:.0f} MB so far")
        longest, slowest = max((longest, slowest), (taken, name))
        shutil.rmtree(folder / "heavy", ignore_errors=True)
    what = f"{n} files as heavy as an upload can be"
    return [
        Figure(f"{what}: {slowest}", f"{longest:.1f} CPU s", f"{MAX_SECONDS:g} s", longest <= MAX_SECONDS),
        Figure(f"{what}: memory of the server", f"{grown:.0f} MB more", f"{MAX_MEGABYTES} MB", grown <= MAX_MEGABYTES),
        Figure(
            f"{what}: memory of the process, over that of a small import",
            f"{most - quickly:.0f} MB more",
            f"{MAX_MEGABYTES} MB above the finished run, which has up to 120 MB",
            most - quickly <= MAX_MEGABYTES + 120,
        ),
    ]


def peak_of_children(folder: Path, content: bytes) -> float:
    """MB that a process takes which brings in a small run."""
    bring_in_apart(content, "a.zip", RunStore(folder / "small"))
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024


def cpu_of_children() -> float:
    """Seconds that processes which have ended took."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _curves(files: dict[str, bytes], data: Dataset) -> bytes:
    line = '{"name": "val/loss", "step": %d, "epoch": 1.5, "images": 64, "seconds": 1.25, "value": 0.5}\n'
    return zipped({**files, "metrics.jsonl": "".join(line % step for step in range(300_000)).encode()[:31_999_999]})


def _network(data: Dataset, **settings: object) -> bytes:
    trainer = Trainer(RunConfig(n_train=200, **settings), data)  # type: ignore[arg-type]
    trainer.score()
    return pack_checkpoint(trainer.checkpoint())


def _zeros(files: dict[str, bytes], data: Dataset) -> bytes:
    checkpoint = _network(data, hidden=(2048, 1024, 1024), optimizer="adam", init="zeros")
    return zipped({"manifest.json": files["manifest.json"], "checkpoints/000001-0.safetensors": checkpoint})


def _noise(files: dict[str, bytes], data: Dataset) -> bytes:
    checkpoint = _network(data, hidden=(1024, 1024, 1024, 512), optimizer="adam", init="orthogonal")
    return zipped({"manifest.json": files["manifest.json"], "checkpoints/000001-0.safetensors": checkpoint})


def _weights(files: dict[str, bytes], data: Dataset) -> bytes:
    return save(dict(Trainer(RunConfig(hidden=(2000, 1600)), data).model.weights()))


HEAVY: dict[str, Callable[[dict[str, bytes], Dataset], bytes]] = {
    "300,000 empty lines of curves": lambda files, data: zipped({**files, "metrics.jsonl": b"{}\n" * 300_000}),
    "a bomb of 32 MB in the curves": lambda files, data: zipped({**files, "metrics.jsonl": b"\0" * 32_000_000}),
    "300,000 points": _curves,
    "deep nesting in every line": lambda files, data: zipped({**files, "metrics.jsonl": b"[" * 31_000_000}),
    "half a million lines of one byte": lambda files, data: zipped({**files, "metrics.jsonl": b"1\n" * 299_999}),
    "a network of zeros": _zeros,
    "a large network": _noise,
    "large weights": _weights,
    "frames of nothing": lambda files, data: zipped(
        {**files, **{f"frames/{step}.safetensors": b"\0" * 900_000 for step in range(5, 65)}}
    ),
    "settings of brackets": lambda files, data: zipped({**files, "config.json": b"[" * 999_999}),
}


def speed_beside(folder: Path, files: dict[str, bytes], data: Dataset) -> Figure:
    """How fast another run trains while heavy files are brought in, over its speed without."""
    registry = RunRegistry(lease_seconds=0)
    run = registry.create(RunConfig(epochs=1_000), data)
    run.play()
    content = HEAVY["300,000 points"](files, data)
    shares = []
    try:
        time.sleep(2)
        for _ in range(5):
            began, before = time.monotonic(), run.snapshot.step
            bring_in_apart(content, "a.zip", RunStore(folder / "beside"))
            seconds, beside = time.monotonic() - began, run.snapshot.step
            time.sleep(seconds)
            shares.append((beside - before) / max(1, run.snapshot.step - beside))
    finally:
        registry.close()
    share = statistics.median(shares)
    return Figure(
        "another run's speed while 300,000 points are brought in, over its speed without (median of 5)",
        f"{share:.2f}",
        f"at least {MIN_SPEED}",
        share >= MIN_SPEED,
    )
