"""Making a snapshot aside: who gives it goes on working."""

from __future__ import annotations

import threading
import time
from typing import Any, NamedTuple

import ray

from paxos_ray.actors.authority import OPEN, Authority
from paxos_ray.actors.wire import seal_into

SNAPSHOT = "snapshot"
"""What one is signed as."""

KEPT = 8
"""So many at a time: as many newcomers as are launched at once may ask for one."""

UNFETCHED_S = 120.0
"""So long one is kept for whoever asked: who lives fetches it within a second."""


class _Made(NamedTuple):
    reference: Any
    at: float


class Snapshots:
    """The snapshots that a citizen is asked for, each as an object in Ray's store until whoever
    asked has it."""

    def __init__(self, authority: Authority = OPEN) -> None:
        self._authority = authority
        self._made: dict[int, _Made | None] = {}  # None: it is being made
        self._count = 0

    def freeze(self, copy: object) -> int:
        """Serialize this copy in a thread of its own: the number to `fetch` it by."""
        self._count += 1
        number = self._count
        self._made[number] = None
        for old in [kept for kept in list(self._made) if kept <= number - KEPT]:
            self._made.pop(old, None)
        name = f"snapshot {number}"
        threading.Thread(target=self._make, args=(number, copy), name=name, daemon=True).start()
        return number

    def fetch(self, number: int) -> list[Any] | None:
        """A reference to the pickled snapshot, in a list so that it is passed on as it is.

        None: not ready yet. Raises `LookupError` for one that was let go or could not be made. One
        that is handed out is let go: a large state must not be held in memory for nobody.
        """
        made = self._made[number]
        if made is None:
            return None
        del self._made[number]
        return [made.reference]

    def expire(self) -> None:
        """Now and then: let go of those whose askers are no more."""
        late = time.monotonic() - UNFETCHED_S
        for number, made in list(self._made.items()):
            if made is not None and made.at < late:
                del self._made[number]

    def _make(self, number: int, copy: object) -> None:
        sink = _Sink()
        try:
            seal_into(sink, copy)
            reference = ray.put(self._authority.sign(SNAPSHOT, *sink.pieces))
        except BaseException:
            self._made.pop(number, None)
            raise
        if number in self._made:
            self._made[number] = _Made(reference, time.monotonic())


class _Sink:
    """Where a pickle is written. That `write` is Python lets other threads run at each frame
    (64 kB): a pickle made in one piece would stop the whole process for as long as it takes."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []

    def write(self, piece: bytes) -> int:
        self.pieces.append(bytes(piece))
        return len(piece)
