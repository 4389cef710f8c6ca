"""What is learned and forgotten again, and the map of the training images: easy, doubtful, hard."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from nn_core.config.run_config import RunConfig
from nn_core.instruments.look import Look
from nn_core.instruments.measures.data_map import to_bytes
from nn_core.instruments.registry import WHOLE, instrument
from nn_core.machine.memory import Array
from nn_core.training.scoring import N_SCORED

MOST = 64  # scorings that are kept of each image
FEWEST_STEPS = 8  # between two of them
NEVER = "never"


@dataclass(frozen=True, eq=False)
class ImageCourse:
    """What training has said of the first n images trained on, at its scorings."""

    p: Array  # uint8 (n_scorings, n): the probability of the label, see `to_bytes`
    steps: Array  # int64 (n_scorings,)
    right: Array  # bool (n,): whether the newest scoring read it so
    learned: Array  # bool (n,): whether any did
    forgotten: Array  # int64 (n,): how often it was right at one scoring and wrong at the next, all counted
    every: int  # steps between two kept scorings at least

    @classmethod
    def new(cls, n: int, every: int) -> ImageCourse:
        """Before any scoring."""
        nothing = np.zeros(n, bool)
        return cls(
            np.empty((0, n), np.uint8), np.empty(0, np.int64), nothing, nothing, np.zeros(n, np.int64), max(1, every)
        )

    @classmethod
    def from_kept(cls, values: Mapping[str, Any] | None, n: int | None = None) -> ImageCourse | None:
        """Out of what `kept` gave, through a file perhaps; None where that makes no sense, or is not of n images."""
        values = values or {}
        p, steps = (np.asarray(values.get(name)) for name in ("p", "steps"))
        of_image = [np.asarray(values.get(name)) for name in ("right", "learned", "forgotten")]
        every = values.get("every")
        if p.dtype != np.uint8 or p.ndim != 2 or len(p) > MOST or n not in (None, p.shape[1]) or type(every) is not int:
            return None
        if steps.shape != p.shape[:1] or any(each.shape != p.shape[1:] for each in of_image) or every < 1:
            return None
        if (
            any(each.dtype.kind not in "iub" for each in (steps, *of_image))
            or (np.diff(steps.astype(float)) <= 0).any()
        ):
            return None
        right, learned, forgotten = of_image
        return cls(p, steps.astype(np.int64), right != 0, learned != 0, forgotten.astype(np.int64), every)

    def kept(self) -> dict[str, Any]:
        """For `Look.keep`."""
        return {
            "p": self.p,
            "steps": self.steps,
            "right": self.right.astype(np.uint8),
            "learned": self.learned.astype(np.uint8),
            "forgotten": np.minimum(self.forgotten, 65_535).astype(np.uint16),
            "every": self.every,
        }

    def is_due(self, step: int) -> bool:
        """Whether the probabilities of a scoring at this step are kept."""
        return not len(self.steps) or step >= self.steps[-1] + self.every

    def after(self, step: int, p: Array | None, right: Array) -> ImageCourse:
        """With one more scoring, its p only where that is due; where there are too many, every second one goes."""
        rows, steps, every = self.p, self.steps, self.every
        if p is not None and self.is_due(step):
            rows, steps = np.vstack([rows, to_bytes(p)]), np.append(steps, step)
        if len(steps) > MOST:
            rows, steps, every = rows[::2], steps[::2], 2 * every
        forgotten = self.forgotten + (self.right & ~right)
        return ImageCourse(rows, steps, right, self.learned | right, forgotten, every)


def _words(config: RunConfig) -> str:
    n = min(config.n_train, N_SCORED)
    return f"{'all' if n == config.n_train else 'the first'} {n:,} images trained on"


@instrument(
    "forgetting",
    label="Forgotten images",
    unit="share",
    formula=r"\text{right at one scoring, wrong at the next}",
    source="Toneva, Sordoni, Combes et al. 2019, arXiv:1812.05159; the data map: Swayamdipta et al. 2020, "
    "arXiv:2009.10795",
    reading="The share of images that were read right once and wrong later, and of those never read right: these "
    "are hard, or labelled wrongly.",
    check="Courses written by hand; a map that finds labels that were redrawn.",
    cost="light",
    needs="scores",
    order=51,
    parts={WHOLE: "forgotten at least once", NEVER: "never learned"},
    measured_on=_words,
)
def forgetting(look: Look) -> Mapping[str, float]:
    """Both shares so far; keeps the probability of each image's label at scorings that are equally far apart."""
    scored, config = look.scored, look.config
    n = len(scored.labels)
    right = scored.logits.argmax(axis=1) == scored.labels
    steps_an_epoch = config.n_train // config.effective_batch(config.n_train)
    before = ImageCourse.from_kept(look.kept.get("forgetting"), n)
    course = before or ImageCourse.new(n, max(FEWEST_STEPS, steps_an_epoch // 4))
    p = None
    if course.is_due(scored.scores.step):
        p = look.model.loss.probabilities(scored.logits)[np.arange(n), scored.labels]
    course = course.after(scored.scores.step, p, right)
    look.keep("forgetting", course.kept())
    return {WHOLE: float((course.forgotten > 0).mean()), NEVER: float(1 - course.learned.mean())}
