"""What must hold of standard objects whatever a model says, told from what clients heard.

1. Numbers and ids are given out once; ranges of a sequence do not meet.
2. Of a lock and an election, tokens rise with the log, and a grant follows upon the end of the one
   before: it was given back, or its session or its lease had ended.
3. An item of a queue is delivered again only after the delivery before has ended so, and not at all
   once it was acknowledged. An item that was put is acknowledged, or still there.
4. Of the bank, nothing is ever lost or won.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from paxos_ray.core.promise import Promise
from paxos_ray.simulation.bank import ACCOUNTS, EACH
from paxos_ray.simulation.models import Refused
from paxos_ray.simulation.object_histories import Heard
from paxos_ray.simulation.object_replay import ObjectReplay

GIVES_BACK = ("release", "resign", "revoke", "acknowledge")
ASKS = ("acquire", "campaign", "take", "arrive")

Grant = tuple[Promise, int, Promise]
"""Where something was granted, by which number, to which session."""


def conserved(
    accounts: Sequence[tuple[str, int]], held: Sequence[tuple[int, str, int, str]]
) -> str:
    """What is wrong with a bank that has that in its accounts, and holds that; "" if nothing."""
    money = sum(left for _, left in accounts) + sum(amount for _, _, amount, _ in held)
    right = len(ACCOUNTS) * EACH
    if money != right or any(left < 0 for _, left in accounts):
        return f"there is {money} of {right}: {accounts}, and {held} is held"
    return ""


def broken(
    name: str, calls: Sequence[Heard], replay: ObjectReplay, items: frozenset[int]
) -> list[str]:
    """What does not hold of that object, a sentence each; `calls` are those that were applied to it
    in the order of the log, `items` the ids that a queue holds in the end."""
    kind = replay.kinds[name]
    told = [c for c in calls if c.acknowledged and not isinstance(c.result, Refused)]
    found = _once(kind, told)
    ends = _ends(name, calls, replay)
    if kind in ("lock", "election"):
        granted = [_grant(c) for c in told if c.call[1] in ASKS and _first(c.result)]
        found += _in_turn(granted, ends)
        numbers = [number for _, number, _ in granted]
        if numbers != sorted(numbers):
            found.append(f"tokens were granted as {numbers}")
    if kind == "queue":
        found += _items(calls, told, ends, items)
    return found


def _once(kind: str, told: Sequence[Heard]) -> list[str]:
    given: list[Any] = []
    for call in told:
        _, method, arguments = call.call
        result: Any = call.result
        if (method in ASKS and result[1] is not None) or method == "earmark":
            given.append(result[1])
        elif method == "put" and kind == "queue":
            given.append(-result)  # ids, beside numbers
        elif method == "reserve":
            given += range(result, result + arguments[0])
    twice = sorted({number for number in given if given.count(number) > 1})
    return [f"{twice} were given out twice"] if twice else []


def _ends(
    name: str, calls: Sequence[Heard], replay: ObjectReplay
) -> list[tuple[Promise, Any, Promise | None]]:
    """Where what ended: a number, or all of a session."""
    ends: list[tuple[Promise, Any, Promise | None]] = [
        (call.promise, call.call[2][0], None) for call in calls if call.call[1] in GIVES_BACK
    ]
    for ending in replay.endings:
        if ending.object == name and ending.method == "session_ended":
            ends.append((ending.promise, None, ending.session))
        elif ending.object == name:
            ends += [(ending.promise, number, None) for number in ending.arguments[0]]
    return ends


def _in_turn(
    grants: Sequence[Grant], ends: Sequence[tuple[Promise, Any, Promise | None]]
) -> list[str]:
    """Between two grants there is the end of the first."""
    found = []
    for (first, number, session), (second, other, _) in pairwise(grants):
        ended = any(
            first <= promise <= second and (ended == number or of == session)
            for promise, ended, of in ends
        )
        if not ended:
            found.append(f"{other} was granted at {second}, {number} at {first} had not ended")
    return found


def _items(
    calls: Sequence[Heard],
    told: Sequence[Heard],
    ends: Sequence[tuple[Promise, Any, Promise | None]],
    items: frozenset[int],
) -> list[str]:
    found = []
    deliveries: dict[int, list[Grant]] = {}
    for call in told:
        result: Any = call.result
        if call.call[1] == "take" and result[0]:
            deliveries.setdefault(result[2][0], []).append(_grant(call))
    done: dict[int, Promise] = {}
    perhaps = {c.call[2][0] for c in calls if c.call[1] == "acknowledge" and not c.acknowledged}
    for call in told:
        if call.call[1] == "acknowledge":
            done[call.call[2][0]] = call.promise
    unseen = set(done) | perhaps
    for id, grants in deliveries.items():
        found += [f"item {id}: {why}" for why in _in_turn(grants, ends)]
        acknowledged = [done[number] for _, number, _ in grants if number in done]
        unseen -= {number for _, number, _ in grants}
        if acknowledged and any(promise > acknowledged[0] for promise, _, _ in grants):
            found.append(f"item {id} was delivered after it was acknowledged")
        if acknowledged and id in items:
            found.append(f"item {id} was acknowledged at {acknowledged[0]} and is there")
    gone = [
        call.result
        for call in told
        if call.call[1] == "put"
        and call.result not in items
        and not any(n in done or n in perhaps for _, n, _ in deliveries.get(_id(call), []))
    ]
    # Some deliveries nobody heard of: of those that waited.
    if len(gone) > len(unseen):
        found.append(f"items {gone} are gone, and only {len(unseen)} of them may have been done")
    return found


def _grant(call: Heard) -> Grant:
    result: Any = call.result
    return call.promise, result[1], call.session


def _first(result: Any) -> bool:
    return bool(result[0])


def _id(call: Heard) -> int:
    result: Any = call.result
    return int(result)
