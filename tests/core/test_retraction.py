"""A leader that lives takes back a change of government that the dead can no longer form."""

from __future__ import annotations

from paxos_ray.core.messages import Accept, Write
from tests.core.harness import TIMEOUT, Island


def departure(island: Island) -> None:
    """Of {a b c | d e}, d is cut off; a writes that it departs. b records that, c dies before."""
    island.partition("d", "abce")
    pulse = island.until_written("a", lambda government: "d" not in government.parliament)
    replies = island.deliver(pulse, "b")
    island.crash("c")
    island.answer(pulse, {**replies, "c": None})
    island.heal()


def test_who_wrote_it_takes_it_back() -> None:
    """e is dead too: a, b and d are three of the five, but two of the four that were to follow."""
    island = Island("abc", "de")
    island.crash("e")
    departure(island)
    assert island["a"].collapsed
    assert island["b"].inspect().register is not None
    island.write_through()
    government = island["a"].government
    assert government is not None
    assert {"a", "b", "d"} <= set(government.parliament)


def test_nobody_else_does() -> None:
    """a, who wrote it, is dead: b cannot tell whether a and c have committed it, and two of the
    four are not enough, though b, d and e are three of the five."""
    island = Island("abc", "de")
    departure(island)
    island.crash("a")
    island.run(10 * TIMEOUT)
    assert island.leaders() == []
    pending = island["b"].inspect().register
    assert pending is not None
    assert pending.entries[-1].body.parliament == ("a", "b", "c", "e")
    island.check()


def test_what_another_has_carried_on_stays() -> None:
    """b is elected with the departure in its chain, and dies with e when c has recorded that and
    not yet committed it: a, c and d are three of the five, but a higher ballot than that of a has
    the departure."""
    island = Island("abc", "de")
    island.partition("d", "abce")
    pulse = island.until_written("a", lambda government: "d" not in government.parliament)
    departed = pulse.envelopes[0].request
    assert isinstance(departed, Write)
    island.deliver(pulse)
    island.partition("a", "bcde")
    island["b"].unreachable(island.time("b"), "a")
    island.trip("b", "c", "e")
    accept = island.take("b")
    while not isinstance(accept.envelopes[0].request, Accept):
        accept = island.take("b")
    island.answer(accept, island.deliver(accept))
    elected = island["b"].inspect()
    assert elected.role == "writer"
    assert elected.top is not None
    assert elected.top > departed.proposals[0].promise
    island.crash("b", "e")
    island.heal()
    island.run(10 * TIMEOUT)
    assert island["a"].collapsed
    assert island.leaders() == []
    island.check()
