"""Where citizens are, on several nodes, and how they move when nodes come and go."""

from __future__ import annotations

import json
import subprocess
import sys

from tests.cluster import work
from tests.cluster.client import Client
from tests.cluster.conftest import NODES
from tests.cluster.network import address
from tests.cluster.nodes import HEAD, Cluster


def test_citizens_spread_over_nodes_and_zones_apart_from_the_coordinator(
    nodes: Cluster, user: Client, name: str
) -> None:
    status = user.call(work.launch, name, 3)
    hosts = [work.host_of(status, citizen.id) for citizen in status.citizens]
    assert len(set(hosts)) == 3
    assert {node.zone for node in status.nodes if node.citizens} == {"a", "b"}
    assert work.coordinator_host(status) not in [HEAD, *hosts]
    assert HEAD not in hosts, "it has no CPUs"
    assert [node.address for node in status.nodes if node.vital] == []
    shown = paxos_ray(nodes, "status", name)
    for citizen in status.citizens:
        assert f"{citizen.address} (" in shown
    assert "the parliament bears a lost node" in " ".join(shown.split())
    told = json.loads(paxos_ray(nodes, "status", name, "--json"))
    assert {node["address"] for node in told["nodes"]} == set(map(address, nodes.hosts))


def paxos_ray(nodes: Cluster, *arguments: str) -> str:
    """What the command says, on the head."""
    line = [*nodes.inside(HEAD), sys.executable, "-m", "paxos_ray.cli", *arguments]
    environment = {**nodes.environment, "COLUMNS": "200"}
    ran = subprocess.run(line, env=environment, capture_output=True, text=True, timeout=60)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def test_a_citizen_moves_in_with_another_and_out_again_when_there_is_a_node(
    nodes: Cluster, user: Client, name: str
) -> None:
    """Five on five nodes; four nodes; five again. All the while somebody counts."""
    status = user.call(work.launch, name, NODES)
    assert work.loads(status) == [1] * NODES + [0]
    victim = status.citizens[-1]
    host = work.host_of(status, victim.id)
    user.call(work.begin_load, name)
    nodes.kill(host)
    crowded = user.call(work.await_status, name, work.without, victim.id)
    assert work.loads(crowded)[:2] == [2, 1]
    assert len(crowded.citizens) == NODES
    nodes.start(host)
    spread = user.call(work.await_status, name, work.is_spread, NODES)
    before = {citizen.id for citizen in crowded.citizens}
    after = {citizen.id for citizen in spread.citizens}
    assert len(before - after) == len(after - before) == 1
    assert user.call(work.end_load, name) > 0
