"""The driver by which chaos breaks the namespaces' network and nodes."""

from __future__ import annotations

import subprocess

import pytest

from tests.cluster import nemesis, work
from tests.cluster.client import Client
from tests.cluster.network import address
from tests.cluster.nodes import HEAD, Cluster


def test_it_does_what_a_driver_is_asked_for(nodes: Cluster, user: Client) -> None:
    """As a user of the cluster calls it: on the head, by the command's line."""

    def driver(*words: str) -> subprocess.CompletedProcess[str]:
        line = [*nodes.inside(HEAD), *nemesis.DRIVER.split(), *words]
        environment = nodes.environment
        return subprocess.run(line, env=environment, capture_output=True, text=True, timeout=90)

    hosts = [host for host in nodes.hosts if host != HEAD]
    assert driver("hosts").stdout.split() == [address(host) for host in hosts]
    user.call(work.listen, 9101)
    one = nodes.client(1)
    one.call(work.listen, 9102)
    assert driver("block", address(1), address(HEAD), address(2), address(HEAD)).returncode == 0
    one.call(work.say, address(HEAD), 9101, "lost")
    user.call(work.say, address(1), 9102, "arrives")
    assert one.call(work.hear, 9102) == "arrives"
    assert driver("heal").returncode == 0
    one.call(work.say, address(HEAD), 9101, "healed")
    assert user.call(work.hear, 9101) == "healed"
    assert driver("kill", address(2)).returncode == 0
    assert nodes.network.pids(2) == []
    assert driver("start", address(2)).returncode == 0
    nodes.await_nodes(nodes.hosts)


@pytest.mark.parametrize(
    "words",
    [
        ["hosts", "10.77.2.2"],
        ["block"],
        ["block", "10.77.2.2"],
        ["block", "10.77.2.2", "10.0.0.1"],
        ["kill"],
        ["kill", "10.77.1.2"],  # the head
        ["start", "10.77.1.2"],
        ["melt", "10.77.2.2"],
    ],
)
def test_what_it_does_not_understand_it_does_not_do(nodes: Cluster, words: list[str]) -> None:
    with pytest.raises(ValueError, match=r"no such node|not understood"):
        nemesis.drive(nodes, words[0], words[1:])
    assert nodes.network.pids(HEAD)
