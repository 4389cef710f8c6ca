"""What pages share through Streamlit: the data set, the registry of runs, this visitor's settings, run and sketch.

The only place that names session_state keys and caches. A visitor has a *draft* (what the sidebar shows) and at most
one current *run* (what the pages show). Both are in the address: a copied link or F5 finds them again.
"""

from ui.session.address import load_deep_link_again, sync_address
from ui.session.current import (
    COMMAND_SECONDS,
    current_run,
    dataset,
    draft,
    edit,
    pending_changes,
    reset,
    run_to_command,
    set_draft,
    set_speed,
    snapshot,
    speed,
    start,
    train_preset,
)
from ui.session.notices import notify, show_notices
from ui.session.panels import guard, is_dark, live, panel, show_in_widget, widget_value
from ui.session.process import Split, epoch_seconds, first_weights, mean_digits, registry
from ui.session.sights import Reading, choose, chosen, clicked, reading, sketchpad, steady

__all__ = [
    "COMMAND_SECONDS",
    "Reading",
    "Split",
    "choose",
    "chosen",
    "clicked",
    "current_run",
    "dataset",
    "draft",
    "edit",
    "epoch_seconds",
    "first_weights",
    "guard",
    "is_dark",
    "live",
    "load_deep_link_again",
    "mean_digits",
    "notify",
    "panel",
    "pending_changes",
    "reading",
    "registry",
    "reset",
    "run_to_command",
    "set_draft",
    "set_speed",
    "show_in_widget",
    "show_notices",
    "sketchpad",
    "snapshot",
    "speed",
    "start",
    "steady",
    "sync_address",
    "train_preset",
    "widget_value",
]
