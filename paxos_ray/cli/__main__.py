"""`python -m paxos_ray.cli` is `paxos-ray`."""

from paxos_ray.cli.app import main

main()
