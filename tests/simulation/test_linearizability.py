"""The search for an order: right on what is written by hand, and as trying every order is."""

from __future__ import annotations

from importlib import util
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paxos_ray.simulation import HistoryRecorder, InvalidHistory, Operation, Window, check
from paxos_ray.simulation.histories import CounterModel, Effect
from paxos_ray.simulation.linearizability import TooManyOrders

HERE = Path(__file__).parent


def load(name: str, path: Path) -> Any:
    spec = util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


brute_force = load("brute_force", HERE / "brute_force.py")
benchmark = load("histories_of_a_counter", HERE.parents[1] / "benchmarks" / "linearizability.py")


class Blind(CounterModel):
    """The same counter, of which the search knows nothing but what it does."""

    def effect(self, method: str, arguments: tuple[Any, ...], outcome: Any) -> Effect:
        return Effect()


def op(client: str, call: str, invoked: int, returned: int | None, result: Any = None) -> Operation:
    method, *arguments = call.split()
    return Operation(client, "x", method, tuple(map(int, arguments)), invoked, returned, result)


def inc(client: str, n: int, invoked: int, returned: int | None, result: Any = None) -> Operation:
    return op(client, f"increment {n}", invoked, returned, result)


def read(client: str, invoked: int, returned: int | None, result: Any = None) -> Operation:
    return op(client, "value", invoked, returned, result)


def test_what_overlaps_may_have_either_order() -> None:
    assert check([inc("a", 1, 1, 5, 3), inc("b", 2, 2, 4, 2), read("c", 3, 6, 2)]) is None


def test_a_stale_read_is_the_shortest_window() -> None:
    history = [inc("a", 1, 1, 2, 1), inc("a", 1, 3, 4, 2), read("b", 5, 6, 1), read("b", 7, 8, 2)]
    window = check(history)
    assert window is not None
    assert window.operations == (history[2],)
    assert window.culprit == history[2]
    assert window.states == (2,)
    told = str(window)
    assert "possible states at 5: 2" in told
    assert "> b  x.value()  1" in told


def test_a_lost_increment_shows_with_what_was_open_meanwhile() -> None:
    history = [
        inc("a", 1, 1, 2, 1),
        inc("a", 1, 10, 20, 2),
        read("c", 11, 12, 1),
        inc("b", 1, 13, 19, 2),
        read("c", 30, 40, 2),
    ]
    window = check(history)
    assert window is not None
    assert window.culprit == history[1]
    assert window.operations == tuple(history[1:4])
    assert window.states == (1,)
    for line, bar in zip(str(window).splitlines()[2:], ("├──", "", "├──"), strict=True):
        assert bar in line


def test_of_unknown_outcome_is_applied_late_or_never_but_not_before_or_twice() -> None:
    lost = inc("a", 5, 10, None)
    assert check([lost, read("b", 20, 21, 0), read("b", 30, 31, 5)]) is None
    assert check([lost, read("b", 20, 21, 0)]) is None
    assert check([read("b", 1, 2, 5), lost]) is not None
    window = check([lost, read("b", 20, 21, 5), read("b", 30, 31, 10)])
    assert window is not None
    assert [o.invoked for o in window.operations] == [30], "the lost one is spent by then"


def test_compare_and_set() -> None:
    first = op("a", "compare_and_set 0 5", 1, 2, True)
    assert check([first, op("b", "compare_and_set 0 6", 3, 4, False)]) is None
    assert check([first, op("b", "compare_and_set 0 6", 3, 4, True)]) is not None
    assert check([first, op("b", "compare_and_set 5 6", 3, 4, False)]) is not None
    lost = op("c", "compare_and_set 5 9", 3, None)
    assert check([first, lost, op("b", "compare_and_set 5 6", 5, 6, False)]) is None


def test_objects_are_checked_by_themselves_and_the_smallest_window_is_told() -> None:
    wrong = [read("b", 5, 6, 1), inc("c", 1, 5, 9, 7)]
    other = [o._replace(object="y") for o in (inc("a", 1, 1, 2, 1), read("a", 3, 4, 0))]
    window = check([*wrong, *other])
    assert window is not None
    assert window.culprit == other[1]
    assert check([inc("a", 1, 1, 2, 1), *other[:1]]) is None


def test_results_of_other_types_are_other_results() -> None:
    assert check([inc("a", 1, 1, 2, True)]) is not None
    assert check([op("a", "compare_and_set 0 1", 1, 2, 1)]) is not None


def test_what_is_no_history_is_refused() -> None:
    with pytest.raises(InvalidHistory, match="before it was invoked"):
        check([inc("a", 1, 5, 4, 1)])
    with pytest.raises(InvalidHistory, match="missing"):
        check([read("a", 0, 2, 0)._replace(invoked=None)])  # type: ignore[arg-type]
    with pytest.raises(InvalidHistory, match="named by a text, not 7"):
        check([inc("a", 1, 1, 2, 1), inc("a", 1, 1, 2, 1)._replace(object=7)])  # type: ignore[arg-type]
    with pytest.raises(InvalidHistory, match="no decrement"):
        check([op("a", "decrement 1", 1, 2, 1)])


def test_a_call_ends_once() -> None:
    """A second end would move the time at which it returned: what was wrong might be right then."""
    history = HistoryRecorder()
    ended = history.begin("a", "o", "increment", 2)
    ended.returned(2)
    refused = history.begin("a", "o", "increment", 3)
    refused.refused()
    before = history.operations()
    for again in (ended, refused):
        with pytest.raises(InvalidHistory, match="has ended already"):
            again.returned(9)
        with pytest.raises(InvalidHistory, match="has ended already"):
            again.refused()
    assert history.operations() == before


def test_it_gives_up_rather_than_hang() -> None:
    even = [inc(f"a{n}", 2 * n, n, None) for n in range(1, 30)]
    with pytest.raises(TooManyOrders, match="30000 steps: 30 calls, 29 of them unknown"):
        check([*even, read("b", 100, 101, 201)], limit=30_000)
    few = [inc(f"a{n}", n % 5 + 1, n, None) for n in range(1, 30)]
    with pytest.raises(TooManyOrders, match="29 of them unknown"):
        check([*few, read("b", 100, 101, 40)], limit=5)


def test_the_recorder_orders_what_one_process_does() -> None:
    recorder = HistoryRecorder()
    first = recorder.begin("a", "x", "increment", 1)
    second = recorder.begin("b", "x", "value")
    second.returned(0)
    recorder.begin("b", "x", "increment", 7).refused()
    recorder.begin("c", "x", "compare_and_set", 1, 2)
    first.returned(1)
    history = recorder.operations()
    assert [(o.invoked, o.returned) for o in history] == [(1, 6), (2, 3), (5, None)]
    assert check(history) is None


@pytest.mark.parametrize("increments", [(1, 1, 2, 3, -1), (1, -1)])
def test_many_calls_that_add_and_take_away_need_few_steps(increments: tuple[int, ...]) -> None:
    history = benchmark.history(calls=3_000, unknown=0.05, increments=increments)
    assert check(history, limit=700_000) is None


calls = st.one_of(
    st.tuples(st.just("increment"), st.tuples(st.sampled_from((-1, 0, 1, 1, 2, 3)))),
    st.tuples(st.just("value"), st.just(())),
    st.tuples(st.just("compare_and_set"), st.tuples(st.integers(0, 3), st.integers(0, 4))),
)


@st.composite
def anything(draw: st.DrawFn) -> list[Operation]:
    """Up to six calls with results that may or may not be possible."""
    history = []
    for client in range(draw(st.integers(1, 6))):
        method, arguments = draw(calls)
        result = draw(st.booleans() if method == "compare_and_set" else st.integers(-1, 5))
        invoked = draw(st.integers(0, 12))
        returned = draw(st.one_of(st.none(), st.integers(invoked, invoked + 8)))
        history.append(Operation(str(client), "x", method, arguments, invoked, returned, result))
    return history


@settings(max_examples=400, deadline=None)
@given(anything())
def test_it_agrees_with_trying_every_order(history: list[Operation]) -> None:
    right = brute_force.linearizable(history, CounterModel())
    assert (check(history) is None) == right
    assert (check(history, Blind()) is None) == right


@st.composite
def executions(draw: st.DrawFn) -> list[Operation]:
    """Calls that take effect one after the other, each while it is open; some outcomes are lost."""
    model, state = CounterModel(), 0
    history = []
    for moment in range(draw(st.integers(1, 25))):
        method, arguments = draw(calls)
        effect = 10 * moment
        invoked = effect - draw(st.integers(0, 60))
        returned: int | None = effect + draw(st.integers(0, 60))
        taken = True
        if draw(st.integers(0, 4)) == 0:
            returned, taken = None, draw(st.booleans())
        result: Any = None
        if taken:
            state, result = model.step(state, method, arguments)
        history.append(Operation(str(moment), "x", method, arguments, invoked, returned, result))
    return draw(st.permutations(history))


@settings(max_examples=200, deadline=None)
@given(executions())
def test_what_came_about_in_an_order_has_one(history: list[Operation]) -> None:
    assert check(history) is None


def small(seed: int) -> list[Operation]:
    """Up to nine calls of up to five clients that took effect one after the other, of which some
    results are lost and, in most histories, some told wrongly."""
    random, model = Random(seed), CounterModel()
    wrong = random.choice((0, 0.15, 0.4))
    free = [random.randint(0, 4) for _ in range(random.randint(1, 5))]
    drawn = []
    for _ in range(random.randint(2, 9)):
        client = random.randrange(len(free))
        invoked = free[client] + random.randint(0, 4)
        returned = invoked + random.randint(0, 6)
        free[client] = returned + random.randint(0, 1)
        lost = random.random() < 0.3
        effect = random.uniform(invoked, returned) + lost * random.choice((0, random.randint(0, 9)))
        drawn.append((effect, client, invoked, None if lost else returned))
    state, history = model.initial, []
    for _, client, invoked, until in sorted(drawn, key=lambda each: each[0]):
        method = random.choice(("increment", "increment", "value", "compare_and_set"))
        arguments: tuple[int, ...] = ()
        if method == "increment":
            arguments = (random.choice((-2, -1, 0, 1, 1, 2, 3)),)
        elif method == "compare_and_set":
            arguments = (random.randint(-1, 4), random.randint(-1, 4))
        result: Any = None
        if until is not None or random.random() < 0.6:
            state, result = model.step(state, method, arguments)
        if until is not None and random.random() < wrong:
            result = not result if type(result) is bool else result + random.choice((-2, -1, 1, 2))
        history.append(Operation(f"c{client}", "x", method, arguments, invoked, until, result))
    return history


@pytest.mark.parametrize("model", [CounterModel(), Blind()], ids=["counter", "blind"])
def test_of_thousands_of_small_histories_the_verdict_and_the_window_are_true(
    model: CounterModel,
) -> None:
    refused = 0
    for seed in range(3_000):
        history = small(seed)
        window = check(history, model)
        right = brute_force.orderable(history, model, 0)
        assert (window is None) == right, seed
        if window is not None:
            refused += 1
            is_true(window, history, model)
    assert 750 < refused < 2_250


def is_true(window: Window, history: list[Operation], model: CounterModel) -> None:
    """What is said at `Window`, as far as it can be tried."""
    begin, end = window.culprit.invoked, window.culprit.returned
    assert end is not None
    begun = [call for call in history if call.invoked <= end]
    assert not brute_force.orderable(begun, model, 0, lambda _, returned: returned <= end)
    assert brute_force.orderable(begun, model, 0, lambda _, returned: returned < end)
    for state, taken in window.beginnings:
        left = [call for call in window.operations if not any(call is each for each in taken)]
        assert not brute_force.orderable(
            left, model, state, lambda _, returned: returned <= end, begin
        )
        then = read("then", begin, begin, state)
        begun = [*(call for call in history if call.invoked <= begin), then]
        assert brute_force.orderable(
            begun, model, 0, lambda call, returned, then=then: call is then or returned < begin
        )


def test_a_window_says_what_had_taken_effect_when_it_began() -> None:
    down, up = inc("c1", -1, 1, None), inc("c3", 1, 1, None)
    history = [down, up, op("c2", "compare_and_set 0 9", 2, 4, False), read("c0", 9, 15, -2)]
    window = check(history)
    assert window is not None
    assert window.beginnings == ((-1, (down,)), (1, (up,)))
    told = "possible states at 9: -1 after c1: x.increment(-1); 1 after c3: x.increment(1)"
    assert told in str(window)
    told = str(check([history[0], *history[2:]]))
    assert "possible states at 9: -1\n" in told
    assert "c1" not in told, "it is spent"


def test_the_culprit_is_the_first_that_no_order_explains() -> None:
    # The read of 9 is open, and nothing makes 9: but the increment has returned before.
    history = [inc("a", 1, 1, None), read("b", 2, 20, 9), read("c", 5, 8, 1)]
    window = check(history)
    assert window is not None
    assert window.culprit == history[1]


def test_what_is_refused_stays_so_though_the_first_is_not_found_in_time() -> None:
    # What could make 6 leaves much to try, and nothing makes 9.
    history = [
        *(inc(f"a{n}", 1, 1, None) for n in range(6)),
        read("b", 2, 20, 9),
        read("e", 2, 40, 6),
        read("c", 5, 8, 1),
    ]
    culprits = []
    for limit in range(1, 120):
        try:
            window = check(history, limit=limit)
        except TooManyOrders:
            continue
        assert window is not None
        culprits.append(window.culprit.client)
    assert list(dict.fromkeys(culprits)) == ["e", "b"]
