"""What may lie between two governments: the core's changes are told by name, others refused."""

from __future__ import annotations

from typing import Any

import pytest

from paxos_ray.core import changes
from paxos_ray.core.government import Citizen, Government
from paxos_ray.core.promise import Promise
from paxos_ray.simulation.governments import InvalidChange, change_between


def government(majority: str, minority: str, constituents: str) -> Government:
    """Government 20, of citizens with names of one letter; all are acclimated."""
    ids = (*majority, *minority, *constituents)
    return Government(
        promise=Promise(20, 0),
        majority=tuple(majority),
        minority=tuple(minority),
        constituents=tuple(constituents),
        acclimated=ids,
        arrived={id: Promise(at, 0) for at, id in enumerate(ids, 1)},
        citizens={id: Citizen(id=id, properties={}, cookie=1) for id in ids},
    )


FIVE = government("abc", "de", "fg")
FOUR = government("abc", "d", "fg")
THREE = government("ab", "c", "fg")
NEWCOMER = Citizen(id="z", properties={}, cookie=1)
UNREADY = THREE.model_copy(update={"acclimated": ("a", "b", "c", "f")})

MADE = {
    "arrive": (THREE, changes.arrive(THREE, NEWCOMER)),
    "acclimate": (UNREADY, changes.acclimate(UNREADY, "g")),
    "promote": (THREE, changes.promote(THREE, ("f", "g"), "c")),
    "promote the dead minority's constituents": (THREE, changes.promote(THREE, ("f", "g"), "g")),
    "replace": (FIVE, changes.replace(FIVE, "d", "g")),
    "contract": (FOUR, changes.contract(FOUR, "d")),
    "contract, the majority's last leaving": (FOUR, changes.contract(FOUR, "c")),
    "depart": (THREE, changes.depart(THREE, "f")),
    "depart of the minority": (FIVE, changes.depart(FIVE, "e")),
    "exchange": (FIVE, changes.exchange(FIVE, "b", "e")),
    "exchange of the leader": (FIVE, changes.exchange(FIVE, "a", "d")),
    "election": (FIVE, changes.elect(FIVE, 23, "d", ("b", "d", "e"))),
    "election by the old majority": (FIVE, changes.elect(FIVE, 21, "b", ("a", "b", "c"))),
}


@pytest.mark.parametrize("name", MADE)
def test_what_the_core_makes_is_told_by_its_name(name: str) -> None:
    before, after = MADE[name]
    assert name.startswith(change_between(before, after, 5, 3))


def forged(after: Government, **changed: Any) -> Government:
    return after.model_copy(update=changed)


TWO_CHANGES = changes.arrive(changes.depart(THREE, "f"), NEWCOMER)
FORGED = {
    "the same number": (THREE, THREE),
    "not the next number": (THREE, forged(MADE["arrive"][1], promise=Promise(22, 0))),
    "two changes": (THREE, forged(TWO_CHANGES, promise=Promise(21, 0))),
    "a majority larger than it must be": (
        FIVE,
        forged(FIVE, promise=Promise(21, 0), majority=tuple("abcd"), minority=("e",)),
    ),
    "an election with other seats": (
        FIVE,
        forged(MADE["election"][1], minority=("a", "f"), constituents=("c", "g")),
    ),
    "promoted without the state": (UNREADY, changes.promote(UNREADY, ("f", "g"), "c")),
    "replaced by one without the state": (UNREADY, changes.replace(UNREADY, "c", "g")),
    "a seat lost at the floor": (THREE, changes.depart(THREE, "c")),
    "a seat lost from an even parliament": (FOUR, changes.depart(FOUR, "d")),
    "a parliament larger than its size": (FIVE, changes.promote(FIVE, ("f", "g"), "d")),
    "another leader by an exchange": (
        FIVE,
        forged(MADE["exchange"][1], majority=("c", "a", "e"), constituents=("g", "f")),
    ),
}


@pytest.mark.parametrize("name", FORGED)
def test_what_is_no_change_is_refused(name: str) -> None:
    before, after = FORGED[name]
    with pytest.raises(InvalidChange):
        change_between(before, after, 5, 3)
