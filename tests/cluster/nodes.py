"""A Ray cluster on several hosts, which are network namespaces of one machine: see `network`.

Host 0 is the head, which holds Ray's control service and has no CPU for anything else, as in
`cluster.yaml`; the others each have a Ray node, a part of the file system where Ray writes, and a
shared memory of their own, as machines have.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.cluster import network as networks
from tests.cluster import storage
from tests.cluster.client import Client, NoConnection
from tests.cluster.network import Network, address

ROOT = Path(__file__).resolve().parents[2]
START_S = 150.0
HEAD = 0
PORT = 6379
MORE = "environment"
NETWORK = "PAXOS_RAY_NETWORK"
"""By this variable a process of a cluster knows which one that is: others may be up."""

# Ray's own: until it says that a silent node is dead. Those that it ships with take a minute.
NOTICES = {
    "RAY_health_check_initial_delay_ms": "2000",
    "RAY_health_check_period_ms": "500",
    "RAY_health_check_timeout_ms": "1000",
    "RAY_health_check_failure_threshold": "3",
}
# Ray's own: how long its processes wait for a head that is gone, as in `cluster.yaml`.
WAITS = {"RAY_gcs_rpc_server_reconnect_timeout_s": "600"}


class Cluster:
    """Ray on `hosts`: the head and the nodes 1, 2, … Use it by `with`, or end it by `down`.

    The hosts with an odd number are in zone `a`, the others in zone `b`, by Ray's own label.
    """

    def __init__(self, network: Network) -> None:
        self.network = network
        self.directory = Path("/tmp") / network.identity
        self.clients: list[Client] = []
        self._started: dict[int, subprocess.Popen[bytes]] = {}
        self._storage: subprocess.Popen[bytes] | None = None

    @classmethod
    def up(cls, nodes: int, more: Mapping[str, str] | None = None) -> Cluster:
        """Start a head and so many nodes, with `more` in the environment of all processes. Raises
        `NoNamespaces`, `TimeoutError`."""
        sweep()
        cluster = cls(Network.make(nodes + 1))
        try:
            cluster._prepare()
            (cluster.directory / MORE).write_text(json.dumps(dict(more or {})))
            for host in range(nodes + 1):
                cluster.start(host)
            cluster.await_nodes(range(nodes + 1))
        except BaseException:
            cluster.down()
            raise
        return cluster

    def __enter__(self) -> Cluster:
        return self

    def __exit__(self, *_: object) -> None:
        self.down()

    def _prepare(self) -> None:
        self.directory.mkdir(mode=0o700)
        token = self.directory / "token"
        token.touch(mode=0o600)
        token.write_text(secrets.token_hex(32))
        # Whatever becomes of this process, and however suddenly: somebody cleans up after it.
        guard = [sys.executable, "-m", "tests.cluster.guard", str(os.getpid())]
        subprocess.run(
            ["setsid", "--fork", *guard],
            cwd=ROOT,
            check=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )
        self._storage = storage.start(self.network, self.directory, HEAD)

    def down(self) -> None:
        """End everything that belongs to it, and leave nothing behind. Once more does nothing."""
        for client in self.clients:
            client.close()
        self.network.remove()
        for process in filter(None, (*self._started.values(), self._storage)):
            process.wait()
        shutil.rmtree(self.directory, ignore_errors=True)

    # -- nodes --------------------------------------------------------------------------------

    @property
    def address(self) -> str:
        """What a process on one of the hosts connects to."""
        return f"{address(HEAD)}:{PORT}"

    @property
    def hosts(self) -> list[int]:
        """All hosts, the head first; whether their nodes live or not."""
        return sorted(int(path.name[4:]) for path in self.directory.glob("host*"))

    def start(self, host: int) -> None:
        """Start the node of a host, which has none; returns at once."""
        command = [*self._ray(), "start", f"--node-ip-address={address(host)}", "--block"]
        command += [f"--labels=ray.io/availability-zone={'ba'[host % 2]}"]
        command += ["--object-store-memory=100000000", "--disable-usage-stats"]
        if host == HEAD:
            command += ["--head", f"--port={PORT}", "--num-cpus=0", "--include-dashboard=false"]
        else:
            command += [f"--address={self.address}", "--num-cpus=1"]
        place = self.directory / f"host{host}"
        shutil.rmtree(place, ignore_errors=True)
        (place / "ray").mkdir(parents=True)
        Path("/tmp/ray").mkdir(exist_ok=True)
        # `ip netns exec` has unshared the mounts: these are this host's only.
        mounts = f"mount --bind {place / 'ray'} /tmp/ray && mount -t tmpfs tmpfs /dev/shm"
        shell = ["sh", "-c", mounts + ' && exec "$@"', "sh"]
        environment = self.environment
        if host == HEAD:
            environment.update(storage.environment(self.directory))
        with (place / "log").open("wb") as log:
            started = subprocess.Popen(
                [*self.network.inside(host), *shell, *command],
                cwd=ROOT,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        (place / "pid").write_text(str(started.pid))
        self._started[host] = started

    def kill(self, host: int) -> None:
        """All processes of that host die, as if it lost its power."""
        self.network.signal(host, signal.SIGKILL)
        if host in self._started:
            self._started.pop(host).wait()

    def freeze(self, host: int) -> None:
        """All processes of that host stop; `thaw` has them go on."""
        self.network.signal(host, signal.SIGSTOP)

    def thaw(self, host: int) -> None:
        """See `freeze`."""
        self.network.signal(host, signal.SIGCONT)

    def await_nodes(self, hosts: Sequence[int], from_host: int = HEAD) -> None:
        """Wait until Ray says that the nodes of exactly these hosts are alive. One that could not
        start, since the head was not there yet, is started again."""
        client = self.client(from_host)
        wanted = sorted(address(host) for host in hosts)
        deadline = time.monotonic() + START_S
        while (living := client.call(living_addresses)) != wanted:
            if time.monotonic() > deadline:
                raise TimeoutError(f"alive are {living}, not {wanted}")
            for host in hosts:
                self._start_again(host)
            time.sleep(0.1)

    def restore(self) -> None:
        """Undo whatever was done to it: everything gets everywhere, and all nodes are alive."""
        self.network.heal()
        for host in self.hosts:
            self.thaw(host)
        lost = [host for host in self.hosts if not self._runs(host)]
        for host in lost:
            self.kill(host)  # what is left of it
        if HEAD in lost:
            self.start(HEAD)
        living = self.client(HEAD).call(living_addresses)
        lost += [host for host in self.hosts if host not in lost and address(host) not in living]
        self.await_nodes([host for host in self.hosts if host not in lost or host == HEAD])
        for host in lost:
            if host != HEAD:
                self.kill(host)
                self.start(host)
        self.await_nodes(self.hosts)

    def _start_again(self, host: int) -> None:
        """If its node has ended by itself. On a busy machine the first start may not do: a node
        gives up when its agent takes longer than 15 s."""
        if host in self._started and not self._runs(host):
            self.kill(host)  # what is left of it
            self.start(host)

    def _runs(self, host: int) -> bool:
        return host in self._started and self._started[host].poll() is None

    # -- who uses it --------------------------------------------------------------------------

    def client(self, host: int) -> Client:
        """A process on that host that is connected to its node: the one that there is, or new."""
        for client in self.clients:
            if client.host == host and client.alive:
                return client
        deadline = time.monotonic() + START_S
        while True:
            try:
                client = Client(
                    host,
                    self.inside(host),
                    self.environment,
                    self.address,
                    lambda: self._start_again(host),
                )
            except NoConnection:
                if time.monotonic() > deadline:
                    raise
                self._start_again(host)
                time.sleep(0.2)
            else:
                self.clients.append(client)
                return client

    def inside(self, host: int) -> list[str]:
        """What a command starts with to run on that host, beside its node."""
        pid = (self.directory / f"host{host}" / "pid").read_text()
        return ["nsenter", f"--target={pid}", "--net", "--mount", f"--wd={ROOT}", "--"]

    @property
    def environment(self) -> dict[str, str]:
        """What every process of the cluster has in its environment."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith("RAY_")}
        path = [str(ROOT), *filter(None, [kept.get("PYTHONPATH")])]
        return {
            **kept,
            **NOTICES,
            **WAITS,
            "PYTHONPATH": os.pathsep.join(path),
            "RAY_AUTH_MODE": "token",
            "RAY_AUTH_TOKEN_PATH": str(self.directory / "token"),
            "RAY_ADDRESS": self.address,
            "RAY_enable_worker_prestart": "0",  # of which every node would begin with some
            NETWORK: self.network.identity,
            **self._more(),
        }

    def _more(self) -> dict[str, str]:
        """What this cluster was started with besides: it is the same for nodes started later, by
        whatever process."""
        kept = self.directory / MORE
        return dict(json.loads(kept.read_text())) if kept.exists() else {}

    def _ray(self) -> list[str]:
        return [sys.executable, "-m", "ray.scripts.scripts"]


def living_addresses() -> list[str]:
    """For a client to call: the addresses of the nodes that Ray takes for alive."""
    import ray

    nodes = ray.nodes()  # type: ignore[no-untyped-call]
    return sorted(node["NodeManagerAddress"] for node in nodes if node["Alive"])


def running() -> list[Cluster]:
    """Those on this machine whose owner lives; for a process of one of them, that one."""
    mine = os.environ.get(NETWORK)
    owned = [network for network in networks.networks() if networks.owned(network)]
    return [Cluster(network) for network in owned if mine in (None, network.identity)]


def sweep() -> None:
    """Remove what owners that live no more have left behind; nothing else is touched."""
    for network in networks.networks():
        if not networks.owned(network):
            Cluster(network).down()
    for left in Path("/tmp").glob(f"{networks.PREFIX}-*-*"):
        if left.name.count("-") == 3 and not networks.owned(Network(left.name)):
            shutil.rmtree(left, ignore_errors=True)
