"""What can go wrong for who uses an island. A message says what is there and what was wanted."""

from __future__ import annotations

from paxos_ray.core.errors import InvalidArgument, PaxosError
from paxos_ray.core.promise import Promise


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


class Overloaded(IslandError, RuntimeError):
    """As much waits already as may wait. Nothing was asked: asking again later is safe."""


class EntryGone(IslandError, LookupError):
    """The log cannot be read on from `wanted`: it has been let go of up to `earliest`, from where
    on it can be."""

    def __init__(self, wanted: Promise, earliest: Promise) -> None:
        super().__init__(wanted, earliest)
        self.wanted, self.earliest = wanted, earliest

    def __str__(self) -> str:
        return (
            f"what follows {self.wanted} is not held any more; the log can be read from "
            f"{self.earliest} on"
        )


class EventsGone(EntryGone):
    """Events after `wanted` were let go of before this watch had them, up to `earliest`: since when
    one can watch. What they have changed is to be asked for."""

    def __str__(self) -> str:
        return (
            f"events after {self.wanted} are not held any more; one can watch from "
            f"{self.earliest} on"
        )


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
    """The session ended while the operation was unanswered: it was applied once, or never. It had
    expired, or the island was recovered without something that the session had been answered."""


class RecoveryRefused(IslandError, RuntimeError):
    """The island is not founded anew: nothing is lost yet, or what may be lost was not accepted, or
    there is nothing to found it upon. The message says which, and nothing was changed by it."""


class NotAdmitted(IslandError, RuntimeError):
    """A call was refused at the door, and changed nothing. The message says what to do."""


class SecretNeeded(NotAdmitted):
    """The island has a secret, and the call was made without one."""


class WrongSecret(NotAdmitted):
    """The island has another secret, or none; or it is not the one that the handle was made for,
    but was launched later under the same name."""


class WrongVersion(NotAdmitted):
    """What was said is of another version of the messages than is understood: one version apart
    goes, more does not."""

    def __init__(self, theirs: int, own: int) -> None:
        super().__init__(theirs, own)
        self.theirs, self.own = theirs, own

    def __str__(self) -> str:
        return (
            f"messages of version {self.theirs} are not understood by who speaks version "
            f"{self.own}: neighbours may be one version apart; install a paxos_ray in between first"
        )


class FewCitizens(UserWarning):
    """An island of fewer than three citizens: one death can lose data, or stop writes."""


class SharedNodes(UserWarning):
    """So many citizens share a node that writes stop when it is lost: there are too few nodes."""


def line_of(error: BaseException, which: int = 0) -> str:
    """A line of what an error says, the first; the name of its type if it says nothing."""
    return (str(error).strip().splitlines() or [type(error).__name__])[which]


__all__ = [
    "CannotRecord",
    "ClusterTooSmall",
    "EntryGone",
    "EventsGone",
    "FewCitizens",
    "InvalidArgument",
    "IslandError",
    "IslandShutDown",
    "NameTaken",
    "NoQuorum",
    "NotAdmitted",
    "NotEnoughCitizens",
    "OutcomeUnknown",
    "Overloaded",
    "PaxosError",
    "RayNotInitialised",
    "RecoveryRefused",
    "SecretNeeded",
    "SharedNodes",
    "Superseded",
    "TimedOut",
    "UnknownIsland",
    "WrongSecret",
    "WrongVersion",
]
