"""The replica: everything that is replicated, as of one promise of the log."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from paxos_ray.core.log import NOTHING, Entry
from paxos_ray.core.promise import Promise
from paxos_ray.machines.counter import Counter
from paxos_ray.machines.digest import digest
from paxos_ray.machines.errors import InvalidSnapshot, Malformed, UnknownObject, describe
from paxos_ray.machines.machine import Context, Machine
from paxos_ray.machines.operations import Batch, Open, Operation, decode
from paxos_ray.machines.replies import ERROR, EXPIRED, OK, Reply
from paxos_ray.machines.sessions import Sessions

KINDS: dict[str, Callable[[], Machine]] = {"counter": Counter}
"""The kinds of objects, by name."""

_FIRST_USE = "counter"
_VERSION = 1


class Applied(NamedTuple):
    """What an entry of the application did.

    `promise` is the entry's; if it opened a session, also the session's name, and there are no
    replies. A batch's replies are as many as its operations and in their order, with one
    exception: a batch without operations of a session that is not open gets one `EXPIRED`. A body
    that is malformed has one `ERROR`. The last `fresh` of the operations were applied by this
    entry; those before them had been applied earlier, or are not applied at all.
    """

    promise: Promise
    replies: list[Reply]
    fresh: int = 0


class Replica:
    """Objects and sessions, made by applying the log in order, from its start or a snapshot on."""

    __slots__ = ("_kinds", "_objects", "_sessions", "applied", "last_stamp")

    def __init__(self) -> None:
        self._objects: dict[str, Machine] = {}
        self._kinds: dict[str, str] = {}
        self._sessions = Sessions()
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
        self._sessions.expire(stamp)
        self.applied, self.last_stamp = promise, stamp
        if promise.entry == 0:
            return None
        try:
            decoded = decode(body)
        except Malformed as error:  # it is in the log: everybody passes it, alike
            return Applied(promise, [Reply(ERROR, describe(error))])
        if isinstance(decoded, Open):
            self._sessions.open(promise, decoded.lifetime_ms, stamp)
            return Applied(promise, [])
        return Applied(promise, *self._batch(decoded))

    def query(self, object: str, method: str, arguments: tuple[Any, ...] = ()) -> Any:
        """Ask the object of this name. Raises `UnknownObject`, and what the object raises."""
        machine = self._objects.get(object)
        if machine is None:
            raise UnknownObject(f"there is no object named {object!r} yet")
        return machine.query(method, arguments)

    def objects(self) -> dict[str, str]:
        """The name of each object to its kind, by name."""
        return dict(sorted(self._kinds.items()))

    def snapshot(self) -> object:
        """A copy of the whole state, of plain values; taking it costs no more than copying them."""
        objects: dict[str, dict[str, Any]] = {}
        for name, machine in self._objects.items():
            objects.setdefault(self._kinds[name], {})[name] = machine.snapshot()
        return {
            "version": _VERSION,
            "applied": tuple(self.applied),
            "last_stamp": self.last_stamp,
            "sessions": self._sessions.snapshot(),
            "objects": objects,
        }

    def restore(self, snapshot: Any) -> None:
        """Become what `snapshot` says, or raise `InvalidSnapshot` and stay."""
        restored = Replica()
        try:
            if snapshot["version"] != _VERSION:
                raise InvalidSnapshot(f"a snapshot of version {snapshot['version']!r}")
            restored.applied = Promise(*snapshot["applied"])
            restored.last_stamp = int(snapshot["last_stamp"])
            restored._sessions.restore(snapshot["sessions"])
            for kind, states in snapshot["objects"].items():
                for name, state in states.items():
                    machine = KINDS[kind]()
                    machine.restore(state)
                    restored._objects[name], restored._kinds[name] = machine, kind
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
        return digest(self.snapshot())

    def _batch(self, batch: Batch) -> tuple[list[Reply], int]:
        """The replies, and how many of the last operations have been applied now."""
        operations = batch.operations
        session = self._sessions.use(batch.session, self.last_stamp)
        if session is None:
            return [Reply(EXPIRED, None)] * max(1, len(operations)), 0
        session.acknowledge(batch.acknowledged)
        replies = session.settled(batch.first, len(operations))
        fresh: list[Reply] = []
        if len(replies) < len(operations):
            context = Context(self.applied, self.last_stamp, batch.session)
            fresh = self._perform(operations[len(replies) :], context)
            session.keep(fresh)
            replies += fresh
        return replies, len(fresh)

    def _perform(self, operations: Sequence[Operation], context: Context) -> list[Reply]:
        objects = self._objects
        replies: list[Reply] = []
        reply = tuple.__new__  # what Reply(…) comes to, at half its cost: this loop is the hot one
        for name, method, arguments in operations:
            machine = objects.get(name)
            try:
                if machine is None:
                    value = self._first_use(name, method, arguments, context)
                else:
                    value = machine.apply(method, arguments, context)
            except (MemoryError, RecursionError):
                raise  # of this process alone: it must stop, not answer otherwise than the others
            except Exception as error:  # noqa: BLE001 - whatever it is, it replicates
                replies.append(Reply(ERROR, describe(error)))
            else:
                replies.append(reply(Reply, (OK, value)))
        return replies

    def _first_use(
        self, name: str, method: str, arguments: tuple[Any, ...], context: Context
    ) -> Any:
        machine = KINDS[_FIRST_USE]()
        value = machine.apply(method, arguments, context)
        self._objects[name], self._kinds[name] = machine, _FIRST_USE  # only if that did not raise
        return value
