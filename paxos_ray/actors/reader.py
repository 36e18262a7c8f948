"""Reads an island's log from its citizens, wherever it can be had: in order, without a gap.

The citizens are asked directly, those without work to do for others first, so that the coordinator
passes no entries on. It only says, when there is nothing new, who has something new, as soon as
somebody has. Should it be away, the citizens are asked now and then instead.
"""

from __future__ import annotations

import contextlib
import random
from queue import Empty, SimpleQueue
from typing import Any

import ray
from ray.exceptions import ActorDiedError, RayError

from paxos_ray.actors.errors import (
    EntryGone,
    InvalidArgument,
    IslandShutDown,
    NotAdmitted,
    RayNotInitialised,
)
from paxos_ray.actors.growing import fit
from paxos_ray.actors.tail import UNKNOWN, Extract, Record
from paxos_ray.actors.whereabouts import Pause, Search, Whereabouts
from paxos_ray.actors.wire import Answer, seal, unseal
from paxos_ray.core.promise import Promise
from paxos_ray.machines.ring import ABSENT, GONE

ENTRIES = 1_000
BYTES = 1 << 20
"""The most that a citizen is asked for at once, beyond one entry."""

WAIT_S = 2.0
"""How long the coordinator waits for something new, and a citizen's answer is waited for."""


class Reader:
    """One reader's place in the log; used by one thread, except for `close`."""

    def __init__(self, island: str, coordinator: Any, since: Promise | None) -> None:
        self.position = since
        """What was read last; None before it is known where to begin."""
        self.closed = False
        """Whether nothing is to be read any more."""
        self._end: SimpleQueue[None] = SimpleQueue()  # into which the garbage collector may put
        self._island = island
        self._coordinator = coordinator
        self._citizens = Whereabouts(island, coordinator.authority)
        self._citizen: str | None = None  # who is read from
        self._search = Search()
        self._looked = False  # since something was read last
        self._pause = Pause()

    def begin(self) -> None:
        """Find out where the log is, and begin there unless told where. Raises `InvalidArgument`
        for a promise beyond that; `IslandShutDown`, `RayNotInitialised`."""
        answer: Answer | None = None
        while answer is None and not self.closed:
            try:
                asked = self._coordinator.read.remote(seal([]))
                answer = unseal(asked.get(timeout=5 * WAIT_S))
            except Exception as error:  # noqa: BLE001 - see there
                self._failed(error)
                self._rest()
        if answer is None:
            return
        if self.position is None:
            self.position = answer.promise
        elif self.position > answer.promise:
            raise InvalidArgument(f"the log is at {answer.promise}: {self.position} is not in it")

    def read(self, wait_s: float = WAIT_S) -> tuple[Record, ...]:
        """What comes next; nothing when nothing new has come within that time, or nobody answered.

        Raises `EntryGone`, `InvalidArgument` for a promise that no entry has, `IslandShutDown`,
        `RayNotInitialised`."""
        assert self.position is not None, "begin comes first"
        if self._citizen is None:
            self._look(wait_s)
        id = self._citizen
        extract = None if id is None else self._extract(id)
        if id is None or extract is None:
            return ()
        if extract.records:
            self._search.found()
            self._pause.over()
            self._looked = False
            self.position = extract.records[-1].promise
        elif extract.verdict == UNKNOWN:
            raise InvalidArgument(f"no entry of the log has the promise {self.position}")
        elif extract.verdict == GONE:
            self._gone(id, extract.earliest)
        elif extract.verdict == ABSENT:
            self._shun(id)
        else:
            if self._looked:  # the coordinator was wrong about it: it may be so again and again
                self._rest()
            self._look(wait_s)
        return extract.records

    def close(self) -> None:
        """Read no more, and end its waiting soon: from any thread."""
        self.closed = True
        self._end.put(None)

    @property
    def searching(self) -> bool:
        """Whether somebody has let go of what comes next, and others are asked for it."""
        return self._search.on

    # -- whom to read from --------------------------------------------------------------------

    def _look(self, wait_s: float) -> None:
        """Wait until somebody has something new: the same citizen as before, if that one has."""
        self._looked = True
        try:
            call = self._coordinator.holders.remote(self.position, self._citizen, wait_s)
            holders: tuple[str, ...] = call.get(timeout=wait_s + WAIT_S)
        except Exception as error:  # noqa: BLE001 - see there
            self._failed(error)
            self._rest()
            holders = self._citizens.everybody()
        if self._citizen is not None and self._citizen in holders:
            return
        self._citizen = None
        able = self._citizens.able(holders)
        fresh = self._search.left(able) or able
        if fresh:
            # The coordinator names the leader last, who has enough to do.
            self._citizen = random.choice(fresh[:-1] or fresh)
        elif holders:
            self._rest()

    def _extract(self, id: str) -> Extract | None:
        """What that citizen says; None, and it is not asked again soon, if it says nothing."""
        citizen = self._citizens.handle(id)
        if citizen is not None:
            try:
                call = citizen.extract.remote(self.position, ENTRIES, BYTES)
                return fit(Extract, unseal(call.get(timeout=WAIT_S)))
            except (RayError, ValueError, RayNotInitialised):
                pass
        _check_connected()
        self._shun(id)
        return None

    def _shun(self, id: str) -> None:
        self._citizens.shun(id)
        self._citizen = None

    def _gone(self, id: str, earliest: Promise) -> None:
        """This citizen has let go of what comes next; perhaps another has it still."""
        self._search.gone(id, earliest)
        self._citizen = None
        everybody = self._citizens.everybody()
        if self._search.in_vain(everybody):
            assert self.position is not None
            raise EntryGone(self.position, self._search.earliest)
        able = self._citizens.able(self._search.left(everybody))
        if able:
            self._citizen = able[0]
        else:
            self._rest()

    # -- when something fails -----------------------------------------------------------------

    def _failed(self, error: Exception) -> None:
        """Raises what ends all reading; whatever else it is may pass."""
        _check_connected()
        if isinstance(error, NotAdmitted):
            raise error
        if isinstance(error, ActorDiedError):
            raise IslandShutDown(f"island {self._island!r} was shut down") from None

    def _rest(self) -> None:
        """A pause, a longer one each time that nothing was read in between."""
        with contextlib.suppress(Empty):
            self._end.get(timeout=self._pause.next_s())


def _check_connected() -> None:
    if not ray.is_initialized():
        raise RayNotInitialised("Ray was shut down in this process") from None
