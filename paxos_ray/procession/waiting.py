"""Where asynchronous consumers of a queue wait."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from asyncio import Future

Seat: TypeAlias = "Future[None]"
"""What somebody awaits who waits."""


class Bench:
    """Those who wait for something to be pushed. False when nobody does."""

    __slots__ = ("_waiting",)

    def __init__(self) -> None:
        self._waiting: list[Seat] = []

    def __len__(self) -> int:
        return len(self._waiting)

    def sit(self) -> Seat:
        """What is to be awaited: done at the next `wake`."""
        from asyncio import get_running_loop  # who does not wait does without

        future = get_running_loop().create_future()
        self._waiting.append(future)
        return future

    def rise(self, future: Seat) -> None:
        """Wait no more, woken or not."""
        if future in self._waiting:
            self._waiting.remove(future)

    def wake(self) -> None:
        """All look again. From any thread, each in its own loop."""
        waiting, self._waiting = self._waiting, []
        for future in waiting:
            wake(future)


def wake(future: Seat) -> None:
    """Make it done, in its own loop, whichever runs here."""
    loop = future.get_loop()
    if _running() is loop:
        _finish(future)
    elif not loop.is_closed():
        loop.call_soon_threadsafe(_finish, future)


def _running() -> object:
    from asyncio import get_running_loop

    try:
        return get_running_loop()
    except RuntimeError:
        return None


def _finish(future: Seat) -> None:
    if not future.done():
        future.set_result(None)
