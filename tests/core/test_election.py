"""An election waits for nobody that is believed dead."""

from __future__ import annotations

from tests.core.harness import Island


def test_the_living_are_asked_apart_from_the_dead() -> None:
    """b stands because a is dead. The pulse to c and those who live is answered at once, that to a
    only after a carrier's time limit: b is elected without it."""
    island = Island("abc", "de")
    island.crash("a")
    b = island["b"]
    b.unreachable(island.now, "a")
    pulses = []
    while (pulse := b.outbox()) is not None:
        pulses.append(pulse)
    assert [[envelope.to for envelope in pulse.envelopes] for pulse in pulses] == [
        ["c", "d", "e"],
        ["a"],
    ]
    for _ in ("prepare", "accept"):
        replies = {e.to: island[e.to].receive(island.now, e.request) for e in pulses[0].envelopes}
        b.sent(island.now, pulses[0], replies)
        pulses = [pulse for pulse in (b.outbox(),) if pulse is not None]
    assert island.leaders() == ["b"]


def test_who_did_not_answer_is_asked_apart_the_next_time() -> None:
    """Nobody has said who is dead: the first attempt waits for all, and only c answers. The next
    one waits for nobody: each is asked apart."""
    island = Island("abc", "de")
    island.crash("a")
    b, late = island["b"], island.now + 10_000
    b.tick(late)
    first = b.outbox()
    assert first is not None
    assert {envelope.to for envelope in first.envelopes} == {"a", "c", "d", "e"}
    to_c = next(envelope for envelope in first.envelopes if envelope.to == "c")
    b.sent(late, first, {"c": island["c"].receive(late, to_c.request)})
    assert b.collapsed
    wakeup = b.wakeup
    assert wakeup is not None
    b.tick(wakeup)
    asked = []
    while (pulse := b.outbox()) is not None:
        asked.append([envelope.to for envelope in pulse.envelopes])
    assert sorted(asked) == [["a"], ["c"], ["d"], ["e"]]
