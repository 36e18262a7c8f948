"""What is told of an island on its way, in one line."""

from __future__ import annotations

from paxos_ray.actors.coordinator import Progress
from paxos_ray.actors.progress import MANY, summary
from paxos_ray.actors.settings import Settings, Wish
from tests.core.harness import government


def told(*underway: str) -> str:
    ruling = government("ab", "c", "de", number=7, acclimated="abcd")
    return summary(
        Progress("r", Settings(), Wish(2, 50), False, ruling, tuple("abcde"), underway, 1)
    )


def test_how_far_it_is_and_who_is_on_the_way() -> None:
    assert told("f loads the state", "g is being launched") == (
        "5 of 50 citizens (4 with the state), a parliament of 3, 5 expected, government 7/0; "
        "f loads the state; g is being launched"
    )


def test_many_of_whom_the_same_is_said_are_counted() -> None:
    few = [f"{n} is being launched" for n in range(MANY - 1)]
    assert told(*few).endswith("; ".join(few))
    many = [*few, "last is being launched", "f loads the state"]
    assert told(*many).endswith(f"; {MANY} citizens: each is being launched; f loads the state")


def test_before_anybody_rules() -> None:
    nobody = Progress("r", Settings(), Wish(1, 3), False, None, (), (), 0)
    assert summary(nobody) == "nobody rules yet; wanted are 3 citizens"
