"""What a citizen may stand like, and what an input makes of it: each worked out once.

A Legislator is deterministic, so what an input does to it depends on nothing but the two. A small
island has far fewer postures of one citizen than states of all; a step of the search is mostly a
look into a table.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from paxos_ray.core.legislator import Legislator
from paxos_ray.core.messages import Outcome, Pulse, Receipt
from paxos_ray.simulation.exhaustive.likeness import Likeness
from paxos_ray.simulation.island import REPUBLIC

Deed = tuple[Any, ...]
"""An input: its name, then numbers of values, ids and places; see `Postures._do`."""

SeenAs = tuple[tuple[Any, ...], tuple[Any, ...], tuple[str, Any, int] | None, tuple[Outcome, ...]]
"""What is seen: the views before and after, what was asked, and what became of tickets."""

PULSES_AT_MOST = 50
"""More pulses upon one input than any rule of the protocol gives."""

REFUSED = -1


@dataclass(frozen=True, slots=True)
class Posture:
    """All that one citizen is, frozen; `pulses` are those that it waits for, in order."""

    frozen: bytes
    digest: bytes
    id: str
    now: int
    asked: int  # how many entries it has been asked to write
    pulses: tuple[Pulse, ...]
    view: tuple[Any, ...]  # what checkers look at
    leads: bool
    collapsed: bool
    stateful: bool  # it has the application's state
    entered: bool  # it has part of the log
    wakeup: int | None


@dataclass(frozen=True, slots=True)
class Sight:
    """What there is to see for the checkers after an input: a posture whose log, promise, register
    or minimum is new, what was asked under which ticket, and what became of tickets."""

    posture: int
    asked: tuple[str, Any, int] | None
    outcomes: tuple[Outcome, ...]
    only_asked: bool  # nothing is new but what was asked


@dataclass(frozen=True, slots=True)
class Step:
    """What an input does to a posture.

    `to` is the posture after it, `REFUSED` when it was refused or raised, which `failure` says.
    `kept` gives each pulse waited for before its place after, -1 when it is not waited for any
    more; `given` are the pulses given: place, and the recipients' ids with the requests' numbers.
    """

    to: int
    reply: int | None = None
    kept: tuple[int, ...] = ()
    given: tuple[tuple[int, tuple[tuple[str, int], ...]], ...] = ()
    sight: int = -1  # a `Sight` by number; -1 is nothing new
    elapsed: int = 0  # ms by which its clock has moved
    failure: str | None = None


class Postures:
    """The postures and steps found so far, by number."""

    def __init__(self, likeness: Likeness) -> None:
        self.likeness = likeness
        self.postures: list[Posture] = []
        self.sights: list[Sight] = []
        self._numbers: dict[bytes, int] = {}
        self.made: dict[tuple[int, Deed], Step] = {}  # by posture and input
        self.seen_as: list[SeenAs] = []  # what makes each sight one
        self.news: list[tuple[int, Deed]] = []  # what has been made since it was told
        self._seen: dict[SeenAs, int] = {}

    def __len__(self) -> int:
        return len(self.postures)

    @property
    def steps(self) -> int:
        """How many steps have been worked out."""
        return len(self.made)

    def enter(self, legislator: Legislator, now: int) -> int:
        """The posture of a Legislator that waits for no pulse."""
        return self._number(legislator, now, 0, ())

    def legislator(self, posture: int) -> Legislator:
        """A copy of what stands like that."""
        copy = self.likeness.thaw(self.postures[posture].frozen)
        assert isinstance(copy, Legislator)
        return copy

    def step(self, posture: int, deed: Deed) -> Step:
        """What that input does to a citizen who stands like that."""
        key = (posture, deed)
        step = self.made.get(key)
        if step is None:
            step = self.made[key] = self._step(posture, deed)
            self.news.append(key)
        return step

    # -- one step ------------------------------------------------------------------------

    def _step(self, number: int, deed: Deed) -> Step:
        before = self.postures[number]
        legislator = self.legislator(number)
        now = before.now
        if deed[0] == "alarm":
            now = max(now, before.wakeup or now)
        try:
            answer = self._do(legislator, now, before, deed)
            if isinstance(answer, Receipt) and not (answer.accepted and answer.why is None):
                return Step(REFUSED)
            pulses = _drain(legislator)
            outcomes = legislator.outcomes()
        except Exception as error:  # noqa: BLE001 - whatever the core raises is what was looked for
            return Step(REFUSED, failure=f"{type(error).__name__} in the core: {error}")
        asked = self._asked(before, deed, answer)
        writes = before.asked + (deed[0] == "write")
        known = {pulse.id: pulse for pulse in (*before.pulses, *pulses)}
        waited = list(legislator.inspect().details["givings"])
        after = self._number(legislator, now, writes, tuple(known[id] for id in waited))
        return Step(
            to=after,
            reply=self.likeness.number(answer) if deed[0] == "receive" else None,
            kept=tuple(_place(waited, pulse) for pulse in before.pulses),
            given=tuple((_place(waited, pulse), self._envelopes(pulse)) for pulse in pulses),
            sight=self._sight(number, after, asked, outcomes),
            elapsed=now - before.now,
        )

    def _do(self, legislator: Legislator, now: int, before: Posture, deed: Deed) -> Any:
        """Give the input; returns the reply or the receipt."""
        values = self.likeness.values
        match deed:
            case ("receive", request):
                return legislator.receive(now, values[request])
            case ("sent", place, results):
                replies = {id: None if reply < 0 else values[reply] for id, reply in results}
                return legislator.sent(now, before.pulses[place], replies)
            case ("write",):
                return legislator.enqueue(now, REPUBLIC, body(before))
            case ("read",):
                return legislator.confirm(now)
            case ("emigrate", id):
                return legislator.emigrate(now, id)
            case ("embark", citizen):
                return legislator.embark(now, REPUBLIC, values[citizen])
            case ("hint", id):
                return legislator.unreachable(now, id)
            case ("load",):
                return legislator.acclimate(now)
            case ("alarm",):
                return legislator.tick(now)
        raise AssertionError(deed)

    def _asked(self, before: Posture, deed: Deed, answer: Any) -> tuple[str, Any, int] | None:
        """The kind of what was asked, its subject where there is one, and the ticket."""
        if not isinstance(answer, Receipt) or answer.ticket is None:
            return None
        match deed:
            case ("write",):
                return "write", body(before), answer.ticket
            case ("embark", citizen):
                return "embark", self.likeness.values[citizen].id, answer.ticket
            case (kind, *subject):
                return kind, subject[0] if subject else None, answer.ticket
        raise AssertionError(deed)

    def _envelopes(self, pulse: Pulse) -> tuple[tuple[str, int], ...]:
        return tuple((to, self.likeness.number(request)) for to, request in pulse.envelopes)

    def _number(
        self, legislator: Legislator, now: int, asked: int, pulses: tuple[Pulse, ...]
    ) -> int:
        likeness = self.likeness
        form = likeness.form(legislator, now, (pulse.id for pulse in pulses))
        digest = form + bytes([asked])
        number = self._numbers.get(digest)
        if number is not None:
            return number
        return self.adopt(
            Posture(
                frozen=likeness.freeze(legislator),
                digest=digest,
                id=legislator.id,
                now=now,
                asked=asked,
                pulses=pulses,
                view=self._view(legislator),
                leads=legislator.inspect().role == "writer",
                collapsed=legislator.collapsed,
                stateful=legislator.stateful,
                entered=legislator.top is not None,
                wakeup=legislator.wakeup,
            )
        )

    # -- what checkers see ---------------------------------------------------------------

    def _view(self, legislator: Legislator) -> tuple[Any, ...]:
        digest = self.likeness.digest
        register, government = legislator.register, legislator.government
        return (
            legislator.id,
            legislator.top,
            legislator.promised,
            legislator.minimum,
            legislator.stateful,
            None if register is None else digest(register),
            None if government is None else digest(government),
            tuple(map(digest, legislator.log)),
        )

    def _sight(self, before: int, after: int, asked: Any, outcomes: tuple[Outcome, ...]) -> int:
        """The number of a sight: the same for postures in which the same is seen."""
        view = self.postures[after].view
        if asked is None and not outcomes and view == self.postures[before].view:
            return -1
        known = self.postures[before].view
        seen_as = (known, view, asked, outcomes)
        only_asked = not outcomes and view == known
        return self.adopt_sight(seen_as, Sight(after, asked, outcomes, only_asked))

    # -- by number -----------------------------------------------------------------------

    def adopt(self, posture: Posture) -> int:
        """The number of a posture."""
        number = self._numbers.setdefault(posture.digest, len(self.postures))
        if number == len(self.postures):
            self.postures.append(posture)
        return number

    def adopt_sight(self, seen_as: SeenAs, sight: Sight) -> int:
        """The number of a sight."""
        number = self._seen.setdefault(seen_as, len(self.sights))
        if number == len(self.sights):
            self.sights.append(sight)
            self.seen_as.append(seen_as)
        return number


def body(posture: Posture) -> bytes:
    """What the citizen is asked to write next: named by who is asked and how often it was.

    So which of two citizens was asked first makes no difference: entries are interchangeable."""
    return f"{posture.id}{posture.asked + 1}".encode()


def _drain(legislator: Legislator) -> list[Pulse]:
    """All that it gives now."""
    pulses: list[Pulse] = []
    while (pulse := legislator.outbox()) is not None:
        pulses.append(pulse)
        assert len(pulses) <= PULSES_AT_MOST, f"{legislator.id} gives pulses without end"
    return pulses


def _place(waited: list[str], pulse: Pulse) -> int:
    return waited.index(pulse.id) if pulse.id in waited else -1
