"""A procession against a plain list of all that was ever pushed, and numbers of places in it.

Widths are small, so that the numbers wrap every few steps.
"""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from itertools import pairwise
from math import ceil
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from paxos_ray.procession import (
    EMPTY,
    END,
    Destroyed,
    Ended,
    Full,
    InvalidSetting,
    Node,
    Procession,
    Shifted,
    Shifter,
    Walk,
)

PLACE = st.integers(0, 5)


class Hearing:
    """A listener that notes what it is told, checking that it is so already."""

    def __init__(self, since: int) -> None:
        self.since = since  # how many had been pushed when it was added
        self.pushes: list[int] = []
        self.shifts: list[int] = []

    def pushed(self, node: Node[int]) -> None:
        assert not node.shifted
        self.pushes.append(node.value)

    def shifted(self, node: Node[int]) -> None:
        assert node.shifted
        self.shifts.append(node.value)


class Watched:
    """A walk, and where the model has it."""

    def __init__(self, walk: Walk[int], next: int) -> None:
        self.walk, self.next = walk, next
        self.at: int | None = None


class ProcessionMachine(RuleBasedStateMachine):
    """The value of each node is its number, counted without wrapping."""

    listening: ClassVar[bool] = True

    @initialize(bits=st.sampled_from((3, 1, 4, None)), limit=st.integers(1, 7), alarms=PLACE)
    def begin(self, bits: int | None, limit: int, alarms: int) -> None:
        self.limit = limit if bits is None else min(limit, 2**bits - 1)
        self.mask = -1 if bits is None else 2**bits - 1
        self.queue: Procession[int] = Procession(bits=bits, limit=self.limit)
        self.count = 0  # how many were pushed
        self.shifters: list[Shifter[int]] = []
        self.places: list[int] = []  # of these, the number of the value that comes next
        self.walks: list[Watched] = []
        self.nodes: dict[int, Node[int]] = {}
        self.hearings: list[Hearing] = []
        self.peak = 0
        self.ended = False
        self.rung: list[float] = []
        self.rings: list[float] = []  # what the model expects
        self.armed: dict[float, bool] = {}
        for share in (0.5, 0.2, 0.9)[: alarms % 4]:
            self.armed[share] = True
            self.queue.alarm(share, self.ring(share))
        if self.listening and alarms > 3:
            self.listen()

    def ring(self, share: float) -> Callable[[int, int], None]:
        def ring(held: int, limit: int) -> None:
            assert (held, limit) == (len(self.queue), self.limit)
            assert held >= ceil(share * limit)
            self.rung.append(share)

        return ring

    @property
    def least(self) -> int:
        return min(self.places, default=self.count)

    @property
    def held(self) -> int:
        return self.count - self.least

    def settle(self) -> None:
        """What follows from less being held."""
        for share in self.armed:
            if self.held < ceil(share * self.limit):
                self.armed[share] = True

    def grown(self) -> None:
        """What follows from more being held."""
        self.peak = max(self.peak, self.held)
        for share, armed in self.armed.items():
            if armed and self.places and self.held >= ceil(share * self.limit):
                self.armed[share] = False
                self.rings.append(share)

    # -- what goes in --------------------------------------------------------------------

    @rule(many=st.sampled_from((1, 1, 2, 3)), at_once=st.booleans())
    def push(self, many: int, at_once: bool) -> None:
        batches = [range(self.count, self.count + many)]
        if not at_once:
            batches = [range(number, number + 1) for number in batches[0]]
        for batch in batches:
            values = list(batch)

            def put(values: list[int] = values) -> None:
                self.queue.extend(values) if at_once else self.queue.push(values[0])

            if self.ended:
                with pytest.raises(Ended):
                    put()
            elif self.places and self.held + len(values) > self.limit:
                with pytest.raises(Full) as raised:
                    put()
                assert raised.value.limit == self.limit
            else:
                put()
                self.count += len(values)
                self.grown()

    @precondition(lambda self: self.count > 12)
    @rule(sure=st.sampled_from((False, False, False, True)))
    def end(self, sure: bool) -> None:
        if sure:
            self.queue.end()
            self.ended = True

    # -- consumers -----------------------------------------------------------------------

    @rule()
    def shifter(self) -> None:
        self.shifters.append(self.queue.shifter())
        self.places.append(self.count)

    @precondition(lambda self: self.shifters)
    @rule(which=PLACE)
    def fork(self, which: int) -> None:
        which %= len(self.shifters)
        self.shifters.append(self.shifters[which].shifter())
        self.places.append(self.places[which])

    @precondition(lambda self: self.shifters)
    @rule(which=PLACE, many=st.sampled_from((1, 1, 2, 9)))
    def shift(self, which: int, many: int) -> None:
        which %= len(self.shifters)
        for _ in range(many):
            expected: Any = self.places[which]
            if expected == self.count:
                expected = END if self.ended else EMPTY
            else:
                self.places[which] += 1
            assert self.shifters[which].peek() == expected
            assert self.shifters[which].shift() == expected
            self.settle()

    @precondition(lambda self: self.shifters)
    @rule(which=PLACE, many=st.integers(-1, 8))
    def skip(self, which: int, many: int) -> None:
        which %= len(self.shifters)
        if 0 <= many <= self.count - self.places[which]:
            self.shifters[which].skip(many)
            self.places[which] += many
            self.settle()
        else:
            with pytest.raises(InvalidSetting):
                self.shifters[which].skip(many)

    @precondition(lambda self: self.shifters and self.nodes)
    @rule(which=PLACE, where=PLACE)
    def move(self, which: int, where: int) -> None:
        which %= len(self.shifters)
        number = list(self.nodes)[-1 - where % len(self.nodes)]
        if number < self.least:
            with pytest.raises(Shifted):
                self.shifters[which].move(self.nodes[number])
        else:
            self.shifters[which].move(self.nodes[number])
            self.places[which] = number
            self.settle()

    @precondition(lambda self: self.shifters)
    @rule(which=PLACE)
    def drain(self, which: int) -> None:
        which %= len(self.shifters)
        assert list(self.shifters[which]) == list(range(self.places[which], self.count))
        self.places[which] = self.count
        self.settle()

    @precondition(lambda self: self.shifters)
    @rule(which=PLACE)
    def destroy(self, which: int) -> None:
        which %= len(self.shifters)
        shifter = self.shifters.pop(which)
        del self.places[which]
        shifter.destroy()
        shifter.destroy()
        for verb in (shifter.shift, shifter.peek, shifter.shifter, lambda: shifter.skip(0)):
            with pytest.raises(Destroyed):
                verb()
        self.settle()

    # -- iterators -----------------------------------------------------------------------

    @precondition(lambda self: self.listening)
    @rule(ahead=PLACE)
    def walk(self, ahead: int) -> None:
        self.walks.append(Watched(self.queue.walk(), self.least))
        self.go(len(self.walks) - 1, ahead)

    @precondition(lambda self: self.nodes)
    @rule(which=PLACE)
    def walk_from(self, which: int) -> None:
        number = list(self.nodes)[-1 - which % len(self.nodes)]
        self.walks.append(Watched(self.queue.walk(self.nodes[number]), number))

    @precondition(lambda self: self.walks)
    @rule(which=PLACE, many=PLACE)
    def go(self, which: int, many: int) -> None:
        watched = self.walks[which % len(self.walks)]
        for _ in range(many):
            node = next(watched.walk, None)
            if watched.next == self.count:
                assert node is None
            else:
                assert node is not None
                assert (node.value, node.sequence) == (watched.next, watched.next & self.mask)
                assert self.nodes.setdefault(node.value, node) is node
                watched.at = watched.next
                watched.next += 1

    @precondition(lambda self: self.walks)
    @rule(which=PLACE)
    def promote(self, which: int) -> None:
        watched = self.walks[which % len(self.walks)]
        at = watched.next if watched.at is None else watched.at
        assert watched.walk.shifted == (at < self.least)
        if at < self.least:
            with pytest.raises(Shifted):
                watched.walk.promote()
        else:
            self.shifters.append(watched.walk.promote())
            self.places.append(at)

    # -- listeners, copies ---------------------------------------------------------------

    @precondition(lambda self: self.listening and len(self.hearings) < 3)
    @rule()
    def listen(self) -> None:
        self.hearings.append(Hearing(self.count))
        self.queue.listen(self.hearings[-1])

    @precondition(lambda self: self.hearings)
    @rule(which=PLACE)
    def silence(self, which: int) -> None:
        hearing = self.hearings.pop(which % len(self.hearings))
        self.queue.silence(hearing)
        self.queue.silence(hearing)

    @rule(way=st.sampled_from((copy.deepcopy, lambda each: pickle.loads(pickle.dumps(each)))))
    def copied(self, way: Callable[[Any], Any]) -> None:
        """The copy has all that is copied, and goes on in place of the original."""
        self.queue, self.shifters = way((self.queue, self.shifters))
        self.walks, self.nodes, self.hearings, self.armed = [], {}, [], {}

    # -- what always holds ---------------------------------------------------------------

    @invariant()
    def agrees(self) -> None:
        if not hasattr(self, "queue"):
            return
        queue = self.queue
        assert (len(queue), queue.peak, queue.ended) == (self.held, self.peak, self.ended)
        assert self.rung == self.rings
        for shifter, place in zip(self.shifters, self.places, strict=True):
            assert shifter.lag == self.count - place
            assert shifter.sequence == place & self.mask
        for number, node in self.nodes.items():
            assert node.shifted == (number < self.least)
        last = list(self.nodes.items())[-3:]
        for (one, start), (other, end) in pairwise(last):
            if 0 <= other - one <= self.limit:
                assert queue.distance(start, end) == other - one
        for hearing in self.hearings:
            assert hearing.pushes == list(range(hearing.since, self.count))
            assert hearing.shifts == list(range(hearing.since, self.least))

    def teardown(self) -> None:
        """At the end, what is held is what the model holds."""
        if hasattr(self, "queue"):
            self.agrees()
            assert [node.value for node in self.queue] == list(range(self.least, self.count))


class Unseen(ProcessionMachine):
    """Nobody asks for nodes, so that values seldom become nodes."""

    listening = False


@pytest.mark.parametrize("machine", [ProcessionMachine, Unseen])
def test_a_procession_is_a_list(machine: type[ProcessionMachine]) -> None:
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=150,
            stateful_step_count=60,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
