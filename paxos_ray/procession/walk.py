"""An iterator over nodes that nobody keeps track of: nothing is held for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

from paxos_ray.procession.errors import Shifted
from paxos_ray.procession.node import Node
from paxos_ray.procession.shifter import Shifter

if TYPE_CHECKING:
    from paxos_ray.procession.queue import Procession

T = TypeVar("T")


class Walk(Generic[T]):
    """Hands out nodes, made by `Procession.walk`. Where it finds none it stops, and goes on when
    asked again after more was pushed."""

    __slots__ = ("_next", "_queue", "node")

    node: Node[T] | None
    """The node handed out last; None before the first."""

    def __init__(self, queue: Procession[T], node: Node[T]) -> None:
        self._queue = queue
        self._next = node
        self.node = None

    def __iter__(self) -> Walk[T]:
        return self

    def __next__(self) -> Node[T]:
        node = self._next
        following = node._next
        if following is None:
            self._queue._link()
            following = node._next
            if following is None:
                raise StopIteration
        self.node, self._next = node, following
        return node

    def rest(self) -> list[Node[T]]:
        """All nodes that it has not handed out yet, as by iterating, in less time."""
        self._queue._link()
        nodes: list[Node[T]] = []
        append, node = nodes.append, self._next
        following = node._next
        while following is not None:
            append(node)
            node, following = following, following._next
        self._next = node
        if nodes:
            self.node = nodes[-1]
        return nodes

    @property
    def shifted(self) -> bool:
        """Whether it is too late to `promote`: all consumers have passed the node it is at."""
        return (self.node or self._next).shifted

    def promote(self) -> Shifter[T]:
        """A tracked consumer that begins with the node handed out last, or, before the first, with
        that one. Raises `Shifted` when all consumers have passed it. The walk remains."""
        node = self.node or self._next
        if node.shifted:
            raise Shifted(f"all consumers have passed node {node.sequence}: it is not held")
        return self._queue._track(Shifter(self._queue), node)
