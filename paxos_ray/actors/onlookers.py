"""Queries that a citizen answers by itself, whoever leads, for clients that asked for no more."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager

from paxos_ray.actors.growing import fit
from paxos_ray.actors.wire import Glance, Look, Roster, seal, unseal
from paxos_ray.core.government import Government
from paxos_ray.core.promise import Promise
from paxos_ray.machines import Operation, Replica, Reply, encode_replies

LOOKS = "looks"
"""The concurrency group of what is answered here: a pulse does not wait for it to begin."""

LOOKERS = 4
"""Of that group. One of them never waits for the log."""

AT_ONCE_S = 0.02
"""For so long, and one query more, what is answered keeps the citizen from its other work."""


class Onlookers:
    """All of them at one citizen, whose lock that is. It is `stateful` when `replica` is of use;
    `government` is the one in force, as far as the citizen knows."""

    def __init__(
        self,
        lock: AbstractContextManager[None],
        replica: Callable[[], Replica],
        stateful: Callable[[], bool],
        government: Callable[[], Government | None],
    ) -> None:
        self._lock = lock
        self._replica = replica
        self._stateful = stateful
        self._government = government
        self._applied = threading.Condition()
        self._waiting = 0
        self.answered = 0  # queries, since the citizen began

    def applied(self) -> None:
        """The citizen has applied something more, maybe."""
        if self._waiting:
            with self._applied:
                self._applied.notify_all()

    def look(self, request: bytes) -> bytes:
        """Answer a `Look` by a `Glance`, both sealed."""
        look = fit(Look, unseal(request))
        queries = unseal(look.queries)
        if self._replica().applied < look.since:
            self._await(look.since, look.wait_s)
        with self._lock:
            return seal(tuple(self._glance(look, queries)))

    def _await(self, since: Promise, limit_s: float) -> None:
        """Until the state is of that promise; for so long at most."""
        with self._applied:
            if self._waiting >= LOOKERS - 1:
                return
            self._waiting += 1  # before looking: who applies looks at this afterwards
            try:
                self._applied.wait_for(lambda: self._replica().applied >= since, limit_s)
            finally:
                self._waiting -= 1

    def _glance(self, look: Look, queries: Iterable[Operation]) -> Glance:
        government, replica = self._government(), self._replica()
        newer = government is not None and government.number > look.known
        roster = roster_of(government) if government is not None and newer else None
        if not self._stateful():
            return Glance(None, None, roster)
        if replica.applied < look.since:
            return Glance(replica.applied, None, roster)
        replies = answer(replica, queries, AT_ONCE_S)
        self.answered += len(replies)
        return Glance(replica.applied, encode_replies(replies), roster)


def answer(replica: Replica, queries: Iterable[Operation], limit_s: float) -> list[Reply]:
    """Ask the replica these, in order, and no more of them once that has taken so long."""
    replies: list[Reply] = []
    end = time.monotonic() + limit_s
    for query in queries:
        replies.append(replica.ask(*query))
        if time.monotonic() > end:
            break
    return replies


def roster_of(government: Government) -> Roster:
    """Whom a client can ask under that government."""
    ordered = (*government.parliament, *government.constituents)
    ready = frozenset(government.acclimated)
    return Roster(government.number, tuple(id for id in ordered if id in ready))
