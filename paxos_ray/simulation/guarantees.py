"""What one session may rely on, whoever answers it, checked on a history of its calls.

(Terry et al., "Session Guarantees for Weakly Consistent Replicated Data", 1994.) Where each answer
says how far the state was that it comes from, a *version*, all four guarantees are one: no answer
of a session is older than one that the session had before it asked.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from heapq import heappop, heappush
from typing import Any, NamedTuple

from paxos_ray.simulation.histories import Operation


class Broken(NamedTuple):
    """`after` was answered from an older state than `before`, which had returned by then."""

    guarantee: str
    before: Operation
    after: Operation

    def __str__(self) -> str:
        return f"{self.guarantee}: {self.before}; then {self.after}"


def check_sessions(
    history: Iterable[Operation],
    version: Callable[[Operation], Any],
    *,
    writes: Collection[str],
    weak: Collection[str] = (),
) -> Broken | None:
    """The first call, in the order in which they began, that was answered from too old a state.

    An operation's `client` is its session, to which calls of several threads may belong: those
    that overlap say nothing of each other. `version` is of any ordered type: that of the state
    which an answered call reflects, or None if that cannot be known. The methods `writes` change
    the object, all others only look. Those in `weak` may be answered from any state; what they
    have shown is seen nevertheless. Calls on different objects are compared, too, if their
    versions are: let the version of what cannot be compared be None, or check object by object.
    """
    sessions: dict[str, list[Operation]] = {}
    for operation in history:
        if operation.returned is not None and version(operation) is not None:
            sessions.setdefault(operation.client, []).append(operation)
    found = [_check(operations, version, writes, weak) for operations in sessions.values()]
    broken = [each for each in found if each is not None]
    return min(broken, key=lambda each: each.after.invoked, default=None)


def _check(
    operations: list[Operation],
    version: Callable[[Operation], Any],
    writes: Collection[str],
    weak: Collection[str],
) -> Broken | None:
    under_way: list[tuple[int, int, Operation]] = []  # by when they returned
    newest: Operation | None = None  # of those that had returned
    operations = sorted(operations, key=lambda operation: operation.invoked)
    for number, operation in enumerate(operations):
        while under_way and under_way[0][0] < operation.invoked:
            returned = heappop(under_way)[2]
            if newest is None or version(returned) > version(newest):
                newest = returned
        stale = newest is not None and version(operation) < version(newest)
        if stale and operation.method not in weak:
            assert newest is not None
            return Broken(_guarantee(newest, operation, writes), newest, operation)
        assert operation.returned is not None
        heappush(under_way, (operation.returned, number, operation))
    return None


def _guarantee(before: Operation, after: Operation, writes: Collection[str]) -> str:
    wrote = before.method in writes
    if after.method in writes:
        return "monotonic writes" if wrote else "writes follow reads"
    return "read your writes" if wrote else "monotonic reads"
