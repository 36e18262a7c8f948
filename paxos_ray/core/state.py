"""What a citizen holds whatever its role: log, promise, register, government, contacts.

Here is the side of the protocol that every role shares: taking in committed entries, keeping
promises, and making the head of a request.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, Protocol

from paxos_ray.core.census import Census, Contact
from paxos_ray.core.government import Cookie, Government, Republic
from paxos_ray.core.log import NOTHING, Entry, Log
from paxos_ray.core.messages import Envelope, Outcome, Pulse, Register, Report, Request
from paxos_ray.core.promise import NO_BALLOT, Ballot, Promise


@dataclass(frozen=True, slots=True)
class Limits:
    """Sizes and times: seats, ms, entries, bytes of heft."""

    parliament_size: int
    parliament_floor: int
    ping: int
    timeout: int
    acclimation: int  # ms that a newcomer may take to load the application's state
    batch_entries: int
    batch_bytes: int
    catch_up_entries: int
    catch_up_bytes: int
    queue_bytes: int  # of proposals that are not written yet
    log_bytes: int  # of committed entries that are not let go of yet


@dataclass(slots=True)
class Giving:
    """A pulse that was given and waits for its results. The first `sent` of it counts."""

    pulse: Pulse
    contacts: tuple[Contact, ...]
    purpose: object  # the role's own: which of its affairs the results belong to
    first_at: int
    last_at: int


class Role(Protocol):
    """What a citizen does of its own accord; swapped, never branched on."""

    name: str

    def outbox(self) -> Pulse | None:
        """The next new pulse of this role."""

    def sent(self, giving: Giving, replies: dict[str, Any]) -> None:
        """The results of a giving of this role; lost replies are None."""

    def tick(self) -> None:
        """Do what is due."""

    def wakeup(self) -> int | None:
        """When the next thing is due."""


class Succession(Protocol):
    """How roles follow each other; the one implementation is in `succession`."""

    def installed(self, before: Government | None) -> None:
        """A government was committed."""

    def superseded(self, ballot: Ballot) -> None:
        """A higher ballot than any before was promised."""

    def collapse(self, delay: int) -> None:
        """Become a candidate who stands after `delay` ms."""

    def deposed(self) -> None:
        """Others have moved the committed log: whoever leads here does not lead any more."""

    def stand_down(self) -> None:
        """Follow whoever leads."""

    def become(self, role: Role) -> None:
        """Take that role, and let go of all that the one before has under way."""


class State:
    """The shared state of one citizen. Only the roles and `Legislator` touch it."""

    succession: Succession
    role: Role

    def __init__(self, id: str, limits: Limits, seed: int) -> None:
        self.id = id
        self.limits = limits
        # Ms after which an unanswered pulse is given again: well before it counts as lost.
        self.again = max(1, limits.timeout // 4)
        # Citizens made with one seed still draw differently, else their candidacies go in lockstep.
        self.random = Random(f"{seed}/{id}")
        self.now = 0
        self.republic: Republic | None = None
        self.cookie: Cookie | None = None
        self.log = Log()
        self.government: Government | None = None
        self.census: Census | None = None
        self.minimum = NOTHING
        self.shown = NOTHING  # the top before the present call: the application has seen it
        self.promised = NO_BALLOT
        self.register: Register | None = None
        # The ballot and the end of what this citizen itself wrote and committed last. Only of
        # that may it say "commit what your register holds": two may have written one promise.
        self.written: tuple[Ballot, Promise] | None = None
        self.seen = 0  # the highest number of a ballot or government that was heard of
        self.stateful = False
        self.stateless_since = 0
        self.arrived = False
        self.exiled = False
        # Whether this incarnation is a citizen: written in, as far as it knows, and not out. A
        # newcomer's log may begin before its arrival, with governments that list its id for an
        # earlier incarnation: those are none of its business.
        self.active = False
        self.gone: list[str] = []  # of whom the runtime said that they are dead
        # Whom this leader could not reach itself, though others do -> until when it is not seated:
        # else one that the leader alone is cut off from would be seated, and lost, for ever.
        self.shunned: dict[str, int] = {}
        self.patron: str | None = None  # who brought the log last, and has the state
        self.givings: dict[str, Giving] = {}
        self.outcomes: list[Outcome] = []
        self._trimmed = NOTHING  # the log has been let go of below this
        self._number = 0  # of the committed government
        self._pulses = 0
        self._tickets = 0

    # -- the committed log ---------------------------------------------------------------

    def absorb(self, entries: Sequence[Entry], start: Government | None) -> bool:
        """Take in committed entries; False when one is missing between the top and them.

        With `start`, the government in force at the first of them, a citizen that cannot be
        brought up from its own top starts anew there, and needs the application's state.
        """
        top, role = self.log.top, self.role
        fresh = entries
        if entries and entries[0].promise <= top:
            fresh = tuple(entry for entry in entries if entry.promise > top)
        if not fresh:
            return True
        if fresh[0].previous != top:
            if start is None or fresh[0] is not entries[0]:
                return False
            self.restart(start, fresh[0])
        self.commit(fresh)
        if self.role is role:
            self.succession.deposed()
        return True

    def restart(self, start: Government, first: Entry) -> None:
        """Begin the log at `first`; the promise is kept, the application's state is not."""
        self.log.restart(start, first)
        self.stateful = False
        self.stateless_since = self.now
        if first.promise.entry and start != self.government:
            self.install((start,))

    def commit(self, entries: Sequence[Entry]) -> None:
        """Append to the log what is committed, and follow the governments in it."""
        self.log.extend(entries)
        register = self.register
        if register is not None:
            self.register = beyond(register, self.log.top)
        if entries[-1].promise.government != self._number:
            self.install([entry.body for entry in entries if entry.promise.entry == 0])

    def commit_own(self, register: Register) -> None:
        """Commit what this citizen wrote and all have recorded that had to."""
        self.written = (register.ballot, register.entries[-1].promise)
        self.commit(register.entries)

    def commit_register(self, written: Ballot, top: Promise) -> None:
        """Commit from the register what a leader wrote at `written` and committed up to `top`."""
        register = self.register
        if register is None or register.ballot != written or top <= self.log.top:
            return
        entries = register.entries
        if entries[-1].promise != top:
            entries = tuple(entry for entry in entries if entry.promise <= top)
            if not entries or entries[-1].promise != top:
                return
        role = self.role
        self.commit(entries)
        if self.role is role:
            self.succession.deposed()

    def install(self, governments: Sequence[Government]) -> None:
        """Committed governments, oldest first: the last of them rules."""
        before, government = self.government, governments[-1]
        if not self.arrived:
            self._arrive(governments)
        self.gone = [id for id in self.gone if id in government.citizens]
        listed = government.lists(self.id, self.cookie)
        self.exiled = self.arrived and not listed
        self.active = self.arrived and listed
        self.government = government
        self._number = government.promise.government
        self.census = Census(self.id, government, self.now, self.limits.timeout, self.census)
        self.promised = max(self.promised, government.ballot)
        self.notice(government.promise.government)
        self.succession.installed(before)

    def _arrive(self, governments: Sequence[Government]) -> None:
        """See whether these list this incarnation. The first that does says whether it came with
        the application's state: it has not acclimated in any other way yet."""
        for government in governments:
            if government.lists(self.id, self.cookie):
                self.arrived = True
                self.stateful = self.stateful or self.id in government.acclimated
                return

    def forget(self, minimum: Promise) -> None:
        """The island-wide minimum is now at least this: let go of what is below it.

        Never of what was committed within the present call, which the application has not seen;
        and who has not loaded the application's state yet needs its whole log for that."""
        if minimum > self.minimum:
            self.minimum = minimum
        bound = self.minimum if self.minimum < self.shown else self.shown
        if bound > self._trimmed and self.stateful:
            self._trimmed = bound
            self.log.trim(bound)

    # -- promises ------------------------------------------------------------------------

    def promise(self, ballot: Ballot) -> None:
        """Answer no lower ballot from here on."""
        self.notice(ballot.number)
        if ballot > self.promised:
            self.promised = ballot
            self.succession.superseded(ballot)

    def notice(self, number: int) -> None:
        """Some ballot or government has this number."""
        self.seen = max(self.seen, number)

    def lives(self, id: str) -> None:
        """It was heard from: it is not dead, whatever the runtime has said."""
        if id in self.gone:
            self.gone.remove(id)

    def pending(self) -> list[Government]:
        """The governments in the register, oldest first."""
        if self.register is None:
            return []
        return [entry.body for entry in self.register.entries if entry.promise.entry == 0]

    def exile(self) -> None:
        """This citizen has been written out, by the word of one who is ahead."""
        self.exiled, self.active = True, False

    def report(self) -> Report:
        """What is told upward."""
        assert self.census is not None and self.government is not None
        unlisted = self.stateful and self.id not in self.government.acclimated
        return self.census.report(self.log.top, self.minimum, unlisted, self.stateful, self.now)

    # -- pulses --------------------------------------------------------------------------

    def request(
        self, kind: Callable[..., Request], contact: Contact, ballot: Ballot, *beyond: object
    ) -> Request:
        """A request to that citizen: the head that all have, and what is `beyond` it."""
        top = self.log.top
        entries: tuple[Entry, ...] = ()
        start: Government | None = None
        written: Ballot | None = None
        # Who has returned knows a minimum beyond what it has; those it brings that to need not yet.
        minimum = self.minimum if self.minimum < top else top
        contact.told = top
        if contact.top is not None and contact.top < top:
            if contact.held is not None and contact.held == self.written and self.written[1] == top:
                written = self.written[0]
            else:
                entries, start = self.since(contact.top)
                contact.told = entries[-1].promise
        return kind(
            self.republic, self.id, self.cookie, contact.id, contact.cookie, ballot, top,
            minimum, entries, start, written, self.stateful, *beyond,
        )  # fmt: skip

    def since(self, top: Promise) -> tuple[tuple[Entry, ...], Government | None]:
        """What a citizen at `top` lacks, bounded; with the government to start from if `top`
        is below what this log can continue."""
        limits = self.limits
        entries = self.log.since(top, limits.catch_up_entries, limits.catch_up_bytes)
        if entries is not None:
            return entries, None
        return self.log.opening(limits.catch_up_entries, limits.catch_up_bytes), self.log.base

    def give(self, requests: Sequence[tuple[Contact, Request]], purpose: object) -> Pulse:
        """Make a pulse of these requests and wait for its results."""
        self._pulses += 1
        envelopes = tuple([Envelope(contact.id, request) for contact, request in requests])
        incarnation = f"{_quoted(self.id)}/{_cookie_text(self.cookie)}"
        pulse = Pulse(f"{incarnation}/{self._pulses}", self.id, envelopes)
        contacts = tuple([contact for contact, _ in requests])
        self.givings[pulse.id] = Giving(pulse, contacts, purpose, self.now, self.now)
        return pulse

    def drop_givings(self) -> None:
        """Wait for no result any more: those that still come do not count."""
        for giving in self.givings.values():
            for contact in giving.contacts:
                contact.busy = None
        self.givings.clear()

    # -- tickets -------------------------------------------------------------------------

    def ticket(self) -> int:
        """A number for a receipt."""
        self._tickets += 1
        return self._tickets

    def settle(self, ticket: int, promise: Promise | None) -> None:
        """Tell what became of a ticket; None is `retry`."""
        self.outcomes.append(Outcome(ticket, promise))


def beyond(register: Register, top: Promise) -> Register | None:
    """What the committed log has not reached; the rest is dropped, never compared. What does not
    follow the log goes, too: another chain is chosen in its stead, and it never will be."""
    entries = register.entries
    if entries[-1].promise <= top:
        return None
    if entries[0].promise <= top:
        entries = tuple(entry for entry in entries if entry.promise > top)
        register = Register(register.ballot, entries)
    return register if entries[0].previous == top else None


def _quoted(text: str) -> str:
    """The text as part of a path: itself, unless it could be taken for more, or for quoted."""
    return repr(text) if "/" in text or text[:1] in ("'", '"') else text


def _cookie_text(cookie: Cookie | None) -> str:
    """The cookie likewise, a text never being that of a number."""
    if isinstance(cookie, str):
        number = cookie.removeprefix("-")
        looks = number.isdecimal() or number.startswith("0x")
        return repr(cookie) if looks else _quoted(cookie)
    # Decimal text is limited in length.
    return str(cookie) if cookie is None or abs(cookie) < 10**18 else hex(cookie)
