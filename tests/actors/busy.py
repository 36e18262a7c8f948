"""A queue that is not left alone while it is emptied."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from paxos_ray.actors.response import Response

SOON_S = 30.0


class Busy(deque[Any]):
    """A queue to which another adds while it is emptied, once it may."""

    def __init__(self, comes: Callable[[], Response[Any]]) -> None:
        super().__init__()
        self.armed = False
        self.late: Future[Response[Any]] = Future()
        self._comes = comes

    def popleft(self) -> Any:
        self._come()
        return super().popleft()

    def clear(self) -> None:
        self._come()
        super().clear()

    def _come(self) -> None:
        """In a thread of its own: this one holds a lock."""
        if self.armed:
            self.armed, before = False, len(self)
            threading.Thread(target=lambda: self.late.set_result(self._comes())).start()
            deadline = time.monotonic() + SOON_S
            while len(self) == before:
                assert time.monotonic() < deadline
