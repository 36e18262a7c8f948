"""Where the citizens of an island are, for who reads from one of them at a time, and what is to be
done when that one does not answer, or does not have any more what comes next.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from typing import Any

from ray.exceptions import RayError

from paxos_ray.actors.authority import Authority
from paxos_ray.actors.connection import named
from paxos_ray.actors.guard import Guarded
from paxos_ray.actors.member import names
from paxos_ray.actors.settings import CITIZEN
from paxos_ray.core.promise import Promise

SHUNNED_S = 2.0
"""Who did not answer is not asked again for so long."""

PATIENCE_S = 5.0
"""For so long at least something is looked for, if some citizen does not say whether it has it."""

_PAUSE_S = 0.02
_PAUSE_MOST_S = 0.5


class Whereabouts:
    """The citizens by their names, and who of them has not answered of late. Used by one thread."""

    def __init__(self, island: str, authority: Authority) -> None:
        self._island = island
        self._authority = authority
        self._handles: dict[str, Guarded] = {}
        self._shunned: dict[str, float] = {}  # until when (monotonic time, s) it is not asked

    def everybody(self) -> tuple[str, ...]:
        """The ids of those whose names Ray knows; nobody while it cannot say."""
        try:
            found = names(self._island)
        except Exception:  # noqa: BLE001 - Ray's own, while the head node is away
            return ()
        return tuple(n.removeprefix(CITIZEN) for n in found if n.startswith(CITIZEN))

    def handle(self, id: str) -> Any | None:
        """To call that citizen by; None if there is none, or while Ray cannot say."""
        handle = self._handles.get(id)
        if handle is None:
            try:
                actor = named(CITIZEN + id, self._island)
            except (RayError, OSError, RuntimeError, ValueError):
                return None
            handle = self._handles[id] = Guarded(actor, self._authority)
        return handle

    def shun(self, id: str) -> None:
        """It did not answer: it is not asked for a while, and looked up anew then."""
        self._shunned[id] = time.monotonic() + SHUNNED_S
        self._handles.pop(id, None)

    def able(self, ids: Iterable[str]) -> list[str]:
        """Those of them who may be asked."""
        now = time.monotonic()
        return [id for id in ids if self._shunned.get(id, 0.0) <= now]


class Search:
    """For somebody who has what comes next, once somebody has let go of it."""

    def __init__(self) -> None:
        self._gone: dict[str, Promise] = {}  # who has let go of it -> the earliest that it has
        self._since = 0.0

    @property
    def on(self) -> bool:
        """Whether there is one."""
        return bool(self._gone)

    @property
    def earliest(self) -> Promise:
        """What those who were asked have begins there, at the earliest."""
        return min(self._gone.values())

    def gone(self, id: str, earliest: Promise) -> None:
        """That citizen has let go of it, and has what comes later than `earliest`."""
        if not self._gone:
            self._since = time.monotonic()
        self._gone[id] = earliest

    def found(self) -> None:
        """It is over, until somebody lets go of something else."""
        self._gone.clear()

    def left(self, ids: Iterable[str]) -> list[str]:
        """Those of them who have not let go of it, as far as they have said."""
        return [id for id in ids if id not in self._gone]

    def in_vain(self, everybody: Sequence[str]) -> bool:
        """Whether it is to be given up: all have let go of it, or some have not said so for long.
        `everybody` is nobody as long as Ray cannot say who there is."""
        if everybody and not self.left(everybody):
            return True
        return time.monotonic() - self._since > PATIENCE_S


class Pause:
    """Between two tries; longer each time, until one has come to something."""

    def __init__(self) -> None:
        self._next_s = _PAUSE_S

    def next_s(self) -> float:
        """How long this one is, in seconds."""
        now_s, self._next_s = self._next_s, min(2 * self._next_s, _PAUSE_MOST_S)
        return now_s

    def over(self) -> None:
        """A try has come to something."""
        self._next_s = _PAUSE_S
