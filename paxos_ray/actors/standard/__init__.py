"""Handles of the standard objects, one module a kind; and how an island gives them."""

from __future__ import annotations

from paxos_ray.actors.client import Client
from paxos_ray.actors.standard.barrier import Barrier, Inside
from paxos_ray.actors.standard.deeds import Holding
from paxos_ray.actors.standard.election import Election
from paxos_ray.actors.standard.lock import Lock
from paxos_ray.actors.standard.map import Map
from paxos_ray.actors.standard.observation import Leader, Observation
from paxos_ray.actors.standard.queue import Queue, Taken
from paxos_ray.actors.standard.semaphore import Semaphore
from paxos_ray.actors.standard.sequence import Sequence

__all__ = [
    "Barrier",
    "Election",
    "Holding",
    "Inside",
    "Leader",
    "Lock",
    "Map",
    "Observation",
    "Queue",
    "Semaphore",
    "Sequence",
    "StandardObjects",
    "Taken",
]

_LIMIT_S = 120.0  # how long configuring may take


class StandardObjects:
    """What an island has of standard objects: handles by name, which raise `InvalidArgument` for
    what is no name. An object comes into being when it is first changed."""

    _client: Client

    def map(self, name: str) -> Map:
        """The replicated map of that name."""
        return Map(self._client, name)

    def lock(self, name: str) -> Lock:
        """The replicated lock of that name."""
        return Lock(self._client, name)

    def semaphore(self, name: str, permits: int | None = None) -> Semaphore:
        """The replicated semaphore of that name.

        Given how many permits it has, it is configured so, which waits for the island; raises
        `ConfiguredOtherwise` if another number has been said, `InvalidArguments`, `WrongKind`. In
        a coroutine call `configure.submit(permits)` instead."""
        semaphore = Semaphore(self._client, name)
        if permits is not None:
            semaphore.configure.remote(permits).result(_LIMIT_S)
        return semaphore

    def election(self, name: str) -> Election:
        """The replicated election of that name."""
        return Election(self._client, name)

    def barrier(self, name: str) -> Barrier:
        """The replicated barrier of that name."""
        return Barrier(self._client, name)

    def queue(self, name: str, limit: int | None = None) -> Queue:
        """The replicated queue of that name.

        Given how many items it may hold, it is configured so, which waits for the island; raises
        as `semaphore` does."""
        queue = Queue(self._client, name)
        if limit is not None:
            queue.configure.remote(limit).result(_LIMIT_S)
        return queue

    def sequence(self, name: str) -> Sequence:
        """The replicated sequence of that name."""
        return Sequence(self._client, name)
