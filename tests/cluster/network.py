"""Networks of their own on one machine: hosts in network namespaces, around a hub that routes.

All of it lives in namespaces whose names begin with `PREFIX`, the process that owns them and when
that was started: nothing is added to the machine's own network, several such networks do not meet,
and what a killed owner left behind is told from what belongs to somebody. Needs root, and Debian's
`iproute2` and `iptables`.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from pathlib import Path

PREFIX = "paxos-ray"
HUB = "hub"
_LIMIT_S = 30.0


class NoNamespaces(Exception):
    """This machine lets nobody here make network namespaces; says why."""


class Network:
    """One network. `host(0)`, `host(1)`, … reach each other by `address`, but for what is cut."""

    def __init__(self, identity: str) -> None:
        self.identity = identity

    @classmethod
    def make(cls, hosts: int) -> Network:
        """A new one, with so many hosts. Raises `NoNamespaces`."""
        check()
        network = cls(f"{PREFIX}-{os.getpid()}-{_started_at(os.getpid())}")
        try:
            network._make(hosts)
        except BaseException:
            network.remove()
            raise
        return network

    def _make(self, hosts: int) -> None:
        hub = self.namespace(HUB)
        _ip("netns", "add", hub)
        _ip("-n", hub, "link", "set", "lo", "up")
        _run("ip", "netns", "exec", hub, "sysctl", "-qw", "net.ipv4.ip_forward=1")
        for host in range(hosts):
            name, port = self.namespace(host), f"port{host}"
            _ip("netns", "add", name)
            _veth(name, "eth0", hub, port)
            _ip("-n", hub, "address", "add", f"{gateway(host)}/24", "dev", port)
            _ip("-n", hub, "link", "set", port, "up")
            _ip("-n", name, "link", "set", "lo", "up")
            _ip("-n", name, "address", "add", f"{address(host)}/24", "dev", "eth0")
            _ip("-n", name, "link", "set", "eth0", "up")
            _ip("-n", name, "route", "add", "default", "via", gateway(host))

    def namespace(self, host: int | str) -> str:
        """The name of a host's namespace."""
        return f"{self.identity}-{host}"

    def inside(self, host: int | str) -> list[str]:
        """What a command starts with to run as that host."""
        return ["ip", "netns", "exec", self.namespace(host)]

    # -- what goes wrong ----------------------------------------------------------------------

    def block(self, sender: int, receiver: int) -> None:
        """From now on nothing gets from one host to the other; the other way it does."""
        self._filter("-A", sender, receiver)

    def unblock(self, sender: int, receiver: int) -> None:
        """Undo one `block`."""
        self._filter("-D", sender, receiver)

    def split(self, *islands: list[int]) -> None:
        """Nothing gets from a host of one of these to a host of another, silently."""
        for island in islands:
            for other in islands:
                if island is not other:
                    for sender in island:
                        for receiver in other:
                            self.block(sender, receiver)

    def cut(self, host: int) -> None:
        """Nothing gets to that host or from it, silently."""
        for way in ("--source", "--destination"):
            self._iptables("-A", "FORWARD", way, address(host), "--jump", "DROP")

    def heal(self) -> None:
        """Everything gets everywhere."""
        self._iptables("--flush", "FORWARD")

    def _filter(self, what: str, sender: int, receiver: int) -> None:
        ends = ("--source", address(sender), "--destination", address(receiver))
        self._iptables(what, "FORWARD", *ends, "--jump", "DROP")

    def _iptables(self, *arguments: str) -> None:
        _run("ip", "netns", "exec", self.namespace(HUB), "iptables", "--wait", *arguments)

    # -- its processes, and its end -----------------------------------------------------------

    def pids(self, host: int | str) -> list[int]:
        """All processes of a host."""
        found = subprocess.run(
            ["ip", "netns", "pids", self.namespace(host)],
            capture_output=True,
            text=True,
            timeout=_LIMIT_S,
            check=False,
        )
        return [int(pid) for pid in found.stdout.split()]

    def signal(self, host: int | str, number: signal.Signals) -> None:
        """Send a signal to all processes of a host; until none is left, if that is SIGKILL."""
        while pids := self.pids(host):
            for pid in pids:
                try:
                    os.kill(pid, number)
                except ProcessLookupError:
                    pass
            if number != signal.SIGKILL:
                return

    def remove(self) -> None:
        """End all processes of all hosts, and the hosts. Once more does nothing."""
        for name in _namespaces():
            if name.startswith(self.identity + "-"):
                self.signal(name.removeprefix(self.identity + "-"), signal.SIGKILL)
                _ip("netns", "delete", name)


def address(host: int) -> str:
    """The address of a host."""
    return f"{_subnet(host)}.2"


def gateway(host: int) -> str:
    """The address under which a host reaches the hub, whatever it is cut off from."""
    return f"{_subnet(host)}.1"


def check() -> None:
    """Raises `NoNamespaces` when no network can be made here."""
    if os.geteuid() != 0:
        raise NoNamespaces("network namespaces are root's to make")
    for tool, package in (("ip", "iproute2"), ("iptables", "iptables"), ("nsenter", "util-linux")):
        if shutil.which(tool) is None:
            raise NoNamespaces(f"{tool} is not installed: apt-get install {package}")
    probe = f"{PREFIX}-{os.getpid()}-{_started_at(os.getpid())}-probe"
    try:
        _ip("netns", "add", probe)
        try:
            _veth(probe, "one", probe, "other")
            _run("ip", "netns", "exec", probe, "iptables", "--wait", "--list")
        finally:
            _ip("netns", "delete", probe)
    except RuntimeError as error:
        raise NoNamespaces(str(error)) from None


def networks() -> list[Network]:
    """All networks of this kind on this machine, whoever owns them."""
    names = [name.rsplit("-", 1)[0] for name in _namespaces() if name.startswith(PREFIX + "-")]
    return [Network(identity) for identity in sorted(set(names))]


def owned(network: Network) -> bool:
    """Whether the process that made it lives."""
    _, pid, started_at = network.identity.rsplit("-", 2)
    return _started_at(int(pid)) == started_at


def _started_at(pid: int) -> str:
    """When a process was started, in ticks since the machine was: a pid may be used again."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return ""
    return fields[19]


def _subnet(host: int) -> str:
    return f"10.77.{host + 1}"


def _namespaces() -> list[str]:
    directory = Path("/run/netns")
    return sorted(entry.name for entry in directory.iterdir()) if directory.is_dir() else []


def _veth(namespace: str, name: str, other_namespace: str, other_name: str) -> None:
    ends = ("name", other_name, "netns", other_namespace)
    _ip("link", "add", "name", name, "netns", namespace, "type", "veth", "peer", *ends)


def _ip(*arguments: str) -> None:
    _run("ip", *arguments)


def _run(*command: str) -> None:
    ran = subprocess.run(command, capture_output=True, text=True, timeout=_LIMIT_S, check=False)
    if ran.returncode:
        raise RuntimeError(f"{' '.join(command)}: {ran.stderr.strip() or ran.stdout.strip()}")
