"""Handles of replicated locks."""

from __future__ import annotations

from paxos_ray.actors.standard.base import Change, Query, StandardObject
from paxos_ray.machines.lock import Lock as Machine


class Lock(StandardObject):
    """A replicated lock: one holder at a time, in the order of asking, with fencing tokens; see
    `paxos_ray.machines.Lock`.

    `ask` is the machine's `acquire`, which waits for nothing: it answers with a token, or with a
    ticket for the line."""

    __slots__ = ()

    machine = Machine

    ask = Change(Machine.acquire)
    release = Change(Machine.release)
    renew = Change(Machine.renew)
    cancel = Change(Machine.cancel)
    revoke = Change(Machine.revoke)

    holder = Query(Machine.holder)
    waiters = Query(Machine.waiters)
    state = Query(Machine.state)
