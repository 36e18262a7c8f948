"""What an island is founded with, and the names under which Ray knows its actors."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Any

from paxos_ray.actors.autoscale import Autoscale
from paxos_ray.actors.growing import grow
from paxos_ray.core.errors import InvalidArgument

COORDINATOR = "coordinator"
DEPUTY = "deputy"
CITIZEN = "citizen/"
RECOVERY = "recovery"
SHARE = 0.1
"""CPUs that an actor asks for on several nodes: an autoscaler takes a node for idle, and away,
on which everything asks for none."""

_NAMESPACE = "paxos_ray/"


def namespace(island: str) -> str:
    """The Ray namespace of an island: several of them live on one cluster."""
    return _NAMESPACE + island


def island_of(namespace: str) -> str | None:
    """The island whose Ray namespace this is, None if it is nobody's."""
    return namespace.removeprefix(_NAMESPACE) if namespace.startswith(_NAMESPACE) else None


def actor_id(handle: Any) -> str:
    """The id of an actor, in hex, as Ray's errors give it."""
    name: str = handle._actor_id.hex()  # noqa: SLF001 - Ray has no public way
    return name


AUDIT_S = 30.0
"""How often the citizens' states are compared, in seconds, unless that takes too much of them."""


SESSION_MS = 60_000
"""How long a session lives in log time while nobody uses it. An idle client uses it in time."""

SESSION_LEAST_MS = 1_000
"""So long at least: a client that lives must have the time to say so."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How many bytes each process of an island holds, at most: whole numbers above 0.

    `client_bytes`: the calls of one process that have no answer yet; at the limit they wait, or
    raise `Overloaded`. `coordinator_bytes`: what clients have asked it for; at the limit it
    refuses, and the clients ask again. `queue_bytes` and `log_bytes`: the leader's proposals that
    are not written yet, and the log that not all citizens have taken in; at either limit it takes
    none. `stream_bytes`: the latest entries, which each citizen keeps for `Island.log`; at the
    limit the earliest are let go of. `event_bytes`: the latest events, which it keeps for who
    watches, likewise. A limit is exceeded by one call or entry at the most, whatever that weighs.
    `status` names what has come to `alarm` of its limit (above 0, at most 1).
    """

    client_bytes: int = 32 << 20
    coordinator_bytes: int = 64 << 20
    queue_bytes: int = 16 << 20
    log_bytes: int = 64 << 20
    stream_bytes: int = 16 << 20
    event_bytes: int = 4 << 20
    alarm: float = 0.5

    def __post_init__(self) -> None:
        for name in self.__slots__:
            value = getattr(self, name)
            if name != "alarm" and (type(value) is not int or value < 1):
                raise InvalidArgument(f"{name} is a whole number of at least 1, not {value!r}")
        if type(self.alarm) not in (int, float) or not 0 < self.alarm <= 1:
            raise InvalidArgument(f"alarm is above 0 and at most 1, not {self.alarm!r}")


@dataclass(frozen=True, slots=True)
class Settings:
    """How an island runs; the same for all its citizens, from its founding on.

    `ping_ms` and `timeout_ms` are the Legislator's. The timeout is longer than Ray takes to
    restart a coordinator, during which no pulse moves: so that costs no election. A citizen that
    Ray knows to be dead, or that is silent while others answer (`suspicion`), is not waited for
    that long. `num_cpus` is what a citizen asks of Ray.
    If `record` is not None, citizens record in that directory: an absolute path, and each on the
    file system of its own node. `limits` are those of everybody's memory. The citizens' states are
    compared every `audit_s` seconds, if anything was written, 0: never. A client's session lives
    `session_ms` of log time while nobody uses it.
    """

    parliament_size: int = 5
    parliament_floor: int = 3
    ping_ms: int = 250
    timeout_ms: int = 2_500
    num_cpus: float = 0.0
    record: str | None = None
    limits: Limits = Limits()
    audit_s: float = AUDIT_S
    session_ms: int = SESSION_MS

    def __post_init__(self) -> None:
        for name in ("parliament_size", "parliament_floor"):
            seats = getattr(self, name)
            if type(seats) is not int or seats < 1 or seats % 2 == 0:
                raise InvalidArgument(f"{name} is an odd number of at least 1, not {seats!r}")
        if self.parliament_floor > self.parliament_size:
            raise InvalidArgument("parliament_floor is above parliament_size")
        for name in ("ping_ms", "timeout_ms"):
            time_ms = getattr(self, name)
            if type(time_ms) is not int or time_ms < 1:
                raise InvalidArgument(f"{name} is a whole number of at least 1, not {time_ms!r}")
        if self.timeout_ms < 4 * self.ping_ms:
            raise InvalidArgument("timeout_ms is at least four times ping_ms")
        if isinstance(self.num_cpus, bool) or not isinstance(self.num_cpus, int | float):
            raise InvalidArgument(f"num_cpus is a number, not {self.num_cpus!r}")
        if self.num_cpus < 0:
            raise InvalidArgument(f"num_cpus is not negative, as {self.num_cpus} is")
        if not isinstance(self.limits, Limits):
            raise InvalidArgument(f"limits are Limits, not {self.limits!r}")
        if isinstance(self.audit_s, bool) or not isinstance(self.audit_s, int | float):
            raise InvalidArgument(f"audit_s is a number of seconds, not {self.audit_s!r}")
        if not 0 <= self.audit_s < float("inf"):
            raise InvalidArgument(f"audit_s is finite and not negative, as {self.audit_s} is")
        if type(self.session_ms) is not int or self.session_ms < SESSION_LEAST_MS:
            raise InvalidArgument(
                f"session_ms is a whole number of at least {SESSION_LEAST_MS}, "
                f"not {self.session_ms!r}"
            )
        if self.record is not None and not os.path.isabs(self.record):
            raise InvalidArgument(f"record is an absolute path, not {self.record!r}")

    @property
    def carrier_cpus(self) -> float:
        """What a coordinator or deputy asks of Ray."""
        return min(self.num_cpus, SHARE)

    def seats(self, citizens: int) -> int:
        """How many seats the parliament of an island of so many citizens comes to have."""
        return min(self.parliament_size, citizens - 1 + citizens % 2) if citizens > 1 else 1


@dataclass(frozen=True, slots=True, order=True)
class Wish:
    """How many citizens are asked for. The wish of the higher `version` counts.

    `autoscale` says how that number changes by itself. Those `leaving` go before others if there
    are too many."""

    version: int
    citizens: int
    autoscale: Autoscale | None = field(default=None, compare=False)
    leaving: tuple[str, ...] = field(default=(), compare=False)

    def next(
        self, citizens: int, autoscale: Autoscale | None = None, leaving: tuple[str, ...] = ()
    ) -> Wish:
        """The wish that outranks this one."""
        return Wish(self.version + 1, citizens, autoscale, leaving)


grow(Autoscale, Limits, Settings, Wish)
