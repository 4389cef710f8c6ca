"""Verdicts with a date: each is an event with the steps at which it began and ended, kept with the run.

The events of a run lie as one JSON text in its trainer's `instruments`, so that they go where its state goes: into
checkpoints, branches, archives, and back with a run that diverges.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, astuple, dataclass, replace
from typing import Any, get_args

from nn_core.config import foreign
from nn_core.instruments.evidence import Evidence
from nn_core.instruments.health import Health, Level, findings
from nn_core.training.trainer import Trainer

log = logging.getLogger(__name__)

EVENTS, ROWS = "events", "rows"  # where they lie in a trainer's `instruments`
MOST = 100  # events of a run; the oldest ones that have ended make room
MAX_NAME, MAX_SENTENCE, MAX_TEXT = 60, 400, 200_000  # characters of a name, of a sentence, of all of it
SHARE = 0.01  # of the training time, for asking the rules
PAUSE = 0.1  # of the steps so far: what begins again within them had not ended


@dataclass(frozen=True)
class Event:
    """A verdict on a run that held from one step to another, and why it was given."""

    rule: str
    level: Level
    verdict: str
    why: str  # as it was said at first
    began: int
    ended: int | None = None  # the step at which it no longer held; None: it holds

    def __repr__(self) -> str:
        return f"<Event {self.verdict}: steps {self.steps}>"

    @property
    def steps(self) -> str:
        """When it held: "120 to 480", or "from 120 on"."""
        return f"from {self.began:,} on" if self.ended is None else f"{self.began:,} to {self.ended:,}"

    def until(self, step: int) -> Event:
        """The event as it stood at a step at which it had begun."""
        return replace(self, ended=None) if self.ended is not None and self.ended > step else self


def events_until(events: Sequence[Event], step: int) -> tuple[Event, ...]:
    """What had begun by a step, as it stood then."""
    return tuple(event.until(step) for event in events if event.began <= step)


def followed(events: Sequence[Event], found: Sequence[Health], step: int) -> tuple[Event, ...]:
    """The events after the verdicts of a step: some begin, some go on, the others have ended.

    What another verdict explains goes on, but does not begin.
    """
    now = {one.rule: one for one in found if one.level != "idle"}
    after: list[Event] = []
    for event in reversed(events):  # the newest of a rule goes on
        just_held = event.ended is None or step - event.ended <= PAUSE * step
        if event.rule in now and just_held:
            event = replace(event, ended=None)
            del now[event.rule]
        elif event.ended is None:
            event = replace(event, ended=step)
        after.append(event)
    begun = [one for one in now.values() if not one.is_explained]
    after += [Event(one.rule, one.level, one.verdict, one.why, step) for one in begun]
    after.sort(key=lambda event: event.began)
    while len(after) > MOST:
        after.remove(next((event for event in after if event.ended is not None), after[0]))
    return tuple(after)


def events_to_json(events: Sequence[Event]) -> list[dict[str, Any]]:
    """JSON-ready, by the names of the fields."""
    return [asdict(event) for event in events]


# ---------------------------------------------------------------------------------------------- as a text


def to_instruments(events: Sequence[Event]) -> dict[str, dict[str, Any]]:
    """What a trainer's `instruments` hold of them: nothing where there are none."""
    return {EVENTS: {ROWS: json.dumps([astuple(event) for event in events])}} if events else {}


def without_events(instruments: Mapping[str, Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """What a trainer's `instruments` hold beside them."""
    return {name: of for name, of in instruments.items() if name != EVENTS}


def from_instruments(instruments: Mapping[str, Mapping[str, Any]], last_step: int) -> tuple[Event, ...]:
    """The events in a trainer's `instruments`, perhaps out of a file; what makes no sense there is passed over."""
    text = instruments.get(EVENTS, {}).get(ROWS)
    try:
        rows = foreign.parse_json(text) if isinstance(text, str) and len(text) <= MAX_TEXT else []
    except ValueError:
        return ()
    events = [_event(row, last_step) for row in (rows if isinstance(rows, list) else [])]
    return tuple(sorted((event for event in events if event is not None), key=lambda event: event.began))[:MOST]


def _event(row: Any, last_step: int) -> Event | None:
    try:
        given = dict(zip(("rule", "level", "verdict", "why", "began", "ended"), row, strict=True))
        rule, verdict = (foreign.text(given, name, MAX_NAME) for name in ("rule", "verdict"))
        began = foreign.whole(given, "began", last_step)
        ended = None if given["ended"] is None else foreign.whole(given, "ended", last_step)
        if given["level"] not in get_args(Level) or (ended is not None and ended < began):
            return None
        return Event(
            _line(rule), given["level"], _line(verdict), _line(foreign.text(given, "why", 1_000)), began, ended
        )
    except (TypeError, ValueError):
        return None


def _line(text: str) -> str:
    """A text on one line, without what is not printed."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:MAX_SENTENCE]


# ---------------------------------------------------------------------------------------------- of a run that trains


class EventLog:
    """Asks the rules about one trainer as its scores come, and keeps the events; used by the training thread."""

    def __init__(self, trainer: Trainer) -> None:
        self._trainer = trainer
        self._asked_at: Any = None  # the scores of which the rules were asked last
        self._not_before = 0.0  # seconds of training
        self._known: tuple[str | None, tuple[Event, ...]] = None, ()
        if EVENTS in trainer.instruments:
            self._keep(self.events)  # what a file holds beside them goes

    def __repr__(self) -> str:
        return f"<EventLog of {len(self.events)} events>"

    @property
    def events(self) -> tuple[Event, ...]:
        """The events so far. A run that has gone back has those of then."""
        text = self._trainer.instruments.get(EVENTS, {}).get(ROWS)
        if text != self._known[0]:
            self._known = text, from_instruments(self._trainer.instruments, self._trainer.step_count)
        return self._known[1]

    def note(self) -> None:
        """After a step: ask the rules if there are new scores and it is time."""
        trainer = self._trainer
        if trainer.scores is not self._asked_at and trainer.seconds >= self._not_before:
            self._ask()

    def rests(self) -> None:
        """Training has halted: the events are brought up to this step."""
        if self._trainer.step_count:
            self._ask()

    def _ask(self) -> None:
        trainer, started = self._trainer, time.perf_counter()
        self._asked_at = trainer.scores
        try:
            events = followed(self.events, findings(evidence_of(trainer)), trainer.step_count)
        except Exception:  # a rule that fails never stops the training
            log.warning("the rules of health fail at step %d", trainer.step_count, exc_info=True)
        else:
            if events != self.events:
                self._keep(events)
        self._not_before = trainer.seconds + (time.perf_counter() - started) / SHARE

    def _keep(self, events: tuple[Event, ...]) -> None:
        instruments: dict[str, Any] = {**without_events(self._trainer.instruments), **to_instruments(events)}
        self._trainer.instruments = instruments


def evidence_of(trainer: Trainer) -> Evidence:
    """What the rules see of a trainer as it stands. Where validation no longer improves, it has not diverged."""
    stopped = "" if trainer.stopped_early else trainer.stopped
    series, weights = trainer.history.series(), trainer.model.weights()
    return Evidence(trainer.config, series, weights, trainer.step_count, trainer.epoch, stopped, data=trainer.data)
