"""What an increment is measured against: the same calls between actors, without any protocol.

A plain actor is one call. The bare chain is the round that an island of three needs: client →
coordinator → leader → one follower (with the leader, the majority) → leader → client. References
are chained, so that the coordinator waits for the last call only; what travels is bytes, which
Ray passes on as they are.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any

import ray

Call = Callable[[], object]


class Plain:
    """A counter that dies with its process."""

    def __init__(self) -> None:
        self.total = 0

    def increment(self, by: int) -> int:
        """Add and return the total."""
        self.total += by
        return self.total


class Leader:
    """Keeps what was proposed until the follower has it."""

    def __init__(self) -> None:
        self.total = 0
        self.proposed = b""

    def propose(self, operations: bytes) -> bytes:
        """What the follower is to record."""
        self.proposed = operations
        return operations

    def commit(self, _recorded: bytes) -> bytes:
        """Apply, and answer each operation."""
        results = []
        for by in pickle.loads(self.proposed):
            self.total += by
            results.append(self.total)
        return pickle.dumps(results)


class Follower:
    """Records what the leader proposed."""

    def __init__(self) -> None:
        self.recorded = b""

    def record(self, operations: bytes) -> bytes:
        """Keep it and say so."""
        self.recorded = operations
        return b"received"


class Coordinator:
    """Moves the calls; an async actor, as the island's is."""

    def __init__(self, leader: Any, follower: Any) -> None:
        self.leader = leader
        self.follower = follower

    async def increment(self, operations: bytes) -> bytes:
        """One round, waiting for its last call only."""
        proposed = self.leader.propose.remote(operations)
        recorded = self.follower.record.remote(proposed)
        results: bytes = await self.leader.commit.remote(recorded)
        return results


def start() -> tuple[Call, Call, Callable[[int], None]]:
    """Start the actors: one plain call, one round of the chain, and n plain calls pipelined."""
    actor: Any = ray.remote(num_cpus=0)  # handles have the methods of what they wrap, untyped
    plain = actor(Plain).remote()
    leader, follower = actor(Leader).remote(), actor(Follower).remote()
    coordinator = actor(Coordinator).remote(leader, follower)
    one = pickle.dumps([1])

    def call_plain() -> object:
        return ray.get(plain.increment.remote(1))

    def call_chain() -> object:
        return pickle.loads(ray.get(coordinator.increment.remote(one)))

    def pipeline(calls: int) -> None:
        ray.get([plain.increment.remote(1) for _ in range(calls)])

    return call_plain, call_chain, pipeline
