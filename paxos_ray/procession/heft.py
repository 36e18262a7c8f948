"""What a queue holds, weighed."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from math import inf
from typing import Generic, TypeVar

from paxos_ray.procession.errors import Full, InvalidSetting
from paxos_ray.procession.node import Node
from paxos_ray.procession.queue import Procession

T = TypeVar("T")


class Heft(Generic[T]):
    """A listener that sums up the weights of the values held: `current` and `peak`.

    `weigh` is asked once a value, and answers with a number from 0 up. A `limit` above 0 is kept by
    those who push through `push`; `queue.push` knows nothing of it. What was in the queue before is
    not weighed. Raises `InvalidSetting`.
    """

    __slots__ = ("_known", "_weights", "current", "limit", "peak", "queue", "weigh")

    def __init__(
        self, queue: Procession[T], weigh: Callable[[T], float], limit: float = inf
    ) -> None:
        if type(limit) not in (int, float) or not limit > 0:
            raise InvalidSetting(f"limit: above 0, not {limit!r}")
        self.queue = queue
        self.weigh = weigh
        self.limit = limit
        self.current: float = 0
        self.peak: float = 0
        self._weights: deque[float] = deque()  # of the nodes held, in order
        self._known: float | None = None  # the weight of what is pushed next
        queue.listen(self)

    @property
    def full(self) -> bool:
        """Whether the limit is met."""
        return self.current >= self.limit

    def fits(self, weight: float) -> bool:
        """Whether a value of this weight can come in: the limit is kept with it, or it is to be
        there alone, as what is heavier than the limit could else never come in."""
        return self.current + weight <= self.limit or not self._weights

    def push(self, value: T) -> None:
        """Push it, if it fits. Raises `Full`, and what `Procession.push` raises."""
        weight = self.weighed(value)
        if not self.fits(weight):
            raise Full(f"{weight} more than {self.current} would exceed {self.limit}", self.limit)
        self.push_weighed(value, weight)

    def push_weighed(self, value: T, weight: float) -> None:
        """Push it at a known weight, whether it fits or not. Raises as `Procession.push`."""
        self._known = weight
        try:
            self.queue.push(value)
        finally:
            self._known = None

    def weighed(self, value: T) -> float:
        """Its weight. Raises `InvalidSetting` for a weight below 0."""
        weight = self.weigh(value)
        if not weight >= 0:
            raise InvalidSetting(f"a weight is 0 or above, not {weight!r}")
        return weight

    def close(self) -> None:
        """Listen no more."""
        self.queue.silence(self)

    def pushed(self, node: Node[T], /) -> None:
        """Its weight is added."""
        weight, self._known = self._known, None
        if weight is None:
            try:
                weight = self.weighed(node.value)
            except BaseException:
                self._weights.append(0)  # one for each node, in any case
                raise
        self._weights.append(weight)
        self.current += weight
        self.peak = max(self.peak, self.current)

    def shifted(self, node: Node[T], /) -> None:
        """Its weight is taken off."""
        self.current -= self._weights.popleft()
        if not self._weights:
            self.current = 0  # floats do not sum up to nothing by themselves
