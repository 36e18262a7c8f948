"""The log of an island as its users read it: a stream of entries, for threads and coroutines."""

from __future__ import annotations

import threading
import weakref
from typing import Any

from paxos_ray.actors.errors import InvalidArgument, IslandShutDown, RayNotInitialised
from paxos_ray.actors.feed import OWN, Calls, Feed, Own, check_timeout
from paxos_ray.actors.reader import WAIT_S, Reader
from paxos_ray.actors.tail import Record, weight_of
from paxos_ray.core.promise import Promise
from paxos_ray.machines import LogEntry, read_entry
from paxos_ray.procession import EMPTY, END, Absent, Ended, Throttle

AHEAD_BYTES = 4 << 20
"""How much is fetched before it is asked for, unless told otherwise."""


class Stream(Feed[LogEntry]):
    """Committed entries, in the order of the log, each once: made by `Island.log`.

    An iterator, also for `async for`. It goes on over changes of government, and at another
    citizen when the one that it reads from is lost; it ends, and so does the loop, when it is
    closed or the island is shut down or recovered. Its errors come after the entries before them:
    `EntryGone` when it was so slow that what comes next is not held any more, `InvalidArgument`
    when it was to begin where no entry is, `RayNotInitialised`, and `TimedOut` when nothing came
    within `timeout_s`, after which one may go on.

    Entering it as a context waits until it stands: whatever is asked for after that is in it.
    """

    def __init__(
        self,
        island: str,
        coordinator: Any,
        since: Promise | None,
        timeout_s: float | None,
        ahead_bytes: int = AHEAD_BYTES,
    ) -> None:
        if since is not None and type(since) is not Promise:
            raise InvalidArgument(f"since is a Promise, not {since!r}")
        check_timeout(timeout_s)
        if type(ahead_bytes) is not int or ahead_bytes < 1:
            raise InvalidArgument(f"ahead_bytes is a whole number above 0, not {ahead_bytes!r}")
        self._island = island
        self._position = since
        self._pump = _Pump(Reader(island, coordinator, since), ahead_bytes)
        super().__init__(self._pump.calls, timeout_s)
        # Who lets go of a stream without closing it leaves no thread behind.
        self._end = weakref.finalize(self, self._pump.close)
        name = f"paxos_ray log of {island}"
        threading.Thread(target=self._pump.run, name=name, daemon=True).start()

    def __repr__(self) -> str:
        return f"Stream(the log of island {self._island!r}, at {self.position})"

    def __reduce__(self) -> Any:
        raise TypeError("a stream stays in its process; pass the island, and stream.position")

    @property
    def position(self) -> Promise | None:
        """The promise of the last entry given, or where it began: `since`, to go on from here
        another time. None before it stands."""
        return self._pump.began_at if self._position is None else self._position

    def get(self, timeout_s: float | Own | None = OWN) -> LogEntry | None:
        """The next entry, waited for as long as the stream waits, or at most `timeout_s` seconds
        if that is given (None: for ever); None at the end. Raises as the stream does, and
        `InvalidArgument`."""
        return self._next(timeout_s)

    async def get_async(self, timeout_s: float | Own | None = OWN) -> LogEntry | None:
        """The same in a coroutine. Who is cancelled has missed nothing."""
        return await self._next_async(timeout_s)

    def close(self) -> None:
        """Read no more. What was fetched and not given is given up; again does nothing."""
        self._end()

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return not self._end.alive

    def _take(self) -> LogEntry | Absent:
        record = self._pump.take()
        if isinstance(record, Absent):
            return record
        entry = read_entry(*record)
        self._position = record.promise
        return entry

    def _stand(self) -> Absent | None:
        if not self._pump.stands:
            return EMPTY
        self._pump.check()
        return None


class _Pump:
    """Fetches ahead, in a thread of its own, as much as may be held; knows nothing of its stream,
    so that this can be let go of."""

    def __init__(self, reader: Reader, ahead_bytes: int) -> None:
        self.began_at: Promise | None = None
        self.stands = False
        """Whether it has begun, or will not."""
        self._reader = reader
        self._error: Exception | None = None
        self._throttle: Throttle[Record] = Throttle(weight_of, ahead_bytes)
        self._outlet = self._throttle.shifter()
        self.calls = Calls()

    def run(self) -> None:
        """Until it is closed or cannot go on."""
        try:
            self._reader.begin()
            self.began_at = self._reader.position
            while not self._reader.closed:
                records = self._reader.read(WAIT_S if self.stands else 0.0)
                if not self.stands and not self._reader.searching:
                    self.stands = True
                    self.calls.ring()
                for record in records:
                    self._throttle.enqueue(record)
                    self.calls.ring()
        except (Ended, IslandShutDown):
            pass
        except Exception as error:  # noqa: BLE001 - it is who reads that must hear of it
            self._error = error
        except SystemExit:  # Ray's, in a thread that waits for it while it is shut down
            self._error = RayNotInitialised("Ray was shut down in this process")
        self._throttle.end()
        self.stands = True
        self.calls.ring()

    def take(self) -> Record | Absent:
        """The next record that is there. Raises what ended the fetching, after the last one."""
        if self._reader.closed:
            return END
        found = self._outlet.shift()
        if found is END and self._error is not None:
            raise self._error
        return found

    def check(self) -> None:
        """Raises what ended the fetching before there was anything to take."""
        if self._error is not None and not len(self._throttle):
            raise self._error

    def close(self) -> None:
        """Fetch no more."""
        self._reader.close()
        self._throttle.end()
        self.calls.ring()
