"""This visitor's draft (what the sidebar shows) and current run (what the pages show), and the commands to both.

The run owns its settings; the draft reaches it only when a live control is moved by hand, or as the settings of a new
run. While one looks back, the draft is that of the branch that would begin there, and no control reaches the run.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from contextlib import suppress
from threading import Event
from typing import Any

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from nn_core import ConfigError, DataError, Dataset, RunConfig, load_dataset
from nn_core.config import LIVE_SETTINGS, Conflict, sentence
from nn_core.config.run_config import setting
from nn_core.nn.network import outline
from nn_core.runs import Run
from ui.session.looking_back import branch_draft, end_look, is_looking_back, keep_branch_draft
from ui.session.notices import forget_refusals, notify
from ui.session.server import registry
from ui.session.visitor import may_change
from ui.words import plain

COMMAND_SECONDS = 0.5  # that a page waits at most for a command to show, before it is drawn

# ---------------------------------------------------------------------------------------------- the draft


def draft() -> RunConfig:
    """The settings that the sidebar shows."""
    if is_looking_back():
        return branch_draft()[1]
    config: RunConfig = st.session_state.setdefault("draft", RunConfig())
    return config


def edit(field: str, value: Any) -> None:
    """A control was moved by hand: the draft changes, and a live setting reaches the run at once."""
    try:
        config, remarks = _with_model(value) if field == "model" else (draft().replace(**{field: value}), {})
    except ConfigError as error:
        item = setting(field)
        notify(f"{sentence(str(error))} {item.name} {item.format(getattr(draft(), field))} stays.", about=field)
        return
    set_draft(config)
    for name, remark in remarks.items():
        notify(remark, about=name)
    run = current_run()
    if run is not None and field in LIVE_SETTINGS and may_change(run.id) and not is_looking_back() and obeys(run):
        run.change(field, getattr(draft(), field)).wait(COMMAND_SECONDS)  # the page drawn next shows it


def _with_model(name: str) -> tuple[RunConfig, dict[str, str]]:
    """The draft with another model, and name -> sentence for each setting that had to change with it."""
    changes: dict[str, Any] = {"model": name}
    remarks: dict[str, str] = {}
    while True:
        try:
            return draft().replace(**changes), remarks
        except Conflict as error:
            if error.setting in changes:
                raise
            item = setting(error.setting)
            changes[item.name] = item.default
            remarks[item.name] = f"{sentence(str(error))} {item.name} is {item.format(item.default)} now."


def set_draft(config: RunConfig) -> None:
    """Show other settings in the sidebar; nothing reaches the run."""
    if config != draft():
        forget_refusals()
    if is_looking_back():
        keep_branch_draft(branch_draft()[0], config)
    else:
        st.session_state["draft"] = config


def follow_live_changes() -> None:
    """Take over live settings that another tab has changed, as far as this tab has not changed them too."""
    run = current_run()
    if run is not None and not is_looking_back():
        now, seen = run.settings, st.session_state.get("seen", {}).get(run.id, run.settings)
        untouched = [name for name in LIVE_SETTINGS if getattr(draft(), name) == getattr(seen, name)]
        with suppress(ConfigError):  # one that cannot stand beside this tab's draft stays a pending change
            set_draft(draft().replace(**{name: getattr(now, name) for name in untouched}))
        st.session_state["seen"] = {run.id: now}


def pending_changes() -> list[str]:
    """The names of the settings in which the draft differs from the current run: as it was then, while looking back."""
    own = settings_on_page()
    return [item.name for item in draft().differences(own)] if own is not None else []


def starts_anew() -> list[str]:
    """The names of the settings for which Train would start a new network: a look back, and its branch, end with it."""
    run = current_run()
    config: RunConfig = st.session_state.get("draft", RunConfig())
    return [item.name for item in config.differences(run.settings)] if run is not None else []


def settings_on_page() -> RunConfig | None:
    """The settings of the current run, as they were at the step that is looked at."""
    run = current_run()
    if run is None:
        return None
    return branch_draft()[0] if is_looking_back() else run.settings


# ---------------------------------------------------------------------------------------------- the run


def current_run() -> Run | None:
    """The run that the pages show."""
    run_id = st.session_state.get("run")
    run = registry().get(run_id) if run_id else None
    context = get_script_run_ctx(suppress_warning=True)
    if run is not None and context is not None and may_change(run.id):
        run.attach(context.session_id)
    return run


def lost_the_run() -> bool:
    """Whether the run on the page is gone (deleted in another tab, say); says so once, and forgets the run."""
    run_id = st.session_state.get("run")
    if not run_id or registry().get(run_id) is not None:
        return False
    settings = draft()
    st.session_state.pop("run", None)
    end_look()
    set_draft(settings)
    deleted = f"The run that this page showed ({run_id}) has been deleted; the trash under Runs may bring it back."
    notify(f"{registry().problem(run_id) or deleted} Its settings stay in the sidebar.")
    return True


def show(run: Run) -> None:
    """Make a run the current one, as it is now, and its settings the draft."""
    st.session_state["run"] = run.id
    end_look()
    set_draft(run.settings)


def start(config: RunConfig) -> Run | None:
    """Make a new run of these settings the current one, not yet training; the old one pauses and stays in memory."""
    old, pace = current_run(), speed()
    if old is not None and old.snapshot.is_training and may_change(old.id):
        old.pause()
    try:
        run = registry().create(config, load_dataset(config.dataset))
    except (ConfigError, DataError) as error:
        notify(str(error))
        return None
    except MemoryError:
        notify(f"There is not enough memory for the network {outline(config)}.")
        return None
    show(run)
    set_speed(pace)
    return run


def obeys(run: Run) -> bool:
    """Whether a run takes commands here; says so where another program trains it."""
    elsewhere = run.snapshot.status == "elsewhere"
    if elsewhere:
        notify(f"{run.snapshot.message} Branch trains a copy of it here.")
    return not elsewhere


def speed() -> str:
    """The speed of the current run; before there is one, that of the next."""
    run = current_run()
    return run.snapshot.speed if run else st.session_state.get("next speed", "full")


def set_speed(value: str) -> None:
    """Slow the current run down, or speed it up; runs started after it keep the speed."""
    st.session_state["next speed"] = value
    run = current_run()
    if run is not None and run.snapshot.speed != value and may_change(run.id):
        run.set_speed(value).wait(COMMAND_SECONDS)


def run_to_command() -> Run | None:
    """The run that a transport button acts on: the current one, or a new one where there is none or the draft differs.

    A look back at an earlier step ends, so that what the run does is seen.
    """
    if lost_the_run():
        return None
    end_look()
    run = current_run()
    return start(draft()) if run is None or pending_changes() else run


def reset(new_seed: bool = False) -> None:
    """A fresh network with the settings of the sidebar; the same seed, or one newly rolled."""
    config = draft()
    start(config.replace(seed=secrets.randbelow(10_000)) if new_seed else config)


def dataset(name: str | None = None) -> Dataset:
    """The data set of the current run, else of the draft; one copy for all. A bad file ends the page in a sentence."""
    shown = current_run()
    try:
        return load_dataset(name or (shown.snapshot.config if shown else draft()).dataset)
    except DataError as error:
        st.error(plain(str(error)), icon=":material/database_off:")
        st.stop()


def command(send: Callable[[Run], Event]) -> Callable[[], None]:
    """A callback that sends the run it means a command, and waits until the page can show it."""

    def act() -> None:
        run = run_to_command()
        if run is not None:
            send(run).wait(COMMAND_SECONDS)
            obeys(run)

    return act
