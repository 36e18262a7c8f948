"""What travels: one frozen type a message, and the receipts of the Legislator's verbs.

Requests are delivered by `Legislator.receive`, which returns a reply. A request's head is the
same for all: see `Request`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from paxos_ray.core.government import Cookie, Government, Republic
from paxos_ray.core.log import Entry
from paxos_ray.core.promise import Ballot, Promise


class Report(NamedTuple):
    """What a citizen tells upward of itself and those it brings the log to.

    Counts only under the government whose number it names. `minimum` is the least promise that
    all of them have committed. `acclimated` have their application's state, and the government does
    not show it yet; `loading` lack it, and may have had it before, or are among those of whom one
    stands below the minimum, and will lose it. `reached` answered their
    representative's last pulse under this government; `silent` are `(id, ms since last heard)` of
    those who did not.
    """

    government: int
    minimum: Promise
    acclimated: tuple[str, ...]
    reached: tuple[str, ...]
    silent: tuple[tuple[str, int], ...]
    loading: tuple[str, ...] = ()


class Register(NamedTuple):
    """What a citizen has recorded beyond its committed log, and the ballot it came with."""

    ballot: Ballot
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class Request:
    """The head of every request.

    `cookie` is the recipient's and `sender_cookie` the sender's, as the sender's government has
    them. `top` is the sender's committed top; `entries` what the recipient lacks of the committed
    log, bounded; `start` the government in force at `entries[0]`, given to who cannot be brought
    up from its own top. `written` says: what your register holds of this ballot is committed up to
    `top`. `stateful` says that the sender's application has its state.
    """

    republic: Republic
    sender: str
    sender_cookie: Cookie | None
    to: str
    cookie: Cookie | None
    ballot: Ballot
    top: Promise
    minimum: Promise
    entries: tuple[Entry, ...]
    start: Government | None
    written: Ballot | None
    stateful: bool


@dataclass(frozen=True, slots=True)
class Synchronize(Request):
    """Bring the committed log; a leader's and a representative's are the same."""


@dataclass(frozen=True, slots=True)
class Write(Request):
    """The leader's register pulse: record `proposals` beyond `top`, at `ballot`."""

    proposals: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class Prepare(Request):
    """A candidate asks for a promise to `ballot`, and for the register."""


@dataclass(frozen=True, slots=True)
class Accept(Request):
    """A candidate asks its electorate to record `chain` at the promised `ballot`."""

    chain: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class Received:
    """Recorded, accepted or synchronized; the recipient stands at `top`."""

    top: Promise
    report: Report


@dataclass(frozen=True, slots=True)
class Promised:
    """No lower ballot will be answered from here on; `register` is what was recorded before."""

    ballot: Ballot
    top: Promise
    register: Register | None
    report: Report


@dataclass(frozen=True, slots=True)
class Refused:
    """A higher ballot is `promised`; the committed entries were taken in, up to `top`."""

    promised: Ballot
    top: Promise
    report: Report


@dataclass(frozen=True, slots=True)
class Behind:
    """The sender is behind: here is some of what it lacks (`start` as in `Request`)."""

    top: Promise
    entries: tuple[Entry, ...]
    start: Government | None
    minimum: Promise


@dataclass(frozen=True, slots=True)
class Lacks:
    """The recipient lacks entries after `top`; `None` when it waits to be written in."""

    top: Promise | None
    report: Report | None


@dataclass(frozen=True, slots=True)
class Exiled:
    """The sender has been written out of the island as of government `number`."""

    number: int


@dataclass(frozen=True, slots=True)
class Denied:
    """The request was not for this recipient, or not well-formed: `why`."""

    why: str


Reply = Received | Promised | Refused | Behind | Lacks | Exiled | Denied


class Envelope(NamedTuple):
    """One recipient's request of a pulse."""

    to: str
    request: Request


class Pulse(NamedTuple):
    """One message to one or more citizens. `id` is unique over all incarnations of all senders."""

    id: str
    sender: str
    envelopes: tuple[Envelope, ...]


QUEUE_FULL = "the queue of proposals is full"
LOG_FULL = "the log is as long as it may become; somebody is slow to take it in"
THROTTLED = (QUEUE_FULL, LOG_FULL)
"""Why a leader refuses a proposal that it will take later: the texts of a receipt's `why`."""


class Receipt(NamedTuple):
    """The answer to a verb: accepted under `ticket`, or not and `why`, with the `leader` to ask."""

    accepted: bool
    ticket: int | None
    leader: str | None
    why: str | None


class Outcome(NamedTuple):
    """What became of a ticket: committed at (or confirmed as of) `promise`; `None` says `retry`."""

    ticket: int
    promise: Promise | None


class Inspection(NamedTuple):
    """Everything that checkers and people look at, as of now; see `Legislator.inspect`."""

    id: str
    role: str
    republic: Republic | None
    cookie: Cookie | None
    top: Promise | None
    start: Promise | None
    minimum: Promise
    promised: Ballot
    register: Register | None
    government: Government | None
    stateful: bool
    exiled: bool
    queued: int
    heft: int
    details: dict[str, Any]
