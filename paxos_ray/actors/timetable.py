"""When each citizen's next turn is due, and the tasks of an event loop."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from paxos_ray.actors.member import Member

T = TypeVar("T")

log = logging.getLogger("paxos_ray")


class Timetable:
    """One turn a member is due at a time: the last that was said counts."""

    def __init__(self, turn: Callable[[Member], Coroutine[Any, Any, None]]) -> None:
        self._loop = asyncio.get_running_loop()
        self._turn = turn
        self._tasks: set[asyncio.Task[Any]] = set()

    def schedule(self, member: Member, delay_s: float, sooner: bool = False) -> None:
        """Its next turn is due then; with `sooner`, unless one is due before."""
        due = self._loop.time() + delay_s
        if sooner and member.due is not None and member.due <= due:
            return
        self.cancel(member)
        if member.able:
            member.due = due
            member.timer = self._loop.call_at(due, self._due, member)

    def cancel(self, member: Member) -> None:
        """None is due."""
        if member.timer is not None:
            member.timer.cancel()
        member.due = member.timer = None

    def spawn(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Run this aside; its failure is logged."""
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def since(self, time: float) -> float:
        """How long ago that was, in s, by the event loop's clock."""
        return self._loop.time() - time

    def _due(self, member: Member) -> None:
        member.due = member.timer = None
        if member.able:
            self.spawn(self._turn(member))

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.error("carrying failed", exc_info=task.exception())
