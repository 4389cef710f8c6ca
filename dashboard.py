"""Glassnet: a neural network that one can see through. Run with `streamlit run dashboard.py`."""

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before NumPy: more threads make small batches slower

import pandas  # noqa: F401  (in full, before plotly meets it half-imported from another thread)
import streamlit as st

from ui import session, style
from ui.components.live_plot import warm_up
from ui.panels import sharing, time_machine
from ui.sidebar.sidebar import sidebar
from ui.sidebar.top_bar import top_bar

st.set_page_config("Glassnet", page_icon="ui/icon.svg", layout="wide", initial_sidebar_state=330)
session.carry_out_presses_whole()
session.load_deep_link_again()
session.check_visitor()
session.check_environment()
pages = [
    st.Page("pages/play/train.py", title="Train", icon=":material/play_circle:", default=True),
    st.Page("pages/play/draw.py", title="Draw", icon=":material/draw:"),
    st.Page("pages/look/data.py", title="Data", icon=":material/image:"),
    st.Page("pages/look/weights.py", title="Weights", icon=":material/grid_view:"),
    st.Page("pages/look/inside.py", title="Inside", icon=":material/layers:"),
    st.Page("pages/look/dynamics.py", title="Dynamics", icon=":material/monitoring:"),
    st.Page("pages/look/evaluate.py", title="Evaluate", icon=":material/fact_check:"),
    st.Page("pages/compare/runs.py", title="Runs", icon=":material/table_rows:"),
    st.Page("pages/compare/race.py", title="Race", icon=":material/flag:"),
    st.Page("pages/compare/search.py", title="Search", icon=":material/search:"),
    st.Page("pages/compare/frameworks.py", title="Frameworks", icon=":material/balance:"),
    st.Page("pages/understand/backprop.py", title="Backprop", icon=":material/function:"),
    st.Page("pages/understand/glossary.py", title="Glossary", icon=":material/menu_book:"),
]
page = st.navigation(pages, position="top")
style.apply_style(session.is_dark())
session.sync_address()
warm_up()
sidebar()
top_bar(pages, page.url_path)
time_machine.badge()
session.show_notices()
sharing.progress()
page.run()
