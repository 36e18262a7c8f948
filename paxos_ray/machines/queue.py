"""The replicated queue: items by priority, taken with a lease, done when acknowledged."""

from __future__ import annotations

from heapq import heapify, heappop, heappush, nsmallest
from typing import Any, NamedTuple

from sortedcontainers import SortedDict

from paxos_ray.core.promise import Promise
from paxos_ray.machines.context import Context
from paxos_ray.machines.errors import ConfiguredOtherwise, NotHeld, QueueFull
from paxos_ray.machines.standard import (
    BySession,
    Deadlines,
    Standard,
    change,
    natural,
    query,
    session_of,
)
from paxos_ray.machines.values import (
    FLAG,
    INTEGER,
    NATURAL,
    PLAIN,
    POSITIVE,
    is_plain,
    maybe,
    shown,
)

CANCELLED, GONE, TAKEN, WAITING = "cancelled", "gone", "taken", "waiting"


class Item(NamedTuple):
    """One item, how often it was taken, and by which delivery it is taken now (None: by none)."""

    value: Any
    priority: int
    attempts: int
    delivery: int | None


class Delivery(NamedTuple):
    """Somebody has an item, until which stamp (None: until its session ends)."""

    session: tuple[int, ...]
    item: int
    expires: int | None


class Waiter(NamedTuple):
    """Somebody waits for an item."""

    session: tuple[int, ...]
    lease_ms: int | None


class Queue(Standard):
    """Who takes gets a number, each higher than all before: the ticket while it waits, the
    *delivery* once it has an item. An item that was taken and not acknowledged comes back, to its
    old place, when the lease is over or the session ends; then only the next delivery counts.

    Items are taken by the least priority, among equals in the order in which they were put; who
    waits is served in the order of asking. An item is told as `(id, value, priority, attempts)`,
    `attempts` being how often it was taken, this time included.

    Events, under `("item", id)`: `("put", id)`, `("returned", id)` (released, or its lease or
    session is over), `("done", id)`, `("cleared", id)`. Under the number: `("taken", number, item)`
    when a wait has come to its end, `("expired", number)`, `("ended", number)`,
    `("cancelled", number)`. Under `"room"`: `("room",)` when it is full no more. Under `"empty"`:
    `("empty",)` when nothing is left in it, taken or not.
    """

    __slots__ = (
        "_configured",
        "_due",
        "_items",
        "_last",
        "_last_item",
        "_limit",
        "_owned",
        "_ready",
        "_taken",
        "_waiting",
    )

    kind = "queue"

    def __init__(self) -> None:
        self._configured = False
        self._limit: int | None = None
        self._last = 0  # the highest number
        self._last_item = 0  # the highest id
        self._items: dict[int, Item] = {}
        self._ready: list[tuple[int, int]] = []  # a heap of (priority, id)
        self._taken: dict[int, Delivery] = {}
        self._waiting: SortedDict = SortedDict()  # number: Waiter; of items ready there are none
        self._due = Deadlines()
        self._owned = BySession()

    # -- changes -------------------------------------------------------------------------

    @change(limit=maybe(POSITIVE))
    def configure(self, context: Context, limit: int | None) -> bool:
        """Say how many items it may hold, taken ones included (None: any number); whether that was
        news. Raises `ConfiguredOtherwise` if another number has been said."""
        if self._configured:
            if self._limit != limit:
                raise ConfiguredOtherwise(f"the limit is {shown(self._limit)}, not {shown(limit)}")
            return False
        self.resize(context, limit)
        return True

    @change(limit=maybe(POSITIVE))
    def resize(self, context: Context, limit: int | None) -> int | None:
        """Change the limit, whatever was said before; what it was. Items beyond it stay."""
        before, full = self._limit, self._full()
        self._configured, self._limit = True, limit
        if full and not self._full():
            context.publish(("room",), "room")
        return before

    @change(value=PLAIN, priority=INTEGER)
    def put(self, context: Context, value: Any, priority: int = 0) -> int:
        """Put an item; its id. Raises `QueueFull`."""
        if self._full():
            raise QueueFull(f"there are {len(self._items)} items, as many as there may be")
        self._last_item = id = self._last_item + 1
        self._items[id] = Item(value, priority, 0, None)
        heappush(self._ready, (priority, id))
        context.publish(("put", id), ("item", id))
        self._serve(context)
        return id

    @change(lease_ms=maybe(POSITIVE), wait=FLAG)
    def take(
        self, context: Context, lease_ms: int | None = None, wait: bool = True
    ) -> tuple[bool, int | None, tuple[int, Any, int, int] | None]:
        """Take the next item: `(True, delivery, item)`; `(False, ticket, None)` if there is none
        yet, `(False, None, None)` if there is none and one does not want to wait.

        It is to be acknowledged while the session lasts; with `lease_ms` also within that time from
        the delivery on, in ms of log time."""
        if not self._ready and not wait:
            return False, None, None
        self._last = number = self._last + 1
        waiter = Waiter(tuple(context.session), lease_ms)
        self._owned.add(waiter.session, number)
        if not self._ready:
            self._waiting[number] = waiter
            return False, number, None
        return True, number, self._deliver(number, waiter, context.stamp)

    @change(delivery=NATURAL)
    def acknowledge(self, context: Context, delivery: int) -> None:
        """The item is done with and goes. Raises `NotHeld` if it is not, any more, the session's by
        this delivery: it may have been taken by another."""
        self._mine(context, delivery)
        id = self._let_go(delivery)
        full = self._full()
        del self._items[id]
        context.publish(("done", id), ("item", id))
        self._less(context, full)

    @change(delivery=NATURAL)
    def release(self, context: Context, delivery: int) -> None:
        """Give the item back, to be taken again. Raises `NotHeld`."""
        self._mine(context, delivery)
        self._return(context, delivery)
        self._serve(context)

    @change(delivery=NATURAL, lease_ms=maybe(POSITIVE))
    def renew(self, context: Context, delivery: int, lease_ms: int | None = None) -> int | None:
        """Have the lease last so long from now on, None: while the session does; the stamp at which
        it ends. Raises `NotHeld`."""
        taken = self._mine(context, delivery)
        expires = None if lease_ms is None else context.stamp + lease_ms
        self._due.remove(taken.expires, delivery)
        self._due.add(expires, delivery)
        self._taken[delivery] = taken._replace(expires=expires)
        return expires

    @change(ticket=NATURAL)
    def cancel(self, context: Context, ticket: int) -> str:
        """Stop waiting: `"cancelled"`; `"taken"` if an item was delivered meanwhile, which it then
        stays; `"gone"` if it was, and is no more. Raises `NotHeld` for another session's ticket."""
        there = self._taken.get(ticket) or self._waiting.get(ticket)
        if there is None:
            return GONE
        if there.session != context.session:
            raise NotHeld(f"{ticket} is another session's")
        if ticket in self._taken:
            return TAKEN
        self._leave(context, ticket, CANCELLED)
        return CANCELLED

    @change()
    def clear(self, context: Context) -> int:
        """Drop all items that are not taken; how many."""
        full, dropped = self._full(), sorted(self._ready)
        self._ready.clear()
        for _, id in dropped:
            del self._items[id]
            context.publish(("cleared", id), ("item", id))
        if dropped:
            self._less(context, full)
        return len(dropped)

    def session_ended(self, session: Promise, context: Context) -> None:
        """What it has taken comes back, and it waits no more."""
        for number in self._owned.of(session):
            if number in self._taken:
                context.publish(("ended", number), number)
                self._return(context, number)
            else:
                self._leave(context, number, "ended")
        self._serve(context)

    def due(self) -> int | None:
        """When the next lease is over."""
        return self._due.first()

    def tick(self, context: Context) -> None:
        """Items whose lease is over come back."""
        for number in self._due.passed(context.stamp):
            context.publish(("expired", number), number)
            self._return(context, number)
        self._serve(context)

    # -- queries -------------------------------------------------------------------------

    @query()
    def limit(self) -> int | None:
        """How many items it may hold; None: any number."""
        return self._limit

    @query()
    def size(self) -> int:
        """How many items are in it, those that are taken included."""
        return len(self._items)

    @query()
    def ready(self) -> int:
        """How many items can be taken."""
        return len(self._ready)

    @query()
    def taken(self) -> int:
        """How many items are taken and not acknowledged."""
        return len(self._taken)

    @query(most=POSITIVE)
    def peek(self, most: int = 1) -> list[tuple[int, Any, int, int]]:
        """The items that are taken next, at most so many."""
        return [self._told(id) for _, id in nsmallest(most, self._ready)]

    @query(id=NATURAL)
    def item(self, id: int) -> tuple[Any, int, int, int | None] | None:
        """`(value, priority, attempts, delivery)`, see `Item`; None if there is no such item."""
        item = self._items.get(id)
        return None if item is None else tuple(item)

    @query(most=maybe(POSITIVE))
    def deliveries(
        self, most: int | None = None
    ) -> list[tuple[int, int, int | None, tuple[int, ...]]]:
        """`(delivery, id, expires, session)` of the first that are taken, at most so many."""
        first = sorted(self._taken) if most is None else nsmallest(most, self._taken)
        return [
            (n, self._taken[n].item, self._taken[n].expires, self._taken[n].session) for n in first
        ]

    @query(most=maybe(POSITIVE))
    def waiters(self, most: int | None = None) -> list[tuple[int, tuple[int, ...]]]:
        """`(ticket, session)` of the first who wait, at most so many."""
        return [(number, waiter.session) for number, waiter in self._waiting.items()[:most]]

    @query(number=NATURAL)
    def state(self, number: int) -> tuple[str, Any]:
        """`("taken", item)`, `("waiting", how many are before it)` or `("gone", None)`."""
        if number in self._taken:
            return TAKEN, self._told(self._taken[number].item)
        if number in self._waiting:
            return WAITING, int(self._waiting.bisect_left(number))
        return GONE, None

    # -- the state -----------------------------------------------------------------------

    def snapshot(self) -> Any:
        """The limit, the last number and id, items, deliveries, who waits."""
        return {
            "configured": self._configured,
            "limit": self._limit,
            "last": (self._last, self._last_item),
            "items": {id: tuple(item) for id, item in self._items.items()},
            "taken": {number: tuple(taken) for number, taken in self._taken.items()},
            "waiting": {number: tuple(waiter) for number, waiter in self._waiting.items()},
        }

    def load(self, snapshot: Any) -> None:
        """See `Standard.load`."""
        limit = snapshot["limit"]
        self._limit = None if limit is None else natural(limit)
        self._configured = snapshot["configured"]
        assert type(self._configured) is bool
        self._last, self._last_item = map(natural, snapshot["last"])
        for id, (value, priority, attempts, number) in snapshot["items"].items():
            assert natural(id) <= self._last_item and is_plain(value) and type(priority) is int
            self._items[id] = Item(value, priority, natural(attempts), number)
            if number is None:
                self._ready.append((priority, id))
        heapify(self._ready)
        for number, (session, id, expires) in snapshot["taken"].items():
            expires = None if expires is None else natural(expires)
            assert natural(number) <= self._last and self._items[id].delivery == number
            self._taken[number] = Delivery(session_of(session), id, expires)
            self._due.add(expires, number)
        for number, (session, lease_ms) in snapshot["waiting"].items():
            lease_ms = None if lease_ms is None else natural(lease_ms)
            assert natural(number) <= self._last
            self._waiting[number] = Waiter(session_of(session), lease_ms)
        assert len(self._ready) + len(self._taken) == len(self._items)
        assert not (self._ready and self._waiting)
        for number, there in [*self._taken.items(), *self._waiting.items()]:
            self._owned.add(there.session, number)

    def _full(self) -> bool:
        return self._limit is not None and len(self._items) >= self._limit

    def _told(self, id: int) -> tuple[int, Any, int, int]:
        value, priority, attempts, _ = self._items[id]
        return id, value, priority, attempts

    def _mine(self, context: Context, number: int) -> Delivery:
        taken = self._taken.get(number)
        if taken is not None and taken.session == context.session:
            return taken
        if taken is not None:
            raise NotHeld(f"{number} is another session's")
        if number in self._waiting:
            raise NotHeld(f"{number} still waits")
        raise NotHeld(
            f"{shown(number)} "
            f"{'has no item any more' if number <= self._last else 'was never given out'}"
        )

    def _serve(self, context: Context) -> None:
        """Who waits gets what is ready, first come first served."""
        while self._ready and self._waiting:
            number, waiter = self._waiting.popitem(0)
            item = self._deliver(number, waiter, context.stamp)
            context.publish((TAKEN, number, item), number)

    def _deliver(self, number: int, waiter: Waiter, stamp: int) -> tuple[int, Any, int, int]:
        priority, id = heappop(self._ready)
        item = self._items[id]
        attempts = item.attempts + 1
        self._items[id] = Item(item.value, priority, attempts, number)
        expires = None if waiter.lease_ms is None else stamp + waiter.lease_ms
        self._taken[number] = Delivery(waiter.session, id, expires)
        self._due.add(expires, number)
        return id, item.value, priority, attempts

    def _let_go(self, number: int) -> int:
        """The delivery ends; the id of its item, which is left as it is."""
        session, id, expires = self._taken.pop(number)
        self._due.remove(expires, number)
        self._owned.remove(session, number)
        return id

    def _return(self, context: Context, number: int) -> None:
        id = self._let_go(number)
        item = self._items[id]
        self._items[id] = item._replace(delivery=None)
        heappush(self._ready, (item.priority, id))
        context.publish(("returned", id), ("item", id))

    def _leave(self, context: Context, number: int, why: str) -> None:
        waiter = self._waiting.pop(number)
        self._owned.remove(waiter.session, number)
        context.publish((why, number), number)

    def _less(self, context: Context, full: bool) -> None:
        """There are fewer items than before, when it was `full` or not."""
        if full and not self._full():
            context.publish(("room",), "room")
        if not self._items:
            context.publish(("empty",), "empty")
