"""What a fault does, and to whom: on an island that is made up."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from paxos_ray.actors.errors import NotEnoughCitizens, TimedOut
from paxos_ray.actors.settings import Limits
from paxos_ray.actors.status import CitizenStatus, CoordinatorStatus, IslandStatus, NodeStatus
from paxos_ray.chaos import faults
from paxos_ray.chaos.errors import FaultRefused, NotNow
from paxos_ray.chaos.faults import FAULTS, RPC, RPC_EXAMPLE
from paxos_ray.chaos.scene import Scene, freeze, kill, thaw
from paxos_ray.chaos.schedule import Strike

SEATS = ("leader", "majority", "majority", "minority", "minority", "constituent")


def citizen(number: int, alive: bool = True) -> CitizenStatus:
    address, pid = f"10.0.0.{number}", 100 + number if alive else None
    node = f"node{number}"
    return CitizenStatus(f"c{number}", SEATS[number], True, alive, node, address, pid)


def status(citizens: int = 6, dead: tuple[int, ...] = ()) -> IslandStatus:
    """Citizen n on node n, the coordinator on the last node, on which nobody else is."""
    everybody = tuple(citizen(number, number not in dead) for number in range(citizens))
    nodes = tuple(
        NodeStatus(f"node{n}", f"10.0.0.{n}", "", True, (), n == 9, False) for n in (*range(6), 9)
    )
    coordinator = CoordinatorStatus(99, "node9")
    return IslandStatus(
        "shop", "r", citizens, True, None, (), coordinator, everybody, (), Limits(), (), nodes
    )


class FakeIsland:
    name = "shop"

    def __init__(self) -> None:
        self.scaled: list[int] = []

    def scale(self, citizens: int, **_: Any) -> None:
        self.scaled.append(citizens)
        if citizens < 3:
            raise NotEnoughCitizens("too few")
        raise TimedOut("not yet")


class FakeDriver:
    def __init__(self) -> None:
        self.done: list[Any] = []

    def hosts(self) -> list[str]:
        return [f"10.0.0.{number}" for number in range(1, 10)]

    def block(self, pairs: Iterable[tuple[str, str]]) -> None:
        self.done.append(sorted(pairs))

    def heal(self) -> None:
        self.done.append("heal")

    def kill(self, address: str) -> None:
        self.done.append(f"kill {address}")

    def start(self, address: str) -> None:
        self.done.append(f"start {address}")


class FakeScene(Scene):
    def __init__(self, seen: IslandStatus, driver: FakeDriver | None = None) -> None:
        self.island: Any = FakeIsland()
        self.population = 3
        self.driver = driver
        self.breakable = () if driver is None else tuple(driver.hosts())
        self.addresses = {node.id: node.address for node in seen.nodes}
        self.seen = seen
        self.done: list[tuple[str, str, tuple[Any, ...]]] = []
        self.lost: set[str] = set()
        self._hit = set()
        self._started = {}

    def status(self) -> IslandStatus:
        return self.seen

    def living(self, node: str | None) -> bool:
        return node not in self.lost

    def on(self, node: str, function: Callable[..., Any], *arguments: Any) -> Any:
        self.done.append((node, function.__name__, arguments))
        return "set" if node == "node0" else None


def strike(kind: str, part: str, draw: float = 0.0, majority: bool = False) -> Strike:
    return Strike(kind, part, draw, majority)


def test_the_leader_is_killed() -> None:
    scene = FakeScene(status())
    assert FAULTS["kill"](scene).begin(strike("kill", "leader")) == "c0, leader killed"
    assert scene.done == [("node0", kill.__name__, (100,))]


def test_a_voter_is_drawn_from_those_who_vote_and_do_not_lead() -> None:
    drawn = set()
    for number in range(20):
        scene = FakeScene(status())
        drawn.add(scene.victim(strike("kill", "voter", number / 20), scene.seen).id)
    assert drawn == {"c1", "c2", "c3", "c4"}


def test_who_is_frozen_thaws_unless_its_node_is_gone() -> None:
    scene = FakeScene(status())
    fault = FAULTS["freeze"](scene)
    fault.begin(strike("freeze", "voter"))
    fault.end()
    fault.end()
    assert [(node, name) for node, name, _ in scene.done] == [
        ("node1", freeze.__name__),
        ("node1", thaw.__name__),
    ]
    scene.lost.add("node1")
    scene.begin_round()
    fault.begin(strike("freeze", "leader"))
    fault.begin(strike("freeze", "voter"))
    fault.end()
    assert [node for node, name, _ in scene.done if name == thaw.__name__] == ["node1", "node0"]


def test_never_more_than_a_minority_is_hit_in_one_round() -> None:
    scene = FakeScene(status())
    kill_one = FAULTS["kill"](scene)
    kill_one.begin(strike("kill", "leader"))
    kill_one.begin(strike("kill", "voter"))
    with pytest.raises(NotNow, match="majority"):
        kill_one.begin(strike("kill", "voter"))
    assert len(scene.done) == 2
    scene.begin_round()
    kill_one.begin(strike("kill", "leader"))


def test_the_dead_count_as_hit() -> None:
    scene = FakeScene(status(dead=(3, 4)))
    with pytest.raises(NotNow, match="majority"):
        FAULTS["kill"](scene).begin(strike("kill", "leader"))
    scene = FakeScene(status(citizens=3, dead=(1,)))
    with pytest.raises(NotNow):
        FAULTS["freeze"](scene).begin(strike("freeze", "voter"))
    assert scene.done == []


def test_a_constituent_may_be_hit_besides() -> None:
    scene = FakeScene(status(dead=(3, 4)))
    assert FAULTS["kill"](scene).begin(strike("kill", "any", 0.999)) == "c5, constituent killed"


def test_a_majority_is_frozen_if_asked_for() -> None:
    scene = FakeScene(status())
    fault = FAULTS["freeze"](scene)
    fault.begin(strike("freeze", "leader", majority=True))
    assert [node for node, _, _ in scene.done] == ["node0", "node1", "node2"]
    with pytest.raises(NotNow):
        fault.begin(strike("freeze", "leader", majority=True))


def test_the_coordinator_is_killed() -> None:
    scene = FakeScene(status())
    FAULTS["coordinator"](scene).begin(strike("coordinator", "coordinator"))
    assert scene.done == [("node9", kill.__name__, (99,))]


def test_the_island_scales_and_comes_back_to_its_size() -> None:
    scene = FakeScene(status())
    fault = FAULTS["scale"](scene)
    assert fault.begin(strike("scale", "up", 0.9)) == "scaled from 3 to 5"
    fault.end()
    assert fault.begin(strike("scale", "down")) == "scaled from 3 to 4"
    assert scene.island.scaled == [5, 3, 2, 4]


def test_a_node_is_cut_off() -> None:
    scene = FakeScene(status(), driver := FakeDriver())
    fault = FAULTS["partition"](scene)
    what = fault.begin(strike("partition", "voter"))
    assert what == "10.0.0.1 cut off, with c1, majority"
    (pairs,) = driver.done
    others = [f"10.0.0.{n}" for n in (0, 2, 3, 4, 5, 9)]
    assert pairs == sorted([(o, "10.0.0.1") for o in others] + [("10.0.0.1", o) for o in others])
    fault.end()
    assert driver.done[-1] == "heal"


@pytest.mark.parametrize("draw", [0.25, 0.251])
def test_a_node_is_cut_off_one_way(draw: float) -> None:
    scene = FakeScene(status(), driver := FakeDriver())
    what = FAULTS["oneway"](scene).begin(strike("oneway", "coordinator", draw))
    (pairs,) = driver.done
    assert len(pairs) == 6
    (mute,) = {pair[0] == "10.0.0.9" for pair in pairs}
    assert what == f"10.0.0.9 {'is not heard' if mute else 'does not hear'}, with the coordinator"


def test_a_node_dies_and_is_started_again() -> None:
    scene = FakeScene(status(), driver := FakeDriver())
    fault = FAULTS["node"](scene)
    fault.begin(strike("node", "voter", 0.999))
    fault.end()
    assert driver.done == ["kill 10.0.0.4", "start 10.0.0.4"]


def test_no_node_is_broken_that_may_not_be() -> None:
    scene = FakeScene(status(), driver := FakeDriver())
    for kind in ("partition", "oneway", "node"):
        with pytest.raises(NotNow, match="may be broken"):
            FAULTS[kind](scene).begin(strike(kind, "leader"))  # on 10.0.0.0
        FAULTS[kind](scene).end()
    assert set(driver.done) <= {"heal"}


def test_what_cannot_be_had_is_refused_with_what_it_needs() -> None:
    with pytest.raises(FaultRefused) as refused:
        faults.check(("kill", "partition", "node", "rpc"), FakeScene(status()))
    told = str(refused.value)
    assert "\npartition: " in told
    assert "\nnode: " in told
    assert "--driver" in told
    assert RPC in told
    assert "It is not set on 10.0.0.1, " in told  # on node 0 it is
    assert "kill: " not in told


def test_what_can_be_had_is_not_refused() -> None:
    scene = FakeScene(status(citizens=1), FakeDriver())
    faults.check(tuple(FAULTS), scene)


def test_a_driver_of_another_cluster_is_refused() -> None:
    scene = FakeScene(status(), FakeDriver())
    scene.breakable = ("192.168.0.1",)
    with pytest.raises(FaultRefused, match="no node of this cluster"):
        faults.check(("partition",), scene)


def test_the_documents_say_as_the_refusal_does_how_calls_are_lost() -> None:
    document = Path(__file__).parents[2] / "docs" / "chaos.md"
    assert f"export {RPC}='{RPC_EXAMPLE}'" in document.read_text()
