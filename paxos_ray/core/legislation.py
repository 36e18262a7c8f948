"""The role of who leads: `Writer`, whose steady state is a two-phase commit to the majority.

A change of government is written likewise, to the old and the new majority.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Any

from paxos_ray.core.census import Contact
from paxos_ray.core.dissemination import Dissemination, catch_up, hear
from paxos_ray.core.government import Government
from paxos_ray.core.log import ENTRY_HEFT, Entry, heft
from paxos_ray.core.messages import (
    LOG_FULL,
    QUEUE_FULL,
    Lacks,
    Outcome,
    Pulse,
    Received,
    Refused,
    Register,
    Synchronize,
    Write,
)
from paxos_ray.core.petitions import Petitions
from paxos_ray.core.promise import Promise
from paxos_ray.core.state import Giving, State


@dataclass(slots=True)
class Round:
    """One pulse to all that must answer, with what goes on after a `lacks`."""

    proposals: tuple[Entry, ...]  # empty: a `synchronize`
    tickets: tuple[int, ...]  # one for each proposal that has one
    reads: int  # reads asked up to this number are served by this round
    waiting: list[Contact]  # who has not answered yet
    again: list[Contact]  # whom to give it to next: at first all, then who lacked entries for it

    @property
    def changes(self) -> bool:
        """Whether it writes a government."""
        return bool(self.proposals) and self.proposals[0].promise.entry == 0


class Writer(Petitions):
    """Leads: writes batches and changes of government, confirms reads, spreads the minimum."""

    name = "writer"

    def __init__(self, state: State) -> None:
        super().__init__(state)
        self.dissemination = Dissemination(state)
        self.queue: deque[tuple[int, Any]] = deque()
        self.queued = 0  # bytes: what the queue weighs
        self.reads: deque[tuple[int, int]] = deque()  # number, ticket
        self.asked = 0  # how many reads were ever asked
        self.round: Round | None = None
        self.next_ping = state.now
        self._batch_first = False
        last = state.log.last
        self._stamp = last.stamp if last is not None else 0
        self._clock = state.now
        self.reign()

    # -- the verbs -----------------------------------------------------------------------

    def enqueue(self, body: Any) -> int | str:
        """Propose an entry; a text says why not, one of `THROTTLED`.

        A limit that is reached is a limit: until then an entry of any size is taken, so that
        none is too large for ever; and the top, which the log always has, stops nothing, whatever
        it weighs. What changes the government is never throttled."""
        state = self.state
        if self.queued >= state.limits.queue_bytes:
            return QUEUE_FULL
        if state.log.weight >= state.limits.log_bytes and len(state.log) > 1:
            return LOG_FULL
        ticket = state.ticket()
        self.queue.append((ticket, body))
        self.queued += heft(body) + ENTRY_HEFT
        return ticket

    def confirm(self) -> int:
        """Ask to be confirmed as the leader by a pulse first given after this."""
        self.asked += 1
        ticket = self.state.ticket()
        self.reads.append((self.asked, ticket))
        return ticket

    # -- government ----------------------------------------------------------------------

    def reign(self) -> None:
        """A government that this citizen leads has been committed."""
        state = self.state
        assert state.government is not None
        government, census = state.government, state.census
        assert census is not None
        self._peers = [census.contact(id, state.now) for id in government.majority[1:]]
        self.alone = not self._peers
        self.settled = False
        self._look_again()
        self.note_loading()
        for id in [id for id in self.wishes if id in government.citizens]:
            wish, tickets = self.wishes.pop(id)
            if government.lists(id, wish.citizen.cookie):
                self.changes.extend((ticket, government.promise) for ticket in tickets)
            else:
                self._retry(tickets)
        for id in [id for id in self.emigrants if id not in government.citizens]:
            tickets = self.emigrants.pop(id)
            self.changes.extend((ticket, government.promise) for ticket in tickets)

    def resign(self) -> None:
        """Answer all that is open `retry`: its outcome is unknown here."""
        self._retry([ticket for ticket, _ in self.queue])
        if self.round is not None:
            self._retry(self.round.tickets)
        self._retry([ticket for _, ticket in self.reads])
        self._retry([ticket for ticket, _ in self.changes])
        for _, tickets in self.wishes.values():
            self._retry(tickets)
        for tickets in self.emigrants.values():
            self._retry(tickets)
        self.queue.clear()
        self.queued = 0
        self.round = None

    def _retry(self, tickets: Any) -> None:
        for ticket in tickets:
            self.state.settle(ticket, None)

    # -- pulses --------------------------------------------------------------------------

    def outbox(self) -> Pulse | None:
        """The next pulse: of the round, begun if there is none, or the log downward."""
        if self.alone:
            self.advance()
            if self.state.role is not self:
                return self.state.role.outbox()
        elif self.round is None:
            self.round = self._begin()
        if self.round is not None and self.round.again:
            return self._give(self.round)
        return self.dissemination.pulse() if self.alone else None

    def advance(self) -> None:
        """A majority of one commits at once: what is queued does not wait for a pulse."""
        while self.state.role is self and self.round is None and self.alone:
            self.round = self._begin()
            if self.round is None or self.round.waiting:
                return
            self._complete(self.round)

    def sent(self, giving: Giving, replies: dict[str, Any]) -> None:
        """Results of a round, or of the log brought downward."""
        state, round = self.state, self.round
        if round is None or giving.purpose is not round:
            self.dissemination.sent(giving, replies)
            if state.role is self:
                self._review()
                self.advance()
            return
        catch_up(state, replies)
        if state.role is not self:
            return
        intact = True
        for contact in giving.contacts:
            intact = self._hear(round, contact, replies[contact.id]) and intact
        if not intact or state.exiled:
            state.succession.collapse(self._rivalry(replies))
        elif not round.waiting:
            self._complete(round)
            self.advance()

    def _hear(self, round: Round, contact: Contact, reply: Any) -> bool:
        """One answer of a round; False breaks the majority."""
        before = (contact.top, contact.held)
        hear(self.state, contact, reply)
        if isinstance(reply, Received):
            round.waiting.remove(contact)
            if round.proposals:
                assert self.state.government is not None
                contact.held = (self.state.government.ballot, round.proposals[-1].promise)
            return True
        if isinstance(reply, Lacks) and (contact.top, contact.held) != before:
            round.again.append(contact)
            return True
        assert self.state.census is not None
        if reply is None and contact not in self.state.census.targets:
            self.state.shunned[contact.id] = self.state.now + 4 * self.state.limits.timeout
        return False

    def tick(self) -> None:
        """Changes that waited for time to pass are tried again."""
        self._review()
        self.advance()

    def wakeup(self) -> int | None:
        """The next ping."""
        now = self.state.now
        if self.round is not None and self.round.again:
            return now
        if self.round is None:
            if self.queue or self.reads or self.changes or not self.settled:
                return now
            if self._next_government() is not None or (not self.alone and self._is_sync_due()):
                return now
        elif not self.alone:
            return None
        return self.dissemination.wakeup() if self.alone else self.next_ping

    # -- a round -------------------------------------------------------------------------

    def _begin(self) -> Round | None:
        """What is next: one change of government, one batch in between, else a `synchronize`."""
        state = self.state
        assert state.government is not None
        if not (self._batch_first and self.queue):
            government = self._next_government()
            if government is not None:
                self._batch_first = True
                proposal = Entry(government.promise, state.log.top, self._next_stamp(), government)
                return self._round((proposal,), (), self._old_and_new(government))
        self._batch_first = False
        if self.queue:
            return self._round(*self._batch(), self._peers)
        if self.reads or self.changes or not self.settled or (self._peers and self._is_sync_due()):
            return self._round((), (), self._peers)
        return None

    def _old_and_new(self, government: Government) -> list[Contact]:
        """W: the others of the present majority, and of that of the government to come."""
        state, census = self.state, self.state.census
        assert census is not None
        joining = [census.contact(id, state.now) for id in government.majority if id != state.id]
        return [*self._peers, *(contact for contact in joining if contact not in self._peers)]

    def _round(
        self, proposals: tuple[Entry, ...], tickets: tuple[int, ...], contacts: list[Contact]
    ) -> Round:
        state = self.state
        if proposals:
            assert state.government is not None
            state.register = Register(state.government.ballot, proposals)
        return Round(proposals, tickets, self.asked, list(contacts), list(contacts))

    def _batch(self) -> tuple[tuple[Entry, ...], tuple[int, ...]]:
        """The next promises for what is queued, up to a limit in entries and bytes."""
        limits, queue, previous = self.state.limits, self.queue, self.state.log.top
        assert self.state.government is not None
        number, stamp = self.state.government.promise.government, self._next_stamp()
        place = previous.entry
        tickets: list[int] = []
        proposals: list[Entry] = []
        size = 0
        while queue and len(proposals) < limits.batch_entries:
            size += heft(queue[0][1])
            if size > limits.batch_bytes and proposals:
                break
            ticket, body = queue.popleft()
            self.queued -= heft(body) + ENTRY_HEFT
            tickets.append(ticket)
            place += 1
            promise = Promise(number, place)
            proposals.append(Entry(promise, previous, stamp, body))
            previous = promise
        return tuple(proposals), tuple(tickets)

    def _give(self, round: Round) -> Pulse:
        """Give the round to those who have not had it, or lacked entries for it."""
        state = self.state
        assert state.government is not None
        contacts, round.again = round.again, []
        ballot, proposals = state.government.ballot, round.proposals
        if proposals:
            requests = [(c, state.request(Write, c, ballot, proposals)) for c in contacts]
        else:
            requests = [(c, state.request(Synchronize, c, ballot)) for c in contacts]
        self.next_ping = state.now + self._interval()
        return state.give(requests, round)

    def _complete(self, round: Round) -> None:
        """All have answered: commit, answer, and learn how far the log can be forgotten.

        Who answers stands where this leader stands, so the government is settled, too."""
        state = self.state
        self.round = None
        self.settled = True
        self._settle_changes()
        confirmed = []
        while self.reads and self.reads[0][0] <= round.reads:
            confirmed.append(self.reads.popleft()[1])
        if round.proposals:
            assert state.government is not None
            state.commit_own(Register(state.government.ballot, round.proposals))
            state.outcomes.extend(map(Outcome, round.tickets, [p.promise for p in round.proposals]))
        for ticket in confirmed:
            state.settle(ticket, state.log.top)
        if state.role is self:
            self._review()

    def _review(self) -> None:
        """Look at what the island reports, and let go of what everybody has: of nothing while a
        government is being written, for whoever is seated by it was seen to have the state and the
        log beyond the minimum that there was."""
        self._report = self.state.report()
        if self.round is None or not self.round.changes:
            self.state.forget(self._report.minimum)

    def _rivalry(self, replies: dict[str, Any]) -> int:
        """How long to wait before standing: not at all, but for whoever was promised instead."""
        if any(isinstance(reply, Refused) for reply in replies.values()):
            return self.state.random.randint(self.state.limits.ping, 2 * self.state.limits.ping)
        return 0

    def _next_stamp(self) -> int:
        """Log time: the last stamp, and what this leader's clock has moved since it wrote that
        or took office. Never a difference between two citizens' clocks."""
        state = self.state
        self._stamp += max(0, state.now - self._clock)
        self._clock = state.now
        return self._stamp

    def _is_sync_due(self) -> bool:
        """A ping, or somebody of the majority who does not know what is committed."""
        state = self.state
        if self.next_ping <= state.now:
            return True
        top = state.log.top
        return any(contact.top != top for contact in self._peers)

    def _interval(self) -> int:
        """Ms to the next pulse: soon while reports are awaited that may change the government."""
        state = self.state
        assert state.census is not None and state.government is not None
        report = self._report
        heard = len(report.reached) + len(report.silent)
        everyone = len(state.government.citizens)
        if heard == everyone - 1 and len(state.government.acclimated) == everyone:
            return state.limits.ping
        return max(1, state.limits.ping // 4)
