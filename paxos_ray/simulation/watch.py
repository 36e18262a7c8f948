"""Looking at citizens: `Watch` tells checkers what is new, each once of what concerns it.

A checker knows all citizens for ever: what a citizen committed before it died still counts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence

from paxos_ray.core.government import Government
from paxos_ray.core.log import NOTHING, Entry
from paxos_ray.core.messages import Register
from paxos_ray.core.promise import Ballot, Promise
from paxos_ray.simulation.application import Application, Snapshot
from paxos_ray.simulation.inhabitant import Inhabitant, Ticket, entries_after


class Violation(Exception):
    """An invariant is broken: `name` says which, `detail` by what."""

    def __init__(self, name: str, detail: str) -> None:
        super().__init__(f"{name}: {detail}")
        self.name = name
        self.detail = detail


class History:
    """The one log that all citizens' logs must be parts of, as far as anybody committed it.

    `acknowledged` is the highest promise that anybody was told is committed or confirmed.
    """

    def __init__(self) -> None:
        self.entries: dict[Promise, Entry] = {}
        self.chain: list[Promise] = []
        self.states: dict[Promise, Snapshot] = {NOTHING: Snapshot(NOTHING, 0, 0)}
        self.governments: list[Government] = []
        self.acknowledged = NOTHING
        self.changes: Counter[str] = Counter()

    @property
    def tip(self) -> Promise:
        """The last promise that anybody committed."""
        return self.chain[-1] if self.chain else NOTHING

    def add(self, entry: Entry) -> None:
        """An entry that nobody had committed before."""
        self.entries[entry.promise] = entry
        self.chain.append(entry.promise)
        application = Application()
        application.restore(self.states[entry.previous])
        application.apply((entry,))
        self.states[entry.promise] = application.state
        if entry.promise.entry == 0:
            self.governments.append(entry.body)


class Checker:
    """One invariant. A subclass overrides what it wants to be told, and calls `fail`."""

    name = "checker"

    def __init__(self, history: History) -> None:
        self.history = history

    def fail(self, detail: str) -> None:
        """The invariant is broken."""
        raise Violation(self.name, detail)

    def first(self, who: Inhabitant, entry: Entry) -> None:
        """`entry` was committed, its promise by nobody before. It is not in the history yet."""

    def again(self, who: Inhabitant, entry: Entry, known: Entry) -> None:
        """`entry` was committed where somebody has committed `known`, another object."""

    def moved(self, who: Inhabitant, before: Promise, top: Promise) -> None:
        """A citizen's top changed."""

    def promised(self, who: Inhabitant, before: Ballot, ballot: Ballot) -> None:
        """A citizen's promise changed."""

    def registered(self, who: Inhabitant, before: Register | None, register: Register) -> None:
        """A citizen's register changed, and is not empty."""

    def holds(self, who: Inhabitant, register: Register, top: Promise) -> None:
        """A citizen's register or top changed, and the register is not empty."""

    def forgot(self, who: Inhabitant, minimum: Promise) -> None:
        """A citizen's minimum changed."""

    def settled(self, who: Inhabitant, ticket: Ticket, promise: Promise | None) -> None:
        """A ticket got its outcome; not in `history.acknowledged` yet."""


class Watch:
    """Looks at citizens and tells the checkers what is new. `history` is what they share."""

    def __init__(self, history: History, checkers: Sequence[Checker]) -> None:
        self.history = history
        self.checkers = checkers
        self._first = _those(checkers, "first")
        self._again = _those(checkers, "again")
        self._moved = _those(checkers, "moved")
        self._promised = _those(checkers, "promised")
        self._registered = _those(checkers, "registered")
        self._holds = _those(checkers, "holds")
        self._forgot = _those(checkers, "forgot")
        self._settled = _those(checkers, "settled")

    def observe(self, who: Inhabitant) -> None:
        """Look at a citizen after an input."""
        seen = who.legislator
        who.stateful = seen.stateful
        ballot, top, register, minimum = seen.promised, seen.top, seen.register, seen.minimum
        if ballot != who.promised:
            before, who.promised = who.promised, ballot
            for promised in self._promised:
                promised(who, before, ballot)
        unlike = register is not who.register or top != who.top
        if top != who.top and top is not None:
            self.committed(who, entries_after(seen, who.top))
            before_top, who.top = who.top, top
            for moved in self._moved:
                moved(who, before_top, top)
        if register is not who.register:
            recorded, who.register = who.register, register
            if register is not None:
                for registered in self._registered:
                    registered(who, recorded, register)
        if unlike and register is not None and top is not None:
            for holds in self._holds:
                holds(who, register, top)
        if minimum != who.minimum:
            who.minimum = minimum
            for forgot in self._forgot:
                forgot(who, minimum)

    def settled(self, who: Inhabitant, ticket: Ticket, promise: Promise | None) -> None:
        """A ticket got its outcome."""
        for settled in self._settled:
            settled(who, ticket, promise)
        if promise is not None and promise > self.history.acknowledged:
            self.history.acknowledged = promise

    def committed(self, who: Inhabitant, entries: Iterable[Entry]) -> None:
        """`who` has committed these, in order."""
        known = self.history.entries
        for entry in entries:
            there = known.get(entry.promise)
            if there is None:
                for first in self._first:
                    first(who, entry)
                self.history.add(entry)
            elif there is not entry:
                for again in self._again:
                    again(who, entry, there)


def _those(checkers: Sequence[Checker], method: str) -> list[Callable[..., None]]:
    """That method of those who override it."""
    overriding = (c for c in checkers if getattr(type(c), method) is not getattr(Checker, method))
    return [getattr(checker, method) for checker in overriding]
