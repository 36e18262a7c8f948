"""Processes that copies are forked from: nothing of a user's has ever been loaded there.

Each nursery has its own order of sets and hashes of text, its own addresses and chance, and its own
time. So what a class reads of these it reads differently in each.
"""

from __future__ import annotations

import atexit
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from multiprocessing.connection import Connection
from typing import Any
from weakref import finalize

from paxos_ray.testing.errors import CopyLost

PATIENCE_S = 180.0
"""How long a copy may take for one call."""

ENDING_S = 10.0
"""How long a nursery may take to end."""

ASTRAY_S = 400 * 86_400
"""By how much the time of each nursery differs from that of the one before."""

_CODE = "from paxos_ray.testing.nursery import nurse; nurse()"
_nurseries: dict[tuple[int, int, str], Nursery] = {}
_ballast: list[bytearray] = []


class Remote:
    """A copy, seen from the test. Raises `CopyLost`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.close = finalize(self, connection.close)
        """Let the copy end."""

    def ask(self, verb: str, *arguments: Any) -> Callable[[], Any]:
        """Begin to have a method of `Copy` called; what is returned waits for its result."""
        try:
            self._connection.send((verb, *arguments))
        except OSError as error:
            raise CopyLost(f"the process of a copy has ended: {error}") from error
        return self._result

    def _result(self) -> Any:
        try:
            if not self._connection.poll(PATIENCE_S):
                raise CopyLost(f"a copy has not answered within {PATIENCE_S:g} s")
            done, answer = self._connection.recv()
        except (EOFError, OSError) as error:
            raise CopyLost("the process of a copy has ended during a call") from error
        if not done:
            raise CopyLost(f"a copy has failed:\n{answer}")
        return answer


class Nursery:
    """One such process. `number` says which, 0 has the right time; `modules` are loaded, too."""

    def __init__(self, number: int, modules: str = "") -> None:
        here, there = socket.socketpair()
        environment = {
            **os.environ,
            "PYTHONHASHSEED": str(number + 1),
            "PYTHONPATH": os.pathsep.join(path or os.getcwd() for path in sys.path),
        }
        if number:
            environment["TZ"] = f"XXX{-6 - number}"
        with there:
            self._process = subprocess.Popen(
                [sys.executable, "-c", _CODE, str(there.fileno()), str(number), modules],
                env=environment,
                pass_fds=(there.fileno(),),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL if number else None,
            )
        self._control = here
        self._of = os.getpid()
        atexit.register(self.close)

    def close(self) -> None:
        """End it; its copies live on until nobody needs them."""
        if os.getpid() != self._of:
            return  # forked from who has it
        with suppress(OSError), self._control:
            self._control.shutdown(socket.SHUT_RDWR)  # whoever else may have been forked holds it
        try:
            self._process.wait(ENDING_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    @property
    def alive(self) -> bool:
        """Whether it can still be asked for copies."""
        return self._process.poll() is None

    def copy(self) -> Remote:
        """A new copy. Raises `CopyLost`."""
        here, there = socket.socketpair()
        with there:
            try:
                socket.send_fds(self._control, [b"."], [there.fileno()])
            except OSError as error:
                here.close()
                raise CopyLost(f"no process for a copy: {error}") from error
        return Remote(Connection(here.detach()))


def nursery(number: int) -> Nursery:
    """The nursery of that number, of this process; started when it is first asked for."""
    # A process that was forked from this one must not speak on its pipes. And once this one has
    # loaded the actors, classes are pickled with Ray's cloudpickle, which each copy would import.
    modules = "ray.cloudpickle" if "paxos_ray.actors" in sys.modules else ""
    key = (os.getpid(), number, modules)
    if key not in _nurseries or not _nurseries[key].alive:
        _nurseries[key] = Nursery(number, modules)
    return _nurseries[key]


def nurse() -> None:
    """In a nursery: fork a copy each time that one is asked for."""
    from paxos_ray.testing.copy import serve  # all that a copy needs is loaded before it is forked

    control = socket.socket(fileno=int(sys.argv[1]))
    number = int(sys.argv[2])
    for module in sys.argv[3].split():
        import_module(module)
    _go_astray(number * ASTRAY_S)
    _ballast.extend(bytearray(n % 512) for n in range(1_000 * number))  # for other addresses
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    while True:
        asked, handles, _, _ = socket.recv_fds(control, 1, 1)
        if not asked:
            return
        if not os.fork():
            control.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            with suppress(ConnectionError):
                serve(Connection(handles[0]))
            os._exit(0)
        os.close(handles[0])


def _go_astray(shift_s: int) -> None:
    """From now on, the clocks of this process are that far ahead."""

    def astray(read: Callable[[], Any], shift: int) -> Callable[[], Any]:
        return lambda: read() + shift

    for name in ("time", "monotonic", "perf_counter"):
        setattr(time, name, astray(getattr(time, name), shift_s))
        nanoseconds = f"{name}_ns"
        setattr(time, nanoseconds, astray(getattr(time, nanoseconds), shift_s * 10**9))
