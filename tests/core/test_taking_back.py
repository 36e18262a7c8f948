"""A change of government that can no longer be made, while some are silent and nobody is dead."""

from __future__ import annotations

import pytest

from paxos_ray.core import Government, Pulse
from paxos_ray.core.messages import Write
from tests.core.harness import PING, TIMEOUT, Island


def gone_in(pulse: Pulse) -> set[str]:
    """Who departs by the change of government that a pulse of the leader writes, if it does."""
    for envelope in pulse.envelopes:
        request = envelope.request
        if isinstance(request, Write):
            for entry in request.proposals:
                if isinstance(entry.body, Government):
                    return set("abcde") - set(entry.body.citizens)
    return set()


@pytest.mark.parametrize("timeout", [3 * PING, TIMEOUT, 20 * PING])
def test_who_takes_a_change_back_does_not_wait_for_the_silent(timeout: int) -> None:
    """Of a parliament of five d and e are silent, and when it is written that one of them departs,
    c becomes so, and that one is back: of the four that were to follow a and b are only two. Each
    that stands has others stand before it could know that the silent do not answer."""
    island = Island("abc", "de", timeout=timeout, parliament_size=5, parliament_floor=3)
    island.hung |= {"d", "e"}

    def before(pulse: Pulse) -> None:
        if pulse.sender == "a" and gone_in(pulse) & island.hung:
            island.hung = {"c", *"de"} - gone_in(pulse)

    island.before = before
    island.run_until(lambda: "c" in island.hung, 10 * timeout)
    island.run_until(lambda: not island.leaders(), 10 * timeout)
    island.run_until(lambda: bool(island.leaders()), 100 * timeout)
    island.write_through()
    island.check()
