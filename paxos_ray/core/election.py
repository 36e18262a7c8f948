"""The role of a collapsed citizen: `Proposer` stands for election, by Paxos.

Prepare to every parliament that the candidate knows, choose the chain of the highest ballot with a
new government at its end, accept by the whole electorate. (Lamport, "Paxos Made Simple", section 2;
the joint electorate is that of Ongaro and Ousterhout's joint consensus, applied to every
government that may have been chosen.)
"""

from __future__ import annotations

from typing import Any

from paxos_ray.core import changes
from paxos_ray.core.census import Contact
from paxos_ray.core.dissemination import catch_up, hear
from paxos_ray.core.government import Government
from paxos_ray.core.log import Entry
from paxos_ray.core.messages import (
    Accept,
    Behind,
    Lacks,
    Prepare,
    Promised,
    Pulse,
    Received,
    Register,
)
from paxos_ray.core.promise import Ballot, Promise
from paxos_ray.core.state import Giving, State

_PATIENCE = 3
"""After so many failures a candidate that may take a change back waits for nobody's silence: while
it did, others stood, who wait as long."""


def writers(government: Government, register: Register) -> set[str]:
    """Who may have committed any of a register beyond that government, if it is the highest of an
    electorate: whoever else has carried it on was superseded before all had recorded that.

    Only who writes at a ballot commits at it: the leader of the government, whoever wrote the
    register, and the leader of each government in it that was elected meanwhile."""
    found = {government.leader, register.ballot.id}
    if register.ballot != government.ballot:
        found.update(entry.body.leader for entry in register.entries if entry.promise.entry == 0)
    return found


class Proposer:
    """Stands at `stand_at`; fails and stands again, later and later, until somebody leads."""

    name = "proposer"

    def __init__(self, state: State, delay: int) -> None:
        self.state = state
        self.stand_at = state.now + delay
        self.ballot: Ballot | None = None  # of the attempt under way
        self.failures = 0
        self._known: list[Government] = []  # pending governments that others have shown
        self._top = state.log.top  # where the attempt began
        self._prepared: list[str] = []  # whom the attempt has been put to
        self._asked: list[Contact] = []  # who is to get the next giving of the attempt
        self._waiting: list[str] = []  # who has not answered yet
        self._electorate: dict[str, Register | None] = {}  # who promised -> its register
        self._chain: tuple[Entry, ...] = ()  # what is to be accepted; empty while preparing

    # -- pulses --------------------------------------------------------------------------

    def outbox(self) -> Pulse | None:
        """The next pulse of the attempt, which begins if it is time."""
        state = self.state
        if state.exiled:
            return None
        if self.ballot is None and self.stand_at <= state.now:
            self._stand()
            if state.role is not self:
                return state.role.outbox()
        if self.ballot is None or not self._asked:
            return None
        contacts = self._next_asked()
        ballot, chain = self.ballot, self._chain
        if chain:
            requests = [(c, state.request(Accept, c, ballot, chain)) for c in contacts]
        else:
            requests = [(c, state.request(Prepare, c, ballot)) for c in contacts]
        return state.give(requests, self.ballot)

    def _next_asked(self) -> list[Contact]:
        """Whom the next pulse goes to. An election must not wait for the silence of the dead:
        those believed dead are asked one by one, and everybody is after a failure, which may have
        come of waiting too long."""
        gone = self.state.gone
        well = [c for c in self._asked if not c.failing and c.id not in gone]
        chosen = well if well and not self.failures else self._asked[:1]
        self._asked = [contact for contact in self._asked if contact not in chosen]
        return chosen

    def sent(self, giving: Giving, replies: dict[str, Any]) -> None:
        """Results of an attempt; those of an earlier one count for nothing."""
        state = self.state
        if giving.purpose != self.ballot:
            return
        broken = False
        for contact in giving.contacts:
            broken = not self._hear(contact, replies[contact.id]) or broken
        catch_up(state, replies)
        if state.role is not self or self.ballot is None:
            return
        if state.exiled:
            self._abandon()
        elif state.log.top != self._top:
            self._again()
        elif broken:
            self._fail()
        elif not self._chain:
            self._elect()
        elif not self._waiting:
            state.commit_own(Register(self.ballot, self._chain))

    def _hear(self, contact: Contact, reply: Any) -> bool:
        """One answer; False breaks the attempt: any is needed that is asked to accept."""
        before = (contact.top, contact.held)
        self._waiting.remove(contact.id)
        hear(self.state, contact, reply)
        if isinstance(reply, Lacks) and (contact.top, contact.held) != before:
            self._waiting.append(contact.id)
            self._asked.append(contact)
            return True
        if not self._chain:
            if isinstance(reply, Promised) and reply.ballot == self.ballot:
                self._promised(contact.id, reply)
            return not isinstance(reply, Behind)
        if not isinstance(reply, Received):
            return False
        assert self.ballot is not None
        contact.held = (self.ballot, self._chain[-1].promise)
        return True

    def superseded(self) -> None:
        """A higher ballot than this candidate's was promised: it writes nothing at its own."""
        if self.ballot is not None:
            self._fail()
        self.stand_at = max(self.stand_at, self.state.now + self._pause())

    def tick(self) -> None:
        """Nothing is done but in `outbox`."""

    def wakeup(self) -> int | None:
        """When it stands next."""
        if self.state.exiled:
            return None
        if self.ballot is None:
            return self.stand_at
        return self.state.now if self._asked else None

    # -- an attempt ----------------------------------------------------------------------

    def _stand(self) -> None:
        """Prepare at a ballot above all that was seen, in every parliament that is known."""
        state = self.state
        government = state.government
        assert government is not None and state.census is not None
        self._known = [g for g in self._known if g.promise > state.log.top]
        parliaments = [government, *state.pending(), *self._known]
        if not any(state.id in g.parliament for g in parliaments):
            state.succession.stand_down()
            return
        for parliament in parliaments:
            state.notice(parliament.promise.government)
        ballot = Ballot(state.seen + 1, state.id)
        state.notice(ballot.number)
        state.promised = ballot
        self.ballot, self._top, self._chain = ballot, state.log.top, ()
        self._electorate = {state.id: state.register}
        self._asked = []
        for parliament in parliaments:
            for id in parliament.parliament:
                contact = state.census.contact(id, state.now, parliament)
                if id != state.id and contact not in self._asked:
                    self._asked.append(contact)
        self._prepared = [contact.id for contact in self._asked]
        self._waiting = list(self._prepared)
        if not self._asked:
            self._elect()

    def _promised(self, id: str, reply: Promised) -> None:
        self._electorate[id] = reply.register
        if reply.register is None:
            return
        self.state.notice(reply.register.ballot.number)
        for entry in reply.register.entries:
            if entry.promise.entry == 0:
                self.state.notice(entry.promise.government)
                if entry.body not in self._known:
                    self._known.append(entry.body)

    def _elect(self) -> None:
        """Choose the chain and go on to accept, if those who promised can decide."""
        state, ballot = self.state, self.ballot
        assert state.government is not None and ballot is not None
        register = self._highest()
        chain = () if register is None else register.entries
        pending = [entry.body for entry in chain if entry.promise.entry == 0]
        if any(government.promise.government >= ballot.number for government in pending):
            self._again()
            return
        for government in (state.government, *pending):
            if government.covered_by(self._electorate):
                continue
            if any(self._unasked(id) for id in government.parliament):
                self._again()
                return
            retractable = government is not state.government and self._may_retract()
            if self._waiting and not (retractable and self.failures >= _PATIENCE):
                return
            if not retractable:
                self._fail()
                return
            chain, pending = (), []
            break
        last = pending[-1] if pending else state.government
        if state.id not in last.parliament:
            state.succession.stand_down()
            return
        elected = changes.elect(last, ballot.number, state.id, self._electorate)
        self._accept(chain, elected)

    def _accept(self, chain: tuple[Entry, ...], elected: Government) -> None:
        """Write the chain, with the new government at its end, to the whole electorate."""
        state, ballot = self.state, self.ballot
        assert state.census is not None and ballot is not None
        previous = chain[-1] if chain else state.log.last
        stamp = previous.stamp if previous is not None else 0
        promise = chain[-1].promise if chain else state.log.top
        self._chain = (*chain, Entry(Promise(ballot.number, 0), promise, stamp, elected))
        state.register = Register(ballot, self._chain)
        self._waiting = [id for id in self._electorate if id != state.id]
        self._asked = [state.census.contact(id, state.now) for id in self._waiting]
        # What still comes in of the prepare is not waited for.
        state.drop_givings()
        if not self._waiting:
            state.commit_own(state.register)

    def _highest(self) -> Register | None:
        """The register with the highest ballot."""
        best: Register | None = None
        for register in self._electorate.values():
            if register is not None and (best is None or register.ballot > best.ballot):
                best = register
        return best

    def _may_retract(self) -> bool:
        """Whether whoever may have committed any of the chain is of the electorate.

        They stand at this candidate's top, so they have not, and they have promised, so they never
        will. It need not be carried on, and must not be where it changes the parliament to one
        whose majority is dead."""
        government, register = self.state.government, self._highest()
        assert government is not None and register is not None
        return writers(government, register) <= self._electorate.keys()

    def _unasked(self, id: str) -> bool:
        return id not in self._electorate and id not in self._prepared

    def _again(self) -> None:
        """Prepare again at once, with a higher ballot: more is known than when this began."""
        self._abandon()
        self.stand_at = self.state.now

    def _fail(self) -> None:
        """Nobody was elected: stand again after a delay that grows and differs."""
        self._abandon()
        self.failures += 1
        self.stand_at = self.state.now + self._pause()

    def _abandon(self) -> None:
        self.ballot, self._chain, self._asked, self._waiting = None, (), [], []
        self.state.drop_givings()

    def _pause(self) -> int:
        ping = self.state.limits.ping
        return self.state.random.randint(ping // 2, ping * min(2 + self.failures, 8))
