"""The cluster that the other tests break: it breaks as it should, and nothing is left of it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from tests.cluster import network as networks
from tests.cluster import work
from tests.cluster.network import address
from tests.cluster.nodes import NETWORK, ROOT, Cluster, living_addresses

SOON_S = 60.0


def wait_until(told: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SOON_S
    while not told():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def state(pid: int) -> str:
    """As /proc has it: S, T, Z, …; nothing when there is no such process."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return ""


def test_each_host_is_a_node_of_ray_at_an_address_of_its_own(nodes: Cluster) -> None:
    addresses = sorted(address(host) for host in nodes.hosts)
    assert len(set(addresses)) == len(nodes.hosts)
    assert nodes.client(0).call(living_addresses) == addresses
    assert nodes.client(2).call(living_addresses) == addresses


def test_what_is_blocked_does_not_arrive_and_what_is_healed_does(nodes: Cluster) -> None:
    one, two, three = (nodes.client(host) for host in (1, 2, 3))
    for port, client in enumerate((one, two, three), start=9001):
        client.call(work.listen, port)

    def says(speaker: int, to: int, what: str) -> None:
        nodes.client(speaker).call(work.say, address(to), 9000 + to, what)

    nodes.network.block(1, 2)
    says(1, 2, "blocked")
    says(2, 1, "the other way")
    says(3, 2, "from elsewhere")
    assert two.call(work.hear, 9002) == "from elsewhere"
    assert one.call(work.hear, 9001) == "the other way"
    nodes.network.heal()
    nodes.network.split([1, 2], [3])
    says(1, 3, "across")
    says(1, 2, "within")
    assert two.call(work.hear, 9002) == "within"
    nodes.network.heal()
    nodes.network.cut(3)
    says(1, 3, "to one that is cut off")
    says(3, 1, "from one that is cut off")
    nodes.network.heal()
    says(1, 3, "healed")
    says(3, 1, "healed")
    assert three.call(work.hear, 9003) == "healed"
    assert one.call(work.hear, 9001) == "healed"


def test_a_node_is_killed_frozen_thawed_and_started_anew(nodes: Cluster) -> None:
    hosts = nodes.hosts
    nodes.freeze(1)
    assert {state(pid) for pid in nodes.network.pids(1)} == {"T"}
    nodes.thaw(1)
    nodes.kill(2)
    assert nodes.network.pids(2) == []
    nodes.await_nodes([host for host in hosts if host != 2])
    nodes.restore()
    assert nodes.client(2).call(living_addresses) == sorted(map(address, hosts))


def test_what_a_killed_owner_leaves_behind_is_removed_and_nothing_else(nodes: Cluster) -> None:
    program = (
        "import subprocess, sys\n"
        "from tests.cluster.network import Network\n"
        "from tests.cluster.nodes import Cluster\n"
        "cluster = Cluster(Network.make(2))\n"
        "cluster._prepare()\n"
        "left = subprocess.Popen([*cluster.network.inside(1), 'sleep', '600'])\n"
        "print(cluster.network.identity, flush=True)\n"
        "sys.stdin.read()\n"
    )
    owner = subprocess.Popen(
        [sys.executable, "-c", program], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with owner:
        assert owner.stdout is not None
        identity = owner.stdout.readline().decode().strip()
        network = networks.Network(identity)
        wait_until(lambda: len(network.pids(1)) == 1)
        (left,) = network.pids(1)
        wait_until(lambda: state(left) == "S")
        os.kill(owner.pid, signal.SIGKILL)
    wait_until(lambda: not Path("/tmp", identity).exists())
    assert identity not in [each.identity for each in networks.networks()]
    wait_until(lambda: state(left) in ("", "Z"))  # whoever inherits it may not bury it
    assert nodes.network.identity in [each.identity for each in networks.networks()]
    assert nodes.client(0).call(living_addresses) == sorted(map(address, nodes.hosts))


def test_it_can_be_tried_by_hand(nodes: Cluster) -> None:
    """The commands are for the one that runs, or that is named: here, that of the tests."""

    def command(*arguments: str) -> subprocess.CompletedProcess[str]:
        line = [sys.executable, "-m", "tests.cluster", *arguments]
        mine = {**os.environ, NETWORK: nodes.network.identity}  # others may be up
        return subprocess.run(
            line, cwd=ROOT, env=mine, capture_output=True, text=True, timeout=SOON_S
        )

    here = command("run", "2", "--", "ip", "-4", "-brief", "address", "show", "eth0")
    assert address(2) in here.stdout
    assert command("freeze", "3").returncode == 0
    assert command("thaw", "3").returncode == 0
    assert command("cut", "3").returncode == 0
    assert command("heal").returncode == 0
    nowhere = command("cut", "9")
    assert nowhere.returncode == 1
    assert "there is no node 9" in nowhere.stderr
    assert "node 1 runs" in command("start", "1").stderr
