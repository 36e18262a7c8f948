"""What clients of standard objects heard, as a history that the models can be asked about.

The history is the clients': when they called and what they were told. From the log it takes what no
client knows: of which session a call was, which calls of unknown outcome were never applied (they
are left out), and what ended by itself: sessions, leases, times to live. Each such end becomes a
call of nobody, that began no earlier than any call applied before it, and had returned when one
that was applied after it had.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from paxos_ray.core.promise import Promise
from paxos_ray.machines.operations import Operation as Call
from paxos_ray.simulation.histories import HistoryRecorder, OpenCall, Operation
from paxos_ray.simulation.models import Where
from paxos_ray.simulation.object_customers import ObjectCustomer
from paxos_ray.simulation.object_replay import Ending, ObjectReplay


class Heard(NamedTuple):
    """A call that was applied: of which session, where in the log, what its client was told (None
    if nothing), and what is recorded of it."""

    call: Call
    session: Promise
    where: Where
    promise: Promise
    acknowledged: bool
    result: object
    operation: Operation


def heard(
    recorder: HistoryRecorder, customers: Iterable[ObjectCustomer], replay: ObjectReplay
) -> list[Heard]:
    """All calls that the log says were applied, in its order."""
    found = []
    for customer in customers:
        for wish in customer.wishes:
            operation = recorder.operation(wish.open)
            assert operation is not None
            found += [
                (
                    replay.applied[place].promise,
                    place[1],
                    Heard(
                        wish.call,
                        place[0],
                        replay.places[place]._replace(stamp=None),
                        replay.applied[place].promise,
                        wish.acknowledged,
                        wish.result,
                        operation,
                    ),
                )
                for place in wish.places
                if place in replay.applied
            ]
    return [call for _, _, call in sorted(found, key=lambda each: each[:2])]


def history(
    recorder: HistoryRecorder,
    reads: Iterable[OpenCall],
    calls: Sequence[Heard],
    replay: ObjectReplay,
) -> list[Operation]:
    """What is to be checked, by the model of each object."""
    operations = [_of(call.operation, call.where) for call in calls if call.call[0] in replay.kinds]
    for read in reads:
        operation = recorder.operation(read)
        if operation is not None and operation.returned is not None:
            operations.append(_of(operation, Where((0, 0), None)))
    operations += [
        _ending(ending, [call for call in calls if call.call[0] == ending.object])
        for ending in replay.endings
    ]
    return operations


def _of(operation: Operation, where: Where) -> Operation:
    return operation._replace(arguments=(where, *operation.arguments))


def _ending(ending: Ending, calls: Sequence[Heard]) -> Operation:
    before = [c.operation.invoked for c in calls if c.promise < ending.promise]
    after = [
        c.operation.returned
        for c in calls
        if c.promise >= ending.promise and c.operation.returned is not None
    ]
    invoked = max(before, default=0)
    returned = max(invoked, min(after)) if after else None
    where = Where((ending.session.government, ending.session.entry), None)
    arguments = (where, *ending.arguments)
    return Operation("nobody", ending.object, ending.method, arguments, invoked, returned)
