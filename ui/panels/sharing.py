"""The popovers Export and Import of the Runs page."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import streamlit as st

from nn_core import ConfigError, DataError, load_dataset
from nn_core.export import ENDINGS, FORMATS, export, from_snapshot, from_store, to_archive
from nn_core.export.apart import bring_in_apart
from nn_core.runs import Snapshot
from nn_core.store import RunStore, StoredRun, StoreError
from ui import session
from ui.words import plain

ROUND = "import-round"  # how many files were imported: each gets a new uploader, which begins empty


def controls(run: StoredRun | None) -> None:
    """Side by side: Export for `run`, and Import."""
    with st.container(horizontal=True, vertical_alignment="center", width="content", key="sharing"):
        if run is not None:
            _downloads(run)
        _upload()


# ---------------------------------------------------------------------------------------------- export


def _downloads(run: StoredRun) -> None:
    """A button for each format, drawn while the popover is open; a file is made when its button is pressed."""
    popover = st.popover("Export", icon=":material/download:", key="export", on_change="rerun", type="tertiary")
    if not popover.open:
        return
    live = session.run_in_memory(run.id)
    shot = live.snapshot if live is not None else None
    current = session.snapshot()
    if current is not None and current.run_id == run.id:
        shot = current  # as it is looked at
    step = shot.step if shot is not None else run.step
    report = session.notice_board()
    with popover:
        st.markdown(f"**{plain(run.title)}**, step {step:,}")
        for start in range(0, len(FORMATS), 2):
            for column, form in zip(st.columns(2), list(FORMATS.values())[start : start + 2], strict=False):
                column.download_button(
                    form.label,
                    partial(_made, form.label, report, partial(_file_of, form.name, run, shot, session.store())),
                    f"glassnet-{run.id}-step{step}{form.ending}",
                    form.mime,
                    key=f"export-{form.name}",
                    help=f"{plain(form.missing)}." if form.missing else form.help,
                    disabled=bool(form.missing),
                    width="stretch",
                )
        _whole_run(run, report)


def _whole_run(run: StoredRun, report: Callable[[str], None]) -> None:
    store = session.store()
    kept = store is not None and run.id in store
    st.download_button(
        "The whole run (archive)",
        partial(_made, "The archive", report, partial(_archive, store, run.id)),
        f"glassnet-{run.id}.zip",
        "application/zip",
        key="export-archive",
        help="All its checkpoints, frames and curves, as they were saved last: Import goes on with it anywhere."
        if kept
        else "This run is not on the disk yet: it is written down once it trains.",
        disabled=not kept,
        width="stretch",
    )


def _file_of(name: str, run: StoredRun, shot: Snapshot | None, store: RunStore | None) -> bytes:
    if shot is not None:
        source = from_snapshot(shot, run.name, run.created)
    elif store is not None:
        source = from_store(store, run.id)
    else:
        raise StoreError("The run is not on this server any more.")
    return export(source, name, lambda: load_dataset(source.config.dataset))


def _archive(store: RunStore | None, run_id: str) -> bytes:
    if store is None:
        raise StoreError("This server keeps no runs.")
    return to_archive(store, run_id)


def _made(what: str, report: Callable[[str], None], make: Callable[[], bytes]) -> bytes:
    """The file. Streamlit calls this in a thread of its own, so a failure shows when the page is drawn next."""
    try:
        return make()
    except (StoreError, DataError, OSError, MemoryError) as error:
        report(f"{what} could not be made: {str(error) or type(error).__name__}")
        raise


# ---------------------------------------------------------------------------------------------- import


def _upload() -> None:
    """A place for one file, which is imported as soon as it is there."""
    with st.popover("Import", icon=":material/upload:", key="import", type="tertiary"):
        st.markdown(
            "A run's archive, to go on with it, or weights in safetensors, to begin from them. "
            "A larger file: `python -m nn_core runs import FILE`."
        )
        key = f"import-{session.chosen(ROUND, 0)}"
        st.file_uploader(
            "File",
            type=[ending.removeprefix(".") for ending in ENDINGS],
            key=key,
            on_change=_take,
            args=(key,),
            label_visibility="collapsed",
        )


def _take(key: str) -> None:
    """Import what was uploaded, show it on all pages, and say what came of it."""
    file, store = session.widget_value(key), session.store()
    if file is None:
        return
    session.choose(ROUND, session.chosen(ROUND, 0) + 1)
    if store is None:
        session.notify("Nothing was imported: this server keeps no runs.")
        return
    try:
        with session.arriving(store) as claim:
            run_id, remarks = bring_in_apart(file.getvalue(), file.name, store)
            claim(run_id)
    except (StoreError, ConfigError, MemoryError) as error:
        session.notify(f"Nothing was imported: {str(error) or type(error).__name__}.")
        return
    session.open_run(run_id)
    for sentence in (f"Imported as run {run_id}, now the current run.", *remarks):
        session.notify(sentence)
