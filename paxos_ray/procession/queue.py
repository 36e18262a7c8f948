"""The queue: values in order, numbered, for any number of consumers, each at its own pace."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from math import ceil
from typing import Any, Generic, TypeVar

from paxos_ray.procession.errors import Ended, Full, InvalidSetting
from paxos_ray.procession.listener import Listener
from paxos_ray.procession.node import Node
from paxos_ray.procession.shifter import NOTHING, Shifter
from paxos_ray.procession.waiting import Bench, Seat
from paxos_ray.procession.walk import Walk

T = TypeVar("T")

BITS = 32


class Alarm:
    """`ring(held, limit)` is called when the queue has come to hold `at` nodes, if it is armed: it
    is so again when less is held."""

    __slots__ = ("armed", "at", "ring")

    def __init__(self, at: int, ring: Callable[[int, int], None]) -> None:
        self.at, self.ring, self.armed = at, ring, True


class Ear(Generic[T]):
    """A listener; of the next so many nodes that are shifted it has not heard."""

    __slots__ = ("deaf", "listener")

    def __init__(self, listener: Listener[T], deaf: int) -> None:
        self.listener, self.deaf = listener, deaf


class Procession(Generic[T]):
    """A queue of nodes that are linked forward and numbered modulo 2 to the `bits` (1 to 64, or
    None: without bound).

    A node is *held* until all tracked consumers (`shifter`) have passed it; without any, a value
    passes at once. `limit` bounds what is held, at most 2^bits - 1, which is also what it is when
    None is given, and not how much ever passes. `push` raises `Full` there.

    Not for several threads at a time (see `Throttle`). Copies and pickles hold the same values, of
    the same numbers, with the same consumers at the same places; listeners and alarms are not
    copied. Raises `InvalidSetting`.
    """

    # Values begin in `_fresh`, and become nodes (`_link`) when somebody could meet them there. A
    # consumer that is alone takes them from `_fresh` as from a deque, which is why it is as fast.
    # Whatever else a push has to see to lowers `_room`; all else that a shift has to see to takes
    # `_fresh` out of the consumer's hands (`_arrange`). So neither pays for what there is not.
    __slots__ = (
        *("__weakref__", "_alarms", "_bench", "_ears", "_ended", "_exposed", "_fresh", "_head"),
        *("_mark", "_mask", "_peak", "_room", "_rung", "_shifters", "_tail", "bits", "limit"),
    )

    def __init__(self, *, bits: int | None = BITS, limit: int | None = None) -> None:
        if bits is not None and not (type(bits) is int and 1 <= bits <= 64):
            raise InvalidSetting(f"bits: from 1 to 64, or None, not {bits!r}")
        most = sys.maxsize if bits is None else (1 << bits) - 1
        if limit is not None and not (type(limit) is int and 1 <= limit <= most):
            raise InvalidSetting(f"limit: from 1 to {most}, not {limit!r}")
        self.bits = bits
        self.limit = most if limit is None else limit
        self._mask = -1 if bits is None else (1 << bits) - 1
        self._begin(0, ())

    def _begin(self, sequence: int, values: Iterable[T]) -> None:
        self._fresh: deque[T] = deque(values)
        self._head: Node[T] = Node(sequence)  # open
        self._tail: Node[T] = self._head  # the first that is not shifted
        self._shifters: list[Shifter[T]] = []
        self._ears: list[Ear[T]] = []
        self._alarms: list[Alarm] = []
        self._rung = False  # some of them have, and wait for less to be held
        self._mark = self.limit + 1  # when so much is held, an alarm rings or a push is refused
        self._peak = 0  # what was held at most when last something was shifted
        self._exposed = False  # nodes have been given out, from which all that follow are reached
        self._ended = False
        self._bench = Bench()
        self._room = -1  # a push that makes `_fresh` longer has to look what else is to be done

    # -- what goes in --------------------------------------------------------------------

    def push(self, value: T) -> None:
        """Append a value. Raises `Ended`, and `Full` when as much is held as may be."""
        fresh = self._fresh
        fresh.append(value)
        if len(fresh) > self._room:
            self._look(1)

    def extend(self, values: Iterable[T]) -> None:
        """Append several values, or, when there is not room for all, none: raises as `push`."""
        batch = values if isinstance(values, (list, tuple)) else list(values)
        fresh = self._fresh
        fresh.extend(batch)
        if len(fresh) > self._room:
            self._look(len(batch))

    def end(self) -> None:
        """The end of the stream: what is there can still be shifted, nothing can be pushed."""
        self._ended = True
        self._bench.wake()
        self._arrange()

    @property
    def ended(self) -> bool:
        """Whether `end` was called."""
        return self._ended

    # -- what is there -------------------------------------------------------------------

    def __len__(self) -> int:
        """How many nodes are held."""
        return ((self._head.sequence - self._tail.sequence) & self._mask) + len(self._fresh)

    @property
    def peak(self) -> int:
        """The most that was ever held."""
        return max(self._peak, len(self))

    def distance(self, start: Node[T], end: Node[T]) -> int:
        """How many places `end` lies behind `start`, if fewer than 2^bits."""
        return (end.sequence - start.sequence) & self._mask

    def __iter__(self) -> Iterator[Node[T]]:
        return self.walk()

    def walk(self, node: Node[T] | None = None) -> Walk[T]:
        """An iterator over the nodes from `node` on, or from the first that is held."""
        self._expose()
        return Walk(self, self._tail if node is None else node)

    # -- who hears of it -----------------------------------------------------------------

    def shifter(self) -> Shifter[T]:
        """A consumer that starts after what is there."""
        self._link()
        return self._track(Shifter(self), self._head)

    def listen(self, listener: Listener[T]) -> None:
        """Tell a listener of all nodes that are pushed from now on, and of their being shifted."""
        self._expose()
        self._link()
        self._ears.append(Ear(listener, len(self)))
        self._arrange()

    def silence(self, listener: Listener[T]) -> None:
        """Tell it no more. Of one that does not listen: nothing happens."""
        self._ears = [ear for ear in self._ears if ear.listener is not listener]
        self._arrange()

    def alarm(self, share: float, ring: Callable[[int, int], None]) -> None:
        """Call `ring(held, limit)` when this share of the limit (above 0, below 1), rounded up, has
        come to be held, and again whenever less was held in the meantime. The value that was
        pushed is in by then. Raises `InvalidSetting`.
        """
        if type(share) not in (int, float) or not 0 < share < 1:
            raise InvalidSetting(f"share: above 0 and below 1, not {share!r}")
        self._alarms.append(Alarm(ceil(share * self.limit), ring))
        self._arrange()

    # -- how it is done ------------------------------------------------------------------

    def _look(self, count: int) -> None:
        """See to all that a push has to see to, beyond an append. The last `count` values of
        `_fresh` are new, and go again if they are refused."""
        if self._ended:
            self._take_back(count)
            raise Ended("the stream has ended: nothing can be pushed")
        first = self._head
        if not self._shifters:
            if self._exposed:
                self._link()
                self._tell(first)
            self._let_go()
            return
        held = ((first.sequence - self._tail.sequence) & self._mask) + len(self._fresh)
        ringing: tuple[Alarm, ...] = ()
        if held >= self._mark:
            if held > self.limit:
                self._take_back(count)
                raise Full(f"{held - count} of at most {self.limit} nodes are held", self.limit)
            ringing = tuple(alarm for alarm in self._alarms if alarm.armed and held >= alarm.at)
            for alarm in ringing:
                alarm.armed = False
        if self._bench:
            self._bench.wake()
        if self._ears:
            self._link()
        if ringing or not self._ears:
            self._arrange()
        self._tell(first)
        for alarm in ringing:
            alarm.ring(held, self.limit)

    def _take_back(self, count: int) -> None:
        for _ in range(count):
            self._fresh.pop()

    def _sit(self) -> Seat:
        """What is done when something is pushed, or the stream ends, or a consumer goes."""
        future = self._bench.sit()
        self._arrange()
        return future

    def _rise(self, future: Seat) -> None:
        """Nobody waits for it any more."""
        self._bench.rise(future)
        self._arrange()

    def _tell(self, node: Node[T]) -> None:
        """Tell the listeners of what has been linked, from this node on."""
        ears, head = self._ears, self._head
        if ears:
            while node is not head:
                for ear in ears:
                    ear.listener.pushed(node)
                assert node._next is not None
                node = node._next

    def _link(self) -> None:
        """Make nodes of all that is fresh."""
        fresh, node, mask = self._fresh, self._head, self._mask
        if self._shifters:
            alone = self._shifters[0]
            if alone._taken:
                self._fold()
            if fresh:
                alone._ready = NOTHING  # what is linked now comes first
        if self._room >= 0:
            self._room -= len(fresh)
        sequence = node.sequence
        while fresh:
            sequence = (sequence + 1) & mask
            following: Node[T] = Node(sequence)
            node.value = fresh.popleft()
            node._next = following
            node = following
        self._head = node

    def _fold(self) -> None:
        """Bring the number of the open node up to date: whoever is alone has only counted."""
        if self._shifters:
            alone = self._shifters[0]
            self._head.sequence = (self._head.sequence + alone._taken) & self._mask
            alone._taken = 0

    def _expose(self) -> None:
        """From now on somebody may come by who looks at nodes: all have to be there."""
        if not self._exposed:
            self._exposed = True
            self._link()
            self._arrange()

    def _arrange(self) -> None:
        """Find out what pushes and shifts need not see to, things being as they are."""
        shifters, fresh = self._shifters, self._fresh
        for shifter in shifters:
            shifter._ready = NOTHING
        if self._alarms:
            armed = [alarm.at for alarm in self._alarms if alarm.armed]
            self._mark = min([self.limit + 1, *armed])
            self._rung = len(armed) < len(self._alarms)
        if self._ended or self._ears or not shifters or self._bench:
            self._room = -1
        else:
            self._room = self._mark - 1 - (len(self) - len(fresh))
        if len(shifters) == 1 and not self._exposed and shifters[0]._at is self._head:
            # A peak is noted by the first shift after it.
            if len(fresh) <= self._peak and not self._rung:
                self._room = min(self._room, self._peak)
                shifters[0]._ready = fresh

    def _track(self, shifter: Shifter[T], node: Node[T]) -> Shifter[T]:
        """A new consumer stands at that node."""
        self._fold()
        shifter._at = node
        node._consumers += 1
        self._shifters.append(shifter)
        self._arrange()
        return shifter

    def _untrack(self, shifter: Shifter[T], node: Node[T]) -> None:
        """It stands there no more, and nowhere else."""
        self._fold()
        self._note_peak()
        self._shifters.remove(shifter)
        self._bench.wake()
        node._consumers -= 1
        if not self._shifters:
            self._let_go()
        elif node is self._tail:
            self._advance()
        self._arrange()

    def _take(self, shifter: Shifter[T]) -> T:
        """The next fresh value, for a consumer that is alone, and what else is to be done."""
        self._note_peak()
        shifter._taken += 1
        value = self._fresh.popleft()
        if self._rung:
            self._rearm()
        self._arrange()
        return value

    def _advance(self) -> None:
        """Where no consumer stands before the first that is held, that one is shifted."""
        if self._shifters:
            self._note_peak()
        tail, ears = self._tail, self._ears
        following = tail._next
        while following is not None and not tail._consumers:
            self._tail = following
            tail.shifted = True
            for ear in ears:
                if ear.deaf:
                    ear.deaf -= 1
                else:
                    ear.listener.shifted(tail)
            tail = self._tail
            following = tail._next
        if self._rung:
            self._rearm()

    def _let_go(self) -> None:
        """Nobody consumes: all that is there is shifted."""
        if self._exposed:
            self._link()
        self._advance()
        if self._fresh:
            self._head.sequence = (self._head.sequence + len(self._fresh)) & self._mask
            self._fresh.clear()
            if self._rung:
                self._rearm()

    def _note_peak(self) -> None:
        """Less will be held in a moment."""
        held = ((self._head.sequence - self._tail.sequence) & self._mask) + len(self._fresh)
        if held > self._peak:
            self._peak = held

    def _rearm(self) -> None:
        """Alarms that have rung ring again when what is held has been less."""
        held = len(self)  # less than a moment ago
        again = [alarm for alarm in self._alarms if not alarm.armed and held < alarm.at]
        for alarm in again:
            alarm.armed = True
        if again:
            self._arrange()

    # -- copies --------------------------------------------------------------------------

    def __copy__(self) -> Procession[T]:
        raise TypeError("two queues cannot share their consumers: copy.deepcopy copies them, too")

    def __reduce__(self) -> tuple[Any, ...]:
        # Flat: a chain of nodes would be copied one level of recursion deeper each.
        self._fold()
        values: list[T] = []
        places: list[tuple[Shifter[T], int]] = []
        node, first = self._tail, self._tail.sequence
        for shifter in self._shifters:
            assert shifter._at is not None
            places.append((shifter, (shifter._at.sequence - first) & self._mask))
        while node._next is not None:
            values.append(node.value)
            node = node._next
        values += self._fresh
        state = (self.bits, self.limit, first, values, places, self._peak, self._ended)
        return _blank, (type(self),), state

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        bits, limit, first, values, places, peak, ended = state
        Procession.__init__(self, bits=bits, limit=limit)
        self._begin(first, values)
        self._peak, self._ended = peak, ended
        self._link()
        node, at = self._tail, 0
        for shifter, place in sorted(places, key=lambda each: each[1]):
            while at < place:
                assert node._next is not None
                node, at = node._next, at + 1
            shifter._taken = 0
            self._track(shifter, node)
        self._arrange()


def _blank(kind: type[Procession[Any]]) -> Procession[Any]:
    return kind.__new__(kind)
