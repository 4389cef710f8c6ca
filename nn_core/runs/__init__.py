"""Training in the background: runs on threads of their own, all runs of a process, branches, comparisons."""

from nn_core.nn.network import OUTLINED
from nn_core.runs.branching import SHAPING, begin_branch, branch_at_frame, stored_origin
from nn_core.runs.comparison import began_with_its_seed, changed_while_training, same_start, side_by_side, telling_names
from nn_core.runs.final_score import score_on_test
from nn_core.runs.listing import as_they_are, kept
from nn_core.runs.registry import RunRegistry
from nn_core.runs.run import SPEEDS, Run
from nn_core.runs.scheduler import Scheduler
from nn_core.runs.snapshot import Snapshot
from nn_core.runs.undo import to_undo_and_redo

__all__ = [
    "OUTLINED",
    "SHAPING",
    "SPEEDS",
    "Run",
    "RunRegistry",
    "Scheduler",
    "Snapshot",
    "as_they_are",
    "began_with_its_seed",
    "begin_branch",
    "branch_at_frame",
    "changed_while_training",
    "kept",
    "same_start",
    "score_on_test",
    "side_by_side",
    "stored_origin",
    "telling_names",
    "to_undo_and_redo",
]
