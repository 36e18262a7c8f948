"""What is told of a queue's nodes, and the simplest that can be built on it."""

from __future__ import annotations

from typing import Any, Protocol, TypeVar

from paxos_ray.procession.node import Node

T = TypeVar("T")


class Listener(Protocol[T]):
    """Is told of each node that is pushed after it was added to a queue, and of each of these when
    it is shifted, in order, every one once. When it is told, it is so already.

    It neither changes the queue nor raises: what it raises comes out of `push` or `shift`, after
    which other listeners may not have been told.
    """

    def pushed(self, node: Node[T], /) -> None:
        """The node is there."""

    def shifted(self, node: Node[T], /) -> None:
        """All tracked consumers have passed it."""


class Metrics:
    """How many nodes were pushed and shifted since it listens, and how many of them are held."""

    __slots__ = ("held_peak", "pushed_total", "shifted_total")

    def __init__(self) -> None:
        self.pushed_total = 0
        self.shifted_total = 0
        self.held_peak = 0

    @property
    def held(self) -> int:
        """How many of them are held now."""
        return self.pushed_total - self.shifted_total

    def pushed(self, node: Node[Any], /) -> None:
        """One more."""
        self.pushed_total += 1
        if self.held > self.held_peak:
            self.held_peak = self.held

    def shifted(self, node: Node[Any], /) -> None:
        """One less is held."""
        self.shifted_total += 1
