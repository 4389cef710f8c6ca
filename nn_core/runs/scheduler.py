"""Decides which runs of a process train now, and which wait their turn."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext


class Turns:
    """A lock that is handed on in the order in which it was asked for."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._line: deque[object] = deque()

    def __enter__(self) -> None:
        with self._changed:
            ticket = object()
            self._line.append(ticket)
            self._changed.wait_for(lambda: self._line[0] is ticket)

    def __exit__(self, *_: object) -> None:
        with self._changed:
            self._line.popleft()
            self._changed.notify_all()


class Scheduler:
    """Lets so many runs train at once; the others wait, first come first served.

    Runs that were teamed up count as one: they train in turns, each for as long as the others, and the next in the line
    may begin when none of them is under way any more.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._lock = threading.Lock()
        self._teams: dict[str, str] = {}  # run id -> the id of the team's first run
        self._turns: dict[str, Turns] = {}  # by the same
        self._line: dict[str, set[str]] = {}  # run or team -> its runs that are under way; the first `limit` train

    def __repr__(self) -> str:
        return f"<Scheduler of {len(self._line)} under way, {self.limit} at once>"

    def team_up(self, run_ids: Sequence[str]) -> None:
        """From now on these train in turns."""
        with self._lock:
            self._teams |= dict.fromkeys(run_ids, run_ids[0])
            self._turns[run_ids[0]] = Turns()

    def turn(self, run_id: str) -> AbstractContextManager[None]:
        """What a run holds while it makes the steps of one interval: within a team, its turn."""
        team = self._teams.get(run_id)
        return nullcontext() if team is None else self._turns[team]

    def take(self, run_id: str) -> int:
        """Join the line; 0 when the run may train, else its number among those that wait."""
        with self._lock:
            team = self._teams.get(run_id, run_id)
            self._line.setdefault(team, set()).add(run_id)
            return self._number(team)

    def _number(self, team: str) -> int:
        """0 for a run or team in the line that trains, else its number among those that wait."""
        return max(0, list(self._line).index(team) + 1 - self.limit)

    def standing(self) -> dict[str, int]:
        """All that train (0) or wait (their numbers), by the id of a run, of a team's first one."""
        with self._lock:
            return {team: self._number(team) for team in self._line}

    @property
    def rule(self) -> str:
        """How many train at once, as a sentence."""
        at_once = "1 run trains" if self.limit == 1 else f"{self.limit} runs train"
        return f"{at_once} at once on this machine."

    def leave(self, run_id: str) -> None:
        """Leave the line; the next one may train."""
        with self._lock:
            team = self._teams.get(run_id, run_id)
            under_way = self._line.get(team, set())
            under_way.discard(run_id)
            if not under_way:
                self._line.pop(team, None)
