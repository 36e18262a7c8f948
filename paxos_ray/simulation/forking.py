"""Forking processes off, so that nothing that ends this one is lost, nor leaves them behind."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager

ENDING = frozenset({signal.SIGINT, signal.SIGTERM})
"""What ends the work of many processes before its time."""


@contextmanager
def undisturbed() -> Iterator[None]:
    """What a signal raises while processes are forked off may be raised where nobody hears of it:
    here `ENDING` waits. Who is forked off within has it wait still."""
    masked = signal.pthread_sigmask(signal.SIG_BLOCK, ENDING)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, masked)


def end_at_once() -> None:
    """For who was forked off: SIGTERM is not to be told of, as it may be by its parent."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
