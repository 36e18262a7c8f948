"""What Ctrl-C must not leave half done: in the main thread it comes at any moment."""

from __future__ import annotations

import signal
import threading
from typing import Any


class Uninterrupted:
    """As a context: a SIGINT that comes meanwhile comes afterwards, to whoever it would have gone
    to. It does nothing in other threads, which are not interrupted."""

    __slots__ = ("_came", "_handler")

    def __init__(self) -> None:
        self._handler: Any = None
        self._came = False

    def __enter__(self) -> None:
        if threading.current_thread() is threading.main_thread():
            handler = signal.getsignal(signal.SIGINT)
            if callable(handler):
                self._handler = handler
                signal.signal(signal.SIGINT, self._note)

    def __exit__(self, *_: object) -> None:
        if self._handler is not None:
            signal.signal(signal.SIGINT, self._handler)
            if self._came:
                self._handler(signal.SIGINT, None)

    def _note(self, *_: object) -> None:
        self._came = True
