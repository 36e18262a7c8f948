"""What a citizen says of what it holds, and leaves, when its island is founded anew; and how the
heir takes that over. The rules are the core's, see `core.retirement`; who decides, `recovery`."""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Sequence
from typing import Any, NamedTuple

import ray

from paxos_ray.actors.authority import Authority
from paxos_ray.actors.errors import InvalidArgument
from paxos_ray.actors.growing import grow
from paxos_ray.actors.records import Desk
from paxos_ray.actors.settings import Settings, Wish
from paxos_ray.actors.snapshots import SNAPSHOT
from paxos_ray.actors.wire import unseal
from paxos_ray.core import Entry, Legislator, Promise
from paxos_ray.core.government import Government
from paxos_ray.core.log import NOTHING
from paxos_ray.core.messages import Register
from paxos_ray.machines import Replica


class Identity(NamedTuple):
    """Who a citizen is. A founder's cookie is its republic."""

    id: str
    republic: str
    cookie: str
    founder: bool


class Statement(NamedTuple):
    """What a citizen holds: its log up to `top`, its `register`, its application's state as of
    `applied`; its log goes on from that if it is `stateful`. `seen` is the highest number of a
    ballot or government that it has heard of; `bequests`, how often it was asked to retire,
    `retired` if ever."""

    identity: Identity
    pid: int
    node: str
    settings: Settings
    wish: Wish
    government: Government | None
    top: Promise
    applied: Promise
    stateful: bool
    register: Register | None
    seen: int
    bequests: int

    @property
    def has_state(self) -> bool:
        """Whether its application has a state, though its log may have begun anew since."""
        return self.stateful or self.applied > NOTHING

    @property
    def retired(self) -> bool:
        """Whether it takes no part any more."""
        return self.bequests > 0


class Estate(NamedTuple):
    """What an heir begins with: a pickled snapshot as an object reference in a list, the entries
    that follow what it reflects, and the number of the government that it founds."""

    snapshot: list[Any]
    entries: tuple[Entry, ...]
    number: int


grow(Identity, Statement, Estate)


class Forebear:
    """The part of a citizen that has to do with this."""

    _lock: Desk
    _identity: Identity
    _settings: Settings
    _wish: Wish
    _node: str
    _replica: Replica
    _legislator: Legislator
    _authority: Authority
    _bequests = 0

    def testify(self, final: str | None) -> Statement:
        """What is held here. If `final` names the republic of this citizen, it has retired: it will
        never record, promise or commit anything more. Raises `InvalidArgument` for another's, so
        that what was once said to the citizens of one republic retires none of its heirs."""
        if final is not None and final != self._identity.republic:
            raise InvalidArgument(f"this citizen is not of republic {final}")
        with self._lock:
            legislator = self._legislator
            if final is not None:
                self._bequests += 1
                legislator.retire(time.monotonic_ns() // 1_000_000)
            seen = legislator.inspect()
            return Statement(
                identity=self._identity,
                pid=os.getpid(),
                node=self._node,
                settings=self._settings,
                wish=self._wish,
                government=seen.government,
                top=seen.top or Promise(0, 0),
                applied=self._replica.applied,
                stateful=seen.stateful,
                register=seen.register,
                seen=max(seen.details["seen"], seen.promised.number),
                bequests=self._bequests,
            )

    def committed(self, since: Promise) -> tuple[Entry, ...] | None:
        """The committed entries after that promise; None if that is not held here."""
        with self._lock:
            entries = self._legislator.log.after(since)
        return None if entries is None else tuple(entries)

    def _found(self, estate: Estate | None) -> None:
        """Found the island; anew, if there is an estate, of which this is the heir."""
        identity = self._identity
        now, properties = time.monotonic_ns() // 1_000_000, {"node": self._node, "pid": os.getpid()}
        if estate is None:
            self._legislator.bootstrap(now, identity.republic, properties)
            return
        replica = self._replica
        snapshot = self._authority.verify(SNAPSHOT, ray.get(estate.snapshot[0]))
        replica.restore(unseal(snapshot))
        self._restart(replica.applied)
        for entry in estate.entries:
            self._perform(replica, entry)
        self._legislator.refound(
            now, identity.republic, properties, replica.applied, replica.last_stamp, estate.number
        )

    def _perform(self, replica: Replica, entry: Entry) -> bytes | None:
        raise NotImplementedError

    def _restart(self, applied: Promise) -> None:
        raise NotImplementedError


def heir_of(republics: Sequence[tuple[str, int]]) -> str:
    """The name of the republic that follows these, the last that are known, each asked to retire so
    often: later in succession than any, and never given before."""
    root = _succession(republics[0][0])[0]
    last = max(_succession(republic)[1] + max(1, bequests) for republic, bequests in republics)
    return f"{root}+{last}-{uuid.uuid4().hex[:8]}"


def precedes(republic: str, other: str) -> bool:
    """Whether `other` was founded upon what was left of `republic`, or of one that followed it."""
    (root, number), (other_root, other_number) = _succession(republic), _succession(other)
    return root == other_root and number < other_number


def succession(republic: str) -> int:
    """How often its island has been founded anew."""
    return _succession(republic)[1]


def _succession(republic: str) -> tuple[str, int]:
    root, _, rest = republic.partition("+")
    number = rest.partition("-")[0]
    return root, int(number) if number.isdigit() else 0
