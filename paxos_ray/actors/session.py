"""A session as its client keeps it: what is sent, what is unanswered, what to send next.

It moves nothing and waits for nothing: `Client` does, and calls this under its lock.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

from paxos_ray.actors.errors import OutcomeUnknown
from paxos_ray.actors.response import Response
from paxos_ray.core.promise import Promise
from paxos_ray.machines import (
    ACKNOWLEDGED,
    EXPIRED,
    GAP,
    OK,
    Operation,
    OperationFailed,
    Reply,
    encode_batch,
    value_of,
)

T = TypeVar("T")

BATCH = 2_000
"""The most operations that are newly sent in one call."""

BATCH_BYTES = 1 << 20
"""What they weigh at most, beyond one; see `gate.weigh`."""

WINDOW = 8
"""Batches that are sent from the first that is unanswered on: so much is sent again in one call."""

ENOUGH = 256
"""So many operations are worth a second call while the first is under way."""


@dataclass(slots=True, eq=False)
class Batch:
    """Operations with the sequence numbers from `first` on, in one call."""

    first: int
    operations: list[Operation]
    responses: list[Response[Any]]
    answered: bool = False
    repeated: bool = False

    @property
    def weight(self) -> int:
        """Of its calls, bytes."""
        return sum(response.weight for response in self.responses)


def deliver(response: Response[Any], reply: Reply) -> None:
    """Answer with what a reply says."""
    try:
        value = value_of(reply)
    except Exception as error:  # noqa: BLE001 - of the object's method, or of its machine
        response.set_error(error)
    except BaseException as error:  # noqa: BLE001 - else nobody who comes after it is answered
        response.set_error(OperationFailed(f"the answer cannot be read: {type(error).__name__}"))
    else:
        response.set_result(value)


def drained(queue: deque[T]) -> Iterator[T]:
    """What is taken out of a queue that others append to meanwhile: nothing gets lost."""
    while queue:
        yield queue.popleft()


class Session:
    """The operations of one session, in order. `acknowledged` is up to where all are answered."""

    def __init__(self, name: Promise) -> None:
        self.name = name
        self.acknowledged = 0
        # From the first that is unanswered on. What follows it may be answered already, and is kept
        # to be sent again with it: else the numbers of what comes later would not be right.
        self.unanswered: deque[Batch] = deque()
        self.under_way = 0  # calls
        self.again = False  # what is unanswered must be sent again
        self._next = 1
        self._dropped = (0, 0)  # weight and number of the calls that are kept no more

    def new(self, waiting: deque[tuple[Operation, Response[Any]]]) -> Batch | None:
        """What to send of what waits, if it should be sent now."""
        count, unanswered = len(waiting), self.unanswered
        if self.again or self.under_way > 1 or count < (ENOUGH if self.under_way else 1):
            return None
        if unanswered and (unanswered[0].repeated or len(unanswered) >= WINDOW):
            return None  # else what must be sent in one call would grow with each time it is lost
        taken = [waiting.popleft()]
        weight = taken[0][1].weight
        while len(taken) < min(count, BATCH):
            weight += waiting[0][1].weight
            if weight > BATCH_BYTES:
                break
            taken.append(waiting.popleft())
        batch = Batch(self._next, [t[0] for t in taken], [t[1] for t in taken])
        self._next += len(taken)
        self.unanswered.append(batch)
        return batch

    def repeat(self) -> Batch | None:
        """All that is unanswered, in order, for one call: never is a sequence number left out."""
        if not self.again or self.under_way:
            return None
        self.again = False
        if not self.unanswered:
            return None
        whole = Batch(self.unanswered[0].first, [], [], repeated=True)
        for batch in self.unanswered:
            whole.operations += batch.operations
            # Nobody waits for a second answer.
            again = [Response[Any](response.weight) for response in batch.responses]
            whole.responses += again if batch.answered else batch.responses
        self.unanswered = deque((whole,))
        return whole

    def keepalive(self) -> Batch:
        """A batch without operations."""
        return Batch(self._next, [], [])

    def encode(self, batch: Batch) -> bytes:
        """The body of a batch."""
        return encode_batch(self.name, batch.first, self.acknowledged, batch.operations)

    def answer(self, batch: Batch, replies: list[Reply]) -> bool:
        """The replies to a batch; False if that shows that the session has ended: it has expired,
        or the island was founded anew without something that it had answered. Raises `ValueError`
        if they are not as many as were asked for: then nothing has come of it."""
        if replies and replies[0].status is EXPIRED:
            return False
        if replies and replies[-1].status is GAP:
            if batch.repeated:  # it begins where all before it is answered
                return False
            self.again = True
            return True
        told = list(zip(batch.responses, replies, strict=True))
        batch.answered = True
        while self.unanswered and self.unanswered[0].answered:
            self._drop(self.unanswered.popleft())
        if self.unanswered:
            self.acknowledged = self.unanswered[0].first - 1
        else:
            self.acknowledged = self._next - 1
        for response, reply in told:
            status, value = reply
            if status is OK:
                response.set_result(value)
            elif status is ACKNOWLEDGED:
                response.set_error(OutcomeUnknown("applied, but its reply was let go of"))
            else:
                deliver(response, reply)
        return True

    def end(self, error: Exception) -> None:
        """The outcome of all that is unanswered is unknown."""
        for batch in self.unanswered:
            for response in () if batch.answered else batch.responses:
                response.set_error(error)
            self._drop(batch)
        self.unanswered.clear()

    def dropped(self) -> tuple[int, int]:
        """The weight and number of the calls that are kept no more since this was last asked."""
        dropped, self._dropped = self._dropped, (0, 0)
        return dropped

    def _drop(self, batch: Batch) -> None:
        weight, calls = self._dropped
        self._dropped = (weight + batch.weight, calls + len(batch.responses))
