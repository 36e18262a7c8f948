"""What is made of what survivors say, and what they leave to the heir."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import permutations
from typing import Any

import pytest
from ray.exceptions import ActorDiedError

from paxos_ray import Citizen, Government, Promise, TimedOut
from paxos_ray.actors import recovery
from paxos_ray.actors.heritage import Identity, Statement, heir_of, precedes, succession
from paxos_ray.actors.prospect import Prospect, consider, newest
from paxos_ray.actors.settings import Settings, Wish
from paxos_ray.core import Ballot, Entry
from paxos_ray.core.log import Log
from paxos_ray.core.messages import Register


def government(
    majority: str, minority: str = "", constituents: str = "", at: int = 7
) -> Government:
    seats = (*majority, *minority, *constituents)
    return Government(
        promise=Promise(at, 0),
        majority=tuple(majority),
        minority=tuple(minority),
        constituents=tuple(constituents),
        acclimated=seats,
        arrived={id: Promise(number, 0) for number, id in enumerate(seats, start=1)},
        citizens={id: Citizen(id=id, properties={"node": f"node-{id}"}, cookie=id) for id in seats},
    )


THREE = government("ab", "c")
TOP = Promise(7, 4)


def says(id: str, rules: Government | None = THREE, **fields: Any) -> Statement:
    told = {
        "pid": 1,
        "node": f"node-{id}",
        "settings": Settings(),
        "wish": Wish(1, 3),
        "top": TOP,
        "applied": fields.get("top", TOP),
        "stateful": True,
        "register": None,
        "seen": 7,
        "bequests": 0,
        **fields,
    }
    identity = Identity(id, told.pop("republic", "rome"), told.pop("cookie", id), founder=False)
    return Statement(identity=identity, government=rules, **told)


def registered(
    *steps: Promise,
    ballot: int = 7,
    by: str = "a",
    pending: Government | None = None,
    after: Promise = TOP,
) -> Register:
    entries = []
    for step in steps:
        entries.append(Entry(step, after, 0, pending if step.entry == 0 else "x"))
        after = step
    return Register(Ballot(ballot, by), tuple(entries))


def comes_to(
    *statements: Statement, silent: tuple[str, ...] = (), abandon: bool = False
) -> Prospect:
    return consider("shop", {t.identity.id: t for t in statements}, silent, abandon)


def test_one_that_is_left_is_the_heir() -> None:
    found = comes_to(says("b", register=registered(Promise(7, 5), Promise(7, 6))))
    assert (found.refused, found.lives, found.heir) == (None, False, "b")
    assert (found.goes_on_after, found.registered) == (Promise(7, 6), 2)
    assert found.decided is not None and found.decided.startswith("2 entries are recorded")
    assert [(each.id, each.seat, each.how) for each in found.missing] == [
        ("a", "leader", "dead"),
        ("c", "minority", "dead"),
    ]
    (loss,) = found.losses
    assert loss.startswith("what a government after 7/0, of which no survivor knows"), loss


def test_who_was_not_in_the_majority_may_lack_what_that_has_written() -> None:
    (loss,) = comes_to(says("c")).losses
    assert loss.startswith("what was acknowledged after 7/4"), loss
    rules = government("ab", "c", "d")
    (loss,) = comes_to(says("d", rules)).losses
    assert loss.startswith("what was acknowledged after 7/4"), loss


def test_a_majority_that_answers_is_left_alone() -> None:
    for told in (comes_to(says("a"), says("b")), comes_to(says("b"), says("c"), abandon=True)):
        assert told.lives
        assert "a majority of the parliament is alive" in str(told.refused)
        assert not told.losses


def test_who_has_retired_is_no_majority() -> None:
    found = comes_to(says("a", bequests=1), says("b", bequests=1), says("c"))
    assert (found.refused, found.lives, found.missing) == (None, False, ())
    (loss,) = found.losses  # though all of them are there, and say what they hold
    assert "an earlier recovery" in loss


def test_another_of_the_same_id_has_no_vote() -> None:
    assert not comes_to(says("a"), says("b", cookie="another")).lives


@pytest.mark.parametrize("abandon", [False, True])
def test_who_is_silent_may_be_back(abandon: bool) -> None:
    found = comes_to(says("b"), silent=("c",), abandon=abandon)
    assert found.silent == ("c",)
    assert (found.refused is None) == abandon
    if not abandon:
        assert "c: not known to be dead, only silent" in str(found.refused)


def test_those_who_are_silent_may_know_more_however_few_they_are() -> None:
    """Of `abc|de` there may have come `d e x`, and that may be alive elsewhere."""
    five = government("abc", "de")
    one = comes_to(says("e", five), silent=("d",))
    assert "d: not known to be dead" in str(one.refused)
    stranger = comes_to(says("b"), silent=("x",))
    assert "x: not known to be dead" in str(stranger.refused)
    assert [(each.id, each.seat, each.how) for each in stranger.missing][-1] == (
        "x", "none", "silent",
    )  # fmt: skip
    assert comes_to(says("b"), silent=("x",), abandon=True).refused is None


def test_a_majority_that_a_pending_parliament_blocks_for_good() -> None:
    """Of `ab|c` two live, and the dead were to be joined by two more who are dead as well: unless
    the leader who wrote that takes it back, nobody can."""
    five = government("abd", "ce", at=8)
    pending = registered(Promise(8, 0), pending=five)
    blocked = comes_to(says("b", register=pending), says("c"))
    assert (blocked.refused, blocked.lives, blocked.heir) == (None, False, "c")
    assert blocked.goes_on_after == Promise(8, 0), "it may have ruled, and acknowledged"
    assert blocked.losses
    assert {each.id for each in blocked.missing} == {"a", "d", "e"}
    writer_lives = comes_to(says("a", register=pending), says("b"))
    assert writer_lives.lives
    for by, lives in (("a", True), ("b", True), ("c", False)):
        carried_on = registered(Promise(8, 0), pending=five, ballot=9, by=by)
        found = comes_to(says("a", register=pending), says("b", register=carried_on))
        assert found.lives == lives, f"{by} may have committed it, and nobody else"


def test_half_of_an_even_parliament_keeps_all() -> None:
    four = government("abc", "d")
    found = comes_to(says("c", four), says("d", four))
    assert (found.refused, found.losses) == (None, ())
    assert comes_to(says("d", four)).losses


def test_the_best_state_is_brought_up_to_what_others_know() -> None:
    found = comes_to(says("c", top=Promise(7, 1)), says("b", stateful=False, applied=Promise(0, 0)))
    # Two of three are alive; as two others of five they would not be.
    assert found.lives
    five = government("ade", "bc")
    found = comes_to(
        says("c", five, top=Promise(7, 1)),
        says("b", five, stateful=False, applied=Promise(0, 0)),
    )
    assert (found.heir, found.goes_on_after) == ("c", TOP)
    assert any("without the state has beyond 7/1" in loss for loss in found.losses)


def test_who_had_the_state_until_its_log_began_anew_has_it_as_of_then() -> None:
    stale = says("b", stateful=False, applied=Promise(7, 2))
    found = comes_to(stale)
    assert (found.refused, found.heir, found.goes_on_after) == (None, "b", TOP)
    assert found.survivors[0].applied == Promise(7, 2)
    assert any("without the state has beyond 7/2" in loss for loss in found.losses)
    five = government("ade", "bc")
    found = comes_to(stale._replace(government=five), says("c", five, top=Promise(7, 1)))
    assert found.heir == "b", "its state is the newer one"


def test_without_the_state_there_is_nothing_to_found_upon() -> None:
    found = comes_to(says("b", stateful=False, applied=Promise(0, 0)))
    assert (found.heir, found.goes_on_after) == (None, None)
    assert "there is nothing to found the island upon" in str(found.refused)


def test_those_of_the_last_republic_count() -> None:
    waiting = says("z", None)
    assert newest({"z": waiting}) == {}
    old, new = says("b"), says("h", republic="rome+1-x")
    assert newest({"b": old, "z": waiting}) == {"b": old}
    assert newest({"b": old, "h": new, "z": waiting}) == {"h": new}


def test_republics_follow_each_other() -> None:
    first = heir_of([("rome", 1)])
    second = heir_of([(first, 1)])
    assert (succession("rome"), succession(first), succession(second)) == (0, 1, 2)
    assert precedes("rome", first) and precedes(first, second) and precedes("rome", second)
    assert not precedes(first, "rome") and not precedes("rome", "rome")
    assert not precedes("rome", heir_of([("carthage", 1)]))
    lost = heir_of([("rome", 1)])  # another heir of the same, of which nothing is known any more
    assert lost != first and not precedes(lost, first)
    assert precedes(lost, heir_of([("rome", 1), ("rome", 2)]))


# -- what goes over --------------------------------------------------------------------------


class Kept:
    """A survivor's log from one entry of its government on, asked for as an actor's."""

    def __init__(self, first: int, last: int) -> None:
        self.citizen = self.committed = self
        self._log = Log()
        entries = [Entry(at(n), at(n - 1), 0, "x") for n in range(first, last + 1)]
        self._log.restart(FIVE, entries[0])
        self._log.extend(entries)

    def remote(self, since: Promise) -> Kept:
        self._since = since
        return self

    def get(self, limit_s: float) -> tuple[Entry, ...] | None:
        entries = self._log.after(self._since)
        return None if entries is None else tuple(entries)


class Dead(Kept):
    """One that dies before it is asked."""

    def get(self, limit_s: float) -> tuple[Entry, ...] | None:
        raise ActorDiedError


def at(entry: int) -> Promise:
    return Promise(7, entry)


def held(applied: int | None, *steps: int, stateful: bool = False) -> dict[str, Any]:
    """A state, and what is registered after the first of these."""
    after, *rest = map(at, steps or (0,))
    return {
        "applied": Promise(0, 0) if applied is None else at(applied),
        "stateful": stateful,
        "register": registered(*rest, after=after) if rest else None,
        "bequests": 1,
    }


FIVE = government("zyx", "ab", "c")
STATE = (1, 4, held(4, stateful=True))
LEFT: dict[str, tuple[list[tuple[int, int, dict[str, Any]]], tuple[int, int], int]] = {
    "one of two that know as much has all of it": (
        [STATE, (1, 8, held(None)), (6, 8, held(None))], (4, 8), 0,
    ),
    "two have all of it between them": (
        [STATE, (3, 6, held(None)), (7, 8, held(None))], (4, 8), 0,
    ),
    "what is registered beyond all of it": (
        [STATE, (3, 6, held(None)), (7, 8, held(None, 8, 9))], (4, 9), 1,
    ),
    "up to a gap": (
        [STATE, (3, 5, held(None)), (7, 8, held(None, 8, 9))], (4, 5), 0,
    ),
    "what is registered before a gap": (
        [(1, 4, held(4, 4, 5, 6, stateful=True)), (8, 8, held(None))], (4, 6), 2,
    ),
    "the newest state is of who began anew": (
        [(1, 2, held(2, stateful=True)), (5, 8, held(None)), (7, 8, held(4))], (4, 8), 0,
    ),
}  # fmt: skip


@pytest.mark.parametrize(("survivors", "goes_over", "pending"), LEFT.values(), ids=LEFT.keys())
def test_whatever_of_it_continues_the_state_goes_over_whoever_has_it(
    survivors: Sequence[tuple[int, int, dict[str, Any]]],
    goes_over: tuple[int, int],
    pending: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(recovery, "_snapshot", lambda donor: [donor])
    for ids in permutations("abc", len(survivors)):
        members: dict[str, Any] = {}
        final = {}
        for id, (first, last, holds) in zip(ids, survivors, strict=True):
            members[id] = Kept(first, last)
            final[id] = says(id, FIVE, top=at(last), **holds)
        found, estate, _ = recovery._bequeath("shop", members, final, [])
        first, last = goes_over
        assert found.heir is not None and final[found.heir].applied == at(first)
        assert estate.snapshot == [members[found.heir]]
        assert [e.promise for e in estate.entries] == [at(n) for n in range(first + 1, last + 1)]
        assert (found.goes_on_after, found.registered) == (at(last), pending)


def test_who_dies_with_what_would_go_over_is_not_passed_by() -> None:
    """As long as it may be asked for again."""
    members: dict[str, Any] = {"a": Kept(1, 4), "b": Dead(1, 8)}
    final = {
        "a": says("a", FIVE, top=at(4), **held(4, stateful=True)),
        "b": says("b", FIVE, top=at(8), **held(None)),
    }
    with pytest.raises(TimedOut, match="b does not give its log: ActorDiedError"):
        recovery._beyond(members, final, "a")
