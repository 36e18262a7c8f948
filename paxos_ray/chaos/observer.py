"""Who reads the island's log while it is being broken."""

from __future__ import annotations

import threading

from paxos_ray.actors.errors import IslandError
from paxos_ray.actors.island import Island
from paxos_ray.chaos.verdict import Tale

_END_S = 90.0
_STAND_S = 30.0


class Observer:
    """Reads the log into a tale, from now on to the operation on `last`, which is asked for in the
    end."""

    def __init__(self, island: Island, tale: Tale, last: str) -> None:
        self._island = island
        self._tale = tale
        self._last = last
        self._stream = island.log(timeout_s=None)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._read, name="observer", daemon=True)

    def begin(self) -> None:
        """Read from now on; returns when nothing that comes is missed."""
        self._stream.__enter__()
        self._thread.start()

    def end(self) -> None:
        """Read to the end, and stop; what could not be read is wrong with the tale."""
        try:
            self._island.counter(self._last).increment(1, timeout_s=_STAND_S)
        except IslandError as error:
            self._tale.wrong.append(f"nothing more could be written: {error}")
        if not self._ended.wait(_END_S):
            self._tale.wrong.append(f"the log could not be read to its end within {_END_S:g} s")
        self.close()

    def close(self) -> None:
        """Read no more, wherever it is; again does nothing."""
        self._stream.close()

    def _read(self) -> None:
        try:
            for entry in self._stream:
                self._tale.add(entry)
                if any(operation.object == self._last for operation in entry.operations):
                    break
        except IslandError as error:
            self._tale.wrong.append(f"the log could not be read on: {error}")
        self._ended.set()
