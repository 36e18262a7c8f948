"""Each row of the table of changes, as a pure function and as what is tried next."""

from __future__ import annotations

from typing import Any

import pytest

from paxos_ray.core import Government, Promise, changes
from paxos_ray.core.errors import InvalidGovernment
from paxos_ray.core.shaper import View, Wish, next_change
from tests.core.harness import citizen, government


def seats(ruling: Government | None) -> str | None:
    """`ab|c|d`: majority, minority, constituents."""
    if ruling is None:
        return None
    return "|".join("".join(ids) for ids in (ruling.majority, ruling.minority, ruling.constituents))


def made(text: str, **more: Any) -> Government:
    majority, minority, constituents = text.split("|")
    return government(majority, minority, constituents, **more)


# -- the functions -------------------------------------------------------------------------------


def test_found() -> None:
    ruling = changes.found(citizen("a"))
    assert ruling.promise == Promise(1, 0)
    assert seats(ruling) == "a||"
    assert ruling.acclimated == ("a",)
    assert ruling.arrived == {"a": Promise(1, 0)}


def test_arrive() -> None:
    before = made("ab|c|")
    after = changes.arrive(before, citizen("d"))
    assert seats(after) == "ab|c|d"
    assert after.promise == Promise(4, 0)
    assert after.arrived["d"] == Promise(4, 0)
    assert after.citizens["d"].properties == {"name": "d"}
    assert "d" not in after.acclimated
    assert "d" in changes.arrive(before, citizen("d"), acclimated=True).acclimated
    assert seats(before) == "ab|c|"


def test_acclimate() -> None:
    before = made("ab|c|d", acclimated="abc")
    after = changes.acclimate(before, "d")
    assert after.acclimated == ("a", "b", "c", "d")
    assert (seats(after), after.promise) == ("ab|c|d", Promise(5, 0))


def test_depart() -> None:
    before = made("abc|de|fg")
    for id, expected in (("f", "abc|de|g"), ("d", "abc|e|fg")):
        after = changes.depart(before, id)
        assert seats(after) == expected
        assert id not in after.citizens
        assert id not in after.arrived
        assert id not in after.acclimated


def test_replace() -> None:
    after = changes.replace(made("abc|de|fg"), "d", "g")
    assert seats(after) == "abc|ge|fd"


def test_exchange() -> None:
    assert seats(changes.exchange(made("abc|de|"), "c", "d")) == "abd|ce|"
    after = changes.exchange(made("abc|de|"), "a", "e")
    assert seats(after) == "bce|da|"
    assert after.leader == "b"


def test_contract() -> None:
    assert seats(changes.contract(made("abc|d|f"), "d")) == "ab|c|df"
    assert seats(changes.contract(made("abc|d|f"), "c")) == "ab|d|cf"
    assert seats(changes.contract(made("ab||"), "b")) == "a||b"


def test_promote() -> None:
    assert seats(changes.promote(made("a||bcd"), ("b", "c"), "b")) == "ab|c|d"
    assert seats(changes.promote(made("ab|c|de"), ("d", "e"), "c")) == "abc|de|"
    assert seats(changes.promote(made("ab|c|de"), ("d", "e"), "e")) == "abe|cd|"


def test_elect() -> None:
    ruling = made("abc|de|f")
    after = changes.elect(ruling, 9, "d", {"d": None, "e": None, "b": None})
    assert seats(after) == "dbe|ac|f"
    assert after.promise == Promise(9, 0)
    assert seats(changes.elect(ruling, 9, "c", dict.fromkeys("abcde"))) == "cab|de|f"
    assert after.citizens == ruling.citizens
    assert after.acclimated == ruling.acclimated


@pytest.mark.parametrize(
    "impossible",
    [
        lambda: changes.arrive(made("ab|c|"), citizen("c")),
        lambda: changes.arrive(made("ab|c|"), citizen("c", "another cookie")),
        lambda: changes.acclimate(made("ab|c|"), "c"),
        lambda: changes.acclimate(made("ab|c|"), "z"),
        lambda: changes.depart(made("ab|c|"), "a"),
        lambda: changes.depart(made("ab|c|"), "b"),
        lambda: changes.depart(made("ab|c|"), "z"),
        lambda: changes.depart(made("a||"), "a"),
        lambda: changes.replace(made("ab|c|d"), "b", "d"),
        lambda: changes.replace(made("ab|c|d"), "c", "b"),
        lambda: changes.replace(made("ab|c|d"), "d", "c"),
        lambda: changes.replace(made("ab|c|d"), "c", "z"),
        lambda: changes.exchange(made("ab|c|d"), "c", "a"),
        lambda: changes.exchange(made("ab|c|d"), "a", "d"),
        lambda: changes.exchange(made("ab|c|d"), "a", "b"),
        lambda: changes.contract(made("ab|c|d"), "c"),
        lambda: changes.contract(made("abc|d|e"), "a"),
        lambda: changes.contract(made("abc|d|e"), "e"),
        lambda: changes.promote(made("a||bc"), ("b", "z"), "b"),
        lambda: changes.promote(made("a||bc"), ("b", "a"), "b"),
        lambda: changes.promote(made("a||bc"), ("b", "c"), "a"),
        lambda: changes.promote(made("a||bc"), ("b", "b"), "b"),
        lambda: changes.elect(made("ab|c|d"), 9, "d", {"d": None}),
        lambda: changes.elect(made("ab|c|d"), 4, "a", dict.fromkeys("abc")),
        lambda: changes.elect(made("ab|c|d"), 9, "a", {"a": None, "d": None}),
    ],
)
def test_a_change_that_is_not_possible(impossible: Any) -> None:
    with pytest.raises(InvalidGovernment):
        impossible()


# -- what is tried next --------------------------------------------------------------------------


def shape(
    ruling: Government,
    *,
    away: str = "",
    lost: str = "",
    loading: str = "",
    stuck: str = "",
    acclimated: str = "",
    emigrants: str = "",
    newcomers: str = "",
    reached: str | None = None,
    size: int = 5,
    floor: int = 3,
) -> str | None:
    """The seats after the next change; who is lost is away; all others are reached."""
    away = away + lost
    if reached is None:
        reached = "".join(id for id in ruling.citizens if id not in away)
    view = View(
        reached=tuple(reached),
        away=tuple(away),
        lost=tuple(lost),
        loading=tuple(loading + stuck),
        stuck=tuple(stuck),
        acclimated=tuple(acclimated),
        emigrants=tuple(emigrants),
        newcomers=tuple(Wish(citizen(id), False) for id in newcomers),
        size=size,
        floor=floor,
    )
    after = next_change(ruling, view)
    assert after is None or after.number == ruling.number + 1
    return seats(after)


def test_nothing_to_change() -> None:
    assert shape(made("abc|de|f")) is None
    assert shape(made("ab|c|d")) is None
    assert shape(made("a||")) is None


@pytest.mark.parametrize(
    ("before", "leaving", "after"),
    [
        ("abc|de|fg", "f", "abc|de|g"),  # a constituent departs
        ("abc|de|fg", "d", "abc|fe|gd"),  # a minority member is replaced
        ("abc|de|", "d", "abc|e|"),  # or departs from an odd parliament above the floor
        ("abc|d|", "d", "ab|c|d"),  # an even one contracts first, by who leaves
        ("ab|c|", "c", None),  # at the floor it waits
        ("ab|c|", "b", "ac|b|"),  # a member of the majority changes seats
        ("ab|c|", "a", "bc|a|"),  # the leader, too: the next of the majority leads
        ("abc|de|", "bd", "ace|db|"),  # who asked first
        ("ab|c|", "bc", None),  # nobody that asked to leave is moved up
    ],
)
def test_emigrate(before: str, leaving: str, after: str | None) -> None:
    assert shape(made(before), emigrants=leaving) == after


def test_emigrate_moves_nobody_up_that_is_away() -> None:
    assert shape(made("ab|c|"), emigrants="b", away="c") is None
    assert shape(made("abc|de|"), emigrants="b", away="d") == "ace|db|"
    assert shape(made("abc|de|fg"), emigrants="d", away="f") == "abc|ge|fd"
    assert shape(made("abc|de|fg", acclimated="abcdeg"), emigrants="d") == "abc|ge|fd"
    assert shape(made("ab|c|d"), emigrants="cd") == "ab|c|"


def test_replace_next() -> None:
    assert shape(made("ab|c|de"), lost="c") == "ab|d|ec"
    assert shape(made("ab|c|de"), lost="cd") == "ab|e|dc"
    assert shape(made("ab|c|de", acclimated="abce"), lost="c") == "ab|e|dc"
    assert shape(made("ab|c|d"), away="c") is None  # away is not dead yet
    assert shape(made("ab|c|"), lost="c") is None  # and keeps its seat at the floor
    assert shape(made("ab|c|d"), lost="b") is None  # collapse moves that one to the minority


def test_no_seat_for_who_lacks_the_state() -> None:
    assert shape(made("ab|c|de"), lost="c", loading="d") == "ab|e|dc"
    assert shape(made("ab|c|d"), lost="c", loading="d") is None
    assert shape(made("ab|c|def"), loading="d") == "abc|ef|d"  # promote
    assert shape(made("abc|de|fg"), loading="f", emigrants="d") == "abc|ge|fd"


def test_who_never_gets_its_state_loses_its_seat() -> None:
    assert shape(made("ab|c|d"), stuck="c") == "ab|d|c"
    assert shape(made("ab|c|"), stuck="c") is None  # nobody can take the seat
    assert shape(made("ab|c|"), stuck="b") == "ac|b|"
    assert shape(made("ab|c|"), stuck="a") == "bc|a|"  # the leader, too
    assert shape(made("ab|c|"), stuck="bc") is None
    assert shape(made("ab|c|"), stuck="b", away="c") is None


def test_a_parliament_shrinks_only_if_a_majority_of_it_keeps_the_state() -> None:
    assert shape(made("abc|d|"), loading="c") == "ab|d|c"
    assert shape(made("abc|d|"), loading="d") == "ab|c|d"
    assert shape(made("abc|d|"), loading="abc") is None
    assert shape(made("abc|d|"), reached="a") is None  # the others are not heard of yet
    assert shape(made("abc|de|"), loading="bc", lost="d") is None
    assert shape(made("abc|de|f"), loading="bc", lost="d") == "abc|fe|d"
    assert shape(made("ab||"), floor=1, loading="b") == "a||b"
    assert shape(made("ab||"), floor=1, loading="a") is None
    assert shape(made("abc|de|"), emigrants="d", loading="ab") is None
    assert shape(made("abc|d|"), emigrants="d", loading="ab") is None


def test_contract_next() -> None:
    assert shape(made("abc|d|")) == "ab|c|d"
    assert shape(made("abc|d|"), away="c") == "ab|d|c"
    assert shape(made("ab||"), floor=1) == "a||b"
    assert shape(made("ab||"), floor=3) is None
    assert shape(made("ab||"), floor=2) is None


def test_promotion_goes_before_contraction() -> None:
    assert shape(made("abcd|ef|gh"), size=9) == "abcde|fgh|"
    assert shape(made("abcd|ef|g"), size=9) == "abc|de|fg"


def test_depart_next() -> None:
    assert shape(made("ab|c|d"), lost="d") == "ab|c|"
    assert shape(made("ab|c|d"), away="d") is None
    assert shape(made("abc|de|"), lost="d") == "abc|e|"
    assert shape(made("abc|d|"), lost="d") == "ab|c|d"  # contracts first
    assert shape(made("ab|c|d"), stuck="d") == "ab|c|"  # answers and never acclimates
    assert shape(made("abc|de|"), lost="c") is None


def test_promote_next() -> None:
    assert shape(made("a||bc")) == "ab|c|"
    assert shape(made("a||b")) is None
    assert shape(made("a||bc"), size=1, floor=1) is None
    assert shape(made("ab|c|de")) == "abc|de|"
    assert shape(made("ab|c|de"), size=3) is None
    assert shape(made("ab|c|de"), away="d") is None
    assert shape(made("ab|c|def"), away="d") == "abc|ef|d"
    assert shape(made("ab|c|de"), away="c") == "abd|ce|"  # the first that is reachable moves
    assert shape(made("ab|c|de"), emigrants="e") == "ab|c|d"
    assert shape(made("ab|c|def", acclimated="abcef")) == "abc|ef|d"
    assert shape(made("ab|c|de"), reached="abc") is None  # not heard under this government


def test_acclimate_next() -> None:
    before = made("ab|c|de", acclimated="abc")
    assert shape(before, acclimated="e") == "ab|c|de"
    assert shape(before, acclimated="a") is None
    assert shape(before, acclimated="z") is None  # not a citizen any more


def test_arrive_next() -> None:
    assert shape(made("ab|c|"), newcomers="de") == "ab|c|d"
    assert shape(made("ab|c|"), newcomers="ce") == "ab|c|e"
    assert shape(made("ab|c|"), newcomers="c") is None


def test_the_order_of_the_table() -> None:
    """With everything asked for at once, the rows follow each other from first to last."""
    asked = {"emigrants": "h", "lost": "dg", "acclimated": "i", "newcomers": "z", "size": 7}
    before = made("abc|de|fghij", acclimated="abcdefghj")
    first = shape(before, **asked)
    assert first == "abc|de|fgij"  # emigrate
    before = made("abc|de|fgij", acclimated="abcdefgj")
    second = shape(before, **{**asked, "emigrants": ""})
    assert second == "abc|fe|gijd"  # replace
    before = made("abc|fe|gijd", acclimated="abcdefgj")
    third = shape(before, **{**asked, "emigrants": ""})
    assert third == "abc|fe|ijd"  # depart
    before = made("abc|fe|ij", acclimated="abcefij")
    assert shape(before, **{**asked, "emigrants": "", "lost": ""}) == "abcf|eij|"  # promote
    before = made("abcf|eij|", acclimated="abcefj")
    after = shape(before, **{**asked, "emigrants": "", "lost": ""})
    assert after == "abcf|eij|"  # acclimate
    before = made("abcf|eij|")
    after = shape(before, **{**asked, "emigrants": "", "lost": "", "acclimated": ""})
    assert after == "abcf|eij|z"  # arrive
