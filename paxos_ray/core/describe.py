"""Messages, governments and registers in words, one readable line each.

The one place for it: logs, transcripts, the simulator's traces and the viewer all use these.
"""

from __future__ import annotations

from collections.abc import Iterable

from paxos_ray.core.government import Government
from paxos_ray.core.log import Entry
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
    Request,
    Write,
)


def describe_government(government: Government) -> str:
    """`[7/0: a b | c d | e (f)]`: majority, minority, constituents; not acclimated in brackets."""
    levels = (government.majority, government.minority, government.constituents)
    acclimated = government.acclimated
    seats = (" ".join(id if id in acclimated else f"({id})" for id in ids) for ids in levels)
    return f"[{government.promise}: {' | '.join(seats)}]"


def describe_entries(entries: Iterable[Entry]) -> str:
    """`[7/0: a b | c | ], 7/1, 7/2`: the promises, and the governments whole."""
    return ", ".join(
        str(entry.promise) if entry.promise.entry else describe_government(entry.body)
        for entry in entries
    )


def describe_request(request: Request) -> str:
    """`Write a -> b (7,a) top 7/3 min 6/2: 7/4, 7/5`, and what it brings of the committed log."""
    line = f"{type(request).__name__} {request.sender} -> {request.to} {request.ballot}"
    line += f" top {request.top} min {request.minimum}"
    if isinstance(request, Write):
        line += f": {describe_entries(request.proposals)}"
    elif isinstance(request, Accept):
        line += f": {describe_entries(request.chain)}"
    if request.start is not None:
        line += f", start at {describe_government(request.start)}"
    if request.entries:
        line += f", bringing {describe_entries(request.entries)}"
    if request.written is not None:
        line += f", written at {request.written}"
    return line


def describe_reply(reply: Reply | None, reports: bool = True) -> str:
    """`Received at 7/3 (under 7: min 6/2, reached d)`: the kind, and what it says; None is lost.

    What is reported upward can be left out."""
    tell = _report if reports else lambda report: ""
    match reply:
        case None:
            return "lost"
        case Received(top, report):
            return f"Received at {top}{tell(report)}"
        case Promised(ballot, top, register, report):
            return f"Promised {ballot} at {top} {describe_register(register)}{tell(report)}"
        case Refused(promised, top, report):
            return f"Refused for {promised} at {top}{tell(report)}"
        case Behind(top, entries, start, _):
            began = f", start at {describe_government(start)}" if start else ""
            return f"Behind, being at {top}: {describe_entries(entries)}{began}"
        case Lacks(top, report):
            return f"Lacks what is after {top}{tell(report)}"
        case Exiled(number):
            return f"Exiled by {number}"
        case Denied(why):
            return f"Denied: {why}"


def describe_replies(replies: dict[str, Reply | None]) -> str:
    """`b: Received at 7/3; c: lost`: who answered what."""
    return "; ".join(f"{id}: {describe_reply(reply)}" for id, reply in replies.items())


def describe_register(register: Register | None) -> str:
    """`register (7,a): 7/4, 7/5`."""
    if register is None:
        return "empty register"
    return f"register {register.ballot}: {describe_entries(register.entries)}"


def _report(report: Report | None) -> str:
    if report is None:
        return ""
    silent = " ".join(f"{id} for {ms}" for id, ms in report.silent)
    line = f" (under {report.government}: min {report.minimum}"
    for word, told in (
        ("acclimated", " ".join(report.acclimated)),
        ("loading", " ".join(report.loading)),
        ("reached", " ".join(report.reached)),
        ("silent", silent),
    ):
        line += f", {word} {told}" if told else ""
    return f"{line})"
