"""Glassnet for several people (a class, a laboratory): `streamlit run shared.py`. deploy/README.md sets it up.

The same pages as dashboard.py, behind a gate that checks names and origins and tells visitors apart.
"""

import logging
import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before NumPy: more threads make small batches slower

import streamlit as st
from starlette.middleware import Middleware
from streamlit import config

from nn_core.config.environment import DATASETS, SHARED, problems
from ui.visitors.gate import Gate
from ui.visitors.limits import read_environment

os.environ.setdefault(SHARED.name, "1")
os.environ.setdefault(DATASETS.name, "")  # no data set by its path, unless it is named
shared = read_environment()
for problem in problems():
    logging.getLogger("glassnet").warning(problem)
if not shared.is_on:
    raise SystemExit("shared.py does not go with GLASSNET_SHARED=0: one person alone wants dashboard.py")
config.set_option("server.allowedHosts", list(shared.hosts))  # the same list in Streamlit's own check


@asynccontextmanager
async def runs_are_saved(_: st.App) -> AsyncGenerator[None, None]:
    """When the server ends: uvicorn then ends the process by the signal that it got, and nothing else is asked."""
    yield
    from ui.session import registry

    for runs in registry.made():
        runs.close()


app = st.App("dashboard.py", middleware=[Middleware(Gate, shared=shared)], lifespan=runs_are_saved)
