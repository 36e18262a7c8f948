"""The exhaustive search: it ends, with the same counts every time, and finds what is planted."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from random import Random
from typing import Any

import pytest

from paxos_ray.core import legislation
from paxos_ray.core.legislator import Legislator
from paxos_ray.core.messages import Register
from paxos_ray.core.promise import Ballot
from paxos_ray.simulation.exhaustive import Bounds, crew, explore, shelves
from paxos_ray.simulation.exhaustive.likeness import Likeness
from paxos_ray.simulation.exhaustive.search import Search
from paxos_ray.simulation.exhaustive.shelves import GRAIN, Shelf, Visited
from paxos_ray.simulation.exhaustive.state import State
from tests.mutants.catalogue import MUTANTS


def bounds(**some: Any) -> Bounds:
    """Bounds in which nothing happens but these."""
    nothing = {"entries": 0, "changes": 0, "elections": 0, "crashes": 0, "faults": 0}
    return Bounds(**{**nothing, **some})


SMALL = {
    "an entry": (bounds(entries=1), 6),
    "two entries": (bounds(entries=2), 27),
    "an entry and a read": (bounds(entries=1, reads=1), 30),
    "a change": (bounds(changes=1), 19),
    "an entry and a newcomer": (bounds(entries=1, changes=1, change="embark"), 168),
    "an election": (bounds(elections=1), 72),
    "an entry and an election": (bounds(entries=1, elections=1), 1_023),
    "an entry and a crash": (bounds(entries=1, crashes=1), 18),
    "an entry and a fault": (bounds(entries=1, faults=1), 203),
    "an entry and an alarm": (bounds(entries=1, alarms=1), 74),
}


@pytest.mark.parametrize("name", SMALL)
def test_it_ends_with_its_count(name: str) -> None:
    within, states = SMALL[name]
    exploration = explore(within)
    assert exploration.complete
    assert exploration.finding is None
    assert exploration.frontier == 0
    assert exploration.states == states


def found(within: Bounds, reduced: bool) -> tuple[int, set[object], set[object]]:
    """How many states a search finds; all that can be seen in any: the history, what is
    acknowledged, how far everybody is, what it has promised and recorded; and every input that
    shows, with what it did."""
    search = Search(within, None, reduced)
    search.world.likeness.timeless &= reduced  # the plain search tells all times apart
    courts: set[tuple[int, ...]] = set()
    search.seen = lambda state: courts.add(court(search, state))
    exploration = search.run()
    assert exploration.complete
    sights = {sight(search, court) for court in courts}
    return exploration.states, sights, inputs(search)


def court(search: Search, state: State) -> tuple[int, ...]:
    """What the checkers remember: the annal, and the witness of each citizen."""
    world = search.world
    return state[world.count], *(world.cells.cells[it].witness for it in state[: world.count])


def content(search: Search, value: Any) -> bytes | None:
    likeness = search.world.likeness
    return None if value is None else likeness.digests[likeness.number(value)]


def sight(search: Search, court: tuple[int, ...]) -> object:
    """What there is to see."""
    courts, (annal, *bench) = search.world.courts, court
    history = courts.annal(annal, {}).history
    views = [
        (who.id, who.top, who.promised, who.minimum, content(search, who.register))
        for who in map(courts.witness, bench)
    ]
    chain = [content(search, history.entries[promise]) for promise in history.chain]
    return tuple(views), tuple(chain), history.acknowledged


def inputs(search: Search) -> set[object]:
    """The inputs that give pulses or show the checkers something, by content."""
    postures, digests = search.world.postures, search.world.likeness.digests
    found: set[object] = set()
    for (number, deed), step in postures.made.items():
        seen = step.sight >= 0 and not postures.sights[step.sight].only_asked
        if step.to < 0 or not (step.given or seen):
            continue
        match deed:
            case ("receive", request):
                told: Any = digests[request]
            case ("sent", _, results):
                told = tuple((id, digests[reply] if reply >= 0 else None) for id, reply in results)
            case _:
                told = deed
        reply = None if step.reply is None else digests[step.reply]
        given = tuple(tuple((to, digests[it]) for to, it in sent) for _, sent in step.given)
        found.add((postures.postures[number].view[:5], deed[0], told, reply, given))
    return found


@pytest.mark.parametrize(
    "within",
    [
        bounds(entries=1, elections=1),
        bounds(entries=1, reads=1),
        bounds(entries=1, changes=1),
        bounds(entries=1, changes=1, crashes=1),
        bounds(entries=1, changes=1, change="embark"),
        bounds(entries=1, crashes=1, faults=1),
        bounds(elections=1, crashes=1),
        bounds(elections=1, faults=1),
        bounds(entries=1, alarms=2),
    ],
    ids=lambda within: ".".join(map(str, within.amounts)),
)
def test_what_is_left_out_shows_nothing_new(within: Bounds) -> None:
    """The reduced search sees all that the plain one sees, in fewer states."""
    states, sights, shown = found(within, reduced=True)
    all_states, all_sights, all_shown = found(within, reduced=False)
    assert sights == all_sights
    assert shown == all_shown
    assert states < all_states


PLANTED = {
    "promise_not_checked": bounds(entries=1, elections=1),
    "promise_forgotten_on_a_change_of_government": bounds(entries=1, changes=1, elections=1),
    "lost_answer_taken_for_an_answer": bounds(entries=1, faults=1),
    "chain_dropped": bounds(entries=1, elections=1),
    "read_without_a_fresh_pulse": bounds(entries=1, reads=1, elections=1),
    "acknowledged_when_queued": bounds(entries=1),
    "minimum_of_the_leader_only": bounds(entries=1),
    "shrinks_below_the_floor": bounds(changes=1),
}


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_bug_is_found(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    MUTANTS[name].plant(monkeypatch)
    finding = explore(PLANTED[name], limit=10_000).finding
    assert finding is not None
    assert finding.path
    assert finding.path[-1].endswith(finding.name)


def test_a_violation_is_told_by_a_shortest_way(monkeypatch: pytest.MonkeyPatch) -> None:
    MUTANTS["chain_dropped"].plant(monkeypatch)
    finding = explore(bounds(entries=1, elections=1)).finding
    assert finding is not None
    assert finding.name == "committed is recorded by a majority"
    first, *others, last = finding.path
    assert first == "a is asked to write a1; a has recorded register (6,a): 6/1"
    assert others[1] == "b is told that a is dead; b has promised (7,b); b has collapsed"
    assert [line.partition(" ")[0] for line in others] == ["b", "b", "c", "b"]
    assert last.startswith("a gets results: b: Received at 6/0 ")


def test_an_exception_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(self: Any) -> int:
        raise AssertionError("planted")

    monkeypatch.setattr(legislation.Writer, "confirm", broken)
    finding = explore(bounds(reads=1)).finding
    assert finding is not None
    assert (finding.name, finding.detail) == (
        "no exception in the core",
        "AssertionError in the core: planted",
    )


def test_pulses_without_end_are_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    search = Search(bounds(entries=1), None, reduced=True)
    monkeypatch.setattr(
        legislation.Writer, "outbox", lambda self: self._give(self._round((), (), self._peers))
    )
    finding = search.run().finding
    assert finding is not None
    assert "gives pulses without end" in finding.detail


def test_the_limit_ends_it() -> None:
    exploration = explore(bounds(entries=1, elections=1), limit=100)
    assert not exploration.complete
    assert exploration.finding is None
    assert 100 <= exploration.states < 120
    assert exploration.frontier > 0


def test_the_same_search_in_another_process() -> None:
    code = (
        "from paxos_ray.simulation import Bounds, explore;"
        "print(explore(Bounds(entries=1, changes=1, elections=1, crashes=0, faults=0), 500))"
    )
    told = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(told) == 1


# -- several processes -------------------------------------------------------------------


def searched(within: Bounds, jobs: int, limit: int | None = None) -> tuple[object, ...]:
    """The states in the order in which they were found, told by content, and all that is counted;
    every level is shared, however small."""
    search = Search(within, limit, reduced=True, jobs=jobs)
    digests: list[int] = []
    search.seen = lambda state: digests.append(search.world.digest(state))
    return digests, search.run()


@pytest.fixture
def small_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crew, "WORTH_IT", 2)
    monkeypatch.setattr(shelves, "GRAIN", 7)
    monkeypatch.setattr(crew, "SLICE", 2)


@pytest.mark.usefixtures("small_slices")
@pytest.mark.parametrize(
    "within",
    [
        bounds(entries=1, elections=1),
        bounds(entries=1, changes=1, crashes=1),
        bounds(entries=1, changes=1, change="embark"),
        bounds(entries=1, crashes=1, faults=1),
        bounds(entries=1, alarms=1),
    ],
    ids=lambda within: ".".join(map(str, within.amounts)),
)
def test_several_processes_find_the_same_in_the_same_order(within: Bounds) -> None:
    alone = searched(within, 1)
    assert searched(within, 2) == alone
    assert searched(within, 3) == alone


@pytest.mark.usefixtures("small_slices")
def test_several_processes_stop_at_the_limit() -> None:
    within = bounds(entries=1, elections=1)
    (digests, counted), (others, other) = (searched(within, jobs, 300) for jobs in (1, 3))
    assert digests == others
    assert (counted.states, counted.transitions, counted.frontier) == (
        (other.states, other.transitions, other.frontier)
    )
    assert not counted.complete
    assert not other.complete


@pytest.mark.usefixtures("small_slices")
@pytest.mark.parametrize("name", ["chain_dropped", "promise_not_checked"])
def test_several_processes_tell_the_same_way(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    MUTANTS[name].plant(monkeypatch)
    alone, together = (explore(PLANTED[name], jobs=jobs) for jobs in (1, 3))
    assert alone.finding is not None
    assert together.finding == alone.finding
    assert together.states == alone.states


@pytest.mark.usefixtures("small_slices")
def test_a_process_that_dies_ends_the_search(monkeypatch: pytest.MonkeyPatch) -> None:
    search = Search(bounds(entries=1, elections=1), None, reduced=True, jobs=2)
    monkeypatch.setattr(crew, "tell", lambda world, extent: os.kill(os.getpid(), signal.SIGKILL))
    fork, forked = os.fork, []

    def noted() -> int:
        process = fork()
        if process:
            forked.append(process)
        return process

    monkeypatch.setattr(os, "fork", noted)
    with pytest.raises(crew.CrewError, match="has died"):
        search.run()
    assert not search.exploration.complete
    assert forked
    for process in forked:  # not any child at all: other tests may have some of their own
        with pytest.raises(ChildProcessError):  # it has ended, and was waited for
            os.waitpid(process, os.WNOHANG)


@pytest.mark.usefixtures("small_slices")
def test_who_interrupts_the_search_interrupts_no_process_of_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A terminal tells all processes of Ctrl-C: the search's own is who ends it."""
    within, real = bounds(entries=1, elections=1), crew.tell

    def interrupted(world: Any, extent: Any) -> Any:
        os.kill(os.getpid(), signal.SIGINT)
        return real(world, extent)

    alone = explore(within)
    monkeypatch.setattr(crew, "tell", interrupted)
    assert explore(within, jobs=2).states == alone.states
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, ())


# -- what is many ------------------------------------------------------------------------


def test_a_table_of_digests_is_a_set() -> None:
    random = Random(0)
    word = (1 << 64) - 1
    # Many begin alike, some have an empty half: what is told apart must be told by both halves.
    numbers = [random.getrandbits(64) << 64 | random.randrange(50) for _ in range(300)]
    numbers += [random.getrandbits(4) << 64 | random.getrandbits(64) & word for _ in range(20_000)]
    visited, known = Visited(), set[int]()
    for number in numbers:
        # 0 and 1 share a place, and are told apart by nothing but their other half
        number += number & word == 0
        assert (number in visited) == (number in known)
        assert visited.add(number) == (number not in known)
        known.add(number)
    assert len(visited) == len(known)
    assert all(number in visited for number in known)
    assert not any(
        number ^ 1 << 100 in visited for number in known if number ^ 1 << 100 not in known
    )


def test_a_shelf_gives_back_what_was_put_there() -> None:
    shelf = Shelf()
    states = [tuple(range(number % 9)) for number in range(3 * GRAIN + 1)]
    for state in states:
        shelf.add(state)
    assert (len(shelf), shelf.grains) == (3 * GRAIN + 1, 4)
    assert list(shelf.slice(0, 4)) == states
    assert [*shelf.slice(0, 1), *shelf.slice(1, 3), *shelf.slice(3, 9)] == states


@pytest.mark.parametrize(
    "wrong", [{"citizens": 2}, {"change": "depart"}, {"entries": -1}, {"faults": 101}]
)
def test_bounds_that_make_no_sense(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"."):
        Bounds(**wrong)


# -- likeness ----------------------------------------------------------------------------


def founded(now: int) -> Legislator:
    legislator = Legislator("a")
    legislator.bootstrap(now, "island", {})
    legislator._state.stateless_since = now
    return legislator


def test_clocks_of_their_own_make_no_difference() -> None:
    likeness = Likeness()
    assert likeness.form(founded(0), 0) == likeness.form(founded(777), 777)
    assert likeness.form(founded(0), 0) != likeness.form(founded(0), 1)


def test_what_a_citizen_holds_makes_a_difference() -> None:
    likeness = Likeness()
    other = founded(0)
    other.enqueue(0, "island", b"x")
    other.outcomes()
    assert likeness.form(founded(0)) != likeness.form(other)


def test_a_copy_is_alike_and_apart() -> None:
    likeness = Likeness()
    legislator = founded(5)
    copy = likeness.thaw(likeness.freeze(legislator))
    assert likeness.form(copy, 5) == likeness.form(legislator, 5)
    assert copy.government is legislator.government
    copy.enqueue(5, "island", b"x")
    assert likeness.form(copy, 5) != likeness.form(legislator, 5)


def test_values_are_known_by_their_content() -> None:
    likeness = Likeness()
    one, same = Register(Ballot(1, "a"), ()), Register(Ballot(1, "a"), ())
    assert one is not same
    assert likeness.number(one) == likeness.number(same)
    assert likeness.number(one) != likeness.number(Register(Ballot(1, "b"), ()))
    with pytest.raises(TypeError):
        likeness.number(Register(Ballot(1, "a"), ({1, 2},)))  # type: ignore[arg-type]


def test_a_state_is_a_value() -> None:
    search = Search(bounds(entries=1), None, reduced=True)
    states: list[State] = []
    search.seen = states.append
    search.run()
    assert len(set(states)) == len(states)
