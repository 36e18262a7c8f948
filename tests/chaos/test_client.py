"""What a client tells of its calls, and when."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from paxos_ray import TimedOut
from paxos_ray.chaos.book import Told, Trouble
from paxos_ray.chaos.client import Diary
from paxos_ray.simulation import Operation

CALL = Told(1, Operation("home-0.0/0", "x", "increment", (1,), 5, None))


class FakeLedger:
    """A ledger that can be out of reach."""

    def __init__(self) -> None:
        self.told: list[Any] = []
        self.reached = True
        self.loses_replies = False
        self.closed = False

    def tell(self, told: Sequence[Any], timeout_s: float) -> bool:
        if self.reached:
            self.told += told
        if not self.reached or self.loses_replies:
            raise TimedOut("no answer")
        return self.closed


def diary() -> tuple[Any, Diary]:
    ledger: Any = FakeLedger()
    return ledger, Diary(ledger)


def test_a_call_is_announced_at_once() -> None:
    ledger, own = diary()
    assert own.announce([CALL])
    assert ledger.told == [CALL]


def test_a_call_that_could_not_be_announced_for_sure_is_not_to_be_made() -> None:
    ledger, own = diary()
    ledger.loses_replies = True
    assert not own.announce([CALL])
    ledger.reached = False
    assert not own.announce([CALL])


def test_what_is_noted_is_kept_until_it_is_heard() -> None:
    ledger, own = diary()
    ledger.reached = False
    own.note(CALL)
    own.note(Trouble("home-0.0/0", "KeyError: 1"))
    assert not own.send()
    ledger.reached = True
    assert own.send()
    assert ledger.told == [CALL, Trouble("home-0.0/0", "KeyError: 1")]
    assert own.send()
    assert len(ledger.told) == 2


def test_what_is_noted_meanwhile_is_not_lost() -> None:
    ledger, own = diary()
    own.note(CALL)
    tell = ledger.tell

    def tell_and_note(told: Sequence[Any], timeout_s: float) -> bool:
        own.note(CALL._replace(number=2))
        ledger.tell = tell
        return bool(tell(told, timeout_s))

    ledger.tell = tell_and_note
    assert own.send()
    assert own.send()
    assert [told.number for told in ledger.told] == [1, 2]


def test_who_tells_hears_that_it_is_to_end() -> None:
    ledger, own = diary()
    assert own.send()
    assert not own.closed
    ledger.closed = True
    assert own.send()
    assert own.closed
