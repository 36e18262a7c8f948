"""Nodes found by a key of their values."""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any, Generic, Protocol, TypeVar

from sortedcontainers import SortedList

from paxos_ray.procession.node import Node
from paxos_ray.procession.queue import Procession


class Key(Protocol):
    """What can be put in order."""

    def __lt__(self, other: Any, /) -> bool:
        """Whether it comes before the other."""


T = TypeVar("T")
K = TypeVar("K", bound=Key)


class Search(Generic[T, K]):
    """A listener that indexes the nodes held by `key(value)`, which is asked once a value and must
    not change its order then.

    While keys rise, or stay the same, from node to node, a node costs constant time and a search
    is a bisection; from the first key that falls on, until nothing is held, keys are sorted in, and
    both cost O(log n). Among equal keys the first that was pushed counts. What was in the queue
    before is not indexed.
    """

    __slots__ = ("_gone", "_keys", "_nodes", "_number", "_order", "_sorted", "key", "queue")

    def __init__(self, queue: Procession[T], key: Callable[[T], K]) -> None:
        self.queue = queue
        self.key = key
        self._begin()
        queue.listen(self)

    def _begin(self) -> None:
        # While keys rise: nodes and their keys, in order; the first `_gone` have been shifted.
        self._keys: list[K] = []
        self._nodes: list[Node[T] | None] = []
        self._gone = 0
        # Since one has fallen: (key, number, node), in the order of keys and in that of pushing.
        self._sorted: SortedList | None = None
        self._order: deque[tuple[K, int, Node[T]]] = deque()
        self._number = 0

    def __len__(self) -> int:
        return len(self._keys) - self._gone if self._sorted is None else len(self._order)

    def exact(self, key: K) -> Node[T] | None:
        """The first node held with this key."""
        for found, node in self._from(key):
            return None if key < found else node
        return None

    def at_or_after(self, key: K) -> Node[T] | None:
        """The first node held, in the order of keys, whose key is not less."""
        for _, node in self._from(key):
            return node
        return None

    def walk(self, key: K) -> Iterator[Node[T]]:
        """All nodes held from `at_or_after` on, in the order of keys. Push and shift nothing until
        it is done with."""
        return (node for _, node in self._from(key))

    def close(self) -> None:
        """Listen no more, and hold nothing."""
        self.queue.silence(self)
        self._begin()

    def pushed(self, node: Node[T], /) -> None:
        """It can be found."""
        key = self.key(node.value)
        if self._sorted is None:
            if not (self._keys and key < self._keys[-1]):
                self._keys.append(key)
                self._nodes.append(node)
                return
            if self._gone < len(self._keys):
                self._fall()
            else:  # none of those that it would be compared with is held
                self._begin()
                self._keys, self._nodes = [key], [node]
                return
        self._add(key, node)

    def shifted(self, node: Node[T], /) -> None:
        """It cannot be found any more."""
        if self._sorted is None:
            if self._gone < len(self._nodes) and self._nodes[self._gone] is node:
                self._nodes[self._gone] = None
                self._gone += 1
                # Moving only when half is let go makes the cost of a node let go constant.
                if 2 * self._gone >= len(self._nodes):
                    del self._nodes[: self._gone], self._keys[: self._gone]
                    self._gone = 0
        elif self._order and self._order[0][2] is node:
            self._sorted.remove(self._order.popleft())
            if not self._order:
                self._begin()

    def _from(self, key: K) -> Iterator[tuple[K, Node[T]]]:
        if self._sorted is not None:
            for found, _, node in self._sorted.irange((key, -1)):
                yield found, node
            return
        for at in range(bisect_left(self._keys, key, self._gone), len(self._keys)):
            held = self._nodes[at]
            assert held is not None
            yield self._keys[at], held

    def _fall(self) -> None:
        """Keys rise no more."""
        keys, nodes = self._keys[self._gone :], self._nodes[self._gone :]
        self._begin()
        self._sorted = SortedList()
        for key, node in zip(keys, nodes, strict=True):
            assert node is not None
            self._add(key, node)

    def _add(self, key: K, node: Node[T]) -> None:
        assert self._sorted is not None
        self._number += 1
        entry = (key, self._number, node)
        self._order.append(entry)
        self._sorted.add(entry)
