"""Whether enough citizens are there for anything to be written, as far as one carrier can see."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from paxos_ray.actors.errors import NoQuorum
from paxos_ray.actors.member import Member
from paxos_ray.core.government import Government

PATIENCE_S = 2.0
"""Who lacks a majority for so long is told; a shorter lack is a pause."""


class Quorum:
    """Looked at now and then: `lack` says who is missing, once they have been for a while."""

    def __init__(self) -> None:
        self._lacking_since: float | None = None

    def lack(
        self,
        government: Government | None,
        members: Mapping[str, Member],
        now: float,
        unknown: Collection[str] = (),
    ) -> NoQuorum | None:
        """The error for who waits for a write, None while there is hope. Of those whose actors are
        `unknown` here others may know more."""
        missing = [] if government is None else missing_voters(government, members)
        missing = [id for id in missing if id not in unknown]
        if government is None or 2 * len(missing) < len(government.parliament):
            self._lacking_since = None
            return None
        if self._lacking_since is None:
            self._lacking_since = now
        if now - self._lacking_since < PATIENCE_S:
            return None
        who = ", ".join(_describe(government, id, members.get(id)) for id in missing)
        return NoQuorum(
            f"no majority: of the {len(government.parliament)} citizens that vote {len(missing)} "
            f"are missing: {who}; nothing is written until enough of them are back"
        )


def missing_voters(government: Government, members: Mapping[str, Member]) -> list[str]:
    """Who of the parliament is not there."""
    return [id for id in government.parliament if id not in members or not members[id].able]


def _describe(government: Government, id: str, member: Member | None) -> str:
    how = "does not answer" if member is not None and not member.dead else "is dead"
    node = str(government.citizens[id].properties.get("node", ""))[:8]
    return f"{id} on node {node} {how}" if node else f"{id} {how}"
