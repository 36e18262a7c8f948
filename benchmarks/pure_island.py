"""An island of Legislators in one process, its pulses handed over directly."""

from __future__ import annotations

from paxos_ray.core import Citizen, Legislator, Promise

REPUBLIC = "benchmark"


class PureIsland:
    """`size` Legislators, all in the parliament, that a caller drives.

    The clock is a number that moves by 1 ms with each batch, so that nothing measured waits.
    """

    def __init__(self, size: int = 5) -> None:
        ids = [f"citizen-{number}" for number in range(size)]
        self.now = 0
        self.everybody = {
            id: Legislator(id, parliament_size=size, seed=number) for number, id in enumerate(ids)
        }
        self.leader = self.everybody[ids[0]]
        self.leader.bootstrap(self.now, REPUBLIC, {})
        for id in ids[1:]:
            self._settle(id)
        for _ in range(1_000):
            government = self.leader.government
            assert government is not None
            if len(government.parliament) == size and not government.constituents:
                return
            self.now += 10
            for each in self.everybody.values():
                each.tick(self.now)
            self.pump()
        raise RuntimeError(f"the island did not reach {size} seats: {government}")

    def enqueue(self, bodies: list[bytes]) -> Promise:
        """Propose entries, carry pulses until nobody has more; the promise of the last entry."""
        self.now += 1
        for body in bodies:
            receipt = self.leader.enqueue(self.now, REPUBLIC, body)
            if not receipt.accepted:
                raise RuntimeError(f"the leader refused: {receipt.why}")
        self.pump()
        committed = [outcome.promise for outcome in self.leader.outcomes()]
        if len(committed) != len(bodies) or committed[-1] is None:
            raise RuntimeError("not everything that was enqueued is committed")
        return committed[-1]

    def learned_by_all(self, promise: Promise) -> bool:
        """Whether everybody has committed up to this promise."""
        return all(each.top is not None and each.top >= promise for each in self.everybody.values())

    def pump(self) -> None:
        """Carry pulses, each with all its replies, until nobody that was touched has more."""
        everybody, now = self.everybody, self.now
        waiting = list(everybody.values())
        while waiting:
            sender = waiting.pop(0)
            while (pulse := sender.outbox()) is not None:
                replies = {}
                for to, request in pulse.envelopes:
                    receiver = everybody[to]
                    replies[to] = receiver.receive(now, request)
                    if receiver not in waiting:
                        waiting.append(receiver)
                sender.sent(now, pulse, replies)

    def _settle(self, id: str) -> None:
        newcomer = self.everybody[id]
        newcomer.join(self.now, REPUBLIC, id)
        self.leader.embark(self.now, REPUBLIC, Citizen(id=id, properties={}, cookie=id))
        self.pump()
        newcomer.acclimate(self.now)
        self.pump()
        self.leader.outcomes()
