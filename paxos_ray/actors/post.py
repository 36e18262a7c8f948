"""One watch as the process knows it: where it is, and what it has been told and not yet given."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from paxos_ray.actors.errors import InvalidArgument
from paxos_ray.actors.feed import Calls
from paxos_ray.actors.whereabouts import Search
from paxos_ray.core.promise import Promise
from paxos_ray.machines.ring import weight_of
from paxos_ray.procession import EMPTY, END, Absent


@dataclass(frozen=True, slots=True)
class Change:
    """An event that an object has published: `event`, a plain value, under `key`.

    The entry of that promise has brought it about. `index` is the place of the operation in it,
    below 0 for what no operation has asked for: that time was up, or a session had ended."""

    promise: Promise
    index: int
    object: str
    key: Any
    event: Any


class Post:
    """Filled by a follower, emptied by one `Watch`, in threads of their own."""

    def __init__(
        self, object: str, keys: Collection[Any] | None, position: Promise | None, limit: int
    ) -> None:
        self.calls = Calls()
        self.object = object
        self.keys = keys
        self.reached = position
        """Up to where it has been told everything; None before it is known where to begin."""
        self.trusted = position is None
        """Whether that is known to lie in the log."""
        self.citizen: str | None = None
        self.search = Search()  # for what comes next
        # Reentrant: of a watch that is let go of, the garbage collector closes it, at any moment.
        self._lock = threading.RLock()
        self._changes: deque[Change] = deque()
        self._weight = 0
        self._limit = limit
        self._full = False
        self._over = False
        self._closed = False
        self._error: Exception | None = None
        self._given = position  # all events up to there have been taken

    # -- for the follower ---------------------------------------------------------------------

    @property
    def over(self) -> bool:
        """Whether nothing more is to be told."""
        return self._over or self._closed

    @property
    def room(self) -> int:
        """Bytes; 0 until half of what was full has been taken."""
        return 0 if self._full else max(0, self._limit - self._weight)

    def begin(self, position: Promise) -> None:
        """This is where it begins, if that is not known yet."""
        with self._lock:
            if self.reached is None:
                self.reached = self._given = position
        self.calls.ring()

    def check(self, top: Promise) -> None:
        """So far goes the log: if it was to begin beyond that, that is its end."""
        reached = self.reached
        if not self.trusted and reached is not None and reached > top:
            self.end(InvalidArgument(f"the log is at {top}: {reached} is not in it"))
        self.trusted = True

    def put(
        self, since: Promise, events: Iterable[tuple[Promise, int, Any, Any]], upto: Promise
    ) -> None:
        """These are all events after `since`, up to and with `upto`: those that it has not been
        told yet. If that leaves a gap, or nothing, nothing is done."""
        with self._lock:
            reached = self.reached
            if reached is None or not since <= reached < upto or self.over:
                return
            self.trusted = True
            for promise, index, key, event in events:
                if promise > reached:
                    self._changes.append(Change(promise, index, self.object, key, event))
                    self._weight += weight_of(key, event)
            self.reached = upto
            self._full = self._weight >= self._limit
            new = bool(self._changes)
        if new:
            self.calls.ring()

    def end(self, error: Exception | None = None) -> None:
        """Nothing more comes: this is why, if it is an error."""
        with self._lock:
            self._error = self._error or error
            self._over = True
        self.calls.ring()

    # -- for the watch ------------------------------------------------------------------------

    def take(self) -> Change | Absent:
        """The next change. Raises what has ended it, after the last."""
        with self._lock:
            if self._closed:
                return END
            if not self._changes:
                if self._error is not None:
                    raise self._error
                return END if self._over else EMPTY
            change = self._changes.popleft()
            self._weight -= weight_of(change.key, change.event)
            if 2 * self._weight <= self._limit:
                self._full = False
            if not self._changes:
                self._given = self.reached
            elif self._changes[0].promise != change.promise:
                self._given = change.promise
            return change

    def stand(self) -> Absent | None:
        """`EMPTY` as long as it is not known where it begins. Raises what prevents it."""
        with self._lock:
            if self._error is not None and not self._changes:
                raise self._error
            return EMPTY if self.reached is None and not self.over else None

    @property
    def position(self) -> Promise | None:
        """All events up to there have been taken: after it one can go on, in another watch."""
        with self._lock:
            return self._given if self._changes or self._closed else self.reached

    @property
    def closed(self) -> bool:
        """Whether nobody wants to be told any more."""
        return self._closed

    def close(self) -> None:
        """Nobody wants to be told any more."""
        with self._lock:
            self._given = self.position
            self._closed = True
            self._changes.clear()
            self._weight = 0
        self.calls.ring()
