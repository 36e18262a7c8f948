"""What is held for a moment while the garbage collector may run, and what is made of its calls.

The collector runs finalizers, and ends coroutines, in whatever thread makes an object, at any
moment: in one that holds a lock, too. Who makes a call there must wait neither for that lock nor
for another, whose owner may wait for this one; nor may it change what is half changed. So that is
left to a thread that holds nothing.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from queue import SimpleQueue

log = logging.getLogger("paxos_ray")


class Latched(threading.local):
    """Entered before a lock is taken, and left after it: true in a thread that may hold one."""

    depth = 0

    def __enter__(self) -> None:
        self.depth += 1

    def __exit__(self, *_: object) -> None:
        self.depth -= 1

    def __bool__(self) -> bool:
        return self.depth > 0


latched = Latched()


def later(deed: Callable[[], object]) -> None:
    """Have that done soon, in a thread that is not latched; in the order in which it is left."""
    _deeds.put(deed)
    try:
        thread = _unborn.pop()
    except IndexError:
        return
    try:
        thread.start()
    except RuntimeError:  # there can be no more threads now
        _unborn.append(thread)


def _run() -> None:
    while True:
        deed = _deeds.get()
        try:
            deed()
        except Exception:  # the next is another's
            log.exception("what was left by the garbage collector has failed")
        del deed


_deeds: SimpleQueue[Callable[[], object]] = SimpleQueue()  # into which the collector may put
_unborn = [threading.Thread(target=_run, name="paxos_ray later", daemon=True)]
