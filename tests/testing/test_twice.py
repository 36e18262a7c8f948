"""The test mode for users' classes: right ones pass, flaws are found at the call they are in."""

from __future__ import annotations

import asyncio
import pickle
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import paxos_ray
from paxos_ray import (
    CannotSnapshot,
    InvalidArguments,
    InvalidClass,
    QueryWrites,
    TooLarge,
    UnknownMethod,
)
from paxos_ray.testing import CopyLost, Diverged, NotCheckedFirst, Twice, twice
from paxos_ray.testing.nursery import nursery
from paxos_ray.testing.pair import NURSERIES, RENEWED_EVERY
from tests.machines.users import Careful, Cellar, Inventory, Item, OutOfStock
from tests.testing.flawed import (
    Alarm,
    Careless,
    Ends,
    Flawed,
    Forgets,
    Refused,
    Strange,
    Unmade,
)

ROOT = Path(__file__).resolve().parent.parent.parent
LARGE = 20_000
"""So many numbers weigh more than what is pickled after each call."""


def until_diverged(call: Callable[[int], object]) -> Diverged:
    """Call it as often as it takes."""
    for n in range(4 * RENEWED_EVERY):
        try:
            call(n)
        except Diverged as diverged:
            return diverged
    raise AssertionError("nobody noticed")


def test_a_right_class_passes_whatever_it_does() -> None:
    with twice(Inventory, "a", each=3) as shop:
        assert shop.add("a", n=2) == 5
        assert shop.reserve.remote("a", 4).result(timeout_s=1) == Item("a", 1)
        assert type(shop.reserve("a", 1)) is Item
        assert shop.tag("a", *"xyzuvw") == set("xyzuvw")
        with pytest.raises(OutOfStock, match="0 a left, 1 wanted"):
            shop.reserve("a", 1)
        assert shop.left("a") == 0
        assert shop.call(Inventory.left, "a").result() == 0
        drawn = shop.draw()
        assert drawn[1] != drawn[2]
        (event,) = shop.events()
        assert (event.key, event.value) == ("draw", {"drawn": 0})
        assert shop.events() == []
        for n in range(3 * RENEWED_EVERY):
            assert shop.add("b") == n + 1
        with pytest.raises(CannotSnapshot):
            shop.lock()
        with pytest.raises(QueryWrites):
            shop.writes()
        assert shop.left("b") == 3 * RENEWED_EVERY


def test_calls_that_cannot_be_made_are_refused_and_nothing_is_broken() -> None:
    with twice(Careful) as careful:
        with pytest.raises(UnknownMethod, match="add"):
            careful.subtract(1)
        with pytest.raises(TooLarge):
            careful.add(1, bytes(3_000))
        with pytest.raises(InvalidArguments):
            careful.add(1, (each for each in ""))
        with pytest.raises(TypeError):
            careful.add.remote().result()
        with pytest.raises(ValueError, match="below"):
            careful.add(-1)
        with pytest.raises(paxos_ray.InvalidArgument):
            careful.advance(-1)
        with pytest.raises(paxos_ray.InvalidArgument):
            careful.client(lifetime_ms=0)
        assert careful.add(2) == 2
    with pytest.raises(InvalidClass):
        twice(int)
    with pytest.raises(Refused):
        twice(Unmade, 1)


def test_a_class_that_says_what_its_state_is_passes() -> None:
    with twice(Cellar) as cellar:
        for n in range(2 * RENEWED_EVERY):
            assert cellar.store("wine") == n + 1
        with pytest.raises(OutOfStock):
            cellar.store("broken")
        assert cellar.store("broken" + "!") == 1


def test_it_is_awaited_as_a_response_is() -> None:
    async def work(shop: Twice[Inventory]) -> Any:
        response = await shop.add.submit("a", 2)
        return await response, await shop.left.remote("a"), shop.add.options(overload="raise")("a")

    with twice(Inventory, "a") as shop:
        assert asyncio.run(work(shop)) == (2, 2, 3)


FLAWS: list[tuple[str, tuple[Any, ...], str]] = [
    ("chance", (), ".items['a']['left']"),
    ("clock", (), ""),
    ("monotonic", (), ""),
    ("today", (), ".items['a']['day']"),
    ("unique", (), ".numbers[3].int"),
    ("order", ("one", "two", "three", "four", "five", "six"), "[0]"),
    ("order_kept", ("one", "two", "three", "four", "five", "six"), ".items"),
    ("address", (), ".numbers[3]"),
    ("text_hash", ("one",), ""),
    ("publishes", (), ""),
    ("guesses", (), ""),
]
"""A method with a flaw, arguments, and where the copies differ."""


@pytest.mark.parametrize(("method", "args", "path"), FLAWS, ids=[flaw[0] for flaw in FLAWS])
def test_a_flaw_is_found_at_the_call_that_it_is_in(
    method: str, args: tuple[Any, ...], path: str
) -> None:
    flawed = twice(Flawed)
    for n in range(3):
        assert len(flawed.fine(n)) == n + 1
    with pytest.raises(Diverged) as caught:
        getattr(flawed, method)(*args)
    told = caught.value
    assert (told.object, told.call, told.method, told.args_of_call) == ("Flawed", 4, method, args)
    assert told.path == path
    assert told.first != told.second
    assert f"Flawed.{method}(" in str(told)
    with pytest.raises(Diverged) as again:
        flawed.looks()
    assert again.value is told, "whoever goes on is told again"
    with pytest.raises(Diverged):
        flawed.close()
    assert str(pickle.loads(pickle.dumps(told))) == str(told)


def test_an_exception_at_one_copy_only_is_found() -> None:
    flawed = twice(Flawed)
    caught = until_diverged(lambda n: flawed.raises.remote(f"name {n}"))
    assert "raised Refused: name" in caught.first + caught.second


def test_what_is_kept_on_the_class_is_not_there_for_a_newcomer() -> None:
    flawed = twice(Flawed)
    caught = until_diverged(lambda n: flawed.shared(f"name {n}"))
    assert caught.call == RENEWED_EVERY + 1
    assert (caught.first, caught.second) == (str(RENEWED_EVERY + 1), "1")
    assert Flawed.seen == [], "the class of the test itself is never touched"


def test_what_is_left_out_of_a_snapshot_is_found() -> None:
    forgets = twice(Forgets)
    assert forgets.add(1) == (1, 1)
    forgets.renew()
    with pytest.raises(Diverged) as caught:
        forgets.add(1)
    assert (caught.value.path, caught.value.first, caught.value.second) == ("[1]", "2", "1")


def test_a_snapshot_that_makes_something_else_is_found() -> None:
    strange = twice(Strange)
    caught = until_diverged(lambda _: strange.add(1))
    assert "newcomer" in caught.what
    assert (caught.call, caught.path) == (RENEWED_EVERY, ".total")


def test_of_a_large_object_everything_is_found_at_once() -> None:
    for method, error in (("lock", CannotSnapshot), ("writes", QueryWrites)):
        flawed = twice(Flawed)
        flawed.fill(LARGE)
        assert flawed.looks() == LARGE
        with pytest.raises(error):
            getattr(flawed, method)()
        with pytest.raises(error):
            flawed.looks()


def test_who_says_that_it_checks_first_has_to() -> None:
    careless = twice(Careless)
    assert careless.add(1) == 1
    with pytest.raises(NotCheckedFirst):
        careless.add(-1)
    with pytest.raises(NotCheckedFirst):
        careless.close()


def test_time_passes_when_it_is_told_to() -> None:
    with twice(Alarm, 100) as alarm:
        alarm.start()
        alarm.advance(99)
        assert alarm.state() == ([], True)
        alarm.advance(1)
        alarm.advance(250)
        assert alarm.state() == ([100, 200, 300], True)
    alarm = twice(Alarm, 100)
    with pytest.raises(Diverged, match="due at different times"):
        alarm.start(jitter=True)


def test_each_client_has_a_session_that_ends() -> None:
    with twice(Alarm, 10_000) as alarm:
        other = alarm.client(lifetime_ms=500)
        mine, its = alarm.start(), other.start()
        assert mine != its
        alarm.advance(501)
        assert alarm.state() == ([], False), "the owner's session has ended"
        assert other.start() not in (mine, its), "it has another one now"


def test_making_the_object_is_compared_too() -> None:
    with pytest.raises(Diverged) as caught:
        twice(Unmade)
    assert (caught.value.call, caught.value.method, caught.value.path) == (0, "__init__", ".n")


def test_a_copy_that_is_lost_is_told_of() -> None:
    ends = twice(Ends)
    with pytest.raises(CopyLost):
        ends.leave()
    with pytest.raises(CopyLost):
        ends.leave()
    with twice(Inventory, "a") as shop:
        assert shop.left("a") == 0, "others live on"


def test_a_closed_one_is_not_called_and_none_can_be_passed_on() -> None:
    shop = twice(Inventory)
    with pytest.raises(TypeError):
        pickle.dumps(shop)
    shop.close()
    with pytest.raises(CopyLost, match="closed"):
        shop.add("a")


def test_a_nursery_that_has_died_is_replaced() -> None:
    for number in range(NURSERIES + 1):
        nursery(number).close()
    with twice(Inventory, "a", each=1) as shop:
        shop.renew()
        assert shop.left("a") == 1


def test_what_the_document_says_is_so() -> None:
    document = (ROOT / "docs" / "objects.md").read_text()
    shown = re.findall(r"```python\n(.*?)```", document, re.DOTALL)
    names: dict[str, Any] = {"__name__": "document", "paxos_ray": paxos_ray}
    (classes,) = [code for code in shown if "class Inventory" in code]
    exec(classes.partition("inventory = ")[0], names)
    (tests,) = [code for code in shown if "twice" in code]
    exec(tests, names)
    ran = [names[name]() for name in names if name.startswith("test_")]
    assert len(ran) == 2


def test_classes_of_a_program_are_found_wherever_it_is(tmp_path: Path) -> None:
    """Neither Ray is loaded, nor is what a class prints mixed up with what copies say."""
    program = tmp_path / "program.py"
    program.write_text(
        "import sys, paxos_ray\n"
        "from paxos_ray.testing import twice\n"
        "import beside\n"
        "@paxos_ray.replicated\n"
        "class Shop:\n"
        "    def __init__(self): self.sold = []\n"
        "    def sell(self, n): print('sold'); self.sold.append(beside.Sale(n)); return self.sold\n"
        "with twice(Shop) as shop:\n"
        "    for n in range(12): sales = shop.sell(n)\n"
        "assert type(sales[0]) is beside.Sale and len(sales) == 12\n"
        "sys.exit('ray' in sys.modules)\n"
    )
    (tmp_path / "beside.py").write_text("class Sale:\n    def __init__(self, n): self.n = n\n")
    ran = subprocess.run([sys.executable, program], cwd=ROOT, capture_output=True, text=True)
    assert (ran.returncode, ran.stderr) == (0, "")
