"""Handles of replicated queues."""

from __future__ import annotations

from paxos_ray.actors.standard.base import Change, Query, StandardObject
from paxos_ray.machines.queue import Queue as Machine


class Queue(StandardObject):
    """A replicated queue: items by priority, each taken by one at a time, until it acknowledges;
    see `paxos_ray.machines.Queue`.

    `offer` is the machine's `put`, which raises `QueueFull` when there is no room; `ask` is its
    `take`. Both wait for nothing: `ask` answers with an item, or with a ticket for the line."""

    __slots__ = ()

    machine = Machine

    configure = Change(Machine.configure)
    resize = Change(Machine.resize)
    offer = Change(Machine.put)
    ask = Change(Machine.take)
    acknowledge = Change(Machine.acknowledge)
    release = Change(Machine.release)
    renew = Change(Machine.renew)
    cancel = Change(Machine.cancel)
    clear = Change(Machine.clear)

    limit = Query(Machine.limit)
    size = Query(Machine.size)
    ready = Query(Machine.ready)
    taken = Query(Machine.taken)
    peek = Query(Machine.peek)
    item = Query(Machine.item)
    deliveries = Query(Machine.deliveries)
    waiters = Query(Machine.waiters)
    state = Query(Machine.state)
