"""Whether what comes in makes sense: the shapes of requests and replies, looked at before anything
changes.

What passes can be taken in without an error. That it is also true is the protocol's affair: who
lies in good form is not found out here.
"""

from __future__ import annotations

from typing import Any

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
    Report,
    Request,
    Write,
)
from paxos_ray.core.promise import Ballot, Promise


def is_promise(it: Any) -> bool:
    """A promise of two whole numbers, neither of them negative."""
    if type(it) is not Promise:
        return False
    government, number = it
    return type(government) is int and type(number) is int and government >= 0 and number >= 0


def is_ballot(it: Any) -> bool:
    """A ballot of a whole number that is not negative and an id."""
    if type(it) is not Ballot:
        return False
    number, id = it
    return type(number) is int and type(id) is str and number >= 0


def is_chain(entries: Any, top: Promise | None = None) -> bool:
    """Whether these are entries, one at the least, that follow each other, and `top` if that is
    given, and whose stamps are not negative and never go back.

    What follows `g/e` is `g/e+1`, or entry 0 of a higher government: that government itself."""
    if type(entries) is not tuple or not entries or type(entries[0]) is not Entry:
        return False
    if not is_promise(entries[0].previous):
        return False
    if top is None:
        top = entries[0].previous
    government, place = top
    stamp = 0
    for entry in entries:
        if type(entry) is not Entry:
            return False
        promise, previous, at, body = entry
        if previous is not top and (previous != top or not is_promise(previous)):
            return False
        if type(promise) is not Promise or type(at) is not int or at < stamp:
            return False
        top, stamp, before = promise, at, government
        government, number = promise
        if type(government) is not int or type(number) is not int:
            return False
        if government == before:
            if number != place + 1 or type(body) is Government:
                return False
        elif (
            number or government < before or type(body) is not Government or body.promise != promise
        ):
            return False
        place = number
    return True


def is_request(request: Any, last: Entry | None) -> bool:
    """Whether the fields of a request make sense, beside each other and after the `last` entry of
    who is asked: nobody brings, or calls forgettable, what is beyond its own top."""
    entries, start, top = request.entries, request.start, request.top
    if not (
        type(request.sender) is str
        and (type(request.sender_cookie) is str or type(request.sender_cookie) is int)
        and type(request.stateful) is bool
        and is_ballot(request.ballot)
        and is_promise(top)
        and is_promise(request.minimum)
        and request.minimum <= top
        and (request.written is None or is_ballot(request.written))
        and ((entries == () and start is None) or _is_part(entries, start, top, last))
    ):
        return False
    if type(request) is Write:
        proposed = request.proposals
    elif type(request) is Accept:
        proposed = request.chain
    else:
        return True
    return is_chain(proposed, top) and _is_later(proposed, entries[-1] if entries else last)


def is_reply(reply: Any, request: Request, last: Entry | None) -> bool:
    """Whether this can be the answer to that request of somebody with that `last` entry."""
    if type(reply) is Received:
        return is_promise(reply.top) and _is_report(reply.report)
    match reply:
        case Promised(ballot=ballot, top=top, register=register, report=report):
            return (
                is_ballot(ballot)
                and is_promise(top)
                and (register is None or _is_register(register, top))
                and _is_report(report)
            )
        case Refused(promised=ballot, top=top, report=report):
            return is_ballot(ballot) and is_promise(top) and _is_report(report)
        case Behind(top=top, entries=entries, start=start, minimum=minimum):
            return (
                is_promise(top)
                and top > request.top
                and is_promise(minimum)
                and minimum <= top
                and _is_part(entries, start, top, last)
                and (start is not None or entries[0].previous == request.top)
            )
        case Lacks(top=None, report=report):
            return report is None
        case Lacks(top=top, report=None):
            return is_promise(top)
        case Lacks(top=Promise() as top, report=report):
            return is_promise(top) and top < request.top and _is_report(report)
        case Exiled(number=number):
            return type(number) is int
        case Denied():
            return True
    return False


def _is_part(entries: Any, start: Any, top: Promise, last: Entry | None) -> bool:
    """Whether this can be a part of the log up to `top`, with the government at its beginning."""
    if not is_chain(entries) or entries[-1].promise > top or not _is_later(entries, last):
        return False
    if start is None:
        return True
    if type(start) is not Government or start.promise.government != entries[0].promise.government:
        return False
    return entries[0].promise.entry != 0 or bool(entries[0].body == start)


def _is_later(entries: tuple[Entry, ...], before: Entry | None) -> bool:
    """Whether the stamp of the first does not go back, as far as what it follows is known."""
    first = entries[0]
    return before is None or first.previous != before.promise or first.stamp >= before.stamp


def _is_register(register: Any, top: Promise) -> bool:
    """Whether this can be recorded by somebody who stands at `top`."""
    return (
        type(register) is Register
        and is_ballot(register.ballot)
        and is_chain(register.entries, top)
    )


def _is_report(report: Any) -> bool:
    """Whether this is a report. It may be of an earlier government, and of who is no citizen."""
    if type(report) is not Report:
        return False
    government, minimum, silent = report[0], report[1], report[4]
    if type(government) is not int or type(silent) is not tuple or not is_promise(minimum):
        return False
    ids: Any
    for ids in report[2:]:
        if type(ids) is not tuple:
            return False
        for id in ids:
            if ids is silent:
                if type(id) is not tuple or len(id) != 2 or type(id[1]) is not int:
                    return False
                id = id[0]
            if type(id) is not str:
                return False
    return True
