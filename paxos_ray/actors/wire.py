"""What travels between coordinator and citizens, and how.

Everything that only passes through a process travels as bytes, made once by who says it and read
once by whom it concerns: Ray moves bytes without looking, and takes many times as long to
serialize objects. Two stages: requests and replies of the Legislators are bytes inside of what the
coordinator reads.
"""

from __future__ import annotations

import pickle
from typing import Any, NamedTuple

from paxos_ray.actors.errors import NotAdmitted, WrongVersion
from paxos_ray.actors.growing import grow
from paxos_ray.core.government import Citizen, Government
from paxos_ray.core.messages import Denied
from paxos_ray.core.promise import Promise

VERSION = 2
"""Of the messages. One is understood by who speaks it, or one more, or one less: messages grow at
the end, by fields with defaults, and what a reader does not know of them it leaves out; see
`growing`. Raised by whoever adds a field or a method."""

MARK = b"\xa7"
"""A sealed message begins with this, then its version."""

_head = b""

WRITE, READ, EMBARK, EMIGRATE = "write", "read", "embark", "emigrate"
"""What is asked of a leader."""

DONE, RETRY, REFUSED, WAITS, FULL = "done", "retry", "refused", "waits", "full"
"""What a leader says of it; `WAITS` is not its last word. `FULL`: it takes no more entries now."""


class Call(NamedTuple):
    """Something asked of a leader, under a number of the coordinator's.

    `matter` is the body of an entry (`WRITE`), a sealed list of `(object, method,
    arguments)` (`READ`), a `Citizen`
    (`EMBARK`) or an id (`EMIGRATE`).
    """

    number: int
    kind: str
    matter: bytes | Citizen | str


class Round(NamedTuple):
    """A coordinator (`owner`) has a citizen go a round, called `key` by it: with sealed `calls`,
    to those `expected`. `known` is the number of the government that it knows."""

    owner: str
    key: str
    calls: bytes | None
    expected: tuple[str, ...]
    known: int


class Result(NamedTuple):
    """What became of a call: of a write or read that is `DONE`, an `Answer` in bytes; else why, in
    words, or as what is to be raised."""

    number: int
    status: str
    value: bytes | str | NotAdmitted


class Answer(NamedTuple):
    """What a client gets: the promise it reflects, and the replies (`machines.encode_replies`)."""

    promise: Promise
    replies: bytes


class Look(NamedTuple):
    """What a client asks of any one citizen: `queries` are sealed as in a `READ`.

    They are not answered from a state before `since`; the citizen waits for it, `wait_s` at most.
    `known` is the number of the government that the client knows."""

    since: Promise
    wait_s: float
    known: int
    queries: bytes


class Roster(NamedTuple):
    """Whom a client can ask: the citizens that have the state, the leader first, then the rest of
    the majority, the minority and the constituents; under the government of that number."""

    number: int
    citizens: tuple[str, ...]


class Glance(NamedTuple):
    """What a citizen says to a `Look`: encoded replies to the first of the queries, as many as
    there was time for, and the promise of the last state they are from.

    `replies` is None if there are none: its state is of `promise`, which is not yet `since`, or it
    has none at all (`promise` is None). `roster` comes if it is newer than what the client knows.
    """

    promise: Promise | None
    replies: bytes | None
    roster: Roster | None


class Opening(NamedTuple):
    """What a client gets that has a session opened: the entry that did so, whose promise names it,
    and how long the session lives in log time while nobody uses it."""

    promise: Promise
    lifetime_ms: int


class Bundle(NamedTuple):
    """A pulse to be carried: its key at its sender, and the request to each recipient."""

    key: str
    envelopes: tuple[tuple[str, bytes], ...]


class Turn(NamedTuple):
    """What a citizen says after each input.

    `number` is that of its government, `government` the government itself if it is newer than the
    one that its coordinator knows. It wants its next turn `wakeup_ms` from now, if not None;
    `urgent`: without waiting for company. `donor` is whom it needs the application's state from,
    `top` the end of its log. Who carries pulses for another republic takes none of it in.
    """

    results: tuple[Result, ...]
    number: int
    government: Government | None
    wakeup_ms: int | None
    urgent: bool
    donor: str | None
    top: Promise | None
    bundle: Bundle | None
    republic: str


grow(Call, Round, Result, Answer, Look, Roster, Glance, Opening, Bundle, Turn)


def seal(message: object) -> bytes:
    """The bytes of a message: a mark, the version of who writes it, and the message pickled."""
    return _head + pickle.dumps(message, protocol=5)


def seal_into(sink: Any, message: object) -> None:
    """The same bytes, written piece by piece."""
    sink.write(_head)
    pickle.Pickler(sink, protocol=5).dump(message)


def unseal(sealed: Any) -> Any:
    """The message in `sealed`; a `Denied` if there is none. None, a lost message, stays None.
    Raises `WrongVersion` if it is of a version that is not understood: nothing is read of it."""
    if sealed is None:
        return None
    if not isinstance(sealed, bytes | memoryview) or sealed[:1] != MARK or len(sealed) < 2:
        return Denied("malformed")
    if abs(sealed[1] - _head[1]) > 1:
        raise WrongVersion(sealed[1], _head[1])
    try:
        return pickle.loads(memoryview(sealed)[2:])
    except Exception:  # noqa: BLE001 - forged input raises nearly anything
        return Denied("malformed")


def speak(version: int) -> None:
    """From now on this process says that it is of that version. For tests of upgrades."""
    global _head
    _head = MARK + bytes([version])


speak(VERSION)
