"""Work on the state as it is now, in a copy of this process: the original goes on at once.

Pickling or digesting a hundred megabytes takes seconds. `fork` copies the process's page tables
only, a few ms for each of them; both share the memory that neither writes to. The copy has one
thread, that of the caller, and does nothing but compute in Python, write to a pipe and exit: it
touches neither Ray nor any lock that another thread may have held. Should it hang, it is killed.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import threading
import time
from collections.abc import Callable

LIMIT_S = 300.0

_DONE, _FAILED = b"+", b"-"
_PIECE = 1 << 20


class Failed(Exception):
    """The work came to nothing; the text says why."""


def aside(work: Callable[[], bytes], done: Callable[[bytes | Failed], None], name: str) -> None:
    """Have `work` done in a copy of this process; tell `done` in a thread, what came of it. Raises
    `OSError` if there can be no more processes or threads: then nothing is left of it."""
    reading, writing = os.pipe()
    try:
        pid = os.fork()
    except OSError:
        os.close(reading)
        os.close(writing)
        raise
    if pid == 0:
        _run(work, writing)
    os.close(writing)
    try:
        threading.Thread(target=_await, args=(pid, reading, done), name=name, daemon=True).start()
    except RuntimeError as error:
        os.close(reading)
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        raise OSError(str(error)) from None


def _run(work: Callable[[], bytes], writing: int) -> None:
    """In the copy. It holds no connection of the original's open: else nobody would notice should
    that one die."""
    try:
        os.closerange(3, writing)
        os.closerange(writing + 1, 1 << 20)
        try:
            status, said = _DONE, work()
        except BaseException as error:  # noqa: BLE001 - the original is told
            status, said = _FAILED, f"{type(error).__name__}: {error}".encode("utf-8", "replace")
        os.write(writing, status)
        left = memoryview(said)
        while left:
            left = left[os.write(writing, left[:_PIECE]) :]
    finally:
        os._exit(0)


def _await(pid: int, reading: int, done: Callable[[bytes | Failed], None]) -> None:
    status, pieces = b"", []
    deadline = time.monotonic() + LIMIT_S
    whole = False
    try:
        while time.monotonic() < deadline:
            if not select.select((reading,), (), (), deadline - time.monotonic())[0]:
                break
            # The status by itself: to cut it off later would copy all that comes after it.
            piece = os.read(reading, _PIECE if status else 1)
            if not piece:
                whole = True
                break
            if status:
                pieces.append(piece)
            else:
                status = piece
    finally:
        os.close(reading)
        if not whole:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, 0)
    said = b"".join(pieces) if whole else b""
    if whole and status == _DONE:
        done(said)
    else:
        done(Failed(said.decode("utf-8", "replace") or "the copy of the process has ended"))
