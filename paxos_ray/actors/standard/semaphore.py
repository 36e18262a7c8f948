"""Handles of replicated semaphores."""

from __future__ import annotations

from paxos_ray.actors.standard.base import Change, Query, StandardObject
from paxos_ray.machines.semaphore import Semaphore as Machine


class Semaphore(StandardObject):
    """A replicated semaphore: so many permits (1 until it is configured), granted in the order of
    asking; see `paxos_ray.machines.Semaphore`.

    `ask` is the machine's `acquire`, which waits for nothing: it answers with a token, or with a
    ticket for the line."""

    __slots__ = ()

    machine = Machine

    configure = Change(Machine.configure)
    resize = Change(Machine.resize)
    ask = Change(Machine.acquire)
    release = Change(Machine.release)
    renew = Change(Machine.renew)
    cancel = Change(Machine.cancel)
    revoke = Change(Machine.revoke)

    limit = Query(Machine.limit)
    available = Query(Machine.available)
    holders = Query(Machine.holders)
    waiters = Query(Machine.waiters)
    state = Query(Machine.state)
