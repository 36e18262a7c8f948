"""The command line, `paxos-ray`: its `--help` names the commands."""

from paxos_ray.cli.app import main

__all__ = ["main"]
