"""The clients of a run: started on the cluster's nodes, and again when they are lost."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from random import Random

from paxos_ray.actors.backstage import Ledger, nodes
from paxos_ray.actors.cluster import Task, TaskFailed, start
from paxos_ray.actors.errors import TimedOut
from paxos_ray.actors.island import Island
from paxos_ray.chaos import client
from paxos_ray.chaos.book import Book, Trouble
from paxos_ray.chaos.habits import PATIENCE_S, Load

_LOOK_S = 0.5
_END_S = PATIENCE_S + 30.0


class Crew:
    """So many clients. Every other one is at `home`, the node of this process, which no fault
    touches; the rest are on the other nodes, if there are any, and may be killed or cut off."""

    def __init__(self, island: Island, load: Load, clients: int, home: str, book: Book) -> None:
        self._entry = (island.name, island.authority)
        self._load = load
        self._home = home
        self._book = book
        self._ledger = Ledger.open()
        self._random = Random(f"crew {load.seed}")
        self._tasks: dict[int, Task[None]] = {}
        self._incarnations = dict.fromkeys(range(clients), 0)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="crew", daemon=True)
        self.home: list[str] = []

    def begin(self) -> None:
        """Start all, and from now on see that they are there."""
        for slot in self._incarnations:
            self._start(slot)
        self._thread.start()

    def end(self) -> None:
        """Have all come to an end, wait until they have, and take in what they have told."""
        self._stop.set()
        if self._thread.is_alive():  # it was never started if not all clients could be
            self._thread.join()
        with suppress(TimedOut):  # those who are not told end by themselves, if late
            self._ledger.close()
        deadline = time.monotonic() + _END_S
        for task in self._tasks.values():
            self._result(task, max(0.1, deadline - time.monotonic()))
        self._take(10.0)

    def _keep(self) -> None:
        while not self._stop.wait(_LOOK_S):
            self._take(_LOOK_S)
            for slot, task in list(self._tasks.items()):
                if task.ready():
                    with suppress(TimedOut):  # else the next time
                        self._start(slot)
                        self._result(task, 0.1)

    def _start(self, slot: int) -> None:
        others = [node.id for node in nodes() if node.id != self._home]
        at_home = not others or slot % 2 == 0
        node = self._home if at_home else self._random.choice(others)
        name = f"{'home' if at_home else 'away'}-{slot}.{self._incarnations[slot]}"
        self._incarnations[slot] += 1
        if at_home:
            self.home.append(name)
        arguments = (*self._entry, name, self._load, self._ledger)
        self._tasks[slot] = start(client.run, *arguments, node_id=node, num_cpus=0)

    def _take(self, timeout_s: float) -> None:
        try:
            self._book.add(self._ledger.take(timeout_s))
        except TimedOut:
            return

    def _result(self, task: Task[None], timeout_s: float) -> None:
        try:
            task.result(timeout_s)
        except (TaskFailed, TimedOut):
            return  # it was lost with its node, or to a fault; what it asked for is in the book
        except Exception as error:  # noqa: BLE001 - the verdict tells of it
            self._book.add([Trouble("crew", f"{type(error).__name__}: {error}")])
