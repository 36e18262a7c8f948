"""Histories of sessions that read wherever they are answered, while leaders are killed."""

from __future__ import annotations

import os
import signal
import threading
import time
from random import Random
from typing import Any

import ray

from paxos_ray import Island, attach, launch
from paxos_ray.simulation import HistoryRecorder, Operation, check_sessions

SOON_S = 90.0
WRITES = ("increment",)
EVENTUAL = "eventual"


def version(operation: Operation) -> Any:
    """The counter is only incremented, so that its value says how old a state is."""
    return operation.result


class Caller:
    """A thread's calls, one after the other. All threads of a process have one session."""

    def __init__(
        self, session: str, number: int, island: Island, recorder: HistoryRecorder
    ) -> None:
        self._session = session
        self._counter = island.counter("sold")
        self._recorder = recorder
        self._random = Random(f"{session} {number}")

    def call(self) -> None:
        kind = self._random.choice(
            ("increment", "session", "session", "session", "linearizable", EVENTUAL)
        )
        call = self._recorder.begin(self._session, "sold", kind)
        if kind == "increment":
            call.returned(self._counter.increment.remote(1).result(SOON_S))
        else:
            value = self._counter.value.options(consistency=kind)  # type: ignore[arg-type]
            call.returned(value.remote().result(SOON_S))


class Load:
    """So many threads that call, until it is ended."""

    def __init__(self, session: str, threads: int, island: Island) -> None:
        self.recorder = HistoryRecorder(time.monotonic_ns)
        self._failures: list[BaseException] = []
        self._stop = threading.Event()
        callers = [Caller(session, number, island, self.recorder) for number in range(threads)]
        self._threads = [threading.Thread(target=self._run, args=(c,)) for c in callers]
        for thread in self._threads:
            thread.start()

    def _run(self, caller: Caller) -> None:
        try:
            while not self._stop.is_set():
                caller.call()
        except BaseException as failure:  # noqa: BLE001 - told at the end
            self._failures.append(failure)

    def progress(self, calls: int) -> None:
        """Wait until so many more are answered."""
        goal = len(self.recorder.operations()) + calls
        deadline = time.monotonic() + SOON_S
        while len(self.recorder.operations()) < goal and not self._failures:
            assert time.monotonic() < deadline, "no progress"
            time.sleep(0.02)

    def end(self) -> list[Operation]:
        self._stop.set()
        for thread in self._threads:
            thread.join(SOON_S)
        assert not self._failures, self._failures
        return self.recorder.operations()


@ray.remote
def load_for(island: str, session: str, go_on: Any) -> list[Operation]:
    """A session in a process of its own; the clock is the machine's."""
    load = Load(session, 3, attach(island))
    ray.get(go_on.wait.remote())
    return load.end()


@ray.remote(max_concurrency=8)
class End:
    def __init__(self) -> None:
        self._over = threading.Event()

    def wait(self) -> None:
        self._over.wait(2 * SOON_S)

    def set(self) -> None:
        self._over.set()


def kill_leader(island: Island) -> None:
    leader = island.status(timeout_s=SOON_S).leader_pid
    assert leader is not None
    os.kill(leader, signal.SIGKILL)


def test_no_answer_of_a_session_is_older_than_what_it_had_seen(name: str) -> None:
    island = launch(name, citizens=4)
    island.counter("sold").increment(0, timeout_s=SOON_S)
    island.settled(timeout_s=SOON_S)  # so that nobody says that there is no such counter
    end = End.remote()  # type: ignore[attr-defined]
    tasks = [load_for.remote(name, f"task-{n}", end) for n in range(2)]
    load = Load("here", 4, island)
    try:
        load.progress(300)
        kill_leader(island)
        load.progress(300)
        island.scale(5, progress=False)
        load.progress(100)
        kill_leader(island)
        load.progress(300)
    finally:
        history = load.end()
        ray.get(end.set.remote())
    for operations in ray.get(tasks, timeout=SOON_S):
        history += operations
    assert {operation.client for operation in history} == {"here", "task-0", "task-1"}
    broken = check_sessions(history, version, writes=WRITES, weak=(EVENTUAL,))
    assert broken is None, str(broken)
    strict = check_sessions(history, version, writes=WRITES)
    assert strict is not None, "eventual reads show that there was something to keep"
    assert strict.after.method == EVENTUAL
