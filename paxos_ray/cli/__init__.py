"""The command line: `paxos-ray demo | launch | scale | status | counter | shutdown`."""

from paxos_ray.cli.app import main

__all__ = ["main"]
