"""What can be wrong with a request for faults."""

from __future__ import annotations

from paxos_ray.core.errors import PaxosError


class FaultRefused(PaxosError, RuntimeError):
    """A fault that was asked for cannot be had on this cluster; the message says what it needs."""


class DriverFailed(PaxosError, RuntimeError):
    """The program that breaks the network did not do what it was asked for."""


class NotNow(PaxosError, RuntimeError):
    """A fault cannot begin as the island is at the moment: it is left out, and the report says
    why."""
