"""A citizen as its coordinator sees it, and how one is launched, found and stopped."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from dataclasses import dataclass, field
from typing import Any

import ray
from ray.exceptions import ActorDiedError, RayError

from paxos_ray.actors.authority import OPEN, Authority
from paxos_ray.actors.board import THREADS, WATCHES
from paxos_ray.actors.citizen import PROBES, Introduction
from paxos_ray.actors.connection import all_named, named
from paxos_ray.actors.doors import CitizenActor
from paxos_ray.actors.errors import NotAdmitted
from paxos_ray.actors.guard import Asked, Guarded, pack
from paxos_ray.actors.heritage import Estate, Identity
from paxos_ray.actors.onlookers import LOOKERS, LOOKS
from paxos_ray.actors.settings import CITIZEN, Settings, Wish, actor_id, namespace
from paxos_ray.actors.wire import VERSION
from paxos_ray.core.promise import Promise

_GROUPS = {PROBES: 1, WATCHES: THREADS, LOOKS: LOOKERS}
"""How many threads a citizen has for what must not wait for its work on pulses."""


_AGAIN_S = 1.0
_GONE_S = 0.5

log = logging.getLogger("paxos_ray")


class Lost(Exception):
    """A call on a citizen has no result: it is dead, hung, or failed. Its cause was seen to."""


@dataclass(slots=True, eq=False)
class Member:
    """The actor and what is known of it. `due` is in seconds of the event loop's clock."""

    id: str
    handle: Any
    authority: Authority = OPEN
    introduction: Introduction | None = None
    dead: bool = False  # Ray says so
    listed: bool = False  # some government has listed it
    hung_at: float | None = None  # since when it is not there, or keeps a call waiting for too long
    probed_at: float = 0.0  # when it was last sent something since then
    calls: dict[asyncio.Timeout, float] = field(default_factory=dict)  # under way, since when
    probed: bool = False  # it is being asked whether it is there
    excused_at: float = 0.0  # when it was, or nobody could be blamed
    busy: bool = False  # a turn of it is under way
    again: bool = False  # another turn became due meanwhile
    due: float | None = None
    timer: asyncio.TimerHandle | None = None
    told: Promise | None = None  # up to where it has been brought the log
    loading: bool = False  # it is being given the application's state
    stopped: bool = False
    actor_id: str = field(init=False)
    citizen: Guarded = field(init=False)  # its handle, to be called by
    turn: Any = field(init=False)
    receive: Any = field(init=False)
    settle: Any = field(init=False)
    sent: Any = field(init=False)
    unreachable: Any = field(init=False)
    _gives: dict[int, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        # Kept, since Ray makes a method anew each time that one asks the handle for it.
        handle = self.handle
        self.actor_id = actor_id(handle)
        self.citizen = citizen = Guarded(handle, self.authority)
        self.receive, self.settle = handle.receive.remote, handle.settle.remote
        self.turn, self.sent = citizen.turn.remote, citizen.sent.remote
        self.unreachable = citizen.unreachable.remote

    def give(self, recipients: int) -> Any:
        """The method `give` for so many recipients."""
        method = self._gives.get(recipients)
        if method is None:
            method = self.handle.give.options(num_returns=recipients).remote
            self._gives[recipients] = method
        return method

    def fetch(self, number: int) -> Any:
        """See `Citizen.fetch`: what is in the object is signed, its reference is Ray's."""
        return self.handle.fetch.remote(pack(self.authority, "fetch", (number,)))

    def restore(self, owner: str, known: int, snapshot: list[Any]) -> Asked:
        """See `Citizen.restore`."""
        signed = pack(self.authority, "restore", (owner, known))
        return Asked(self.handle.restore.remote(signed, snapshot), self.authority, "restore")

    @property
    def number(self) -> int:
        """That of its government, when it introduced itself."""
        return 0 if self.introduction is None else self.introduction.number

    @property
    def able(self) -> bool:
        """Whether it may be expected to answer a call."""
        return not (self.dead or self.stopped or self.hung_at is not None)

    def give_up(self, now: float) -> None:
        """Whoever waits for a call on it waits no more."""
        for scope in list(self.calls):
            with contextlib.suppress(RuntimeError):  # its time was up anyway
                scope.reschedule(now)


def launch(
    island: str,
    identity: Identity,
    settings: Settings,
    wish: Wish,
    strategy: Any,
    estate: Estate | None = None,
    authority: Authority = OPEN,
    version: int = VERSION,
) -> Member:
    """Start the actor of a citizen. It may take Ray a while, or for ever: see `introduce`."""
    options: dict[str, Any] = {} if strategy is None else {"scheduling_strategy": strategy}
    handle = (
        ray.remote(concurrency_groups=_GROUPS)(CitizenActor)  # type: ignore[call-overload]
        .options(
            name=CITIZEN + identity.id,
            namespace=namespace(island),
            lifetime="detached",
            num_cpus=settings.num_cpus,
            max_restarts=0,
            max_task_retries=0,
            # In order, a request that waits for a sender that hangs would hold up all after it.
            allow_out_of_order_execution=True,
            enable_task_events=False,
            **options,
        )
        .remote(identity, settings, wish, estate, authority, version)
    )
    return Member(identity.id, handle, authority)


async def stop(member: Member) -> None:
    """Kill the actor, and wait until it is gone, but not for long. While Ray cannot be reached,
    that is tried again: nobody else would end a detached actor that is no citizen."""
    member.stopped = True
    while not member.dead:
        try:
            await asyncio.to_thread(ray.kill, member.handle)
            break
        except (ActorDiedError, ValueError):  # there is none
            break
        except (RayError, OSError, RuntimeError) as error:
            log.warning("citizen %s could not be stopped: %s", member.id, error)
            await asyncio.sleep(_AGAIN_S)
    with contextlib.suppress(RayError, NotAdmitted, TimeoutError):
        async with asyncio.timeout(_GONE_S):
            while True:
                await member.citizen.introduce.remote()


def names(island: str) -> list[str]:
    """The names of the actors of an island. Raises what Ray raises, and `RayNotInitialised`."""
    place = namespace(island)
    return [actor["name"] for actor in all_named() if actor["namespace"] == place]


def find(island: str, authority: Authority) -> list[Member]:
    """The citizens whose actors Ray has a name for; some may be dead."""
    members = []
    for name in names(island):
        if name.startswith(CITIZEN):
            member = look_up(island, name.removeprefix(CITIZEN), authority)
            if member is not None:
                members.append(member)
    return members


def look_up(island: str, id: str, authority: Authority) -> Member | None:
    """The citizen of that id, None if Ray knows no such actor."""
    try:
        return Member(id, named(CITIZEN + id, island), authority)
    except ValueError:
        return None
