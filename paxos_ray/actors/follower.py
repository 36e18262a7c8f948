"""Follows events for all watches of a process on one island: asks citizens, and goes on at another
when one is lost. To each citizen that it asks it has one long call under way, for all watches.

Answers say what they follow and how far they go, so one that comes late, or twice, is told from one
that leaves a gap.
"""

from __future__ import annotations

import contextlib
import random
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from queue import Empty, SimpleQueue
from typing import Any

import ray
from ray.exceptions import ActorDiedError

from paxos_ray.actors.board import Want
from paxos_ray.actors.client import Client
from paxos_ray.actors.errors import (
    EventsGone,
    IslandShutDown,
    NotAdmitted,
    RayNotInitialised,
    TimedOut,
)
from paxos_ray.actors.growing import fit
from paxos_ray.actors.guard import refusal
from paxos_ray.actors.post import Post
from paxos_ray.actors.whereabouts import Pause, Whereabouts
from paxos_ray.actors.wire import Answer, seal, unseal
from paxos_ray.core.log import NOTHING
from paxos_ray.core.promise import Promise
from paxos_ray.machines.ring import ABSENT, GONE, HELD, Found

WAIT_S = 2.0
"""How long a citizen has a call wait for something new."""

_DOUBT_S = 0.25  # the same, until it is known that what is asked after lies in the log
_LATE_S = 1.0  # so much later than it should an answer may come
_STILL_S = 3.0  # who tells of nothing new for so long may be behind
_LOOK_S = 0.5
_LINGER_S = 10.0  # for so long the thread stays when nobody watches


class Poll:
    """A call that is under way: whom it is for, and after which promises it asks."""

    def __init__(self, posts: Sequence[Post]) -> None:
        self.asked = {post: post.reached for post in posts}

    def serves(self, posts: Sequence[Post]) -> bool:
        """Whether it is for all of these."""
        return all(post in self.asked for post in posts)


class Follower:
    """One for each client; `add` and `nudge` may be called in any thread, the rest in its own."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._who = uuid.uuid4().hex
        self._lock = threading.Lock()
        self._wake: SimpleQueue[None] = SimpleQueue()  # into which the garbage collector may put
        self._running = False
        self._posts: list[Post] = []
        self._news: deque[Callable[[], None]] = deque()  # what Ray's threads leave to be done
        self._calls: dict[int, tuple[float, Callable[[Any], None]]] = {}  # until when, what then
        self._count = 0
        self._polls: dict[str, Poll] = {}
        self._citizens: tuple[str, ...] = ()  # to be asked
        self._near: Sequence[str] = ()  # those of them who hear soonest, except for the leader
        self._whereabouts = Whereabouts(client.island, client.authority)
        self._home: str | None = None  # who is asked, if it can be
        self._still: dict[str, tuple[Promise, float]] = {}  # how far it is, and since when
        self._lost = False  # who was asked, so that it is time to look who is there
        self._looking = False
        self._locating = False
        self._not_before = 0.0
        self._tries = Pause()

    def add(self, post: Post) -> None:
        """Follow events for it, until it is closed."""
        with self._lock:
            self._posts.append(post)
            start, self._running = not self._running, True
        if start:
            name = f"paxos_ray events of {self._client.island}"
            threading.Thread(target=self._run, name=name, daemon=True).start()
        self._wake.put(None)

    def nudge(self) -> None:
        """Something has changed about a post."""
        self._wake.put(None)

    # -- the thread ---------------------------------------------------------------------------

    def _run(self) -> None:
        idle_since = time.monotonic()
        while True:
            self._rest()
            with self._lock:
                self._posts = [post for post in self._posts if not post.over]
                posts = tuple(self._posts)
                if posts:
                    idle_since = time.monotonic()
                elif time.monotonic() - idle_since > _LINGER_S:
                    self._running = False
                    return
            try:
                self._step(posts)
            except IslandShutDown:
                self._end(posts, None)
            except Exception as error:  # noqa: BLE001 - it is who watches that must hear of it
                self._end(posts, error)

    def _end(self, posts: Sequence[Post], error: Exception | None) -> None:
        for post in posts:
            post.end(error)

    def _rest(self) -> None:
        """Until there may be something to do."""
        now = time.monotonic()
        due = [until for until, _ in self._calls.values()]
        if self._not_before > now:
            due.append(self._not_before)
        with contextlib.suppress(Empty):
            self._wake.get(timeout=max(0.001, min([now + _LOOK_S, *due]) - now))
            while True:
                self._wake.get_nowait()

    def _step(self, posts: Sequence[Post]) -> None:
        while self._news:
            self._news.popleft()()
        self._expire()
        if not ray.is_initialized():
            raise RayNotInitialised("Ray was shut down in this process")
        if isinstance(self._client.closed_by, NotAdmitted):
            raise self._client.closed_by
        if self._client.closed:
            raise IslandShutDown(f"island {self._client.island!r} was shut down")
        if self._lost and not self._looking:
            self._look()
        if time.monotonic() < self._not_before:
            return
        if not self._locating and any(post.reached is None for post in posts):
            self._locate([post for post in posts if post.reached is None], Post.begin)
        homes: dict[str, list[Post]] = {}
        for post in posts:
            if post.reached is not None and post.room and not post.over:
                if post.citizen is None:
                    self._place(post)
                if post.citizen is not None:
                    homes.setdefault(post.citizen, []).append(post)
        for id, each in homes.items():
            poll = self._polls.get(id)
            if poll is None or not poll.serves(each):
                self._poll(id, each)

    def _ask(self, submit: Callable[[], Any], limit_s: float, done: Callable[[Any], None]) -> None:
        """Call an actor; `done` is called once in this thread, with the result or an exception."""
        self._count += 1
        number = self._count
        self._calls[number] = (time.monotonic() + limit_s, done)

        def back(future: Future[Any]) -> None:
            error = future.exception()
            result = future.result() if error is None else error
            self._news.append(lambda: self._settle(number, result))
            self._wake.put(None)

        try:
            submit().future().add_done_callback(back)
        except Exception as error:  # noqa: BLE001 - Ray was shut down, or worse
            self._settle(number, error)

    def _settle(self, number: int, result: Any) -> None:
        _, done = self._calls.pop(number, (0.0, None))
        refused = refusal(result)
        if refused is not None:
            raise refused
        if done is not None:
            done(result)

    def _expire(self) -> None:
        now = time.monotonic()
        for number in [number for number, (until, _) in self._calls.items() if until <= now]:
            self._settle(number, TimedOut("no answer"))

    # -- what citizens are asked --------------------------------------------------------------

    def _poll(self, id: str, posts: list[Post]) -> None:
        handle = self._whereabouts.handle(id)
        if handle is None:
            self._shun(id)
            return
        first = self._count % len(posts)  # each comes first in turn: an answer is bounded
        posts = posts[first:] + posts[:first]
        poll = self._polls[id] = Poll(posts)
        wants = [Want(poll.asked[p] or NOTHING, p.object, p.keys, p.room) for p in posts]
        sealed = seal([tuple(want) for want in wants])
        wait_s = WAIT_S if all(post.trusted for post in posts) else _DOUBT_S

        def submit() -> Any:
            return handle.watch.remote(self._who, sealed, wait_s)

        def done(result: Any) -> None:
            counts = self._polls.get(id) is poll  # else there is a later one, or it was given up
            if counts:
                del self._polls[id]
            if not isinstance(result, BaseException):
                self._answered(id, poll, [fit(Found, each) for each in unseal(result)])
            elif counts:
                self._shun(id)

        self._ask(submit, wait_s + _LATE_S, done)

    def _answered(self, id: str, poll: Poll, found: Sequence[Found]) -> None:
        idle, doubted = True, []
        for (post, since), each in zip(poll.asked.items(), found, strict=True):
            assert since is not None, "it is asked for only when it has begun"
            if each.verdict == HELD:
                post.search.found()
                post.trusted = True
                post.put(since, each.events, each.upto)
                idle = idle and not each.events
            elif each.verdict == ABSENT:
                self._shun(id)
                return
            elif each.verdict == GONE:
                idle = False
                if since == post.reached and post.citizen == id:
                    post.search.gone(id, each.earliest)
                    post.citizen = None
            elif not post.trusted:
                doubted.append(post)
        self._tries.over()
        if doubted and not self._locating:
            self._locate(doubted, Post.check)
        upto, now = max(each.upto for each in found), time.monotonic()
        before, since_s = self._still.get(id, (None, now))
        if not idle or before != upto:
            self._still[id] = upto, now
        elif now - since_s > _STILL_S:
            self._still[id] = upto, now
            self._suspect(id, upto)

    def _suspect(self, id: str, upto: Promise) -> None:
        """It has had nothing new for a while, not even entries: it may be cut off."""

        def done(result: Any) -> None:
            if isinstance(result, tuple) and result and id not in result:
                self._shun(id)
            elif isinstance(result, ActorDiedError):
                self._follow()

        holders = self._client.coordinator.holders
        self._ask(lambda: holders.remote(upto, id, 0.0), _LATE_S, done)

    def _locate(self, posts: list[Post], then: Callable[[Post, Promise], None]) -> None:
        self._locating = True

        def done(answer: Answer) -> None:
            def told() -> None:
                self._locating = False
                for post in posts:
                    then(post, answer.promise)

            self._news.append(told)
            self._wake.put(None)

        def failed(_: Exception) -> None:
            def told() -> None:
                self._locating = False
                self._pause()

            self._news.append(told)
            self._wake.put(None)

        self._client.locate(done, failed)

    # -- whom to ask --------------------------------------------------------------------------

    def _place(self, post: Post) -> None:
        """Choose whom to ask for it: as far as it can be, the same for all. Raises what `_look`
        does."""
        fresh = post.search.left(self._whereabouts.able(self._citizens))
        if not fresh and post.search.on:
            fresh = self._look_further(post)
        if self._home in fresh:
            post.citizen = self._home
        elif fresh:
            near = [id for id in fresh if id in self._near]
            post.citizen = random.choice(near or fresh)
            if not post.search.on:
                self._home = post.citizen
        elif not post.over and not self._looking:
            self._look()

    def _look_further(self, post: Post) -> list[str]:
        """Who has not said that it has let go of what comes next for the post; if there is nobody
        left, the post is told."""
        everybody = self._whereabouts.everybody()
        if post.search.in_vain(everybody):
            assert post.reached is not None, "something was asked for"
            post.end(EventsGone(post.reached, post.search.earliest))
            return []
        able = self._whereabouts.able(post.search.left(everybody))
        if not able:
            self._pause()
        return able

    def _look(self) -> None:
        """Find out who is there."""
        self._looking, self._lost = True, False

        def done(result: Any) -> None:
            self._looking = False
            if isinstance(result, ActorDiedError):
                self._follow()
            government = None if isinstance(result, BaseException) else result.government
            if government is not None:
                # The leader has enough to do; the minority and constituents hear later.
                leader, *self._near = government.majority
                others = (*government.minority, *government.constituents)
                self._citizens = (*self._near, *others, leader)
                self._move()
            else:
                self._citizens = self._whereabouts.everybody()
            if not self._whereabouts.able(self._citizens):
                self._pause()

        self._ask(lambda: self._client.coordinator.progress.remote(), _LATE_S, done)

    def _follow(self) -> None:
        """The coordinator has ended for good. Raises `IslandShutDown` if there is no other one."""
        if not self._client.follow():
            raise IslandShutDown(f"island {self._client.island!r} was shut down")

    def _move(self) -> None:
        """Ask somebody who hears soon, if there is one, rather than who was asked in need."""
        near = self._whereabouts.able(self._near)
        if near and self._home is not None and self._home not in self._near:
            self._leave(self._home)

    def _shun(self, id: str) -> None:
        """Ask others for a while."""
        self._whereabouts.shun(id)
        self._polls.pop(id, None)
        self._still.pop(id, None)
        self._leave(id)
        self._lost = True

    def _leave(self, id: str) -> None:
        if self._home == id:
            self._home = None
        for post in self._posts:
            if post.citizen == id:
                post.citizen = None

    def _pause(self) -> None:
        """Ask nothing for a moment, a longer one each time that nothing was learned in between."""
        self._not_before = time.monotonic() + self._tries.next_s()


def follower_of(client: Client) -> Follower:
    """That of this client, made if there is none yet."""
    with _making:
        if client.follower is None:
            client.follower = Follower(client)
        return client.follower


_making = threading.Lock()
