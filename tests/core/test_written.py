"""Two candidates for one promise: nobody is told to commit the one that was not chosen."""

from __future__ import annotations

from paxos_ray.core import Citizen, Legislator, Pulse

REPUBLIC = "r"


class Island:
    """Citizens in one process; the dead and the cut-off answer nothing."""

    def __init__(self) -> None:
        self.now = 0
        self.away: set[str] = set()
        self.citizens: dict[str, Legislator] = {}
        founder = self.add("a")
        founder.bootstrap(0, REPUBLIC, {})

    def add(self, id: str) -> Legislator:
        seat = self.citizens[id] = Legislator(id, seed=len(self.citizens), ping=100, timeout=1_000)
        return seat

    def come_in(self, id: str, leader: str) -> None:
        self.add(id).join(self.now, REPUBLIC, id)
        receipt = self.citizens[leader].embark(self.now, REPUBLIC, Citizen(id=id, cookie=id))
        assert receipt.accepted, receipt

    def carry(self, sender: str, pulse: Pulse) -> None:
        replies = {
            envelope.to: None
            if envelope.to in self.away or sender in self.away
            else self.citizens[envelope.to].receive(self.now, envelope.request)
            for envelope in pulse.envelopes
        }
        self.citizens[sender].sent(self.now, pulse, replies)

    def run(self, ms: int) -> None:
        for _ in range(ms // 25):
            self.now += 25
            for id, citizen in self.citizens.items():
                if id in self.away:
                    continue
                citizen.tick(self.now)
                if citizen.donor is not None:
                    citizen.acclimate(self.now)
                while (pulse := citizen.outbox()) is not None:
                    self.carry(id, pulse)


def test_a_representative_vouches_only_for_what_it_wrote_itself() -> None:
    """a writes a government that seats f, and only f records it; c is elected at the same number
    without having seen it. As f's representative under c, a once said "what your register holds
    is committed", because the promises were equal, and f committed a's government."""
    island = Island()
    island.come_in("b", "a")
    island.come_in("c", "a")
    island.run(2_000)
    a, b, c = (island.citizens[id] for id in "abc")
    assert a.government is not None and a.government.parliament == ("a", "b", "c")
    for id in ("f", "g"):
        island.come_in(id, "a")
    # Both newcomers are ready, and c is away for a moment: the promotion puts f in the majority.
    island.away.add("c")
    write = None
    for _ in range(200):
        island.now += 5
        for id in ("b", "f", "g"):
            citizen = island.citizens[id]
            citizen.tick(island.now)
            if citizen.donor is not None:
                citizen.acclimate(island.now)
            while (pulse := citizen.outbox()) is not None:
                island.carry(id, pulse)
        a.tick(island.now)
        while (pulse := a.outbox()) is not None:
            proposals = getattr(pulse.envelopes[0].request, "proposals", ())
            if (
                proposals
                and proposals[0].promise.entry == 0
                and len(proposals[0].body.parliament) == 5
            ):
                write = pulse
                break
            island.carry("a", pulse)
        if write is not None:
            break
    assert write is not None and [envelope.to for envelope in write.envelopes] == ["b", "f"]
    number = write.envelopes[0].request.proposals[0].promise  # type: ignore[attr-defined]
    reply = island.citizens["f"].receive(island.now, write.envelopes[1].request)
    a.sent(island.now, write, {"b": None, "f": reply})
    # b is told that a is dead, and stands before a does; c is back.
    island.away = {"a", "f", "g"}
    b.unreachable(island.now, "a")
    while (pulse := b.outbox()) is not None:
        island.carry("b", pulse)
        if b.leader == "b":
            break
    assert b.top == number, "the same promise, another government"
    assert b.government is not None and b.government.parliament == ("b", "c", "a")
    # Now a learns b's government, and is f's representative under it.
    island.away = set()
    for id in ("b", "c", "a"):
        citizen = island.citizens[id]
        citizen.tick(island.now)
        for _ in range(4):
            if (pulse := citizen.outbox()) is not None:
                island.carry(id, pulse)
    committed = [entry.body for entry in island.citizens["f"].log if entry.promise == number]
    assert committed == [b.government], "f committed what was not chosen"
    island.run(3_000)
    assert {citizen.top for citizen in island.citizens.values()} == {c.top}
