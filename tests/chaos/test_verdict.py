"""The verdict, on histories that are made up: what is planted must be found."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from paxos_ray.chaos import verdict
from paxos_ray.chaos.book import Book, Told, Trouble
from paxos_ray.chaos.habits import own
from paxos_ray.chaos.verdict import MOST, Tale
from paxos_ray.core.promise import Promise
from paxos_ray.machines.journal import LogEntry, LogOperation
from paxos_ray.simulation.histories import Operation

RUN = "chaos-x"
SESSION = Promise(1, 2)
MINE = own(RUN, "home-0.0")


def increment(
    at: int, n: int, result: int | None, object: str = f"{RUN}/0/1", client: str = "home-0.0/0"
) -> Operation:
    returned = None if result is None else at + 1
    return Operation(client, object, "increment", (n,), at, returned, result)


def read(at: int, result: int) -> Operation:
    return Operation("away-1.0/0", f"{RUN}/0/1", "value", (), at, at + 1, result)


def told(entries: Sequence[tuple[int, Sequence[int]]]) -> Tale:
    """A log in which each entry has the increments of one batch: its first sequence number, and
    their amounts. Their values are right."""
    tale, value = Tale(RUN), 0
    for number, (first, amounts) in enumerate(entries, 1):
        operations = []
        for sequence, n in enumerate(amounts, first):
            value += n
            operations.append(LogOperation(sequence, MINE, "increment", (n,), value))
        tale.add(LogEntry(Promise(3, number), number, None, SESSION, tuple(operations)))
    return tale


def mine(*results: tuple[int, int | None]) -> list[Operation]:
    return [
        increment(10 * at, n, result, MINE, "home-0.0/own")
        for at, (n, result) in enumerate(results)
    ]


# -- linearizable ---------------------------------------------------------------------------------


def test_what_has_an_order_is_good() -> None:
    history = [increment(0, 2, 2), increment(0, 3, 5), read(10, 5), increment(20, 1, None)]
    check = verdict.linearizable(history)
    assert check.good
    assert check.says == "4 calls of 1 objects, 1 of unknown outcome"


def test_a_lost_increment_is_found() -> None:
    check = verdict.linearizable([increment(0, 2, 2), increment(10, 3, 5), read(20, 2)])
    assert not check.good
    assert "is not linearizable" in check.wrong[0]


def test_a_doubled_increment_is_found() -> None:
    assert not verdict.linearizable([increment(0, 2, 2), read(20, 4)]).good


def test_a_stale_read_is_found() -> None:
    history = [increment(0, 2, 2), read(10, 2), increment(20, 2, 4), read(30, 2)]
    assert not verdict.linearizable(history).good


def test_what_may_have_happened_explains_what_was_read() -> None:
    assert verdict.linearizable([increment(0, 2, 2), increment(5, 2, None), read(20, 4)]).good


def test_no_history_at_all_is_not_decided() -> None:
    wrong = Operation("home-0.0/0", f"{RUN}/0/1", "multiply", (2,), 1, 2, 2)
    (sentence,) = verdict.linearizable([wrong]).wrong
    assert sentence.startswith("not decided")


# -- exactly once ---------------------------------------------------------------------------------


def test_each_once_is_good() -> None:
    tale = told([(1, (1, 2)), (3, (3,)), (4, ())])
    check = verdict.exactly_once(mine((1, 1), (2, 3), (3, None), (4, None)), tale)
    assert check.good, check.wrong
    assert check.says == "2 acknowledged and 2 other operations looked for in 3 entries of the log"


def test_a_lost_operation_is_found() -> None:
    check = verdict.exactly_once(mine((1, 1), (2, 3)), told([(1, (1,))]))
    assert any("acknowledged and is not applied" in each for each in check.wrong)


def test_one_that_was_applied_twice_under_two_numbers_is_found() -> None:
    check = verdict.exactly_once(mine((1, 1)), told([(1, (1,)), (2, (1,))]))
    assert any("applied 2 times" in each for each in check.wrong)


def test_one_that_was_applied_twice_under_one_number_is_found() -> None:
    check = verdict.exactly_once(mine((1, 1)), told([(1, (1,)), (1, (1,))]))
    assert any("is applied again" in each for each in check.wrong)


def test_one_of_unknown_outcome_is_applied_once_at_most() -> None:
    check = verdict.exactly_once(mine((1, None)), told([(1, (1,)), (2, (1,))]))
    assert not check.good


def test_what_nobody_has_asked_for_is_found() -> None:
    check = verdict.exactly_once(mine((1, 1)), told([(1, (1, 7))]))
    assert any("is of nobody" in each for each in check.wrong)


def test_a_wrong_answer_is_found() -> None:
    check = verdict.exactly_once(mine((1, 1), (2, 2)), told([(1, (1, 2))]))
    assert any("2 was told, 3 is right" in each for each in check.wrong)


def test_what_a_citizen_says_that_it_applied_is_checked_too() -> None:
    tale = Tale(RUN)
    operation = LogOperation(1, MINE, "increment", (1,), 2)
    tale.add(LogEntry(Promise(3, 1), 1, None, SESSION, (operation,)))
    assert "1 is right" in verdict.exactly_once(mine((1, 1)), tale).wrong[0]


def test_a_log_that_goes_back_is_found() -> None:
    tale = told([(1, (1,)), (2, (2,))])
    tale.add(LogEntry(Promise(3, 2), 3))
    assert tale.wrong == ["the log gives 3/2 after 3/2"]


def test_others_operations_are_not_looked_at() -> None:
    tale = Tale(RUN)
    operation = LogOperation(1, "sold", "increment", (1,), 17)
    tale.add(LogEntry(Promise(3, 1), 1, None, SESSION, (operation,)))
    assert verdict.exactly_once([], tale).good


# -- the rest -------------------------------------------------------------------------------------


def test_states() -> None:
    assert verdict.same_state({"a": "d1", "b": "d1"}, ()).good
    assert not verdict.same_state({"a": "d1", "b": "d2"}, ()).good
    assert not verdict.same_state({"a": "d1", "b": None}, ()).good
    assert not verdict.same_state({}, ()).good
    assert not verdict.same_state({"a": "d1"}, ["b differed"]).good


def test_what_was_not_tried_is_not_good() -> None:
    assert verdict.tried(("kill", "scale"), Counter({"kill": 1, "scale": 2})).good
    (sentence,) = verdict.tried(("kill", "scale"), Counter({"kill": 1})).wrong
    assert sentence == "scale was asked for and never took place"


def test_errors_that_no_fault_explains() -> None:
    assert verdict.undisturbed([], 1).good
    assert not verdict.undisturbed([], 0).good
    troubles = [Trouble("home-0.0/1", "KeyError: 7")] * 3
    assert verdict.undisturbed(troubles, 1).wrong == ("KeyError: 7 (3 times)",)


def test_of_much_that_is_wrong_a_part_is_shown() -> None:
    check = verdict.healed([f"round {number}" for number in range(MOST + 5)])
    assert len(check.wrong) == MOST + 1
    assert check.wrong[-1] == "and 5 more"


# -- what clients tell ----------------------------------------------------------------------------


def test_a_book_counts_what_is_told_twice_once_in_whatever_order() -> None:
    begun = Told(1, increment(5, 2, None))
    ended = Told(1, increment(5, 2, 2), 6)
    for order in ([begun, ended], [ended, begun], [begun, ended, begun, ended]):
        book = Book(RUN)
        book.add(order)
        assert book.shared() == [ended.operation]
        assert book.answered == 1


def test_a_book_keeps_what_was_begun_and_never_ended() -> None:
    book = Book(RUN)
    book.add([Told(1, increment(5, 2, None)), Told(2, *mine((3, None)))])
    book.add([Trouble("home-0.0", "KeyError: 1")])
    assert [operation.arguments for operation in book.shared()] == [(2,)]
    assert [operation.arguments for operation in book.owned()] == [(3,)]
    assert book.answered == 0
    assert len(book.troubles) == 1
