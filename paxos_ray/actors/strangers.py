"""Citizens of which a carrier knows only the id: who they are is for Ray's control service to say.

It says so within milliseconds, or not at all while it cannot be reached. Nobody waits for that: a
carrier that is cut off from it still serves its clients. But it leaves the pulses that may go to a
stranger to others: from here they would count as lost, and a majority with them. There are others:
whoever launched the stranger can reach the control service, which has started another coordinator.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection

from ray.exceptions import RayError

from paxos_ray.actors.authority import Authority
from paxos_ray.actors.member import Member, look_up

log = logging.getLogger("paxos_ray")

BRIEFLY_S = 0.1
AGAIN_S = 1.0
"""After a failure, and when Ray has said that there is no such actor."""

KEPT = 1_000
"""Of so many is remembered that they are nobody, those of whom Ray has said so last."""


class Strangers:
    """Those of one island; `met` is told of each that Ray has found."""

    def __init__(self, island: str, authority: Authority, met: Callable[[Member], None]) -> None:
        self._island = island
        self._authority = authority
        self._met = met
        self._loop = asyncio.get_running_loop()
        self._asked: dict[str, asyncio.Task[Member | None]] = {}  # Ray, and has not said
        self._nobody: dict[str, float] = {}  # by Ray's word, since when
        self._closed = False

    def look_for(self, id: str) -> None:
        """Ask Ray who that is, unless it is being asked or has just said that there is nobody."""
        since = self._nobody.get(id)
        if id not in self._asked and (since is None or self._loop.time() - since >= AGAIN_S):
            self._asked[id] = self._loop.create_task(self._ask(id))

    async def find(self, id: str) -> Member | None:
        """Who that is, None if Ray knows nobody of that id or does not say so soon."""
        self.look_for(id)
        asked = self._asked.get(id)
        if asked is None:
            return None
        done, _ = await asyncio.wait((asked,), timeout=BRIEFLY_S)
        return asked.result() if done else None

    @property
    def unknown(self) -> tuple[str, ...]:
        """Of whom Ray has yet to say who they are."""
        return tuple(id for id in self._asked if id not in self._nobody)

    def among(self, ids: Collection[str]) -> bool:
        """Whether Ray has yet to say who one of these is."""
        return bool(self._asked) and any(id in ids for id in self.unknown)

    def close(self) -> None:
        """Look for nobody any more."""
        self._closed = True

    async def _ask(self, id: str) -> Member | None:
        try:
            member = await self._look_up(id)
        finally:
            del self._asked[id]
        if member is None:
            self._nobody.pop(id, None)  # the last comes last
            self._nobody[id] = self._loop.time()
            if len(self._nobody) > KEPT:
                del self._nobody[next(iter(self._nobody))]
        elif not self._closed:
            self._nobody.pop(id, None)
            self._met(member)
        return member

    async def _look_up(self, id: str) -> Member | None:
        while not self._closed:
            try:
                return await asyncio.to_thread(look_up, self._island, id, self._authority)
            except (RayError, OSError, RuntimeError) as error:
                log.warning("island %s: who %s is, is not known: %s", self._island, id, error)
                await asyncio.sleep(AGAIN_S)
        return None
