"""What a citizen does with its replica beside applying: new checkpoints, digests for audits, and
entries that let log time pass."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import AbstractContextManager
from typing import NamedTuple

from paxos_ray.actors.aside import Failed, aside
from paxos_ray.actors.growing import grow
from paxos_ray.core.promise import Promise
from paxos_ray.machines import Replica
from paxos_ray.machines.hosted import Hosted

log = logging.getLogger("paxos_ray")

_KEPT_AUDITS = 4
_PASS_AGAIN_MS = 1_000


class Digests(NamedTuple):
    """Of the parts of a state as of a promise: see `Replica.digests`. `took_s`: what they cost."""

    parts: dict[str, str]
    took_s: float


grow(Digests)


class Keeping:
    """All of that for one citizen; `lock` is the citizen's."""

    def __init__(self, lock: AbstractContextManager[None]) -> None:
        self._lock = lock
        self._renewing: set[int] = set()
        self._audits: dict[Promise, Digests | None] = {}
        self._stamped_at = 0  # when the last entry was applied, by the clock of `now`
        self._passed_at: int | None = None

    def adopt(self, replica: Replica) -> None:
        """This is the citizen's replica from now on."""
        replica.renew_aside(self.renew)

    # -- checkpoints --------------------------------------------------------------------------

    def renew(self, hosted: Hosted) -> None:
        """Make a new checkpoint of that object. Called within the citizen's lock."""
        if id(hosted) in self._renewing:
            return
        self._renewing.add(id(hosted))
        deeds = hosted.deeds

        def done(made: bytes | Failed) -> None:
            self._renewing.discard(id(hosted))
            if isinstance(made, Failed):
                log.error("no new checkpoint: %s", made)
                hosted.postpone()
            else:
                hosted.renewed(made, deeds)

        self._aside(hosted.pack_state, done, "checkpoint")

    # -- digests ------------------------------------------------------------------------------

    def digest(self, replica: Replica) -> Future[str | None]:
        """Make a digest of the state as it is: to be waited for outside the lock, within which this
        is called. None if none can be made."""
        made: Future[str | None] = Future()

        def done(said: bytes | Failed) -> None:
            if isinstance(said, Failed):
                log.warning("no digest: %s", said)
            made.set_result(None if isinstance(said, Failed) else said.decode())

        self._aside(lambda: replica.digest().encode(), done, "digest")
        return made

    # -- audits -------------------------------------------------------------------------------

    def audit(self, replica: Replica, promise: Promise) -> None:
        """Make digests of the state, which is that of this promise. Called within the lock."""
        self._audits[promise] = None
        for old in sorted(self._audits)[:-_KEPT_AUDITS]:
            del self._audits[old]

        def work() -> bytes:
            began = time.process_time()
            parts = replica.digests()
            return json.dumps([parts, time.process_time() - began]).encode()

        def done(made: bytes | Failed) -> None:
            if isinstance(made, Failed):
                log.warning("no digests as of %s: %s", promise, made)
                self._audits.pop(promise, None)
            elif promise in self._audits:
                self._audits[promise] = Digests(*json.loads(made))

        self._aside(work, done, "digests")

    def audited(self, promise: Promise, applied: Promise) -> Digests | None:
        """The digests as of that promise; None: not ready yet; without parts: never will be."""
        never = Digests({}, 0.0)
        return self._audits.get(promise, never if applied >= promise else None)

    def _aside(
        self, work: Callable[[], bytes], done: Callable[[bytes | Failed], None], what: str
    ) -> None:
        """`done` is called within the lock, as this is."""

        def tell(made: bytes | Failed) -> None:
            with self._lock:
                done(made)

        try:
            aside(work, tell, what)
        except OSError as error:  # no more processes or threads, or no memory for one
            done(Failed(str(error)))

    # -- log time -----------------------------------------------------------------------------

    def applied(self, now: int) -> None:
        """An entry has just been applied."""
        self._stamped_at = now
        self._passed_at = None

    def waits_ms(self, replica: Replica, now: int) -> int | None:
        """How long until something is due by log time, if no entry comes by itself; None: it is
        not known that anything ever will be. A leader writes an entry then."""
        due = replica.due()
        if due is None:
            return None
        waits_ms = due - replica.last_stamp - (now - self._stamped_at)
        if self._passed_at is not None:
            waits_ms = max(waits_ms, self._passed_at + _PASS_AGAIN_MS - now)
        return max(0, waits_ms)

    def is_due(self, replica: Replica, now: int) -> bool:
        """Whether to write an entry that lets log time pass; asked by who then does so."""
        if self.waits_ms(replica, now) != 0:
            return False
        self._passed_at = now
        return True
