"""The replica: everything that is replicated, as of one promise of the log."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import deepcopy
from typing import Any, NamedTuple

from paxos_ray.core.government import Government
from paxos_ray.core.log import NOTHING, Entry
from paxos_ray.core.promise import Promise
from paxos_ray.machines.context import BatchContext, Event, Reading
from paxos_ray.machines.digest import digest
from paxos_ray.machines.errors import InvalidSnapshot, Malformed, describe
from paxos_ray.machines.hosted import Hosted
from paxos_ray.machines.kinds import KINDS
from paxos_ray.machines.machine import Change
from paxos_ray.machines.objects import Objects, Telling
from paxos_ray.machines.operations import Batch, Open, decode
from paxos_ray.machines.replies import ERROR, EXPIRED, Reply
from paxos_ray.machines.sessions import Sessions
from paxos_ray.machines.standard import natural

__all__ = ["KINDS", "Applied", "Replica"]

_VERSION = 2


class Applied(NamedTuple):
    """What an entry of the application did.

    `promise` is the entry's; if it opened a session, also the session's name, and there are no
    replies. A batch's replies are as many as its operations and in their order, with one
    exception: a batch without operations of a session that is not open gets one `EXPIRED`. A body
    that is malformed has one `ERROR`. The last `fresh` of the operations were applied by this
    entry; those before them had been applied earlier, or are not applied at all. `events` are what
    objects published meanwhile, in order; a government counts as an entry of the application if
    there are any. With `audit`, everybody is asked for a digest as of this entry.
    """

    promise: Promise
    replies: list[Reply]
    fresh: int = 0
    events: Sequence[Event] = ()
    audit: bool = False


class Replica:
    """Objects and sessions, made by applying the log in order, from its start or a snapshot on."""

    __slots__ = ("_acclimated", "_citizens", "_objects", "_sessions", "applied", "last_stamp")

    def __init__(self) -> None:
        self._objects = Objects()
        self._sessions = Sessions()
        self._citizens: tuple[str, ...] = ()  # of the last government
        self._acclimated: tuple[str, ...] = ()
        self.applied: Promise = NOTHING
        """The promise that the state reflects."""
        self.last_stamp = 0
        """The stamp of the entry at `applied`, ms of log time."""

    def apply(self, entry: Entry) -> Applied | None:
        """Apply the next entry; None for a government and for what the state reflects already."""
        promise, previous, stamp, body = entry
        if promise <= self.applied:
            return None
        assert previous == self.applied, f"{promise} of {previous} applied at {self.applied}"
        assert stamp >= self.last_stamp, f"{promise}: stamp {stamp} after {self.last_stamp}"
        ended = self._sessions.expire(stamp)
        self.applied, self.last_stamp = promise, stamp
        events: list[Event] = []
        if ended or self._objects.alarmed:
            self._catch_up(ended, Telling(promise, stamp, events))
        if promise.entry == 0:
            if isinstance(body, Government):
                self._govern(body, Telling(promise, stamp, events, governed=True))
            return Applied(promise, [], 0, events) if events else None
        try:
            decoded = decode(body)
        except Malformed as error:  # it is in the log: everybody passes it, alike
            return Applied(promise, [Reply(ERROR, describe(error))], 0, events)
        if isinstance(decoded, Batch):
            made = (promise, *self._batch(decoded, events), events, False)
            return tuple.__new__(Applied, made)  # half of what `Applied(…)` costs
        if isinstance(decoded, Open):
            self._sessions.open(promise, decoded.lifetime_ms, stamp)
            return Applied(promise, [], 0, events)
        return Applied(promise, [], 0, events, audit=decoded.audit)

    def query(self, object: str, method: str, arguments: tuple[Any, ...] = ()) -> Any:
        """Ask the object of this name; a copy of what it answers. Raises `UnknownObject`, and what
        the object raises."""
        return deepcopy(self._objects.query(object, method, arguments))

    def ask(self, object: str, method: str, arguments: tuple[Any, ...] = ()) -> Reply:
        """The same of any object; what goes wrong is the reply, too."""
        reading = Reading(self.applied, self.last_stamp)
        return self._objects.ask(object, method, arguments, reading)

    def objects(self) -> dict[str, str]:
        """The name of each object to its kind, by name."""
        return self._objects.kinds()

    def due(self) -> int | None:
        """The least stamp of an entry, ms of log time, that would have something done: an alarm,
        or the end of a session that an object wants to hear of. None: no such."""
        alarm = self._objects.due()
        if not self._objects.mind_sessions:
            return alarm
        deadline = self._sessions.deadline()
        if deadline is None:
            return alarm
        return deadline + 1 if alarm is None else min(alarm, deadline + 1)

    def deployed(self, name: str) -> Hosted:
        """The deployed object of that name. Raises `UnknownObject`."""
        return self._objects.deployed(name)

    def renew_aside(self, on_stale: Callable[[Hosted], None]) -> None:
        """From now on, deployed objects that should have a new checkpoint say so instead of
        stopping to make one: at each call, until they have it."""
        self._objects.set_on_stale(on_stale)

    def snapshot(self) -> object:
        """A copy of the whole state, of plain values; taking it costs no more than copying them."""
        return {
            "version": _VERSION,
            "applied": tuple(self.applied),
            "last_stamp": self.last_stamp,
            "sessions": self._sessions.snapshot(),
            "citizens": self._citizens,
            "acclimated": self._acclimated,
            "objects": self._objects.snapshot(),
        }

    def restore(self, snapshot: Any) -> None:
        """Become what `snapshot` says, or raise `InvalidSnapshot` and stay."""
        restored = Replica()
        restored._objects.on_stale = self._objects.on_stale
        try:
            if snapshot["version"] != _VERSION:
                raise InvalidSnapshot(f"a snapshot of version {snapshot['version']!r}")
            government, number = snapshot["applied"]
            restored.applied = Promise(natural(government), natural(number))
            restored.last_stamp = natural(snapshot["last_stamp"])
            restored._sessions.restore(snapshot["sessions"])
            restored._citizens = _ids(snapshot["citizens"])
            restored._acclimated = _ids(snapshot["acclimated"])
            restored._objects.restore(snapshot["objects"])
            stale = restored.applied < self.applied
        except (AttributeError, LookupError, TypeError, ValueError) as error:
            if isinstance(error, InvalidSnapshot):
                raise
            raise InvalidSnapshot("the snapshot is malformed") from None
        if stale:
            raise InvalidSnapshot(f"a snapshot of {restored.applied}, at {self.applied}")
        for field in self.__slots__:
            setattr(self, field, getattr(restored, field))

    def digest(self) -> str:
        """The sha256, in hex, of the whole state: objects, sessions, last stamp, `applied`.

        Equal states have equal digests, in whatever process and in whatever order they came about.
        """
        return digest(self.digests())

    def digests(self) -> dict[str, str]:
        """Digests of the parts of the state: of each object by its name, and, as `""`, of all
        that is not in an object."""
        rest = {
            "applied": tuple(self.applied),
            "last_stamp": self.last_stamp,
            "sessions": self._sessions.likeness(),
            "citizens": (self._citizens, self._acclimated),
        }
        kinds = self._objects.kinds()
        parts = {name: digest((kind, self._objects.likeness(name))) for name, kind in kinds.items()}
        return {"": digest(rest), **parts}

    def _catch_up(self, ended: Sequence[Promise], telling: Telling) -> None:
        """Before an entry is applied: what its stamp shows to have come to pass."""
        if self._objects.mind_sessions:
            for session in ended:
                self._objects.session_ended(session, telling)
        self._objects.tick(self.last_stamp, telling)

    def _govern(self, government: Government, telling: Telling) -> None:
        before, acclimated = self._citizens, self._acclimated
        self._citizens = tuple(sorted(government.citizens))
        self._acclimated = tuple(sorted(government.acclimated))
        if self._objects.mind_governments:
            change = Change(
                number=government.number,
                leader=government.leader,
                arrived=tuple(id for id in self._citizens if id not in before),
                acclimated=tuple(id for id in self._acclimated if id not in acclimated),
                departed=tuple(id for id in before if id not in self._citizens),
            )
            self._objects.governed(change, telling)

    def _batch(self, batch: Batch, events: list[Event]) -> tuple[list[Reply], int]:
        """The replies, and how many of the last operations have been applied now."""
        operations = batch.operations
        session = self._sessions.use(batch.session, self.last_stamp)
        if session is None:
            return [Reply(EXPIRED, None)] * max(1, len(operations)), 0
        session.acknowledge(batch.acknowledged)
        replies = session.settled(batch.first, len(operations))
        fresh: list[Reply] = []
        if len(replies) < len(operations):
            first, operations = len(replies), operations[len(replies) :]
            context = BatchContext(
                self.applied, self.last_stamp, batch.session, first, operations, fresh, events
            )
            self._objects.perform(operations, context, fresh)
            session.keep(fresh)
            replies += fresh
        return replies, len(fresh)


def _ids(value: Any) -> tuple[str, ...]:
    """Of a snapshot: ids. Raises `TypeError`."""
    if type(value) not in (tuple, list) or not all(type(id) is str for id in value):
        raise TypeError
    return tuple(value)
