"""Waiting for changes within one event loop: those who wait are many, and none is missed."""

from __future__ import annotations

import asyncio
import contextlib


class Bell:
    """Rung at each change. Who has heard it `rung` times waits for the next with that number."""

    def __init__(self) -> None:
        self.rung = 0
        self._next = asyncio.Event()

    def ring(self) -> None:
        """Something has changed."""
        self.rung += 1
        self._next.set()
        self._next = asyncio.Event()

    async def heard(self, rung: int, limit_s: float) -> int:
        """Wait for a ring after that many, not at all if there was one, and `limit_s` at most.

        Returns how many there were by then."""
        if self.rung == rung:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._next.wait(), limit_s)
        return self.rung
