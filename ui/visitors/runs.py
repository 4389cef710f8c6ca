"""The runs of a shared server as the visitor who asks may see and change them.

The store lists a visitor's own runs and changes no others; a run takes commands from its own visitor alone. Whoever
knows a run's id, which is what a link holds, may look at it and branch from it. All that pages do passes here, because
they have no other store and no other registry.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from nn_core.runs import Run, RunRegistry
from nn_core.store import RUN_ID, RunStore, StoreError
from ui.visitors.access import ANOTHERS, BRANCH, Access, NoRoom
from ui.visitors.queues import FairScheduler

REFUSED = f"{ANOTHERS.format('run')} {BRANCH}"


class SharedStore(RunStore):
    """A RunStore in which each visitor finds and changes their own runs, and an owner all."""

    def __init__(self, access: Access) -> None:
        super().__init__(access.folder)
        self.access = access
        self._arriving = threading.local()  # .known: the ids that there were before something was brought in

    def ids(self, trash: bool = False) -> list[str]:
        """The ids of the visitor's runs, or of those of them in the trash."""
        taken = self._known()
        if taken is not None:  # what is brought in takes no id that is or was another's
            return sorted(filter(RUN_ID.fullmatch, taken))
        return super().ids(trash)

    def _names_to_list(self, trash: bool = False) -> list[str]:
        asker = self.access.who()
        names = super()._names_to_list(trash)
        return names if asker.is_owner else sorted({*names} & {*self.access.ledger.of(asker.id)})

    def all_ids(self, trash: bool = False) -> list[str]:
        """The ids of all visitors' runs: for counting, not for showing."""
        return [name for name in self._names(trash) if self.run_folder(name, trash).holds_a_run()]

    def _known(self) -> set[str] | None:
        known: set[str] | None = getattr(self._arriving, "known", None)
        return known

    def __contains__(self, run_id: object) -> bool:
        if not isinstance(run_id, str) or not RUN_ID.fullmatch(run_id) or self.access.may_change(run_id):
            return super().__contains__(run_id)
        visitor, guesses = self.access.who().id, self.access.guesses
        if not guesses.may_look(visitor, run_id):
            return False
        found = super().__contains__(run_id)
        guesses.note(visitor, run_id, found)
        return found

    def _check(self, run_id: str) -> None:
        known = self._known()
        arrives = known is not None and run_id not in known and not self.access.ledger.owner_of(run_id)
        if not arrives and not self.access.may_change(run_id):
            raise StoreError(REFUSED)

    def _label(self, run_id: str, **changes: Any) -> None:
        self._check(run_id)
        super()._label(run_id, **changes)

    def delete(self, run_id: str) -> None:
        """As RunStore, where the run is the visitor's; raises StoreError."""
        self._check(run_id)
        super().delete(run_id)
        self.access.measure_again()

    def restore(self, run_id: str) -> None:
        """As RunStore, where the run is the visitor's; raises StoreError."""
        self._check(run_id)
        super().restore(run_id)

    def purge(self, run_id: str | None = None) -> None:
        """Remove one run of the visitor's that is in the trash for good, or all of them; raises StoreError."""
        if run_id is not None:
            self._check(run_id)
        super().purge(run_id)
        self.access.measure_again()

    def arriving(self) -> AbstractContextManager[Callable[[str], None]]:
        """For the thread that brings something in for this visitor; what it gives is told the new run's id.

        Raises NoRoom at once.
        """
        self.access.check_room(self._all_on_disk)
        return self._arrival(self.access.who().id)

    @contextmanager
    def _arrival(self, visitor: str) -> Iterator[Callable[[str], None]]:
        self._arriving.known = known = self._all_on_disk() | self.access.ledger.things()
        try:
            yield lambda run_id: None if run_id in known else self.access.ledger.claim(run_id, visitor)
        finally:
            self._arriving.known = None

    def _all_on_disk(self) -> set[str]:
        return {*self.all_ids(), *self.all_ids(trash=True)}


class SharedRegistry(RunRegistry):
    """A RunRegistry whose runs obey their own visitors, within limits, and an owner."""

    def __init__(self, store: SharedStore, *, max_training: int, **options: Any) -> None:
        self._access, self._shared = store.access, store
        self.fair = FairScheduler(max_training, self._access.limits.training_each, self._access.ledger.owner_of)
        super().__init__(store, scheduler=self.fair, permit=self._may_command, **options)

    def _new_id(self) -> str:
        """The id of a run that is about to be begun, which is this visitor's; raises NoRoom."""
        self._access.check_room(lambda: [*self._shared.all_ids(), *self._shared.all_ids(trash=True)])
        run_id = super()._new_id()
        self._access.claim(run_id, write=False)  # until it is trained or kept, it leaves nothing on the disk
        return run_id

    def branch(self, *arguments: Any, **options: Any) -> Run:
        """As RunRegistry; the branch is this visitor's, whoever the run belongs to that it comes from."""
        run = super().branch(*arguments, **options)
        self._access.ledger.write(run.id)
        return run

    def _may_command(self, run_id: str, trains: bool) -> bool:
        """Whether a run takes a command of whoever asks; where not, they are told why."""
        try:
            if not self._access.may_change(run_id):
                raise NoRoom(REFUSED)
            if trains:
                self._check_queue(run_id)
                self._access.check_disk()
                self._access.ledger.write(run_id)
        except NoRoom as refused:
            self._access.say(str(refused))
            return False
        return True

    def _check_queue(self, run_id: str) -> None:
        most, owner_of = self._access.limits.queue_each, self._access.ledger.owner_of
        asker = self._access.who()
        own = [run for run in super().runs() if run.id != run_id and owner_of(run.id) == asker.id]
        under_way = sum(run.snapshot.is_training or run.is_asked for run in own)
        if under_way >= most and not asker.is_owner:
            raise NoRoom(f"A visitor may have {most} runs that train or wait. You have {under_way}: pause one first.")

    def runs(self) -> list[Run]:
        """The visitor's runs in memory, oldest first."""
        return [run for run in super().runs() if self._access.may_change(run.id)]

    def get(self, run_id: str) -> Run | None:
        """As RunRegistry, for whoever knows the id; within limits for those who guess."""
        guesses, visitor = self._access.guesses, self._access.who().id
        if not self._access.may_change(run_id) and not guesses.may_look(visitor, run_id):
            return None
        run = super().get(run_id)
        if run is not None:
            guesses.note(visitor, run_id, True)
        return run

    def in_memory(self, run_id: str) -> Run | None:
        """As RunRegistry, within the same limits."""
        may_look = self._access.guesses.may_look(self._access.who().id, run_id)
        return super().in_memory(run_id) if may_look or self._access.may_change(run_id) else None

    def delete(self, run_id: str) -> None:
        """As RunRegistry, where the run is the visitor's; raises StoreError."""
        if not self._access.may_change(run_id):
            raise StoreError(REFUSED)
        super().delete(run_id)

    def standing(self) -> tuple[int, int, list[int]]:
        """How many train, how many wait, and the numbers in the queue of the visitor's own."""
        line = self.fair.standing()
        own = sorted(number for place, number in line.items() if number and self._access.is_mine(place))
        return sum(number == 0 for number in line.values()), sum(map(bool, line.values())), own
