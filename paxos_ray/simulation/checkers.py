"""The invariants, one checker each, looked at after every input to any citizen."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from paxos_ray.core.describe import describe_government
from paxos_ray.core.government import Government
from paxos_ray.core.log import NOTHING, Entry
from paxos_ray.core.messages import Register
from paxos_ray.core.promise import Ballot, Promise
from paxos_ray.simulation.governments import InvalidChange, change_between
from paxos_ray.simulation.inhabitant import Inhabitant, Ticket
from paxos_ray.simulation.watch import Checker, History


class OneEntry(Checker):
    """No promise ever stands for two entries, whoever committed them."""

    name = "one entry per promise"

    def again(self, who: Inhabitant, entry: Entry, known: Entry) -> None:
        if entry != known:
            self.fail(f"{who} has {_told(entry)} where somebody has {_told(known)}")


class OneLog(Checker):
    """Logs are prefixes of each other: nobody continues the log but at its tip."""

    name = "one log"

    def first(self, who: Inhabitant, entry: Entry) -> None:
        tip = self.history.tip
        if entry.previous != tip or entry.promise <= tip:
            self.fail(f"{who} has {entry.promise} after {entry.previous}, others go on to {tip}")

    def moved(self, who: Inhabitant, before: Promise, top: Promise) -> None:
        if top < before:
            self.fail(f"the log of {who} went back from {before} to {top}")


class SameBallot(Checker):
    """Whatever is recorded at one ballot for one promise is the same entry."""

    name = "same ballot, same register"

    def __init__(self, history: History) -> None:
        super().__init__(history)
        self._recorded: dict[tuple[Ballot, Promise], Entry] = {}

    def registered(self, who: Inhabitant, before: Register | None, register: Register) -> None:
        ballot, recorded = register.ballot, self._recorded
        for entry in register.entries:
            known = recorded.setdefault((ballot, entry.promise), entry)
            if known is not entry and known != entry:
                self.fail(
                    f"at {ballot} {who} has recorded {_told(entry)}, somebody else {_told(known)}"
                )


class Chosen(Checker):
    """What is committed was recorded by a strict majority of the parliament; a new government
    by one of its own parliament, too. The dead count: they did record it."""

    name = "committed is recorded by a majority"

    def __init__(
        self, history: History, incarnations: Mapping[tuple[str, Any], Inhabitant]
    ) -> None:
        super().__init__(history)
        self._incarnations = incarnations

    def first(self, who: Inhabitant, entry: Entry) -> None:
        governments = self.history.governments[-1:]
        if entry.promise.entry == 0:
            governments = [*governments, entry.body]
        for government in governments:
            having = [id for id in government.parliament if self._has(government, id, who, entry)]
            if len(having) < government.quorum:
                line = describe_government(government)
                self.fail(f"{who} has committed {entry.promise}, only {having} have it, of {line}")

    def _has(self, government: Government, id: str, who: Inhabitant, entry: Entry) -> bool:
        member = self._incarnations.get((id, government.citizens[id].cookie))
        if member is None or member is who:
            return member is who
        register = member.register
        return member.top >= entry.promise or (register is not None and entry in register.entries)


class NothingLost(Checker):
    """What was acknowledged is what was asked for, and every log that goes on from it has it."""

    name = "no acknowledged entry is lost"

    def first(self, who: Inhabitant, entry: Entry) -> None:
        acknowledged = self.history.acknowledged
        if entry.previous < acknowledged and entry.promise != acknowledged:
            self.fail(f"{who} has {entry.promise} after {entry.previous}, without {acknowledged}")

    def settled(self, who: Inhabitant, ticket: Ticket, promise: Promise | None) -> None:
        if promise is None:
            return
        if promise > who.top:
            self.fail(f"{who} says {promise} of {ticket}, and has committed only {who.top}")
        entry = self.history.entries.get(promise)
        if ticket.kind == "write" and (entry is None or entry.body != ticket.subject):
            self.fail(f"{who} says {promise} of {ticket}, where there is {entry}")


class NothingTwice(Checker):
    """Nothing that was asked for once is in the log twice, and no ticket has two outcomes."""

    name = "nothing twice"

    def __init__(self, history: History) -> None:
        super().__init__(history)
        self._places: dict[object, Promise] = {}

    def first(self, who: Inhabitant, entry: Entry) -> None:
        if entry.promise.entry:
            place = self._places.setdefault(entry.body, entry.promise)
            if place != entry.promise:
                self.fail(f"{entry.body} is at {place} and at {entry.promise}")

    def settled(self, who: Inhabitant, ticket: Ticket, promise: Promise | None) -> None:
        if ticket.kind == "unknown":
            self.fail(f"{who} settles {ticket.number}: nobody has it, or it was settled before")


class FreshReads(Checker):
    """A read reflects all that was acknowledged before it was asked for, reads included."""

    name = "no stale read"

    def settled(self, who: Inhabitant, ticket: Ticket, promise: Promise | None) -> None:
        if ticket.kind != "read" or promise is None:
            return
        floor = ticket.subject
        if promise < floor:
            self.fail(f"{who} confirms as of {promise} a read asked when {floor} was known")
        state = who.application.state
        if who.stateful and state.applied < promise:
            self.fail(f"{who} confirms as of {promise} and has applied {state.applied}")


class OneState(Checker):
    """Whoever has applied the log up to a promise has the same state."""

    name = "one state"

    def moved(self, who: Inhabitant, before: Promise, top: Promise) -> None:
        self.look(who)

    def settled(self, who: Inhabitant, ticket: Ticket, promise: Promise | None) -> None:
        self.look(who)

    def look(self, who: Inhabitant) -> None:
        """Compare what `who` has applied."""
        state = who.application.state
        expected = self.history.states.get(state.applied)
        if state != expected:
            self.fail(f"{who} has {state}, and should have {expected}")


class ValidGovernments(Checker):
    """Governments follow each other by one change, or by an election that keeps all seats."""

    name = "valid governments"

    def __init__(self, history: History, size: int, floor: int) -> None:
        super().__init__(history)
        self._size = size
        self._floor = floor

    def first(self, who: Inhabitant, entry: Entry) -> None:
        if entry.promise.entry:
            return
        governments = self.history.governments
        government: Government = entry.body
        if entry.promise != government.promise:
            self.fail(f"{government.promise} is written at {entry.promise}")
        if not governments:
            if government.promise != Promise(1, 0) or len(government.citizens) != 1:
                self.fail(f"the first government is {describe_government(government)}")
            return
        try:
            change = change_between(governments[-1], government, self._size, self._floor)
        except InvalidChange as error:
            between = describe_government(governments[-1]), describe_government(government)
            self.fail(f"{error}: {' becomes '.join(between)}")
        self.history.changes[change] += 1


class NobodyVanishes(Checker):
    """Citizens come one at a time and go one at a time, and stay who they are meanwhile."""

    name = "nobody vanishes"

    def first(self, who: Inhabitant, entry: Entry) -> None:
        if entry.promise.entry or not self.history.governments:
            return
        before, after = self.history.governments[-1], entry.body
        gone = [id for id in before.citizens if id not in after.citizens]
        come = [id for id in after.citizens if id not in before.citizens]
        if len(gone) + len(come) > 1:
            self.fail(f"{gone} went and {come} came from {before.promise} to {after.promise}")
        for id, citizen in before.citizens.items():
            if id in gone:
                continue
            other = after.citizens[id]
            if (other.cookie, after.arrived[id]) != (citizen.cookie, before.arrived[id]):
                self.fail(f"{citizen} of {before.promise} is {other} in {after.promise}")
        for id in come:
            if after.arrived[id] != after.promise:
                self.fail(f"{id} came in {after.promise} and says {after.arrived[id]}")


class Promises(Checker):
    """A citizen's promise never goes down, and it records nothing at another ballot."""

    name = "promises are kept"

    def promised(self, who: Inhabitant, before: Ballot, ballot: Ballot) -> None:
        if ballot < before:
            self.fail(f"{who} had promised {before} and now {ballot}")

    def registered(self, who: Inhabitant, before: Register | None, register: Register) -> None:
        known = before.entries if before is not None and before.ballot == register.ballot else ()
        if register.ballot != who.promised and register.entries[-1] not in known[-1:]:
            self.fail(f"{who} recorded at {register.ballot} and has promised {who.promised}")


class Attached(Checker):
    """What a citizen has recorded follows its log: else what it promises makes no sense."""

    name = "registers follow the log"

    def holds(self, who: Inhabitant, register: Register, top: Promise) -> None:
        first = register.entries[0]
        if first.previous != top:
            self.fail(f"{who} is at {top} and has recorded {first.promise} after {first.previous}")


class Minimum(Checker):
    """When the minimum moves, and when the government changes, a strict majority of the parliament
    has the state, and the log beyond the minimum."""

    name = "minimum"

    def __init__(
        self, history: History, incarnations: Mapping[tuple[str, Any], Inhabitant]
    ) -> None:
        super().__init__(history)
        self._incarnations = incarnations
        self._highest = NOTHING

    def first(self, who: Inhabitant, entry: Entry) -> None:
        if entry.promise.entry == 0 and self._highest > NOTHING:
            self._check(entry.body, f"{who} commits {entry.promise}")

    def forgot(self, who: Inhabitant, minimum: Promise) -> None:
        government = who.legislator.government
        if minimum <= self._highest or government is None:
            return
        self._highest = minimum
        self._check(government, f"{who} forgets up to {minimum} under {government.promise}")

    def _check(self, government: Government, does: str) -> None:
        having = [id for id in government.parliament if self._has(government, id)]
        if len(having) < government.quorum:
            self.fail(
                f"{does}, of whose parliament {government.parliament} only {having} have the "
                f"state, and the log beyond {self._highest}"
            )

    def _has(self, government: Government, id: str) -> bool:
        member = self._incarnations.get((id, government.citizens[id].cookie))
        return member is not None and member.stateful and member.top >= self._highest


class Receipts(Checker):
    """A change is told of when it is made, and all of the leader's majority have committed it."""

    name = "receipts"

    def __init__(
        self, history: History, incarnations: Mapping[tuple[str, Any], Inhabitant]
    ) -> None:
        super().__init__(history)
        self._incarnations = incarnations

    def settled(self, who: Inhabitant, ticket: Ticket, promise: Promise | None) -> None:
        government = who.legislator.government
        if promise is None or government is None or ticket.kind not in ("embark", "emigrate"):
            return
        subject: Inhabitant = ticket.subject
        if government.lists(subject.id, subject.cookie) != (ticket.kind == "embark"):
            line = describe_government(government)
            self.fail(f"{who} says that {ticket.kind} {subject} is done, under {line}")
        for id in government.majority:
            member = self._incarnations[(id, government.citizens[id].cookie)]
            if member.top < promise:
                self.fail(f"{who} says {promise} of {ticket.kind}, {member} is at {member.top}")


class Stamps(Checker):
    """Stamps never go back, and log time passes no faster than time, whatever the clocks say."""

    name = "stamps"

    def __init__(self, history: History, now: Callable[[], int]) -> None:
        super().__init__(history)
        self._now = now

    def first(self, who: Inhabitant, entry: Entry) -> None:
        if not self.history.chain:
            return
        entries = self.history.entries
        before = entries[self.history.tip].stamp
        founded = entries[self.history.chain[0]].stamp
        if not before <= entry.stamp <= founded + self._now():
            self.fail(
                f"{entry.promise} is stamped {entry.stamp - founded} ms after the founding, what "
                f"precedes it {before - founded}, and {self._now()} have passed"
            )


def _told(entry: Entry) -> str:
    """An entry in words: what it says, and what it follows."""
    what = entry.body if entry.promise.entry else describe_government(entry.body)
    return f"{entry.promise} {what} after {entry.previous}"
