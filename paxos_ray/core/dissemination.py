"""Bringing the committed log to those that a citizen brings it to, and noting their answers."""

from __future__ import annotations

from typing import Any

from paxos_ray.core.census import Contact
from paxos_ray.core.log import NOTHING
from paxos_ray.core.messages import (
    Behind,
    Exiled,
    Lacks,
    Promised,
    Pulse,
    Received,
    Refused,
    Synchronize,
)
from paxos_ray.core.state import Giving, State


def hear(state: State, contact: Contact, reply: Any) -> None:
    """Note what an answer says of who gave it; a lost or senseless one is silence."""
    assert state.census is not None
    contact.busy = None
    if reply is not None:
        state.lives(contact.id)
    match reply:
        case Received(top=top, report=report) | Promised(top=top, report=report):
            if contact.held is not None and top != contact.top and top >= contact.held[1]:
                contact.held = None
            contact.top = top
            state.census.answered(contact, report, state.now)
        case Refused(promised=promised, top=top, report=report):
            state.notice(promised.number)
            contact.top, contact.held = top, None
            state.census.answered(contact, report, state.now)
        case Lacks(top=top, report=report):
            contact.top, contact.held = top or NOTHING, None
            state.census.answered(contact, report, state.now)
        case Behind(top=top):
            contact.top = top
            state.census.answered(contact, None, state.now)
        case _:
            state.census.failed(contact, state.now)


def catch_up(state: State, replies: dict[str, Any]) -> None:
    """Take in what those who are ahead have given."""
    for reply in replies.values():
        if type(reply) is Received:
            continue
        if isinstance(reply, Behind):
            state.notice(reply.top.government)
            state.absorb(reply.entries, reply.start)
            state.forget(reply.minimum)
        elif isinstance(reply, Exiled) and reply.number > state.log.top.government:
            state.exile()


class Dissemination:
    """Bringing the committed log to contacts, each at its own pace, those who answer together."""

    def __init__(self, state: State) -> None:
        self.state = state

    def pulse(self) -> Pulse | None:
        """A pulse to all who are due and answer, else to one who is due and does not."""
        state = self.state
        if state.census is None or not state.active:
            return None
        now, top = state.now, state.log.top
        due = [
            contact
            for contact in state.census.targets
            if contact.busy is None
            and (contact.due <= now or (contact.told != top and not contact.failing))
        ]
        if not due:
            return None
        well = [contact for contact in due if not contact.failing]
        return self.give(well or due[:1])

    def give(self, contacts: list[Contact]) -> Pulse:
        """A `synchronize` to these."""
        state = self.state
        assert state.government is not None
        ballot = state.government.ballot
        requests = []
        for contact in contacts:
            requests.append((contact, state.request(Synchronize, contact, ballot)))
            contact.due = state.now + self.interval(contact)
        pulse = state.give(requests, self)
        for contact in contacts:
            contact.busy = pulse.id
        return pulse

    def sent(self, giving: Giving, replies: dict[str, Any]) -> None:
        """Note the answers; who has a part of the log and took it in gets the rest at once."""
        state = self.state
        catch_up(state, replies)
        for contact in giving.contacts:
            if contact.busy != giving.pulse.id:
                continue
            before = contact.top
            hear(state, contact, replies[contact.id])
            if contact.top != before:
                contact.told = contact.top

    def interval(self, contact: Contact) -> int:
        """Ms to the next pulse: soon while it has something to tell that is waited for."""
        state = self.state
        assert state.government is not None
        settled = contact.report is not None and contact.id in state.government.acclimated
        return state.limits.ping if settled or contact.failing else max(1, state.limits.ping // 4)

    def wakeup(self) -> int | None:
        """When the next contact is due."""
        if self.state.census is None or not self.state.active:
            return None
        now, top = self.state.now, self.state.log.top
        soonest: int | None = None
        for contact in self.state.census.targets:
            if contact.busy is None:
                due = now if contact.told != top and not contact.failing else contact.due
                if soonest is None or due < soonest:
                    soonest = due
        return soonest
