"""Who is silent is told from who is busy, long before a call has taken too long.

Ray says within milliseconds that a process has died; of one that hangs, or whose node is cut off,
it says nothing for seconds or for ever. So whoever keeps a call waiting for a while is probed, on a
thread of its own that answers whatever else the process does, and so are some others. Who does not
answer, while another does, is suspected. If nobody answers, or this process itself was kept
waiting, it is here that something is wrong, and nobody is suspected.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from ray.exceptions import ActorUnavailableError, RayError

from paxos_ray.actors.errors import NotAdmitted
from paxos_ray.actors.member import Member

QUIET_S = 0.25
"""A call that takes so long makes one ask whether the process is there; and so on."""

PATIENCE_S = 0.4
"""How soon it says so, if it is."""

WITNESSES = 6
"""So many others are asked beside it: in turns, those first who keep nobody waiting."""

LOOK_S = 0.05
LATE_S = 0.15  # a look that comes so much too late says that this process was not given the CPU


class _Probe(NamedTuple):
    began: float
    future: asyncio.Future[Exception | None]


class Watch:
    """Over the citizens that one carrier calls; `suspect` is told once of each that is silent, with
    the probe that it has not answered."""

    def __init__(
        self, members: Mapping[str, Member], suspect: Callable[[Member, Any], None]
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._members = members
        self._suspect = suspect
        self._asking: set[asyncio.Task[None]] = set()
        self._probes: dict[str, _Probe] = {}  # under way, by citizen
        self._asked = 0
        self._late_at = float("-inf")
        self._closed = False

    async def keep(self) -> None:
        """Until closed: look who keeps calls waiting."""
        while not self._closed:
            due = self._loop.time() + LOOK_S
            await asyncio.sleep(LOOK_S)
            now = self._loop.time()
            if now - due > LATE_S:
                self._late_at = now
            for member in list(self._members.values()):
                if member.able and not member.probed and _quiet_since(member) < now - QUIET_S:
                    member.probed = True
                    task = self._loop.create_task(self._ask(member))
                    self._asking.add(task)
                    task.add_done_callback(self._asking.discard)

    def close(self) -> None:
        """Look no more."""
        self._closed = True

    async def _ask(self, member: Member) -> None:
        began = self._loop.time()
        try:
            probe = self._probe(member)
            others = [self._probe(other) for other in self._witnesses(member)]
            await asyncio.wait((probe,), timeout=PATIENCE_S)
            if _is_unreachable(probe):  # the others have as long to say that they are
                await asyncio.sleep(began + PATIENCE_S - self._loop.time())
            now = self._loop.time()
            if probe.done() and not _is_unreachable(probe):
                member.excused_at = now
            elif any(map(_answered, others)) and self._late_at < began and not self._closed:
                if member.able:
                    self._suspect(member, probe)
            else:
                member.excused_at = now
        finally:
            member.probed = False

    def _witnesses(self, member: Member) -> list[Member]:
        others = [
            other
            for other in self._members.values()
            if other is not member and other.able and other.introduction is not None
        ]
        self._asked += WITNESSES
        first = self._asked % max(1, len(others))
        others = others[first:] + others[:first]
        return sorted(others, key=_quiet_since, reverse=True)[:WITNESSES]

    def _probe(self, member: Member) -> asyncio.Future[Exception | None]:
        """A probe of it that is under way, and will be answered from now on if at all."""
        now = self._loop.time()
        known = self._probes.get(member.id)
        if known is not None and now - known.began < PATIENCE_S:
            return known.future
        future = asyncio.ensure_future(settle(member.handle.probe.remote()))
        probe = self._probes[member.id] = _Probe(now, future)

        def forget(_: object) -> None:
            if self._probes.get(member.id) is probe:
                del self._probes[member.id]

        future.add_done_callback(forget)
        return future


def _quiet_since(member: Member) -> float:
    """Since when it keeps somebody waiting, and has not been found busy."""
    oldest = min(member.calls.values(), default=float("inf"))
    return max(oldest, member.excused_at)


async def settle(reference: Any) -> Exception | None:
    """Wait until a call is answered: None; or until Ray says that it will not be: its error."""
    try:
        await reference
    except (RayError, NotAdmitted) as error:
        return error
    return None


def _is_unreachable(probe: asyncio.Future[Exception | None]) -> bool:
    """Whether Ray says that it does not get there, without knowing of a death."""
    return (
        probe.done() and not probe.cancelled() and isinstance(probe.result(), ActorUnavailableError)
    )


def _answered(probe: asyncio.Future[Exception | None]) -> bool:
    return probe.done() and not probe.cancelled() and probe.result() is None
