"""What must have been published, told from the states of the model before and after."""

from __future__ import annotations

from collections import Counter
from typing import Any

Events = list[tuple[Any, Any]]

ENDS = {"over": "expired", "session_ended": "ended", "cancel": "cancelled"}


def expected_events(kind: str, before: Any, after: Any, method: str, events: Events) -> None:
    """Assert that exactly what somebody may wait for was published."""
    if kind == "map":
        _map(dict(before.pairs), dict(after.pairs), method, events)
        return
    if method == "proclaim":  # whatever is said, though it be the same again
        assert [event[0] for _, event in events] in ([], ["proclaimed"])
        assert events or before == after
        events = []
    told = Counter((key, event[0]) for key, event in events)
    right = Counter(_KINDS[kind](before, after, method))
    assert told == right, f"{method}: {events} were published, {dict(right)} should be"
    if kind in ("lock", "semaphore", "election"):
        labels = {each.number: each.label for s in (before, after) for each in (*s.held, *s.line)}
        for key, event in events:
            assert event[0] == "resized" or event[1:] == (key, labels[key])
    if kind == "queue":
        for key, event in events:
            if event[0] == "taken":
                (item,) = [i for i in after.items if i.taker == key]
                assert event == ("taken", key, item.told)


def _map(before: dict[str, Any], after: dict[str, Any], method: str, events: Events) -> None:
    last = dict(events)
    assert method == "transaction" or len(last) == len(events), "a key was told twice"
    revisions = {event[-1] for _, event in events}
    assert len(revisions) <= 1, "one call, one revision"
    for key in {*before, *after, *last}:
        old, new = before.get(key), after.get(key)
        if new is not None and (old is None or old.version != new.version):
            assert last[key] == ("put", new.value, new.version)
        elif new is None and old is not None:
            why = ENDS.get(method, "deleted")
            assert last[key][0] == why
        elif new is None:
            assert method == "transaction" and last[key][0] == "deleted"
        else:
            assert key not in last


def _grants(kind: str, before: Any, after: Any, method: str) -> list[tuple[Any, str]]:
    granted, released = ("elected", "resigned") if kind == "election" else ("granted", "released")
    held, line = (
        ({h.number for h in s.held} for s in (before, after)),
        {w.number for w in before.line},
    )
    old, new = held
    waits = {w.number for w in after.line}
    right = [(number, granted) for number in new - old if number in line or kind == "election"]
    right += [(number, ENDS.get(method, released)) for number in old - new]
    right += [(number, ENDS[method]) for number in line - waits - new]
    if before.limit != after.limit:
        right.append((None, "resized"))
    return right


def _barrier(before: Any, after: Any, method: str) -> list[tuple[Any, str]]:
    right = [(gathering, "opened") for gathering in range(before.opened + 1, after.opened + 1)]
    inside = [{p.gathering for p in s.there if p.gathering <= s.opened} for s in (before, after)]
    right += [(gathering, "emptied") for gathering in inside[0] - inside[1]]
    there = {party.ticket for party in after.there}
    right += [
        (party.gathering, ENDS[method])
        for party in before.there
        if party.gathering > after.opened and party.ticket not in there
    ]
    if before.gate != after.gate:
        right.append(("gate", "held" if after.gate else "lifted"))
    return right


def _queue(before: Any, after: Any, method: str) -> list[tuple[Any, str]]:
    old, new = ({i.id: i for i in s.items} for s in (before, after))
    right: list[tuple[Any, str]] = [(("item", id), "put") for id in new if id not in old]
    gone = "done" if method == "acknowledge" else "cleared"
    right += [(("item", id), gone) for id in old if id not in new]
    right += [
        (("item", id), "returned")
        for id in old
        if id in new and old[id].taker is not None and new[id].taker != old[id].taker
    ]
    waiting = {t.number for t in before.takers if t.item is None}
    takers = {t.number: t for t in after.takers}
    right += [(n, "taken") for n in waiting if n in takers and takers[n].item is not None]
    ended = {t.number for t in before.takers} - set(takers)
    if method in ENDS:
        right += [(number, ENDS[method]) for number in ended]
    full = [s.limit is not None and len(s.items) >= s.limit for s in (before, after)]
    if full == [True, False]:
        right.append(("room", "room"))
    if old and not new:
        right.append(("empty", "empty"))
    return right


_KINDS: dict[str, Any] = {
    "lock": lambda *states: _grants("lock", *states),
    "semaphore": lambda *states: _grants("semaphore", *states),
    "election": lambda *states: _grants("election", *states),
    "barrier": _barrier,
    "queue": _queue,
    "sequence": lambda *states: [],
}
