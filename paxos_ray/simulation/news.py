"""What happens on a stage, in words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from paxos_ray.core.describe import (
    describe_entries,
    describe_government,
    describe_register,
    describe_request,
)
from paxos_ray.core.government import Government
from paxos_ray.core.log import NOTHING
from paxos_ray.core.messages import Pulse
from paxos_ray.core.promise import Promise
from paxos_ray.simulation.inhabitant import Inhabitant, Ticket, entries_after

ROLES = {
    "recorder": "follows",
    "writer": "leads",
    "proposer": "has collapsed",
    "exiled": "has been written out",
}
"""What a citizen does, by the name of its role."""

MANY = 6
"""Entries that are told one by one; of more, the first and the last."""


class Look:
    """A citizen as it was when it was last told of."""

    __slots__ = ("role", "top")

    def __init__(self) -> None:
        self.role = "recorder"
        self.top = NOTHING

    def news(self, who: Inhabitant, founded: Sequence[Government], brief: bool) -> Iterator[str]:
        """What is new: committed entries, and what it does. `founded` are governments that it
        was the first to commit; if `brief`, of what it committed only those are told."""
        seen = who.legislator.inspect()
        top, self.top = self.top, who.top
        if brief:
            yield from (f"{who} commits {describe_government(new)}" for new in founded)
        elif who.top != top:
            entries = list(entries_after(who.legislator, top))
            if entries and entries[0].previous != top and top != NOTHING:
                yield f"{who} starts anew: its log begins at {entries[0].promise}"
            if len(entries) > MANY:
                last = describe_entries(entries[-1:])
                yield f"{who} commits {len(entries)} entries, {entries[0].promise} to {last}"
            elif entries:
                yield f"{who} commits {describe_entries(entries)}"
        if seen.role != self.role:
            self.role = seen.role
            yield f"{who} {ROLES[seen.role]}"


def describe_pulse(pulse: Pulse) -> Iterator[str]:
    """`to b c: Write (7,a) top 7/3 min 6/2: 7/4`: a line for those who are told the same."""
    lines: dict[str, list[str]] = {}
    for to, request in pulse.envelopes:
        line = describe_request(request).replace(f" {request.sender} -> {request.to}", "", 1)
        lines.setdefault(line, []).append(to)
    for line, ids in lines.items():
        yield f"to {' '.join(ids)}: {line}"


def describe_outcome(ticket: Ticket, promise: Promise | None) -> str:
    """`x is committed at 7/4`: what became of a ticket."""
    match ticket.kind:
        case "write":
            what, done = ticket.subject.decode(), "is committed at"
        case "read":
            what, done = "a read", "is confirmed as of"
        case "embark":
            what, done = f"{ticket.subject} has come in", "as of"
        case "emigrate":
            what, done = f"{ticket.subject} has left", "as of"
        case _:
            what, done = f"ticket {ticket.number}, which is not open,", "is settled at"
    if promise is not None:
        return f"{what} {done} {promise}"
    subject = "a read" if ticket.kind == "read" else f"{ticket.kind} {what.split(' ')[0]}"
    return f"{subject}: unknown, retry"


def describe_citizen(who: Inhabitant) -> str:
    """`b follows [7/0: a b | c | ]: top 7/3, min 6/2`: how it stands, and what is not as usual:
    a promise that is not the government's ballot, a register, no state, death."""
    seen = who.legislator.inspect()
    government, dead = seen.government, "" if who.alive else ", dead"
    if government is None:
        return f"{who} waits to be written in{dead}"
    line = f"{who} {ROLES[seen.role]} {describe_government(government)}: top {seen.top}"
    line += f", min {seen.minimum}"
    if seen.promised != government.ballot:
        line += f", promised {seen.promised}"
    if seen.register is not None:
        line += f", {describe_register(seen.register)}"
    if not seen.stateful:
        line += f", without state, asks {who.legislator.donor or 'nobody'}"
    return line + dead


def describe_log(who: Inhabitant) -> Iterator[str]:
    """The committed log, from its beginning there: governments, and the bodies of entries."""
    for entry in who.legislator.log:
        if entry.promise.entry:
            body = entry.body.decode(errors="replace")
            yield f"{entry.promise} {body}"
        else:
            yield describe_government(entry.body)
