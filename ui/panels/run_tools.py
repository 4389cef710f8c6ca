"""What can be done with the ticked runs under the list: race their settings, score them, take the table as a file."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import streamlit as st

from nn_core.config import RunConfig
from nn_core.store import StoredRun
from ui import session
from ui.components import run_rows
from ui.components.run_table import View

FEWEST, MOST = 2, 4  # settings in a race


def of_ticked(ticked: list[StoredRun]) -> None:
    """The buttons that act on the ticked runs."""
    if FEWEST <= len(ticked) <= MOST:
        _race([run.config for run in ticked])
    if ticked:
        _score(ticked)


def _race(configs: list[RunConfig]) -> None:
    """A button that has these settings race."""
    if st.button("Race these settings", icon=":material/flag:", key="race-ticked", type="tertiary"):
        session.start_race(configs)
        st.switch_page("pages/compare/race.py")


def _score(ticked: list[StoredRun]) -> None:
    """A button that scores the ticked runs on the test images."""
    help_text = (
        "Scores the newest saved network of each ticked run on the 10,000 test images; see the column of that name."
    )
    if st.button("Test accuracy", icon=":material/quiz:", key="score-ticked", type="tertiary", help=help_text):
        with st.spinner(f"Scoring {len(ticked)} on the test images"):
            session.score_runs([run.id for run in ticked])
        view: View = session.chosen("runs-view", View())
        session.choose("runs-view", replace(view, columns=tuple(dict.fromkeys([*view.columns, "+test"]))))
        st.rerun()


def as_table(runs: list[StoredRun], n_ticked: int) -> None:
    """The list as a file; it is made when its button is pressed."""
    st.download_button(
        f"CSV of {n_ticked} ticked" if n_ticked else "CSV",
        partial(run_rows.table, runs),
        "glassnet-runs.csv",
        "text/csv",
        icon=":material/table:",
        key="runs-csv",
        type="tertiary",
        help="The table with every setting, one row per run.",
    )
