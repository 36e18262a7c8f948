"""Chaos on a cluster of namespaces: who breaks its network and nodes, and a whole run.

`paxos-ray chaos` runs on the head, as a user of the cluster, and calls the driver there; which, in
a namespace of the cluster, is still root of the machine.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Sequence

from tests.cluster.network import address
from tests.cluster.nodes import HEAD, Cluster

ISLAND = "chaos"
PATIENT = "--timeout=300"
DRIVER = f"{sys.executable} -m tests.cluster driver"


def drive(cluster: Cluster, word: str, addresses: Sequence[str]) -> list[str]:
    """Do what a driver is asked for; what it prints. Raises `ValueError`."""
    known = {address(host): host for host in cluster.hosts}
    unknown = [each for each in addresses if each not in known]
    if unknown:
        raise ValueError(f"no such node: {', '.join(unknown)}")
    hosts = [known[each] for each in addresses]
    match word, hosts:
        case "hosts", []:
            return [address(host) for host in cluster.hosts if host != HEAD]
        case "block", [_, *_] if len(hosts) % 2 == 0:
            for sender, receiver in zip(hosts[::2], hosts[1::2], strict=True):
                cluster.network.block(sender, receiver)
        case "heal", []:
            cluster.network.heal()
        case "kill", [host] if host != HEAD:
            cluster.kill(host)
        case "start", [host] if host != HEAD:
            cluster.kill(host)
            cluster.start(host)
        case _:
            raise ValueError(f"not understood: {word} {' '.join(addresses)}")
    return []


def run(nodes: int, citizens: int, faults: str, arguments: Sequence[str]) -> int:
    """A cluster, an island, and `paxos-ray chaos` with these faults and further arguments: its exit
    code. Raises `NoNamespaces`."""
    # Not by a driver, whose every word waits for what is imported: that would be all of Ray.
    from paxos_ray.chaos.faults import RPC, RPC_EXAMPLE

    began = time.monotonic()
    loses = {"all", "rpc"} & set(faults.split(","))
    with Cluster.up(nodes, {RPC: RPC_EXAMPLE} if loses else {}) as cluster:
        for line in (
            ["launch", ISLAND, f"--citizens={citizens}", f"--address={cluster.address}", PATIENT],
            ["chaos", ISLAND, f"--faults={faults}", f"--driver={DRIVER}", *arguments],
        ):
            ran = subprocess.run(
                [*cluster.inside(HEAD), sys.executable, "-m", "paxos_ray.cli", *line],
                env=cluster.environment,
                stdin=subprocess.DEVNULL,
                check=False,
            )
            if ran.returncode:
                break
    sys.stderr.write(f"took {time.monotonic() - began:.0f} s in all\n")
    return ran.returncode
