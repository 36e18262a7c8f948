"""Where citizens go: the arithmetic, without a cluster."""

from __future__ import annotations

from collections import Counter

import pytest

from paxos_ray.actors import placement
from paxos_ray.actors.placement import Node
from paxos_ray.actors.sites import SETTLED_S, SHUN_S, Pace, Sites


def nodes(zones: str) -> list[Node]:
    """One for each letter: the zone that it is in."""
    return [Node(f"n{i}", f"10.0.0.{i}", zone, 1.0) for i, zone in enumerate(zones)]


def settle(zones: str, citizens: int, coordinator: str | None = None) -> list[str]:
    """The nodes of so many citizens that come one after the other."""
    occupied: list[str] = []
    for _ in range(citizens):
        node = placement.choose(nodes(zones), occupied, coordinator)
        assert node is not None
        occupied.append(node)
    return occupied


@pytest.mark.parametrize(("zones", "citizens"), [("aaaaa", 3), ("aabbcc", 5), ("ab", 2)])
def test_one_citizen_a_node_while_there_are_nodes(zones: str, citizens: int) -> None:
    assert len(set(settle(zones, citizens))) == citizens


def test_with_fewer_nodes_than_citizens_they_share_evenly() -> None:
    assert sorted(Counter(settle("aaa", 7)).values()) == [2, 2, 3]


def test_zones_have_their_even_share_of_what_nodes_allow() -> None:
    known = {node.id: node.zone for node in nodes("aaabbc")}
    zones = Counter(known[node] for node in settle("aaabbc", 5))
    assert zones == {"a": 2, "b": 2, "c": 1}


def test_the_coordinator_is_alone_if_it_can_be() -> None:
    assert "n1" not in settle("aaaa", 3, coordinator="n1")
    assert settle("aaaa", 4, coordinator="n1")[-1] == "n1"


def test_carriers_are_apart_from_each_other_and_from_citizens() -> None:
    assert placement.carrier_node(nodes("aaaa"), ["n0", "n1"], None) == "n3"
    assert placement.carrier_node(nodes("aaaa"), ["n0", "n1"], "n3") == "n2"
    assert placement.carrier_node(nodes("aa"), ["n0"], "n1") == "n0"


def test_ray_is_left_to_choose_where_there_is_no_choice() -> None:
    assert placement.choose(nodes("a"), []) is None
    assert placement.carrier_node(nodes("a"), [], None) is None


def test_islands_do_not_all_begin_on_the_same_node() -> None:
    first = {placement.order(nodes("aaaa"), f"island {i}")[0].id for i in range(50)}
    assert len(first) == 4


def test_who_shares_a_node_moves_to_one_that_has_come_the_last_in_seat_first() -> None:
    homes = {"leader": "n0", "majority": "n1", "minority": "n0"}
    assert placement.move(nodes("aaa"), homes) == "minority"
    assert placement.move(nodes("aa"), homes) is None
    assert placement.move(nodes("aaa"), homes, shunned=["n2"]) is None


def test_a_zone_that_has_come_gets_its_share() -> None:
    homes = {"leader": "n0", "majority": "n1", "minority": "n2"}
    assert placement.move(nodes("aaab"), homes) == "minority"
    assert placement.move(nodes("aaba"), homes) is None


def test_moving_comes_to_an_end() -> None:
    """Whatever the cluster: each move makes it better, so they do not go round in circles."""
    for zones in ("aaaab", "aabbcc", "abc", "aaa", "abcabcabc", "aaaaabbbbb"):
        for citizens in range(1, 8):
            for coordinator in (None, "n0", "n2"):
                homes = {f"c{i}": "n0" for i in range(citizens)}
                moves = 0
                while (id := placement.move(nodes(zones), homes, coordinator)) is not None:
                    del homes[id]
                    node = placement.choose(nodes(zones), homes.values(), coordinator)
                    assert node is not None
                    homes[id] = node
                    moves += 1
                    assert moves <= 2 * citizens
                loads = Counter({node.id: 0 for node in nodes(zones)} | Counter(homes.values()))
                assert max(loads.values()) - min(loads.values()) <= 1


def test_who_leaves_is_the_last_of_the_fullest_node() -> None:
    homes = {"leader": "n0", "majority": "n1", "minority": "n0", "constituent": "n2"}
    assert placement.surplus(homes) == "minority"
    assert placement.surplus({"leader": "n0", "other": "n1"}) == "other"
    assert placement.surplus({}) is None


@pytest.mark.parametrize(
    ("citizens", "nodes", "bears"),
    [(3, 3, True), (3, 2, False), (5, 3, True), (5, 2, False), (7, 4, True), (1, 3, False)],
)
def test_whether_a_lost_node_is_borne(citizens: int, nodes: int, bears: bool) -> None:
    assert placement.bears_a_lost_node(citizens, nodes) is bears


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_launches_have_a_pace() -> None:
    clock = Clock()
    pace = Pace(5.0, clock)
    assert pace.take(1) == 0
    pace.refill(4)
    assert [pace.take(3), pace.take(3)] == [3, 1]
    clock.now += 4.9
    assert pace.take(1) == 0
    clock.now += 0.2
    assert pace.take(2) == 1
    clock.now += 1_000
    assert pace.take(9) == 4


@pytest.fixture
def sites(monkeypatch: pytest.MonkeyPatch) -> Sites:
    class Context:
        def get_node_id(self) -> str:
            return "elsewhere"

    monkeypatch.setattr("ray.get_runtime_context", Context)
    return Sites("island", 0.1, Clock())


def pass_time(sites: Sites, time_s: float) -> None:
    clock = sites._clock
    assert isinstance(clock, Clock)
    clock.now += time_s


def test_a_node_where_citizens_die_is_shunned_longer_each_time(sites: Sites) -> None:
    sites.see(nodes("aaa"))
    first = sites.choose([])
    assert first is not None
    sites.died(first)
    assert sites.shunned() == [first]
    assert sites.choose([]) != first
    others = [node.id for node in nodes("aaa") if node.id != first]
    assert sites.choose(others) == first, "rather than to share a node"
    pass_time(sites, SHUN_S)
    assert sites.shunned() == []
    sites.died(first)
    pass_time(sites, SHUN_S)
    assert sites.shunned() == [first]
    pass_time(sites, SHUN_S)
    assert sites.shunned() == []


def test_nobody_moves_to_a_node_that_has_just_come(sites: Sites) -> None:
    homes = {"leader": "n0", "majority": "n1", "minority": "n0"}
    sites.see(nodes("aa"))
    sites.see(nodes("aaa"))
    assert sites.move(homes) is None
    pass_time(sites, SETTLED_S)
    sites.see(nodes("aaa"))
    assert sites.move(homes) == "minority"
    sites.see(nodes("aa"))
    sites.see(nodes("aaa"))
    assert sites.move(homes) is None, "it has gone and come again"


def test_a_node_without_the_cpus_holds_nobody(sites: Sites) -> None:
    sites.see([*nodes("aa"), Node("head", "10.0.0.9", "a", 0.0)])
    assert {node.id for node in sites.nodes} == {"n0", "n1"}
    assert len(sites.all) == 3
