"""An island whose every message hypothesis moves: rules that compose commands of scenarios."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from types import SimpleNamespace
from typing import Any, ClassVar, TypeVar

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from paxos_ray.core.government import Government
from paxos_ray.simulation.healing import HEALING_PINGS, Progress
from paxos_ray.simulation.inhabitant import Inhabitant
from paxos_ray.simulation.nemesis import may_stop, views
from paxos_ray.simulation.scenario import RULE
from paxos_ray.simulation.script import Script
from paxos_ray.simulation.stage import Flight
from paxos_ray.simulation.watch import Violation

PLACE = st.integers(0, 11)  # which of those that may be meant; 0 is the last
ASIDE = st.sampled_from((0, 0, 1, 2, 4, 8, 3, 5, 6))  # which of them are left out, by their bits
WHAT = st.sampled_from(("nothing", "entry", "change"))
MILLISECONDS = st.sampled_from((1, 25, 100, 400))
RECENT = 12  # givings that can still be moved
CROWD = 7  # nobody comes to so many
NAMES = "abcdefghij"
CHANGES = ("embark", "emigrate")
PING, TIMEOUT = 100, 400

Item = TypeVar("Item")


class IslandMachine(RuleBasedStateMachine):
    """What fails has a note with the commands so far, as the text of a scenario.

    Rules name whom they mean by small numbers, so that a failure shrinks to the last who acted.
    `plant` is given a bug to plant when the island has come to be: what is caught while it is
    founded would prove nothing of the steps."""

    plant: ClassVar[Callable[[pytest.MonkeyPatch], None] | None] = None

    def __init__(self) -> None:
        super().__init__()
        self.script = Script()
        self.commands: list[str] = []
        self.entries = 0
        self.failed = False
        self.patch = pytest.MonkeyPatch()
        self.finished: list[str] = []  # the givings whose sender has its results

    def do(self, command: str) -> None:
        """Carry out one command."""
        self.commands.append(command.strip())
        try:
            self.script.do(command)
        except Exception as error:
            self.tell(error)
            raise

    def tell(self, error: Exception) -> None:
        """Note how it came to this, in a form that `tests/scenarios` takes."""
        self.failed = True
        what = str(error).splitlines()[0] if str(error) else type(error).__name__
        error.add_note("\n".join([f"Found by hypothesis: {what}", "", *self.commands, RULE]))

    # -- who and what is there -----------------------------------------------------------

    @property
    def living(self) -> list[Inhabitant]:
        """Everybody who lives, the founder last: that one is meant when numbers shrink."""
        return list(self.script.stage.living())[::-1]

    @property
    def leaders(self) -> list[Inhabitant]:
        """Who believes to lead, the newest government last."""
        leading = [who for who in self.living if who.leads]
        return sorted(leading, key=lambda who: next(views(who)).number)

    @property
    def stateless(self) -> list[Inhabitant]:
        """Who lives and waits for the application's state."""
        return [who for who in self.living if not who.stateful]

    @property
    def unused(self) -> list[str]:
        """Ids of the dead, and the first that nobody had."""
        there = self.script.stage.inhabitants
        free = [id for id in NAMES if id not in there]
        return [*(id for id, who in there.items() if not who.alive), *free[:1]]

    @property
    def under_way(self) -> list[Flight]:
        """The last givings whose results are awaited."""
        flights = self.script.stage.flights
        return [flight for name, flight in flights.items() if name not in self.finished][-RECENT:]

    @property
    def done(self) -> list[Flight]:
        """The last givings that are over, of which something can come again."""
        return [self.script.stage.flights[name] for name in self.finished[-RECENT // 2 :]]

    def may_stop(self, who: Inhabitant) -> bool:
        """Whether the island survives it: see the nemesis of the simulator."""
        stage = self.script.stage

        def under_way() -> Iterator[object]:
            for flight in [*self.done, *self.under_way]:
                yield from (envelope.request for envelope in flight.pulse.envelopes)
                yield from flight.replies.values()

        place: Any = SimpleNamespace(
            living=stage.living,
            inhabitants=stage.inhabitants,
            settings=stage.settings,
            network=SimpleNamespace(under_way=under_way),
        )
        return may_stop(place, who)

    # -- how it begins -------------------------------------------------------------------

    @initialize(
        size=st.sampled_from((3, 1, 3, 4, 5)),
        limit=st.sampled_from((100, 1, 2)),
        seats=st.sampled_from((5, 3)),
        floor=st.sampled_from((3, 1)),
        ahead=st.sampled_from((0, 0, 90, 700)),
    )
    def found(self, size: int, limit: int, seats: int, floor: int, ahead: int) -> None:
        """A founder alone, or a settled island; the founder's clock may be ahead of all others."""
        self.grow(size, limit, seats, floor, ahead)
        if plant := type(self).plant:
            plant(self.patch)

    def grow(self, size: int, limit: int, seats: int, floor: int, ahead: int) -> None:
        self.do(
            f"settings ping={PING} timeout={TIMEOUT} batch_entries={limit} "
            f"catch_up_entries={limit} parliament_size={seats} parliament_floor={floor}"
        )
        if size > 1 and not ahead:
            self.do(f"citizens {words(NAMES[:size])}")
            return
        self.do(f"found a ahead={ahead}" if ahead else "found a")
        for id in NAMES[1:size]:
            self.do(f"join {id}")
            self.do(f"embark a {id}")
            self.do(f"run {3 * TIMEOUT}")

    # -- what is asked -------------------------------------------------------------------

    @precondition(lambda self: self.leaders)
    @rule(place=PLACE, count=st.integers(1, 3))
    def write(self, place: int, count: int) -> None:
        bodies = [f"x{self.entries + number}" for number in range(1, count + 1)]
        self.entries += count
        self.do(f"enqueue {pick(self.leaders, place)} {words(bodies)}")

    @precondition(lambda self: self.leaders)
    @rule(place=PLACE)
    def read(self, place: int) -> None:
        self.do(f"confirm {pick(self.leaders, place)}")

    @precondition(lambda self: self.leaders and len(self.living) < CROWD and self.unused)
    @rule(place=PLACE, ahead=st.sampled_from((0, 0, 90, 700)), asked=st.booleans())
    def arrive(self, place: int, ahead: int, asked: bool) -> None:
        """A newcomer, under a new id or a dead one's."""
        id = pick(self.unused, place)
        self.do(f"join {id} ahead={ahead}" if ahead else f"join {id}")
        if not asked:
            self.do(f"embark {self.leaders[-1]} {id}")

    @precondition(lambda self: self.leaders)
    @rule(place=PLACE, leader=PLACE)
    def embark(self, place: int, leader: int) -> None:
        """Anybody, who may be there already, or dead."""
        newcomer = pick(list(self.script.stage.inhabitants), place)
        self.do(f"embark {pick(self.leaders, leader)} {newcomer}")

    @precondition(lambda self: self.leaders)
    @rule(place=PLACE, leader=PLACE)
    def emigrate(self, place: int, leader: int) -> None:
        who = pick(self.living, place)
        if who.listed and (who.leaving or self.may_stop(who)):
            who.leaving = True
            self.do(f"emigrate {pick(self.leaders, leader)} {who}")

    # -- the application's state ---------------------------------------------------------

    @precondition(lambda self: self.stateless)
    @rule(place=PLACE, donor=PLACE)
    def load(self, place: int, donor: int) -> None:
        """A state, from whoever has it or as it was when somebody made a snapshot."""
        who = pick(self.stateless, place)
        sources = [*self.script.stage.snapshots, *(w.id for w in self.living if w.stateful)]
        if sources:
            source = pick(sources, donor)
            verb = "restore" if source in self.script.stage.snapshots else "load"
            self.do(f"{verb} {who} {source}")

    @precondition(lambda self: self.stateless and len(self.script.stage.snapshots) < 3)
    @rule(place=PLACE)
    def snapshot(self, place: int) -> None:
        having = [who for who in self.living if who.stateful]
        if having:
            self.do(f"snapshot {pick(having, place)}")

    @precondition(lambda self: self.stateless)
    @rule(place=PLACE)
    def idle(self, place: int) -> None:
        """A newcomer does not load a state by itself."""
        who = pick(self.stateless, place)
        if who.id not in self.script.stage.idle:
            self.do(f"idle {who}")

    # -- messages ------------------------------------------------------------------------

    @precondition(lambda self: self.under_way)
    @rule(place=PLACE, to=PLACE)
    def deliver(self, place: int, to: int) -> None:
        flight = pick(self.under_way, place)
        waiting = [e.to for e in flight.pulse.envelopes if e.to not in flight.delivered]
        if waiting:
            self.do(f"deliver {flight.name} {pick(waiting, to)}")

    @precondition(lambda self: self.done or self.under_way)
    @rule(place=PLACE, to=PLACE)
    def deliver_again(self, place: int, to: int) -> None:
        """A duplicate, or what comes after its sender has given it up."""
        flight = pick(self.done or self.under_way, place)
        self.do(f"deliver {flight.name} {pick(flight.pulse.envelopes, to).to}")

    @precondition(lambda self: self.under_way)
    @rule(place=PLACE, lost=st.integers(0, 7))
    def answer(self, place: int, lost: int) -> None:
        flight = pick(self.under_way, place)
        here = without(list(flight.replies), lost)
        self.finished.append(flight.name)
        self.do(f"answer {flight.name} {words(here)}" if here else f"lose {flight.name}")

    @precondition(lambda self: self.under_way)
    @rule(place=PLACE, lost=ASIDE)
    def carry(self, place: int, lost: int) -> None:
        self.carry_without(pick(self.under_way, place), lost)

    def carry_without(self, flight: Flight, lost: int) -> None:
        to = without([envelope.to for envelope in flight.pulse.envelopes], lost)
        self.finished.append(flight.name)
        self.do(f"carry {flight.name} {words(to if lost else ())}" if to else f"lose {flight.name}")

    # -- time ----------------------------------------------------------------------------

    @rule(ms=MILLISECONDS, aside=ASIDE)
    def wait(self, ms: int, aside: int) -> None:
        """Time passes, and all, or all but some, do what is due."""
        self.do(f"wait {ms}")
        self.do(f"tick {words(without(self.living, aside) or self.living)}")

    @rule(ms=MILLISECONDS, aside=ASIDE)
    def run(self, ms: int, aside: int) -> None:
        """Messages go there and back, but for some who stand aside and hear of nothing."""
        others = without(self.living, aside)
        self.run_without(ms, [who for who in self.living if who not in others])

    def run_without(self, ms: int, aside: Sequence[Inhabitant]) -> None:
        others = [who for who in self.living if who not in aside]
        self.do(f"run {ms} only {words(others)}" if aside and others else f"run {ms}")

    # -- faults --------------------------------------------------------------------------

    def half_done(self, leader: Inhabitant, what: str, lost: int) -> None:
        """The leader writes an entry, or the change that it was asked for, and has the results:
        what nobody else has committed, and not all may have recorded."""
        if what == "entry":
            self.entries += 1
            self.do(f"enqueue {leader} x{self.entries}")
        elif what == "change" and any(t.kind in CHANGES for t in leader.tickets.values()):
            self.do(f"run until {leader} writes")
        if what != "nothing" and self.under_way:
            flight = self.under_way[-1]
            if flight.pulse.sender == leader.id:
                self.carry_without(flight, lost)

    @precondition(lambda self: self.leaders and len(self.living) > 2)
    @rule(place=PLACE, ms=st.sampled_from((100, 0, 400)), what=WHAT, lost=ASIDE)
    def depose(self, place: int, ms: int, what: str, lost: int) -> None:
        """The others elect somebody, and the leader hears of nothing."""
        leader = self.leaders[-1]
        self.half_done(leader, what, lost)
        others = [who for who in self.living if who is not leader]
        self.do(f"hint {pick(others, place)} {leader}")
        if ms:
            self.run_without(ms, [leader])

    @precondition(lambda self: len(self.leaders) > 1)
    @rule()
    def tempt(self) -> None:
        """Write at the newest leader, then read at the oldest."""
        old, new = self.leaders[0], self.leaders[-1]
        self.entries += 1
        self.do(f"enqueue {new} x{self.entries}")
        self.run_without(10, [old])
        self.do(f"confirm {old}")

    @precondition(lambda self: len(self.living) > 1)
    @rule(place=PLACE, dead=PLACE)
    def hint(self, place: int, dead: int) -> None:
        who, other = pick(self.living, place), pick(list(self.script.stage.inhabitants), dead)
        if other != who.id:
            self.do(f"hint {who} {other}")

    @rule(place=PLACE, told=st.booleans(), what=WHAT, lost=ASIDE)
    def crash(self, place: int, told: bool, what: str, lost: int) -> None:
        """Somebody dies whom the island can do without; the others are told of it, or not."""
        who = pick(self.living, place)
        if who.leads:
            self.half_done(who, what, lost)
        if self.may_stop(who):
            self.do(f"crash {who}")
            for other in self.living if told else ():
                self.do(f"hint {other} {who}")

    @rule(place=PLACE, way=st.sampled_from(("heal", "|", "->")))
    def cut(self, place: int, way: str) -> None:
        """Somebody from all others, or only what that one sends; or all is whole again."""
        who = pick(self.living, place)
        others = [other for other in self.living if other is not who]
        if way == "heal":
            self.do("heal")
        elif others:
            self.do(f"cut {who} {way} {words(others)}")

    # -- without faults ------------------------------------------------------------------

    @rule()
    def rest(self) -> None:
        """Without faults it goes on, if it can: somebody leads, and a write is acknowledged.

        Also a rule, the one that hypothesis holds for the simplest (it has no arguments): what
        fails at the end only would not shrink to fewer steps."""
        if not self.can_go_on():
            return
        self.do("heal")
        first, step_ms = self.entries + 1, 2 * TIMEOUT
        while step_ms < HEALING_PINGS * PING + 20 * TIMEOUT:
            self.do(f"run {step_ms}")
            step_ms *= 2
            for leader in self.leaders:
                self.entries += 1
                self.do(f"enqueue {leader} x{self.entries}")
            self.do(f"run {PING}")
            if self.acknowledged_since(first):
                return
        who = ", ".join(f"{leader} leads" for leader in self.leaders) or "nobody leads"
        violation = Violation(Progress.name, f"nothing is acknowledged; {who}")
        self.tell(violation)
        raise violation

    def teardown(self) -> None:
        """In any case, at the end."""
        try:
            if self.commands and not self.failed:
                self.rest()
        finally:
            self.patch.undo()

    def acknowledged_since(self, first: int) -> bool:
        """Whether one of the entries from the number `first` on is known to be committed."""
        bodies = [f"x{number}".encode() for number in range(first, self.entries + 1)]
        history = self.script.stage.history
        last = [history.entries[promise] for promise in history.chain[-20:]]
        return any(e.body in bodies and e.promise <= history.acknowledged for e in last)

    def can_go_on(self) -> bool:
        """Whether a majority lives of each parliament that is committed, or pending with somebody
        who votes: an island that lacks one may be blocked, by design (docs/protocol.md)."""
        stage = self.script.stage
        living = {who.id: who.cookie for who in self.living}
        binding: list[Government] = stage.history.governments[-1:]
        for who in self.living:
            bound = list(views(who))
            if any(who.id in government.parliament for government in bound):
                binding += bound
        return all(
            sum(g.lists(id, living.get(id)) for id in g.parliament) >= g.quorum for g in binding
        )


def pick(those: Sequence[Item], place: int) -> Item:
    """One of those, counted from the last."""
    return those[-1 - place % len(those)]


def without(those: Sequence[Item], aside: int) -> list[Item]:
    """Those whose bit is not set."""
    return [each for at, each in enumerate(those) if not aside >> at & 1]


def words(those: Iterable[object]) -> str:
    return " ".join(map(str, those))
