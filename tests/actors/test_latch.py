"""What is left to be done later is done, whatever becomes of the thread that is to do it."""

from __future__ import annotations

import threading
from concurrent.futures import Future
from queue import SimpleQueue

import pytest

from paxos_ray.actors import latch
from paxos_ray.actors.latch import latched, later

SOON_S = 30.0


def test_what_is_left_is_done_by_a_thread_that_is_not_latched_and_no_error_ends_it() -> None:
    def fails() -> None:
        raise ZeroDivisionError

    done: Future[bool] = Future()
    with latched, latched:
        later(fails)
        later(lambda: done.set_result(bool(latched)))
        assert done.result(SOON_S) is False
        assert latched
    assert not latched


def test_while_there_can_be_no_more_threads_it_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> None:
        raise RuntimeError("can't start new thread")

    thread = threading.Thread(target=latch._run, daemon=True)
    monkeypatch.setattr(latch, "_unborn", [thread])
    monkeypatch.setattr(latch, "_deeds", SimpleQueue())
    done: Future[None] = Future()
    with monkeypatch.context() as patched:
        patched.setattr(thread, "start", refuse)
        later(lambda: done.set_result(None))
    assert not done.done()
    later(lambda: None)
    done.result(SOON_S)
