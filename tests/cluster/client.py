"""A process on one of the hosts, connected to Ray there, that calls functions for the tests.

So a test has a user of an island on any side of a split network. Functions are given by name, as
pickle does: those of modules that the other process can import.
"""

from __future__ import annotations

import logging
import os
import pickle
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable
from concurrent.futures import Future, wait
from multiprocessing.connection import Connection, Pipe
from typing import Any, TypeVar

from tests.cluster.network import address

T = TypeVar("T")

CALL_S = 120.0
_CONNECT_S = 60.0
_LOOK_S = 0.5


class NoConnection(Exception):
    """The process could not connect to Ray."""


class Client:
    """The process as seen by who started it, `waiting` being called now and then until it is
    connected. Raises `NoConnection`."""

    def __init__(
        self,
        host: int,
        inside: list[str],
        environment: dict[str, str],
        ray: str,
        waiting: Callable[[], None],
    ) -> None:
        self.host = host
        self._line, theirs = Pipe()
        command = [sys.executable, "-m", "tests.cluster.client", str(theirs.fileno())]
        command += [ray, address(host)]
        self._process = subprocess.Popen(
            [*inside, *command],
            env=environment,
            pass_fds=(theirs.fileno(),),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )
        theirs.close()
        self._calls: dict[int, Future[Any]] = {}
        self._count = 0
        self._lock = threading.Lock()
        try:
            deadline = time.monotonic() + _CONNECT_S
            while not self._line.poll(_LOOK_S):
                waiting()
                if time.monotonic() > deadline:
                    self.close()
                    raise NoConnection(f"host {host}: not within {_CONNECT_S:g} s")
            trouble = self._line.recv()
        except (EOFError, OSError):
            trouble = "the process has ended"
        if trouble is not None:
            self.close()
            raise NoConnection(f"host {host}: {trouble}")
        threading.Thread(target=self._listen, daemon=True).start()

    @property
    def alive(self) -> bool:
        """Whether the process lives."""
        return self._process.poll() is None

    def call(self, function: Callable[..., T], *arguments: Any, timeout_s: float = CALL_S) -> T:
        """What `function(*arguments)` returns or raises there."""
        future = self.start(function, *arguments)
        if not wait([future], timeout_s).done:
            raise TimeoutError(f"host {self.host}: {function.__name__} takes too long")
        return future.result()

    def start(self, function: Callable[..., T], *arguments: Any) -> Future[T]:
        """The same, without waiting for it."""
        future: Future[T] = Future()
        with self._lock:
            self._count += 1
            self._calls[self._count] = future
            try:
                self._line.send((self._count, function, arguments))
            except OSError:
                del self._calls[self._count]
                future.set_exception(NoConnection(f"host {self.host}: its client is gone"))
        return future

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.wait()

    def _listen(self) -> None:
        try:
            while True:
                number, good, value = self._line.recv()
                with self._lock:
                    future = self._calls.pop(number)
                if good:
                    future.set_result(value)
                else:
                    future.set_exception(value)
        except (EOFError, OSError):
            with self._lock:
                lost = list(self._calls.values())
                self._calls.clear()
            for future in lost:
                future.set_exception(NoConnection(f"host {self.host}: its client is gone"))


def serve(line: Connection, cluster: str, here: str) -> None:
    """The process itself: connect, then answer calls, each in a thread."""
    import ray

    try:
        # Ray looks for its processes on this machine, sees those of all hosts, and would take the
        # head's address for this one's: what calls this process back would not reach it.
        ray.init(cluster, _node_ip_address=here, log_to_driver=False, logging_level=logging.ERROR)
    except BaseException as error:  # noqa: BLE001 - told to who has asked for it
        line.send(f"{type(error).__name__}: {error}")
        return
    line.send(None)
    lock = threading.Lock()

    def answer(number: int, function: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
        try:
            told = (number, True, function(*arguments))
            pickle.dumps(told)
        except BaseException as error:  # noqa: BLE001 - told to who has called
            error.add_note("".join(traceback.format_exception(error)))
            told = (number, False, _portable(error))
        with lock:
            line.send(told)

    while True:
        try:
            asked = line.recv()
        except (EOFError, OSError):
            os._exit(0)  # whoever started this is gone
        threading.Thread(target=answer, args=asked, daemon=True).start()


def _portable(error: BaseException) -> BaseException:
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:  # noqa: BLE001 - an error of Ray's that holds what cannot be pickled
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error


if __name__ == "__main__":
    # By its full name: a function of this module is not one of `__main__` elsewhere.
    from tests.cluster.client import serve as main

    main(Connection(int(sys.argv[1])), sys.argv[2], sys.argv[3])
