"""What can go wrong for who uses an island. A message says what is there and what was wanted."""

from __future__ import annotations

from paxos_ray.core.errors import InvalidArgument, PaxosError


class IslandError(PaxosError):
    """Base of the errors of islands, as opposed to those of one citizen or one object."""


class RayNotInitialised(IslandError, RuntimeError):
    """This process is not connected to a Ray cluster: call `ray.init()` first."""


class NameTaken(IslandError, ValueError):
    """An island of this name runs on the cluster already."""


class UnknownIsland(IslandError, LookupError):
    """No island of this name runs on the cluster."""


class IslandShutDown(IslandError, RuntimeError):
    """The island was shut down. What a call that was under way became of is unknown."""


class TimedOut(IslandError, TimeoutError):
    """Something did not come about in time. Nothing is undone; waiting again is safe."""


class NoQuorum(TimedOut):
    """Too few citizens are there for anything to be written or read; the message says who is
    missing. What was asked stays asked, and is done, once, should enough of them come back."""


class CannotRecord(IslandError, OSError):
    """The directory to record in cannot be written, on a node that may hold a citizen."""


class ClusterTooSmall(IslandError, RuntimeError):
    """The cluster has not the CPUs that the asked-for citizens need."""


class NotEnoughCitizens(IslandError, ValueError):
    """A parliament never shrinks below its floor, and an island not below one citizen."""


class Superseded(IslandError, RuntimeError):
    """Another population was asked for meanwhile: that one counts, and nobody waits for this."""


class OutcomeUnknown(IslandError, RuntimeError):
    """The session expired while the operation was unanswered: it was applied once, or never."""


class FewCitizens(UserWarning):
    """An island of fewer than three citizens: one death can lose data, or stop writes."""


class SharedNodes(UserWarning):
    """So many citizens share a node that writes stop when it is lost: there are too few nodes."""


__all__ = [
    "CannotRecord",
    "ClusterTooSmall",
    "FewCitizens",
    "InvalidArgument",
    "IslandError",
    "IslandShutDown",
    "NameTaken",
    "NoQuorum",
    "NotEnoughCitizens",
    "OutcomeUnknown",
    "PaxosError",
    "RayNotInitialised",
    "SharedNodes",
    "Superseded",
    "TimedOut",
    "UnknownIsland",
]
