"""The citizen's actor: its doors, see `guard`. The hot path has doors of its own, since its calls
are chained: what one citizen says goes to the next as it is, signed by who said it."""

from __future__ import annotations

from typing import Any

from paxos_ray.actors.citizen import Citizen
from paxos_ray.actors.errors import NotAdmitted
from paxos_ray.actors.guard import guarded, pack_answer, unpack

GIVE, REQUEST, REPLY, SETTLE, SETTLED = "give>", "receive>", "receive<", "settle>", "settle<"
"""What is signed as what."""


@guarded
class CitizenActor(Citizen):
    """The actor."""

    def give(self, round: bytes | None = None, *_: object) -> Any:
        """See `Citizen.give`; each request is signed."""
        requests = super().give(self._verified(GIVE, round))
        if isinstance(requests, list):
            return [None if each is None else self._sign(REQUEST, each) for each in requests]
        return None if requests is None else self._sign(REQUEST, requests)

    def receive(self, request: bytes | None = None, *_: object) -> bytes | None:
        """See `Citizen.receive`."""
        if request is None:
            return None
        reply = super().receive(self._verified(REQUEST, request))
        return None if reply is None else self._sign(REPLY, reply)

    def settle(self, round: bytes | None = None, *replies: bytes | None) -> bytes:
        """See `Citizen.settle`. A reply that is not signed as it should be is lost."""
        told = self._verified(SETTLE, round)
        return self._sign(SETTLED, super().settle(told, *map(self._reply, replies)))

    def fetch(  # type: ignore[override]
        self, signed: bytes | None = None, *_: object
    ) -> list[Any] | None:
        """See `Citizen.fetch`: the object is signed, and its reference as it is."""
        return super().fetch(*unpack(self._authority, "fetch", signed))

    def restore(  # type: ignore[override]
        self, signed: bytes | None = None, reference: list[Any] | None = None, *_: object
    ) -> bytes:
        """See `Citizen.restore`: the reference comes beside the call, for Ray to see."""
        owner, known = unpack(self._authority, "restore", signed)
        turn = super().restore(owner, known, [] if reference is None else reference)
        return pack_answer(self._authority, "restore", turn)

    def _reply(self, signed: bytes | None) -> Any:
        try:
            return None if signed is None else self._verified(REPLY, signed)
        except NotAdmitted:
            return None

    def _verified(self, purpose: str, signed: bytes | None) -> Any:
        return self._authority.verify(purpose, signed)

    def _sign(self, purpose: str, sealed: bytes) -> bytes:
        return self._authority.sign(purpose, sealed)
