"""The role of who takes no part any more, and what survivors of an island leave to its heir.

When more than half of a parliament never comes back, nobody can be elected: the protocol has no way
on. Whoever decides to found the island anew from what the survivors hold has them retire first, so
that what they say they hold is the last that they will ever have held; then works out, by the
functions here, what goes over to the heir. Such a decision is not the protocol's: it may lose what
was acknowledged.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from typing import Any

from paxos_ray.core.government import Government
from paxos_ray.core.log import Entry
from paxos_ray.core.messages import Denied, Pulse, Register, Reply
from paxos_ray.core.promise import Promise
from paxos_ray.core.state import Giving, State, beyond

EPOCH = 1_000_000
"""Each founding anew begins with a government whose number is the next multiple of this: above any
that those who are lost may have come to after the survivors last heard of them, lest a promise, and
a session that is named by one, have two meanings."""


class Retired:
    """Says nothing of its own accord, and denies whatever it is asked."""

    name = "retired"

    def __init__(self, state: State) -> None:
        self.state = state

    def outbox(self) -> Pulse | None:
        """Nothing."""
        return None

    def sent(self, giving: Giving, replies: dict[str, Any]) -> None:
        """Nobody waits for results."""

    def tick(self) -> None:
        """Nothing is due."""

    def wakeup(self) -> int | None:
        """Never."""
        return None

    def receive(self, request: object) -> Reply:
        """In place of a `Receiver`."""
        return Denied("retired")


def inheritance(registers: Iterable[Register | None], top: Promise) -> tuple[Entry, ...]:
    """What is registered beyond the committed `top`, of the highest ballot, whole: what a candidate
    would carry on that these had promised. Empty if nothing follows `top`."""
    held = [beyond(register, top) for register in registers if register is not None]
    following = [each for each in held if each is not None]
    return max(following, key=lambda each: each.ballot).entries if following else ()


def pending(registers: Iterable[Register | None], top: Promise) -> tuple[Government, ...]:
    """The governments that are registered beyond `top`, by anybody and at any ballot."""
    found: list[Government] = []
    for register in registers:
        for entry in () if register is None else register.entries:
            if entry.promise.entry == 0 and entry.promise > top and entry.body not in found:
                found.append(entry.body)
    return tuple(sorted(found, key=lambda government: government.promise))


def can_go_on(governments: Iterable[Government], there: Container[str]) -> bool:
    """Whether those who are `there` are a strict majority of each of these parliaments: then they
    can elect, and nothing is lost."""
    return all(
        sum(id in there for id in government.parliament) >= government.quorum
        for government in governments
    )


def keeps_all(governments: Sequence[Government], there: Container[str]) -> bool:
    """Whether whatever was acknowledged is held by somebody who is `there`: those who are not were
    no strict majority of any of these parliaments, so they can neither have written anything
    without the others, nor have elected somebody who did."""
    return all(
        2 * sum(id not in there for id in government.parliament) <= len(government.parliament)
        for government in governments
    )


def next_epoch(numbers: Iterable[int]) -> int:
    """The number of the government that founds the island anew, given all that was heard of."""
    return (max(numbers, default=0) // EPOCH + 1) * EPOCH
