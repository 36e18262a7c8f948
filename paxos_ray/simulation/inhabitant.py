"""One citizen of a simulated island: a Legislator, an application, a clock and open tickets."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from paxos_ray.core.government import Citizen, Cookie
from paxos_ray.core.legislator import Legislator
from paxos_ray.core.log import NOTHING, Entry
from paxos_ray.core.messages import Register
from paxos_ray.core.promise import NO_BALLOT, Ballot, Promise
from paxos_ray.simulation.agenda import Agenda
from paxos_ray.simulation.application import Application


class Ticket(NamedTuple):
    """What was asked: `kind` is write, read, embark or emigrate.

    `subject` is the body written, the promise that a read must reflect, or the `Inhabitant` who
    comes or goes.
    """

    kind: str
    subject: Any
    number: int
    asked_ms: int

    def __str__(self) -> str:
        subject = self.subject
        if isinstance(subject, bytes):
            subject = subject.decode() if subject.isascii() else f"of {len(subject)} bytes"
        return f"{self.kind} {subject} ({self.number})"


class Inhabitant:
    """A citizen as the island runs it.

    `top`, `promised`, `register`, `minimum` and `stateful` are as they were when it was last
    looked at, and stay so when it dies.
    """

    __slots__ = (
        "_agenda",
        "alarm",
        "alive",
        "application",
        "citizen",
        "cookie",
        "id",
        "leaving",
        "legislator",
        "loading",
        "minimum",
        "offset",
        "ordinal",
        "paused",
        "promised",
        "register",
        "stateful",
        "tickets",
        "top",
        "wakeup",
    )  # fmt: skip

    def __init__(
        self,
        id: str,
        legislator: Legislator,
        agenda: Agenda,
        offset: int,
        ordinal: int,
        application: type[Application] = Application,
    ) -> None:
        self.id = id
        self.legislator = legislator
        self.offset = offset  # ms by which its clock is ahead
        self.ordinal = ordinal  # how many incarnations of anybody there were before it
        self.cookie: Cookie | None = None
        self.citizen: Citizen | None = None
        self.application = application()
        self.alive = True
        self.paused = False  # its process stands still, and will go on
        self.leaving = False  # somebody asked that it emigrates
        self.tickets: dict[int, Ticket] = {}
        self.loading: str | None = None  # the donor of the snapshot that is awaited
        self.wakeup: int | None = None  # when it is to be ticked, in the island's time
        self.alarm: int | None = None  # for when its next alarm is set
        self.top = NOTHING
        self.promised: Ballot = NO_BALLOT
        self.register: Register | None = None
        self.minimum = NOTHING
        self.stateful = False
        self._agenda = agenda

    def __str__(self) -> str:
        return self.id

    @property
    def now(self) -> int:
        """Its own clock, ms."""
        return self._agenda.now + self.offset

    @property
    def leads(self) -> bool:
        """Whether it believes to lead."""
        legislator = self.legislator
        return legislator.leader == self.id and not legislator.collapsed

    @property
    def listed(self) -> bool:
        """Whether it is a citizen of the government that it knows."""
        government = self.legislator.government
        return government is not None and government.lists(self.id, self.cookie)

    def fresh(self) -> Iterable[Entry]:
        """The committed entries that its application has not applied, or its whole log."""
        return entries_after(self.legislator, self.application.state.applied)

    def restore(self, snapshot: Any) -> bool:
        """Take the snapshot, unless the log it holds cannot continue it."""
        trial = type(self.application)()
        trial.restore(snapshot)
        if trial.apply(entries_after(self.legislator, snapshot.applied)) is not None:
            return False
        self.application = trial
        return True


def entries_after(legislator: Legislator, promise: Promise) -> Iterable[Entry]:
    """The committed entries beyond `promise`, or the whole log where that is not in it."""
    entries = legislator.log.after(promise)
    return legislator.log if entries is None else entries
