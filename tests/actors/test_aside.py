"""Work in a copy of the process: what comes of it, and what is left when there can be none."""

from __future__ import annotations

import os
import threading
import time
from queue import SimpleQueue
from typing import Any

import pytest

from paxos_ray.actors.aside import Failed, aside
from paxos_ray.actors.keeping import Keeping
from paxos_ray.core import Promise
from paxos_ray.core.log import NOTHING
from paxos_ray.machines import Replica

LIMIT_S = 60.0


def no_process() -> int:
    raise BlockingIOError("no more processes")


def no_thread(_: object) -> None:
    raise RuntimeError("can't start new thread")


@pytest.fixture(params=["process", "thread"])
def lacking(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """What there can be no more of."""
    if request.param == "process":
        monkeypatch.setattr("os.fork", no_process)
    else:
        monkeypatch.setattr(threading.Thread, "start", no_thread)
    return str(request.param)


def result(work: Any) -> bytes | Failed:
    told: SimpleQueue[bytes | Failed] = SimpleQueue()
    aside(work, told.put, "work")
    return told.get(timeout=LIMIT_S)


def test_what_comes_of_it_is_told() -> None:
    pid = os.getpid()
    assert result(lambda: b"done" * (1 << 20)) == b"done" * (1 << 20)
    assert result(lambda: str(os.getpid()).encode()) != str(pid).encode()
    failed = result(lambda: b"%d" % (1 // 0))
    assert isinstance(failed, Failed) and "ZeroDivisionError" in str(failed)


def test_if_there_can_be_none_nothing_is_left_of_it(
    lacking: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ends: dict[int, int] = {}
    copies = []
    pipe, fork = os.pipe, os.fork

    def new_pipe() -> tuple[int, int]:
        made = pipe()
        ends.update((end, os.fstat(end).st_ino) for end in made)
        return made

    def new_copy() -> int:
        copies.append(pid := fork())
        return pid

    monkeypatch.setattr("os.pipe", new_pipe)
    monkeypatch.setattr("os.fork", new_copy)

    def work() -> bytes:
        time.sleep(LIMIT_S)
        return b""

    with pytest.raises(OSError, match=lacking):
        aside(work, print, "work")
    assert len(ends) == 2 and not any(is_open(end, ino) for end, ino in ends.items())
    assert len(copies) == (lacking == "thread")
    for pid in copies:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def is_open(end: int, inode: int) -> bool:
    """Whether that is that file still, and no other that has come instead."""
    try:
        return os.fstat(end).st_ino == inode
    except OSError:
        return False


@pytest.mark.usefixtures("lacking")
def test_a_citizen_that_can_make_no_digests_says_so() -> None:
    keeping, replica, promise = Keeping(lock := threading.Lock()), Replica(), Promise(1, 1)
    with lock:
        keeping.audit(replica, promise)
        digests = keeping.audited(promise, promise)
        assert digests is not None and digests.parts == {}, "never"
        assert keeping.audited(promise, NOTHING) is None
