"""A tracked consumer: what it has not passed is held for it."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from paxos_ray.procession.errors import Destroyed, InvalidSetting, Shifted
from paxos_ray.procession.node import EMPTY, END, Absent, Node

if TYPE_CHECKING:
    from paxos_ray.procession.queue import Procession

T = TypeVar("T")

NOTHING: Final[deque[Any]] = deque(maxlen=0)


class Shifter(Generic[T]):
    """A consumer of a procession, made by `Procession.shifter`, `Shifter.shifter` or
    `Walk.promote`.

    An iterator over the values that are there, which it shifts, and, by `async for`, over those
    to come as well, until the end. All of its methods raise `Destroyed` once it is.
    """

    __slots__ = ("__weakref__", "_at", "_queue", "_ready", "_taken")

    def __init__(self, queue: Procession[T]) -> None:
        self._queue = queue
        self._at: Node[T] | None = None  # whose value comes next; None: destroyed
        self._ready: deque[T] = NOTHING  # where it may take that value from without further ado
        self._taken = 0  # how many it took so, which the number of the open node lacks

    def shift(self) -> T | Absent:
        """The next value, which this consumer has passed then; `EMPTY` or `END` without one."""
        ready = self._ready
        if ready:
            self._taken += 1
            return ready.popleft()
        return self._shift()

    def peek(self) -> T | Absent:
        """What `shift` would return."""
        node = self._standing()
        if node._next is not None:
            return node.value
        fresh = self._queue._fresh
        return fresh[0] if fresh else self._nothing()

    def move(self, node: Node[T]) -> None:
        """Stand at a node that is held, before or behind, without shifting one by one. Raises
        `Shifted` for one that all consumers have passed, `InvalidSetting` for what is no node. The
        node is one of this queue, which is not looked into."""
        left = self._standing()
        if type(node) is not Node:
            raise InvalidSetting(f"a consumer stands at a node, not at {node!r}")
        if node.shifted:
            raise Shifted(f"all consumers have passed node {node.sequence}: it is not held")
        self._at = node
        node._consumers += 1
        left._consumers -= 1
        if left is self._queue._tail:
            self._queue._advance()

    def skip(self, count: int) -> None:
        """Shift so many values. Raises `InvalidSetting`, and shifts none, if there are fewer."""
        if type(count) is not int:
            raise InvalidSetting(f"a number of values is skipped, not {count!r}")
        ready = self._ready
        if not 0 < count <= len(ready):
            if not 0 <= count <= self.lag:
                raise InvalidSetting(f"{count!r} of {self.lag} values cannot be skipped")
            while count and not self._ready:
                self._shift()
                count -= 1
            ready = self._ready
        self._taken += count
        for _ in range(count):
            ready.popleft()

    def shifter(self) -> Shifter[T]:
        """Another consumer, at the same place."""
        return self._queue._track(Shifter(self._queue), self._standing())

    def destroy(self) -> None:
        """Hold nothing any more. Of one that is destroyed: nothing happens."""
        node, self._at = self._at, None
        if node is not None:
            self._queue._untrack(self, node)

    @property
    def destroyed(self) -> bool:
        """Whether `destroy` was called."""
        return self._at is None

    @property
    def sequence(self) -> int:
        """The number of the place that it stands at: that of the value that comes next."""
        return (self._standing().sequence + self._taken) & self._queue._mask

    @property
    def lag(self) -> int:
        """How many values it has before it."""
        queue, node = self._queue, self._standing()
        return ((queue._head.sequence - node.sequence) & queue._mask) + len(queue._fresh)

    def __iter__(self) -> Shifter[T]:
        return self

    def __next__(self) -> T:
        value = self.shift()
        if isinstance(value, Absent):
            raise StopIteration
        return value

    def __aiter__(self) -> Shifter[T]:
        return self

    async def __anext__(self) -> T:
        """The next value, awaited; stops at the end, and when destroyed while it waits."""
        value = self.shift()
        while isinstance(value, Absent):
            if value is END:
                raise StopAsyncIteration
            future = self._queue._sit()
            try:
                await future
            finally:
                self._queue._rise(future)
            if self._at is None:
                raise StopAsyncIteration
            value = self.shift()
        return value

    def __enter__(self) -> Shifter[T]:
        return self

    def __exit__(self, *_: object) -> None:
        self.destroy()

    def __copy__(self) -> Shifter[T]:
        return self.shifter()

    def __getstate__(self) -> tuple[Procession[T], bool]:
        # The queue tells it, when it is restored itself, where it stands.
        return self._queue, self.destroyed

    def __setstate__(self, state: tuple[Procession[T], bool]) -> None:
        self._queue, destroyed = state
        if destroyed:
            self._at, self._ready, self._taken = None, NOTHING, 0

    def _standing(self) -> Node[T]:
        if self._at is None:
            raise Destroyed("this consumer has been destroyed")
        return self._at

    def _nothing(self) -> Absent:
        return END if self._queue._ended else EMPTY

    def _shift(self) -> T | Absent:
        """Shift where there is more to it than taking a value."""
        node, queue = self._at, self._queue
        if node is None:
            node = self._standing()  # raises
        following = node._next
        if following is None:
            if not queue._fresh:
                return self._nothing()
            if len(queue._shifters) == 1 and not queue._exposed:
                return queue._take(self)
            queue._link()
            following = node._next
            assert following is not None
        self._at = following
        following._consumers += 1
        node._consumers -= 1
        if node is queue._tail:
            queue._advance()
        return node.value
