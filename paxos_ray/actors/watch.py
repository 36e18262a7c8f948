"""Watching an object: what it publishes, in order, each event once, for threads and coroutines."""

from __future__ import annotations

import weakref
from collections.abc import Collection, Iterable
from typing import Any

from paxos_ray.actors.client import Client
from paxos_ray.actors.errors import InvalidArgument
from paxos_ray.actors.feed import OWN, Feed, Own, check_timeout, limit_of
from paxos_ray.actors.follower import follower_of
from paxos_ray.actors.gate import in_a_loop
from paxos_ray.actors.post import Change, Post
from paxos_ray.core.promise import Promise
from paxos_ray.machines.plain import check_plain
from paxos_ray.procession import Absent

AHEAD_BYTES = 1 << 20
"""How much is fetched before it is asked for, unless told otherwise."""

STANDS_S = 60.0
"""How long `watch` waits until it stands, unless told otherwise."""


class Watch(Feed[Change]):
    """What an object publishes, in the order of the log, each event once: made by `watch`.

    An iterator, also for `async for`. It goes on over changes of government, and at another
    citizen when the one that is asked is lost; it ends, and so does the loop, when it is closed or
    the island is shut down. Its errors come after the changes before them: `EventsGone` when it
    was so slow, or began so early, that what comes next is not held any more, `InvalidArgument`
    when it was to begin beyond the end of the log, `RayNotInitialised`, and `TimedOut` when
    nothing came within `timeout_s`, after which one may go on.
    """

    def __init__(
        self,
        client: Client,
        object: str,
        keys: Collection[Any] | None,
        after: Promise | None,
        timeout_s: float | None,
        ahead_bytes: int,
    ) -> None:
        self._island = client.island
        self._post = Post(object, keys, after, ahead_bytes)
        super().__init__(self._post.calls, timeout_s)
        self._follower = follower_of(client)
        self._started = False
        # In an event loop there is no time to ask where the log is. What this process has heard of
        # last is before all that anybody asks for from now on.
        self._heard = client.seen
        # Who lets go of a watch without closing it leaves nothing behind.
        self._end = weakref.finalize(self, self._post.close)

    def __repr__(self) -> str:
        return f"Watch({self._post.object!r} of island {self._island!r}, at {self.position})"

    def __reduce__(self) -> Any:
        raise TypeError("a watch stays in its process; pass the handle, and watch.position")

    @property
    def position(self) -> Promise | None:
        """All events up to that entry have been given: to be passed as `after`, to go on from here
        another time. (If only some of an entry have been, the others come with those again.) None
        before it stands."""
        return self._post.position

    def next(self, timeout_s: float | Own | None = OWN) -> Change | None:
        """The next change, waited for as long as the watch waits, or at most `timeout_s` seconds
        if that is given (None: for ever); None at the end. Raises as the watch does, and
        `InvalidArgument`."""
        return self._next(timeout_s)

    async def anext(self, timeout_s: float | Own | None = OWN) -> Change | None:
        """The same in a coroutine. Who is cancelled has missed nothing."""
        return await self._next_async(timeout_s)

    def close(self) -> None:
        """Watch no more. What was fetched and not given is given up; again does nothing."""
        self._end()
        self._follower.nudge()

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return self._post.closed

    def start(self, heard: Promise | None = None) -> None:
        """Have it filled, unless that is done already; from `heard` on if it is to begin now."""
        if not self._started and not self._post.closed:
            self._started = True
            if heard is not None:
                self._post.begin(heard)
            self._follower.add(self._post)

    def stand(self, timeout_s: float | None) -> None:
        """Wait until it is known where it begins. Raises as the watch does."""
        self._wait(self._stand, timeout_s)

    def _take(self) -> Change | Absent:
        self.start(self._heard)
        full = not self._post.room
        change = self._post.take()
        if full and self._post.room:
            self._follower.nudge()
        return change

    def _stand(self) -> Absent | None:
        self.start()
        return self._post.stand()


def watch(
    client: Client,
    object: str,
    key: Any = None,
    *,
    keys: Iterable[Any] | None = None,
    after: Promise | None = None,
    timeout_s: float | None = None,
    ahead_bytes: int = AHEAD_BYTES,
) -> Watch:
    """Watch an object, whether or not it is there yet: all it publishes, or what it does under
    `key`, or under one of `keys`. Keys are compared as Python does.

    After the entry `after`; or from now on: then every call that is made once `watch` has returned
    is in it, whoever makes it. In a thread this waits until the island has said where its log is
    (at most `timeout_s` seconds, or a minute), and what was acknowledged before is not in it. In
    a thread that runs an event loop it does not wait, but goes on from what this process has heard
    of last, which may have been before some such calls (or, if it has heard of nothing yet, from
    when it is first asked for something); entering it (`async with`) waits, and makes it exact.

    What is fetched before it is asked for weighs `ahead_bytes` at most. Raises `InvalidArgument`,
    `TimedOut`."""
    if type(object) is not str or not object:
        raise InvalidArgument(f"an object's name is a text that is not empty, not {object!r}")
    if after is not None and type(after) is not Promise:
        raise InvalidArgument(f"after is a Promise, not {after!r}")
    if type(ahead_bytes) is not int or ahead_bytes < 1:
        raise InvalidArgument(f"ahead_bytes is a whole number above 0, not {ahead_bytes!r}")
    check_timeout(timeout_s)
    made = Watch(client, object, _keys(key, keys), after, timeout_s, ahead_bytes)
    if after is not None:
        made.start()
    elif not in_a_loop():
        try:
            made.stand(STANDS_S if timeout_s is None else limit_of(timeout_s))
        except BaseException:
            made.close()
            raise
    return made


def _keys(key: Any, keys: Iterable[Any] | None) -> Collection[Any] | None:
    if key is None and keys is None:
        return None
    if key is not None and keys is not None:
        raise InvalidArgument("either a key, or several keys")
    if isinstance(keys, (str, bytes)):
        raise InvalidArgument(f"keys are a collection of keys, not {keys!r}")
    wanted = (key,) if keys is None else tuple(keys)
    try:
        for each in wanted:
            check_plain(each)
    except TypeError as error:
        raise InvalidArgument(f"a key is a plain value: {error}") from None
    try:
        return frozenset(wanted)
    except TypeError:  # some cannot be hashed
        return wanted
