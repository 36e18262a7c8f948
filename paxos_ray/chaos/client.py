"""A client, in a process of its own: it calls, and tells of its calls before it makes them.

What a client that is killed has asked for may come true long after. So no write is asked for
before the ledger knows of it; who cannot reach the ledger only reads, which leaves no trace.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from itertools import count
from typing import Any

from paxos_ray.actors.authority import Authority
from paxos_ray.actors.backstage import Ledger
from paxos_ray.actors.errors import IslandShutDown, OutcomeUnknown, Overloaded, TimedOut
from paxos_ray.actors.island import Island, enter
from paxos_ray.actors.response import Response
from paxos_ray.chaos.book import Told, Trouble
from paxos_ray.chaos.clock import Clock
from paxos_ray.chaos.habits import BURST, PATIENCE_S, Habit, Load, Wish, own
from paxos_ray.machines.errors import UnknownObject
from paxos_ray.simulation.histories import Operation

_FIND_S = 60.0
_TELL_S = 1.0
_TELL_EACH_S = 0.5
_END_S = 20.0
_TROUBLES = 5


def run(island: str, authority: Authority, name: str, load: Load, ledger: Ledger) -> None:
    """Be that client for the while, as a Ray task."""
    Client(_find(island, authority), name, load, ledger).run()


def _find(island: str, authority: Authority) -> Island:
    """The island; where control services are being broken, that may take more than one try."""
    deadline = time.monotonic() + _FIND_S
    while True:
        try:
            return enter(island, authority)
        except Exception:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)


class Client:
    """See above. Each of its threads is a caller, `name/0`, `name/1`, …: one of the history."""

    def __init__(self, island: Island, name: str, load: Load, ledger: Ledger) -> None:
        self._island = island
        self._name = name
        self._load = load
        self._clock = Clock.of(ledger)
        self._diary = Diary(ledger)
        self._numbers = count(1)
        self._stop = threading.Event()

    def run(self) -> None:
        """Call until the ledger is closed, or the time is up; then tell what was not told yet."""
        names = [f"{self._name}/{number}" for number in range(self._load.callers)]
        work: list[tuple[Callable[[str], None], str]] = [(self._call_on, name) for name in names]
        work.append((self._count_on, f"{self._name}/own"))
        threads = [
            threading.Thread(target=self._watched, args=each, name=each[1], daemon=True)
            for each in work
        ]
        for thread in threads:
            thread.start()
        while not self._diary.closed and self._elapsed_s() < self._load.seconds:
            time.sleep(_TELL_EACH_S)
            self._diary.send()
        self._stop.set()
        for thread in threads:
            thread.join(PATIENCE_S + _END_S)
        self._diary.finish()

    def _watched(self, work: Callable[[str], None], caller: str) -> None:
        troubles = 0
        while not self._stop.is_set():
            try:
                work(caller)
            except IslandShutDown as error:
                self._diary.note(Trouble(caller, f"{type(error).__name__}: {error}"))
                return
            except Exception as error:  # noqa: BLE001 - the verdict tells of it
                self._diary.note(Trouble(caller, f"{type(error).__name__}: {error}"))
                troubles += 1
                if troubles >= _TROUBLES:
                    return

    def _elapsed_s(self) -> float:
        return (self._clock.early() - self._load.began_ns) / 1e9

    # -- callers of shared objects --------------------------------------------------------

    def _call_on(self, caller: str) -> None:
        habit = Habit(self._load.run, caller, self._load.seed)
        while not self._stop.wait(habit.pause_s(self._load.rate)):
            wish = habit.next(self._elapsed_s())
            number = next(self._numbers)
            if wish.writes and not self._diary.announce([self._told(caller, number, wish)]):
                wish = habit.read(self._elapsed_s())
                number = next(self._numbers)
            self._do(habit, caller, number, wish)

    def _told(self, caller: str, number: int, wish: Wish) -> Told:
        began = self._clock.early()
        return Told(
            number, Operation(caller, wish.object, wish.method, wish.arguments, began, None)
        )

    def _do(self, habit: Habit, caller: str, number: int, wish: Wish) -> None:
        told = self._told(caller, number, wish)
        operation = told.operation
        try:
            result = self._ask(wish).result(wish.patience_s)
        except UnknownObject:
            result = 0  # nobody has counted there: it is as one that has never changed
        except (OutcomeUnknown, TimedOut, Overloaded):
            self._diary.note(told._replace(ended=self._clock.late()))
            return
        ended = self._clock.late()
        operation = operation._replace(returned=ended, result=result)
        self._diary.note(Told(number, operation, ended))
        habit.told(wish, result)

    def _ask(self, wish: Wish) -> Response[Any]:
        counter = self._island.counter(wish.object)
        if wish.method == "increment":
            return counter.increment.remote(*wish.arguments)
        if wish.method == "value":
            return counter.value.remote()
        expected, new = wish.arguments
        return counter.compare_and_set.remote(expected, new)

    # -- the one that counts on its own ---------------------------------------------------

    def _count_on(self, caller: str) -> None:
        """Increments, some at a time, each by another amount."""
        object = own(self._load.run, self._name)
        counter = self._island.counter(object)
        habit = Habit(self._load.run, caller, self._load.seed)
        while not self._stop.wait(habit.pause_s(self._load.rate / BURST)):
            began = self._clock.early()
            wishes = [Wish(object, "increment", (n,), PATIENCE_S) for n in self._amounts()]
            calls = [self._told(caller, wish.arguments[0], wish) for wish in wishes]
            while not self._diary.announce(calls):
                if self._stop.is_set():
                    return
            sent = [counter.increment.remote(*wish.arguments) for wish in wishes]
            for told, response in zip(calls, sent, strict=True):
                operation = told.operation._replace(invoked=began)
                try:
                    result = response.result(PATIENCE_S)
                except (OutcomeUnknown, TimedOut):
                    self._diary.note(Told(told.number, operation, self._clock.late()))
                    continue
                ended = self._clock.late()
                operation = operation._replace(returned=ended, result=result)
                self._diary.note(Told(told.number, operation, ended))

    def _amounts(self) -> list[int]:
        return [next(self._numbers) for _ in range(BURST)]


class Diary:
    """What is told to the ledger: at once, before a call that may change anything; now and then,
    what came of them."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._lock = threading.Lock()
        self._notes: list[Any] = []
        self.closed = False

    def note(self, news: Told | Trouble) -> None:
        """Tell that some time."""
        with self._lock:
            self._notes.append(news)

    def announce(self, calls: Sequence[Told]) -> bool:
        """Tell of calls before they are made: False if nobody knows whether that was heard."""
        try:
            self._ledger.tell(calls, _TELL_S)
        except TimedOut:
            return False
        return True

    def send(self, timeout_s: float = _TELL_S) -> bool:
        """Tell what was noted so far: whether it was heard."""
        with self._lock:
            notes = list(self._notes)
        try:
            self.closed = self._ledger.tell(notes, timeout_s)
        except TimedOut:
            return False
        with self._lock:
            del self._notes[: len(notes)]
        return True

    def finish(self) -> None:
        """The same in the end, with more patience."""
        deadline = time.monotonic() + _END_S
        while not self.send() and time.monotonic() < deadline:
            pass
