"""The popovers Export and Import of the Runs page."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

import streamlit as st

from nn_core import DataError, load_dataset
from nn_core.export import ENDINGS, FORMATS, export, from_snapshot, from_store, to_archive
from nn_core.export.foreign.files import PICKLES
from nn_core.export.foreign.questions import Ambiguous
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
        coming = session.importing()
        if coming is not None:
            waits = "waits for your answers above" if coming.asked else "is being imported"
            st.markdown(f"{plain(coming.file_name)} {waits}, one file at a time.")
            return
        st.markdown(
            "A run's archive, to go on with it, or weights, to begin from them: safetensors from here or of a PyTorch "
            "state_dict, or Keras' .weights.h5 and .keras. A larger file: `python -m nn_core runs import FILE`."
        )
        key = f"import-{session.chosen(ROUND, 0)}"
        st.file_uploader(
            "File",
            type=[ending.removeprefix(".") for ending in (*ENDINGS, *PICKLES)],  # of a pickle it says what to do
            key=key,
            on_change=_take,
            args=(key,),
            label_visibility="collapsed",
        )


def _take(key: str) -> None:
    file = session.widget_value(key)
    if file is not None:
        session.choose(ROUND, session.chosen(ROUND, 0) + 1)
        session.import_file(file.getvalue(), file.name)


def progress() -> None:
    """On all pages: which file is read, for how long, and a button that ends it; or what the file leaves open."""
    if session.importing() is not None:
        session.live("The import", _progress, _is_read)


def _is_read() -> bool:
    coming = session.importing()
    return coming is not None and coming.asked is None


def _progress() -> None:
    session.settle_import()
    coming = session.importing()
    if coming is None:
        return
    if coming.asked is not None:
        _questions(coming.file_name, coming.asked)
        return
    doing = "waits for another import to end" if coming.waits else "is being imported"
    with st.container(horizontal=True, vertical_alignment="center", key="importing"):
        st.markdown(
            f"{plain(coming.file_name)} {doing}, {time.monotonic() - coming.begun:.0f} s so far.", width="content"
        )
        _cancel()


def _cancel() -> None:
    st.button("Cancel", key="cancel-import", icon=":material/close:", on_click=session.cancel_import)


def _questions(file_name: str, asked: Ambiguous) -> None:
    """What the weights do not say, each with its likeliest answer."""
    with st.container(border=True, key="import-questions"):
        st.markdown(
            f"**{plain(file_name)} leaves something open.** {plain(asked.understood)}. {plain(asked.by_trial)}."
        )
        with st.container(horizontal=True):
            for each in asked.questions:
                options = list(each.options)
                st.selectbox(
                    each.label,
                    options,
                    options.index(each.likeliest),
                    format_func=each.options.__getitem__,
                    key=f"import-{each.name}",
                    width=230,
                )
        with st.container(horizontal=True):
            st.button("Import", type="primary", key="answer-import", icon=":material/upload:", on_click=_answer)
            _cancel()


def _answer() -> None:
    coming = session.importing()
    if coming is not None and coming.asked is not None:
        session.answer_import({q.name: str(session.widget_value(f"import-{q.name}")) for q in coming.asked.questions})
