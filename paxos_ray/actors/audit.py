"""Comparing the citizens' states: whether all have come to the same, and what if not.

Now and then, if anything was written, the coordinator has an entry written that asks each citizen
for digests of its state as of that very entry. What most of them say is right. Who says otherwise
has diverged, since its method did not come to the same: it is killed, and replaced like any that
died. If no more than half say the same, nobody can tell who is right, and nobody is stopped.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple

import ray
from ray.exceptions import RayError

from paxos_ray.actors import wire
from paxos_ray.actors.engine import Engine
from paxos_ray.actors.growing import grow
from paxos_ray.actors.keeping import Digests
from paxos_ray.actors.member import Lost, Member
from paxos_ray.core.promise import Promise
from paxos_ray.machines import encode_pass

log = logging.getLogger("paxos_ray")

SHARE = 50
"""An audit comes after so many times what the last one took."""

_LIMIT_S = 300.0
_LOOK_S = 0.1
_KEPT = 16


class Divergence(NamedTuple):
    """Citizens that differ from the others in an object (`""`: in what is in no object) as of
    `promise`. `decided`: most others are alike, and these are replaced one after the other; else
    no more than half are, `citizens` are all that were compared, and none is stopped."""

    promise: Promise
    object: str
    citizens: tuple[str, ...]
    decided: bool

    def __str__(self) -> str:
        what = f"object {self.object!r}" if self.object else "the sessions"
        who = ", ".join(self.citizens)
        if self.decided:
            return f"{what} has diverged at {who}, as of {self.promise}: replaced"
        return f"{what} has diverged as of {self.promise}, and no majority of {who} agrees"


def compare(promise: Promise, said: Mapping[str, Mapping[str, str]]) -> list[Divergence]:
    """What is wrong, if anything, with what these citizens said, each by part of its state."""
    found = []
    for part in sorted({part for parts in said.values() for part in parts}):
        told = {id: parts.get(part, "") for id, parts in sorted(said.items())}
        ((most, count), *others) = Counter(told.values()).most_common()
        if not others:
            continue
        decided = 2 * count > len(told)
        wrong = tuple(id for id, digest in told.items() if not decided or digest != most)
        found.append(Divergence(promise, part, wrong, decided))
    return found


grow(Divergence)


class Audit:
    """The coordinator's part of it."""

    def __init__(self, engine: Engine, every_s: float) -> None:
        self.found: list[Divergence] = []
        self._engine = engine
        self._every_s = every_s
        self._last: Promise | None = None

    async def keep(self) -> None:
        """For ever, unless that is not wanted."""
        pause_s = self._every_s
        while self._every_s > 0:
            await asyncio.sleep(pause_s)
            took_s = 0.0
            try:
                if self._is_news():
                    took_s = await self._look()
            except Exception:
                log.exception("island %s: an audit failed", self._engine.island)
            pause_s = max(self._every_s, SHARE * took_s)

    def _is_news(self) -> bool:
        leader = self._engine.leader
        return leader is not None and leader.told is not None and leader.told != self._last

    async def _look(self) -> float:
        """Audit once: what it took the slowest citizen, in s of its processor."""
        engine = self._engine
        body = encode_pass(audit=True)
        answer: wire.Answer = wire.unseal(await engine.ask(wire.WRITE, body))
        promise = self._last = answer.promise
        members = [member for member in engine.members.values() if member.able and member.listed]
        made = await asyncio.gather(*(self._digests(member, promise) for member in members))
        said = {m.id: digests for m, digests in zip(members, made, strict=True) if digests}
        for divergence in compare(promise, {id: each.parts for id, each in said.items()}):
            log.error("island %s: %s", engine.island, divergence)
            self.found[:] = [*self.found, divergence][-_KEPT:]
        decided = [each for each in self.found if each.promise == promise and each.decided]
        if decided:  # one at a time: the others must go on
            await self._stop(engine.members.get(decided[0].citizens[0]))
        return max((each.took_s for each in said.values()), default=0.0)

    async def _digests(self, member: Member, promise: Promise) -> Digests | None:
        """A citizen's digests; None if it has none, having loaded a later state or being gone."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + _LIMIT_S
        while loop.time() < deadline:
            try:
                digests: Digests | None = await self._engine.call(
                    member, member.citizen.audited.remote(promise)
                )
            except Lost:
                return None
            if digests is not None:
                return digests if digests.parts else None
            await asyncio.sleep(_LOOK_S)
        return None

    async def _stop(self, member: Member | None) -> None:
        """Kill it, and have the engine notice that at once."""
        if member is None:
            return
        await asyncio.to_thread(ray.kill, member.handle)
        try:
            await self._engine.call(member, member.citizen.introduce.remote())
        except (Lost, RayError):
            pass
