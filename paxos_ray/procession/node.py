"""What a procession is made of, and what stands for nothing."""

from __future__ import annotations

from enum import Enum
from typing import Final, Generic, TypeVar

T = TypeVar("T")


class Absent(Enum):
    """What `shift` and `peek` return when there is no value. Both are false."""

    EMPTY = "nothing there yet"
    END = "nothing there, nor will there be"

    def __bool__(self) -> bool:
        return False


EMPTY: Final = Absent.EMPTY
END: Final = Absent.END


class Node(Generic[T]):
    """A value in its place.

    `sequence` is the place's number, modulo 2 to the queue's width. `shifted` says whether all
    tracked consumers have passed it; it is the node's own knowledge, so it holds however long ago
    that was, when the number has long been given again.

    The last node of a chain is open: its place has a number, and its value is still to come.
    """

    __slots__ = ("__weakref__", "_consumers", "_next", "sequence", "shifted", "value")

    value: T
    sequence: int
    shifted: bool
    _next: Node[T] | None  # None: the node is open
    _consumers: int  # how many stand here: it is the value that they shift next

    def __init__(self, sequence: int) -> None:
        self.sequence = sequence
        self.shifted = False
        self._next = None
        self._consumers = 0

    def __repr__(self) -> str:
        return f"<Node {self.sequence}: {getattr(self, 'value', '…')!r}>"

    def __reduce__(self) -> tuple[object, ...]:
        # A node drags along all that follow, one level of recursion each.
        raise TypeError("a node is not copied: copy its value, or the whole queue")
