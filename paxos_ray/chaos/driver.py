"""Who can break a cluster's network and nodes: a program of whoever runs the cluster.

Ray itself cannot cut a node off. Whoever can (a script around `iptables`, a cloud's control
program, `python -m tests.cluster` for the namespaces of one machine) is a driver: a program that
takes these words, does what they say, and exits with 0 when it is done.

    hosts               print the addresses of the nodes that it may break, one a line
    block FROM TO …     from now on nothing gets from one address to the other, silently; any
                        number of pairs
    heal                undo every `block`
    kill ADDRESS        all Ray processes of that node die at once
    start ADDRESS       end what is left of Ray on that node, and start it there again
"""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Iterable
from typing import Protocol

from paxos_ray.chaos.errors import DriverFailed

LIMIT_S = 60.0


class Driver(Protocol):
    """What faults of the network and of nodes need. Nodes are named by their addresses, as Ray has
    them. Raises `DriverFailed`."""

    def hosts(self) -> list[str]:
        """The nodes that may be broken: not that of Ray's head, nor of who runs this."""
        ...

    def block(self, pairs: Iterable[tuple[str, str]]) -> None:
        """From now on nothing gets from the first of each pair to the second."""
        ...

    def heal(self) -> None:
        """Everything gets everywhere again."""
        ...

    def kill(self, address: str) -> None:
        """That node's processes die."""
        ...

    def start(self, address: str) -> None:
        """That node is started anew."""
        ...


class Program:
    """A driver that is a program: see above. `command` is a command line without those words."""

    def __init__(self, command: str) -> None:
        self._command = shlex.split(command)
        if not self._command:
            raise DriverFailed("the driver's command is empty")

    def hosts(self) -> list[str]:
        """See `Driver.hosts`."""
        return self._run("hosts").split()

    def block(self, pairs: Iterable[tuple[str, str]]) -> None:
        """See `Driver.block`."""
        self._run("block", *(address for pair in pairs for address in pair))

    def heal(self) -> None:
        """See `Driver.heal`."""
        self._run("heal")

    def kill(self, address: str) -> None:
        """See `Driver.kill`."""
        self._run("kill", address)

    def start(self, address: str) -> None:
        """See `Driver.start`."""
        self._run("start", address)

    def _run(self, *words: str) -> str:
        line = shlex.join([*self._command, *words])
        try:
            ran = subprocess.run(
                [*self._command, *words],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=LIMIT_S,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise DriverFailed(f"{line}: {error}") from None
        if ran.returncode:
            why = (ran.stderr.strip() or ran.stdout.strip()).splitlines()
            raise DriverFailed(f"{line}: exit code {ran.returncode}: {why[-1] if why else ''}")
        return ran.stdout
