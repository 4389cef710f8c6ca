"""Files that strangers made, brought in: each becomes a run that works, or is refused in a sentence, and soon."""

from __future__ import annotations

import json
import os
import random
import resource
import shutil
import signal
import tempfile
import threading
import time
import tomllib
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

import numpy as np
from safetensors.numpy import save

from nn_core import Dataset, RunConfig, Trainer, load_mnist
from nn_core.export import ExportError
from nn_core.export.apart import bring_in_apart
from nn_core.export.importing import bring_in
from nn_core.instruments.background import point_of
from nn_core.machine.memory import give_back
from nn_core.runs import Run
from nn_core.runs.registry import RunRegistry
from nn_core.store.curve_lines import MAX_SERIES, lines_of
from nn_core.store.files import pack_checkpoint
from nn_core.store.reopen import reopen
from nn_core.store.run_store import RunStore
from nn_core.training.history import MAX_POINTS
from tests import ROOT
from ui.components import run_rows

from .figures import Figure, as_table
from .forging import forged, originals, zipped

MAX_SECONDS, MAX_MEGABYTES, MIN_SPEED = 5.0, 200, 0.8
TURN_SECONDS = 0.15  # with and without an import beside
Forge = Callable[[random.Random], tuple[bytes, str]]
ANSWERS = {"activation": "relu", "input_scaling": "unit", "epsilon": "0.001"}  # of files that leave it open
UPLOAD = 1_000_000 * tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text())["server"]["maxUploadSize"]


def attack(full: bool) -> list[Figure]:
    data = load_mnist()
    memory = Path("/dev/shm")  # what is tried is not the disk
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        files, weights = originals(Path(folder) / "original", data)
        found = fuzzed(Path(folder), partial(forged, files, weights), data, 10_000 if full else 60)
        found += heavy(Path(folder), files, data, full)
        if full:
            print(as_table(found), flush=True)  # the rest takes minutes
            from .imports_in_browser import in_the_browser

            found += [speed_beside(Path(folder), files, data), *in_the_browser(Path(folder), files, weights, 100)]
    return found


# ---------------------------------------------------------------------------------------------- fuzzed files


def fuzzed(
    folder: Path, forge: Forge, data: Dataset, n: int, what: str = "fuzzed imports", seed: int = 1
) -> list[Figure]:
    """So many spoilt files, which `forge` makes, through the library."""
    rng, tracebacks, longest, n_runs = random.Random(seed), [], 0.0, 0
    memory = peak(anew=True)
    for number in range(n):
        content, name = forge(rng)
        store = RunStore(folder / "runs")
        began = time.process_time()
        try:
            run_id, _ = bring_in(content, name, store, ANSWERS)
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
    grown, what = peak() - memory, f"{n:,} {what} through the library"
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
    """Files that are as much work as an upload can be, each brought in by a process of its own and opened.

    Memory is that of both processes at its highest, beyond what this one has when the run is open.
    """
    longest, most, n = (0.0, ""), (0.0, ""), 0
    refused: list[str] = []
    for name, make in HEAVY.items() if full else list(HEAVY.items())[:2]:
        content, n = make(files, data), n + 1
        assert len(content) <= 1.05 * UPLOAD, f"{name} has {len(content):,} bytes"
        give_back()  # what making the file took
        registry, began = RunRegistry(RunStore(folder / "heavy"), lease_seconds=0), cpu_of_all()
        with highest_memory() as highest:
            run = brought_in_and_opened(content, registry)
        taken, beyond = cpu_of_all() - began, highest[0] - memory_of(os.getpid())
        print(f"{name}: {len(content) / 1e6:.1f} MB, {taken:.1f} CPU s, {beyond:.0f} MB {run}")
        longest, most = max(longest, (taken, name)), max(most, (beyond, name))
        if name in WHOLE and isinstance(run, str):
            refused.append(f"{name}: {run}")
        registry.close()
        shutil.rmtree(folder / "heavy", ignore_errors=True)
        del content, registry, run
    what = f"{n} files as heavy as an upload can be, brought in and opened"
    return [
        Figure(f"{what}: {longest[1]}", f"{longest[0]:.1f} CPU s", f"{MAX_SECONDS:g} s", longest[0] <= MAX_SECONDS),
        Figure(
            f"{what}: {most[1]}",
            f"{most[0]:.0f} MB more than with the run open, both processes together",
            f"{MAX_MEGABYTES} MB",
            most[0] <= MAX_MEGABYTES,
        ),
        Figure(f"{what}: those that are whole", "; ".join(refused) or "0 refused", "0 refused", not refused),
    ]


def brought_in_and_opened(content: bytes, registry: RunRegistry) -> Run | str:
    """The run, or the sentence on what is wrong."""
    assert registry.store is not None
    try:
        ending = "a.zip" if content[:2] == b"PK" else "w.safetensors"
        run_id, _ = bring_in_apart(content, ending, registry.store)
    except ExportError as refused:
        return str(refused)
    run = registry.get(run_id)
    assert run is not None, registry.problem(run_id)
    return run


@contextmanager
def highest_memory() -> Iterator[list[float]]:
    """The most that this process and its children take together, in MB, looked at every hundredth of a second."""
    highest, over = [0.0], threading.Event()

    def look() -> None:
        while not over.wait(0.01):
            highest[0] = max(highest[0], sum(map(memory_of, [os.getpid(), *children()])))

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield highest
    finally:
        over.set()
        thread.join()


def children() -> list[int]:
    """The processes that this one has started and that run."""
    found = (path.read_text().split() for path in Path("/proc/self/task").glob("*/children"))
    return [int(one) for some in found for one in some]


def memory_of(process: int) -> float:
    """MB of a process in memory; 0 where it has ended."""
    try:
        return int(Path(f"/proc/{process}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6
    except (OSError, IndexError):
        return 0.0


def cpu_of_all() -> float:
    """Seconds that this process has taken, and those that it has started and that have ended."""
    used = [resource.getrusage(whose) for whose in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def _curves(files: dict[str, bytes], data: Dataset) -> bytes:
    """As many points as a run keeps, in as many series."""
    trainer = Trainer(RunConfig(hidden=(1,), batch_size=1, n_train=200), data)
    rng = np.random.default_rng(0)
    for _ in range(MAX_POINTS // MAX_SERIES):
        trainer.step()
        for number in range(MAX_SERIES - 8):  # the others are the trainer's own
            trainer.history.record(f"x/{number}", rng.random(), **point_of(trainer))
    points = {name: series.points for name, series in trainer.history.series().items()}
    lines = "".join(f"{line}\n" for line in lines_of(points)).encode()
    checkpoint = {f"checkpoints/000001-{trainer.step_count}.safetensors": pack_checkpoint(trainer.checkpoint())}
    return zipped({"manifest.json": files["manifest.json"], "metrics.jsonl": lines, **checkpoint})


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
    "all the points that a run keeps": _curves,
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
WHOLE = ("all the points that a run keeps", "a network of zeros", "a large network", "large weights")


# ---------------------------------------------------------------------------------------------- beside another run


def speed_beside(folder: Path, files: dict[str, bytes], data: Dataset, n: int = 100) -> Figure:
    """How fast another run trains while a heavy file is brought in, over its speed without.

    The process that reads the file is stopped and let go on in turns, so often that the load of others evens out.
    """
    registry = RunRegistry(lease_seconds=0)
    run = registry.create(RunConfig(epochs=1_000), data)
    run.play()
    content, enough, steps = HEAVY["all the points that a run keeps"](files, data), threading.Event(), [0, 0]

    def bring_in_again_and_again() -> None:
        while not enough.is_set():
            bring_in_apart(content, "a.zip", RunStore(folder / "beside"))

    thread = threading.Thread(target=bring_in_again_and_again)
    try:
        time.sleep(2)
        thread.start()
        while n:
            if not thread.is_alive():
                raise RuntimeError("nothing is brought in any more: the file is refused")
            reading = children()
            for beside, signal_ in ((0, signal.SIGSTOP), (1, signal.SIGCONT)):
                for process in reading:
                    with suppress(ProcessLookupError):
                        os.kill(process, signal_)
                before = run._trainer.step_count
                time.sleep(TURN_SECONDS)
                made = run._trainer.step_count - before
                if reading and reading == children():
                    steps[beside] += made
                    n -= beside
    finally:
        enough.set()
        registry.close()
        thread.join()
    share = steps[1] / steps[0]
    return Figure(
        "another run's speed while all the points that a run keeps are brought in, over its speed without",
        f"{share:.2f}",
        f"at least {MIN_SPEED}",
        share >= MIN_SPEED,
    )
