"""Messages in words: what people read in logs and traces."""

from __future__ import annotations

import pytest

from paxos_ray.core import changes
from paxos_ray.core.describe import (
    describe_entries,
    describe_government,
    describe_register,
    describe_replies,
    describe_reply,
    describe_request,
)
from paxos_ray.core.government import Citizen
from paxos_ray.core.log import NOTHING, Entry
from paxos_ray.core.messages import (
    Accept,
    Behind,
    Denied,
    Exiled,
    Lacks,
    Promised,
    Received,
    Refused,
    Register,
    Reply,
    Report,
    Synchronize,
    Write,
)
from paxos_ray.core.promise import Ballot, Promise

FOUNDED = changes.found(Citizen(id="a", properties={}, cookie=1))
SECOND = changes.arrive(FOUNDED, Citizen(id="b", properties={}, cookie=2))
GOVERNMENT = Entry(Promise(2, 0), Promise(1, 0), 0, SECOND)
ENTRY = Entry(Promise(2, 1), Promise(2, 0), 0, b"x")
BALLOT, TOP = Ballot(2, "a"), Promise(2, 0)
REPORT = Report(2, Promise(1, 0), ("c",), ("d", "e"), (("f", 30),), ("e",))
HEAD = ("island", "a", 1, "b", 2, BALLOT, TOP, Promise(1, 0))


def test_a_government_shows_its_seats_and_who_is_not_acclimated() -> None:
    assert describe_government(SECOND) == "[2/0: a |  | (b)]"


def test_entries_show_their_promises_and_governments_whole() -> None:
    assert describe_entries((GOVERNMENT, ENTRY)) == "[2/0: a |  | (b)], 2/1"


def test_requests() -> None:
    bare = ((), None, None, True)
    told = "a -> b (2,a) top 2/0 min 1/0"
    assert describe_request(Synchronize(*HEAD, *bare)) == f"Synchronize {told}"
    assert describe_request(Write(*HEAD, *bare, (ENTRY,))) == f"Write {told}: 2/1"
    accept = Accept(*HEAD, (GOVERNMENT,), FOUNDED, BALLOT, True, (ENTRY,))
    assert describe_request(accept) == (
        f"Accept {told}: 2/1, start at [1/0: a |  | ], bringing [2/0: a |  | (b)], written at (2,a)"
    )


@pytest.mark.parametrize(
    ("reply", "line"),
    [
        (None, "lost"),
        (
            Received(TOP, REPORT),
            "Received at 2/0 (under 2: min 1/0, acclimated c, loading e, reached d e, "
            "silent f for 30)",
        ),
        (
            Promised(BALLOT, TOP, None, Report(2, NOTHING, (), (), ())),
            "Promised (2,a) at 2/0 empty register (under 2: min 0/0)",
        ),
        (
            Refused(BALLOT, TOP, Report(2, NOTHING, (), (), ())),
            "Refused for (2,a) at 2/0 (under 2: min 0/0)",
        ),
        (
            Behind(TOP, (ENTRY,), FOUNDED, NOTHING),
            "Behind, being at 2/0: 2/1, start at [1/0: a |  | ]",
        ),
        (Lacks(None, None), "Lacks what is after None"),
        (Exiled(7), "Exiled by 7"),
        (Denied("another republic"), "Denied: another republic"),
    ],
)
def test_replies(reply: Reply | None, line: str) -> None:
    assert describe_reply(reply) == line
    assert describe_replies({"b": reply, "c": None}) == f"b: {line}; c: lost"


def test_a_register_shows_its_ballot_and_entries() -> None:
    assert describe_register(Register(BALLOT, (ENTRY,))) == "register (2,a): 2/1"
    assert describe_register(None) == "empty register"
