"""The core under hypothesis: rules compose commands of the scenario language, one each, and what
fails shrinks to a scenario that can be read (and kept, in tests/scenarios).

`pytest tests/core/test_state_machine.py --hypothesis-profile=deep` looks for long.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, note, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from paxos_ray.core.errors import InvalidGovernment
from paxos_ray.simulation import running
from paxos_ray.simulation.inhabitant import Inhabitant
from paxos_ray.simulation.nemesis import may_stop
from paxos_ray.simulation.script import Script
from paxos_ray.simulation.stage import Flight
from paxos_ray.simulation.watch import Violation
from tests.mutants.catalogue import MUTANTS
from tests.mutants.mutant import INVALID, Mutant, bounded

PLACES = st.integers(0, 11)  # which of those who may be meant, counted from the last
RECENT = 12  # givings that can still be moved
NAMES = "abcdefghij"


class Island(RuleBasedStateMachine):
    """An island whose every message hypothesis moves. The checkers of the simulator look on.

    A `mutant` is planted when the island has come to be: what is caught while it is founded would
    prove nothing of the steps."""

    mutant: Mutant | None = None

    def __init__(self) -> None:
        super().__init__()
        self.script = Script()
        self.entries = 0
        self.patch = pytest.MonkeyPatch()
        self.violated = False

    def do(self, command: str) -> None:
        note(command)
        try:
            self.script.do(command)
        except Exception:
            self.violated = True
            raise

    # -- who is there --------------------------------------------------------------------

    @property
    def living(self) -> list[Inhabitant]:
        return list(self.script.stage.living())

    @property
    def leaders(self) -> list[Inhabitant]:
        return [who for who in self.living if who.leads]

    @property
    def unused(self) -> list[str]:
        """Ids of nobody, and of the dead."""
        there = self.script.stage.inhabitants
        return [id for id in NAMES if id not in there or not there[id].alive]

    @property
    def flights(self) -> list[Flight]:
        """The last givings that somebody alive is to have or gave."""
        return [f for f in self.script.stage.flights.values() if f.name][-RECENT:]

    def may_stop(self, who: Inhabitant) -> bool:
        """Whether the island survives it: see the nemesis of the simulator."""
        stage = self.script.stage

        def under_way() -> Any:
            for flight in stage.flights.values():
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

    @initialize(size=st.sampled_from((1, 3, 3, 5)), few=st.booleans())
    def found(self, size: int, few: bool) -> None:
        limits = " batch_entries=2 catch_up_entries=2" if few else ""
        self.do(f"settings ping=100 timeout=400{limits}")
        self.do(f"citizens {' '.join(NAMES[:size])}")
        if self.mutant is not None:
            self.mutant.plant(self.patch)

    # -- what is asked -------------------------------------------------------------------

    @precondition(lambda self: self.leaders)
    @rule(place=PLACES)
    def propose(self, place: int) -> None:
        self.entries += 1
        self.do(f"enqueue {pick(self.leaders, place)} x{self.entries}")

    @precondition(lambda self: self.leaders)
    @rule(place=PLACES)
    def read(self, place: int) -> None:
        self.do(f"confirm {pick(self.leaders, place)}")

    @precondition(lambda self: self.leaders and self.unused and len(self.living) < 7)
    @rule(place=PLACES)
    def embark(self, place: int) -> None:
        id = pick(self.unused, -1 - place)
        self.do(f"join {id}")
        self.do(f"embark {self.leaders[-1]} {id}")

    @precondition(lambda self: self.leaders)
    @rule(place=PLACES)
    def emigrate(self, place: int) -> None:
        who = pick(self.living, place)
        if who.listed and not who.leaving and self.may_stop(who):
            who.leaving = True
            self.do(f"emigrate {self.leaders[-1]} {who}")

    @rule(place=PLACES)
    def load(self, place: int) -> None:
        who = pick(self.living, place)
        donor = self.script.stage.inhabitants.get(who.legislator.donor or "")
        if not who.stateful and donor is not None and donor.alive and donor.stateful:
            self.do(f"load {who} {donor}")

    # -- messages ------------------------------------------------------------------------

    @precondition(lambda self: self.flights)
    @rule(place=PLACES, to=PLACES)
    def deliver(self, place: int, to: int) -> None:
        flight = pick(self.flights, place)
        self.do(f"deliver {flight.name} {pick(flight.pulse.envelopes, to).to}")

    @precondition(lambda self: self.flights)
    @rule(place=PLACES, lost=st.integers(0, 7))
    def answer(self, place: int, lost: int) -> None:
        flight = pick(self.flights, place)
        here = [name for at, name in enumerate(flight.replies) if not lost >> at & 1]
        command = f"answer {flight.name} {' '.join(here)}" if here else f"lose {flight.name}"
        self.do(command)

    @precondition(lambda self: self.flights)
    @rule(place=PLACES)
    def carry(self, place: int) -> None:
        self.do(f"carry {pick(self.flights, place).name}")

    # -- time and faults -----------------------------------------------------------------

    @rule(ms=st.sampled_from((1, 25, 100, 400)), place=PLACES, all_tick=st.booleans())
    def wait(self, ms: int, place: int, all_tick: bool) -> None:
        self.do(f"wait {ms}")
        who = self.living if all_tick else [pick(self.living, place)]
        self.do(f"tick {' '.join(map(str, who))}")

    @rule(ms=st.sampled_from((1, 50, 200)))
    def run(self, ms: int) -> None:
        self.do(f"run {ms}")

    @precondition(lambda self: len(self.living) > 1)
    @rule(ms=st.sampled_from((50, 200, 1_000)), place=PLACES)
    def run_without(self, ms: int, place: int) -> None:
        """All but one, who hears of nothing."""
        aside = pick(self.living, place)
        others = [str(who) for who in self.living if who is not aside]
        self.do(f"run {ms} only {' '.join(others)}")

    @precondition(lambda self: self.leaders and len(self.living) > 2)
    @rule(place=PLACES)
    def depose(self, place: int) -> None:
        """The others elect somebody, and the leader hears of nothing."""
        leader = self.leaders[-1]
        others = [str(who) for who in self.living if who is not leader]
        self.do(f"hint {pick(others, place)} {leader}")
        self.do(f"run 100 only {' '.join(others)}")

    @precondition(lambda self: len(self.leaders) > 1)
    @rule()
    def tempt(self) -> None:
        """Write at one who believes to lead, then read at the other."""
        new, old = sorted(self.leaders, key=lambda who: -(who.legislator.government or who).number)
        self.entries += 1
        self.do(f"enqueue {new} x{self.entries}")
        self.do(f"run 10 only {' '.join(str(w) for w in self.living if w is not old)}")
        self.do(f"confirm {old}")

    @rule(place=PLACES, dead=PLACES)
    def hint(self, place: int, dead: int) -> None:
        who, other = pick(self.living, place), pick(list(self.script.stage.inhabitants), dead)
        if other != who.id:
            self.do(f"hint {who} {other}")

    @rule(place=PLACES)
    def crash(self, place: int) -> None:
        who = pick(self.living, place)
        if self.may_stop(who):
            self.do(f"crash {who}")

    # -- at the end ----------------------------------------------------------------------

    def teardown(self) -> None:
        try:
            if self.script.stage.inhabitants and not self.violated:
                self.heal()
        finally:
            self.patch.undo()

    def heal(self) -> None:
        """Without faults it goes on: somebody leads, and writes."""
        stage = self.script.stage
        acknowledged = stage.history.acknowledged
        running.run(stage, 100 * stage.settings.timeout)
        if not self.leaders:
            self.do("show")
        assert self.leaders, "nobody leads"
        self.do(f"enqueue {self.leaders[-1]} proof")
        running.run(stage, 2 * stage.settings.timeout)
        assert stage.history.acknowledged > acknowledged, "nothing is acknowledged"


@seed(1)
class Again(Island):
    """The same examples in every run of the tests."""


def pick(those: Any, place: int) -> Any:
    """One of those, counted from the last."""
    return those[-1 - place % len(those)]


def look(examples: int, steps: int, **changed: Any) -> settings:
    return settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        **changed,
    )


def test_the_core_under_hypothesis(request: pytest.FixtureRequest) -> None:
    deep = request.config.getoption("--hypothesis-profile") == "deep"
    if deep:
        run_state_machine_as_test(Island, settings=settings.get_profile("deep"))
    else:
        run_state_machine_as_test(Again, settings=look(60, 40))


@pytest.mark.parametrize(
    "name",
    [
        "promise_forgotten_on_a_change_of_government",
        "lost_answer_taken_for_an_answer",
        "half_a_parliament_elects",
        "change_told_when_committed",
        "shrinks_below_the_floor",
        "minimum_of_the_leader_only",
        "read_without_a_fresh_pulse",
        "acknowledged_when_queued",
        "settled_twice",
    ],
)
def test_a_planted_bug_is_found(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Again, "mutant", MUTANTS[name])
    with bounded(), pytest.raises((Violation, InvalidGovernment)) as raised:
        run_state_machine_as_test(Again, settings=look(500, 40, phases=[Phase.generate]))
    found = raised.value
    by = found.name if isinstance(found, Violation) else INVALID
    assert by in MUTANTS[name].checkers


def test_a_failure_shrinks_to_few_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Again, "mutant", MUTANTS["acknowledged_when_queued"])
    phases = [Phase.generate, Phase.shrink]
    with bounded(), pytest.raises(Violation) as raised:
        run_state_machine_as_test(Again, settings=look(200, 40, phases=phases))
    told = "\n".join(raised.value.__notes__).splitlines()
    assert sum(line.startswith("state.") for line in told) <= 4
    assert any(line.startswith("enqueue ") for line in told)
