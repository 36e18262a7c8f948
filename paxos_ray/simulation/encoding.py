"""From what a Legislator takes and gives to text: one JSON fragment a value, always the same.

The text depends on the value alone: not on the process, the seed of hashes, or which objects are
one and the same. `decoding` reads it back, to equal values of the same types. Two forms of log
entries: whole, for what a Legislator takes, and as a digest, for what it gives, which it has been
given before.

Where a value of the expected type stands, it has a short form of its own: a promise is `"7/3"`, a
ballot `[7, "a"]`. Anything else in such a place, which only a peer that errs sends, is `{"!": …}`
around the general form. In that, text, numbers, lists, true, false and null are JSON's own, and
everything else is an object with one key, which says what it is.
"""

from __future__ import annotations

from binascii import b2a_base64
from collections.abc import Callable, Iterable, Mapping
from hashlib import sha1
from json.encoder import encode_basestring_ascii as quoted
from math import isfinite
from typing import Any

from paxos_ray.core.government import Citizen, Government
from paxos_ray.core.log import NOTHING, Entry
from paxos_ray.core.messages import (
    Accept,
    Behind,
    Denied,
    Envelope,
    Exiled,
    Lacks,
    Outcome,
    Prepare,
    Promised,
    Pulse,
    Receipt,
    Received,
    Refused,
    Register,
    Report,
    Request,
    Synchronize,
    Write,
)
from paxos_ray.core.promise import Ballot, Promise

DIGEST_LENGTH = 16
"""Hexadecimal digits of the SHA-1 of entries: against accidents, not against forgery."""

LARGE_BYTES = 1_024
LARGE_BITS = 4_096
"""Integers of more bits are written in hexadecimal: Python limits decimal ones."""

DEEPEST = 100
"""Plain values nested more deeply have no form: neither JSON nor Python reads any depth."""

_KEPT = 8


class Foreign:
    """Stands for a value of a type that is not recorded, of which only the type's name is."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return f"Foreign({self.name!r})"


def encode_bytes(content: bytes) -> str:
    """`{"bytes": "text"}` for what can be read, else `{"base64": "…"}`."""
    if content.isascii() and (text := content.decode("ascii")).isprintable():
        return f'{{"bytes":{quoted(text)}}}'
    return f'{{"base64":"{b2a_base64(content, newline=False).decode("ascii")}"}}'


def encode_int(number: int) -> str:
    """A JSON number, or `{"int": "0x…"}` for one that is very large."""
    if number.bit_length() > LARGE_BITS:
        return f'{{"int":"{number:#x}"}}'
    return str(number)


def encode_float(number: float) -> str:
    """A JSON number, or `{"float": "inf"}`."""
    return repr(number) if isfinite(number) else f'{{"float":"{number!r}"}}'


class Encoder:
    """Encodes for one recorder. Nothing is refused: `foreign` is the name of the last type met
    that has no form, until it is set back to None."""

    def __init__(self) -> None:
        self.foreign: str | None = None
        self._depth = 0
        # Texts of what is met again, by identity, with what they are of to keep that alive.
        self._bodies: dict[int, tuple[object, str]] = {}
        self._digests: dict[int, tuple[object, str]] = {}
        self._governments: dict[int, tuple[object, str]] = {}
        self._forms: dict[type, Callable[[Any], str]] = {
            bytes: self._bytes,
            str: quoted,
            int: encode_int,
            float: encode_float,
            bool: lambda value: "true" if value else "false",
            type(None): lambda value: "null",
            list: self._list,
            tuple: lambda value: f'{{"tuple":{self._list(value)}}}',
            dict: self._dict,
            Foreign: lambda value: f'{{"foreign":{quoted(value.name)}}}',
            Promise: lambda value: f'{{"promise":{self._list(value)}}}',
            Ballot: lambda value: f'{{"ballot":{self._list(value)}}}',
            Entry: lambda value: f'{{"entry":{self._list(value)}}}',
            Register: lambda value: f'{{"register":{self._list(value)}}}',
            Report: lambda value: f'{{"report":{self._list(value)}}}',
            Envelope: lambda value: f'{{"envelope":{self._list(value)}}}',
            Pulse: lambda value: f'{{"pulse":{self._list(value)}}}',
            Citizen: self._citizen,
            Government: self.government,
            **dict.fromkeys((Write, Accept), self.request),
            **dict.fromkeys((Synchronize, Prepare), self.request),
            **dict.fromkeys((Received, Promised, Refused, Behind), self.reply),
            **dict.fromkeys((Lacks, Exiled, Denied), self.reply),
        }

    def _bytes(self, content: bytes) -> str:
        """A large body is met twice, at least: when it is proposed, and in what is written."""
        if len(content) < LARGE_BYTES:
            return encode_bytes(content)
        known = self._bodies.get(id(content))
        if known is not None:
            return known[1]
        text = encode_bytes(content)
        _keep(self._bodies, content, text)
        return text

    # -- any value ---------------------------------------------------------------------------

    def value(self, value: object) -> str:
        """The general form."""
        form = self._forms.get(type(value))
        if form is None:
            return self._unknown(f"{type(value).__module__}.{type(value).__qualname__}")
        return form(value)

    def _unknown(self, name: str) -> str:
        self.foreign = name
        return f'{{"foreign":{quoted(name)}}}'

    def _list(self, values: Iterable[Any]) -> str:
        if self._depth > DEEPEST:
            return self._unknown("a value that is nested too deeply")
        self._depth += 1
        text = ",".join([self.value(value) for value in values])
        self._depth -= 1
        return f"[{text}]"

    def _dict(self, values: dict[Any, Any]) -> str:
        if self._depth > DEEPEST:
            return self._unknown("a value that is nested too deeply")
        self._depth += 1
        if all(type(key) is str for key in values):
            text = f'{{"map":{self.mapping(values, self.value)}}}'
        else:
            text = f'{{"dict":[{self._list(values)},{self._list(values.values())}]}}'
        self._depth -= 1
        return text

    def mapping(self, values: Mapping[str, Any], form: Callable[[Any], str]) -> str:
        """A mapping of texts as a JSON object, in its own order."""
        return f"{{{','.join([f'{quoted(key)}:{form(each)}' for key, each in values.items()])}}}"

    def _other(self, value: object) -> str:
        """What stands where something else is expected."""
        return f'{{"!":{self.value(value)}}}'

    # -- what the core is made of ------------------------------------------------------------

    def promise(self, promise: object) -> str:
        """`"7/3"`."""
        if type(promise) is Promise:
            government, entry = promise
            if type(government) is int and type(entry) is int:
                if government.bit_length() <= LARGE_BITS >= entry.bit_length():
                    return f'"{government}/{entry}"'
        return "null" if promise is None else self._other(promise)

    def ballot(self, ballot: object) -> str:
        """`[7, "a"]`."""
        if type(ballot) is Ballot and type(ballot[0]) is int and type(ballot[1]) is str:
            return f"[{encode_int(ballot[0])},{quoted(ballot[1])}]"
        return "null" if ballot is None else self._other(ballot)

    def _citizen(self, citizen: Citizen) -> str:
        properties = self.value(dict(citizen.properties))
        fields = f'"id":{self.value(citizen.id)},"cookie":{self.value(citizen.cookie)}'
        return f'{{"citizen":{{{fields},"properties":{properties}}}}}'

    def government(self, government: object) -> str:
        """`{"government": {…}}`, remembered: the same few are told again and again."""
        if type(government) is not Government:
            return "null" if government is None else self._other(government)
        known = self._governments.get(id(government))
        if known is not None:
            return known[1]
        seats = [
            f'"{name}":{self._list(getattr(government, name))}'
            for name in ("majority", "minority", "constituents", "acclimated")
        ]
        text = (
            f'{{"government":{{"promise":{self.promise(government.promise)},{",".join(seats)},'
            f'"arrived":{self.mapping(government.arrived, self.promise)},'
            f'"citizens":{self._list(government.citizens.values())}}}}}'
        )
        _keep(self._governments, government, text)
        return text

    def entries(self, entries: object) -> str:
        """Entries as runs: `[{"at": "7/1", "after": "7/0", "stamp": 12, "bodies": […]}]`.

        In a run each follows the one before it, under one government, with one stamp.
        """
        if type(entries) is not tuple:
            return self._other(entries)
        runs: list[str] = []
        bodies: list[str] = []
        stamp: object = None
        last = NOTHING
        forms = self._forms
        for entry in entries:
            if type(entry) is not Entry:
                return self._other(entries)
            promise, previous, stamped, body = entry
            if not (type(promise) is Promise and type(previous) is Promise):
                return self._other(entries)
            if not bodies or previous != last or stamped != stamp or promise != _next(last):
                if type(stamped) is not int:
                    return self._other(entries)
                if bodies:
                    runs.append(f"{','.join(bodies)}]}}")
                stamp = stamped
                head = f'{{"at":{self.promise(promise)},"after":{self.promise(previous)}'
                runs.append(f'{head},"stamp":{encode_int(stamped)},"bodies":[')
                bodies = []
            last = promise
            bodies.append(forms.get(type(body), self.value)(body))
        if bodies:
            runs.append(f"{','.join(bodies)}]}}")
        return f"[{_joined(runs)}]"

    def digest(self, entries: object) -> str:
        """Entries by number, ends and digest: `"7/1..7/5 (5) 0123456789abcdef"`."""
        if type(entries) is not tuple:
            return self._other(entries)
        if not entries:
            return "[]"
        known = self._digests.get(id(entries))
        if known is not None:
            return known[1]
        hashed = sha1(self.entries(entries).encode("ascii"), usedforsecurity=False)
        ends = f"{_place(entries[0])}..{_place(entries[-1])}"
        text = f'"{ends} ({len(entries)}) {hashed.hexdigest()[:DIGEST_LENGTH]}"'
        _keep(self._digests, entries, text)
        return text

    def register(self, register: object, entries: Callable[[object], str]) -> str:
        """A ballot and the entries that came with it."""
        if type(register) is Register:
            return f'{{"ballot":{self.ballot(register[0])},"entries":{entries(register[1])}}}'
        return "null" if register is None else self._other(register)

    def report(self, report: object) -> str:
        """What is told upward."""
        if type(report) is not Report:
            return "null" if report is None else self._other(report)
        number, minimum, acclimated, reached, silent, loading = report
        tuples: tuple[object, ...] = (acclimated, reached, silent, loading, *silent)
        if type(number) is not int or any(type(each) is not tuple for each in tuples):
            return self._other(report)
        beyond = f',"loading":{self._list(loading)}' if loading else ""
        return (
            f'{{"government":{encode_int(number)},"minimum":{self.promise(minimum)},'
            f'"acclimated":{self._list(acclimated)},"reached":{self._list(reached)},'
            f'"silent":[{",".join([self._list(pair) for pair in silent])}]{beyond}}}'
        )

    # -- messages ----------------------------------------------------------------------------

    def request(self, request: Request, form: Callable[[object], str] | None = None) -> str:
        """A request, `{"Write": {…}}`; its entries in the given form, else whole."""
        entries = form or self.entries
        value, promise = self.value, self.promise
        kind = type(request)
        if kind is Write:
            beyond = f',"proposals":{entries(request.proposals)}'  # type: ignore[attr-defined]
        elif kind is Accept:
            beyond = f',"chain":{entries(request.chain)}'  # type: ignore[attr-defined]
        else:
            beyond = ""
        return (
            f'{{"{kind.__name__}":{{"republic":{value(request.republic)},'
            f'"sender":{value(request.sender)},"sender_cookie":{value(request.sender_cookie)},'
            f'"to":{value(request.to)},"cookie":{value(request.cookie)},'
            f'"ballot":{self.ballot(request.ballot)},"top":{promise(request.top)},'
            f'"minimum":{promise(request.minimum)},"entries":{entries(request.entries)},'
            f'"start":{self.government(request.start)},"written":{self.ballot(request.written)},'
            f'"stateful":{value(request.stateful)}{beyond}}}}}'
        )

    def reply(self, reply: object, form: Callable[[object], str] | None = None) -> str:
        """A reply, `{"Received": {…}}`, or null for a lost one; its entries likewise."""
        entries = form or self.entries
        match reply:
            case Received(top, report):
                fields = f'"top":{self.promise(top)},"report":{self.report(report)}'
            case Lacks(top, report):
                fields = f'"top":{self.promise(top)},"report":{self.report(report)}'
            case Refused(promised, top, report):
                fields = f'"promised":{self.ballot(promised)},"top":{self.promise(top)}'
                fields += f',"report":{self.report(report)}'
            case Promised(ballot, top, register, report):
                fields = f'"ballot":{self.ballot(ballot)},"top":{self.promise(top)}'
                fields += f',"register":{self.register(register, entries)}'
                fields += f',"report":{self.report(report)}'
            case Behind(top, brought, start, minimum):
                fields = f'"top":{self.promise(top)},"entries":{entries(brought)}'
                fields += f',"start":{self.government(start)},"minimum":{self.promise(minimum)}'
            case Exiled(number):
                fields = f'"number":{self.value(number)}'
            case Denied(why):
                fields = f'"why":{self.value(why)}'
            case _:
                return self.value(reply)
        return f'{{"{type(reply).__name__}":{{{fields}}}}}'

    def replies(self, replies: object) -> str:
        """The results of a pulse: a JSON object of replies by id; in the general form if there is
        somebody called `!`."""
        if isinstance(replies, Mapping) and all(type(id) is str for id in replies):
            if "!" not in replies:
                return self.mapping(replies, self.reply)
            replies = dict(replies)
        return self._other(replies)

    def pulse(self, pulse: object) -> str:
        """A pulse in the general form; text would be the id of one that was given."""
        return self._other(pulse) if type(pulse) is str else self.value(pulse)

    # -- what a Legislator gives -------------------------------------------------------------

    def given_pulse(self, pulse: Pulse | None) -> str:
        """A pulse that was given: its id, and each request with digests of its entries."""
        if pulse is None:
            return "null"
        requests = [
            f"{quoted(to)}:{self.request(request, self.digest)}" for to, request in pulse.envelopes
        ]
        return f'{{"id":{quoted(pulse.id)},"requests":{{{",".join(requests)}}}}}'

    def given_reply(self, reply: object) -> str:
        """A reply that was given, with digests of its entries."""
        return self.reply(reply, self.digest)

    def given_receipt(self, receipt: Receipt) -> str:
        """The ticket alone if there is no more to say; else `[ticket, leader, why]`."""
        _, ticket, leader, why = receipt
        if why is None and ticket is not None:
            return str(ticket)
        return f"[{self.value(ticket)},{self.value(leader)},{self.value(why)}]"

    def given_outcomes(self, outcomes: tuple[Outcome, ...]) -> str:
        """`[[ticket, promise, how many], …]`: tickets in a row, and promises in a row or none."""
        rows: list[list[Any]] = []
        ticket = promise = None
        for outcome in outcomes:
            if (
                ticket is not None
                and outcome.ticket == ticket + 1
                and outcome.promise == (promise and (promise[0], promise[1] + 1))
            ):
                rows[-1][2] += 1
            else:
                rows.append([outcome.ticket, outcome.promise, 1])
            ticket, promise = outcome
        texts = [f"[{ticket},{self.promise(promise)},{many}]" for ticket, promise, many in rows]
        return f"[{','.join(texts)}]"


def _keep(texts: dict[int, tuple[object, str]], of: object, text: str) -> None:
    """The latest few."""
    if len(texts) >= _KEPT:
        del texts[next(iter(texts))]
    texts[id(of)] = (of, text)


def _next(promise: Promise) -> tuple[int, int]:
    return (promise[0], promise[1] + 1)


def _place(entry: object) -> str:
    return str(entry.promise) if type(entry) is Entry else "?"


def _joined(runs: list[str]) -> str:
    """Heads and bodies of runs alternate: a comma comes before each head but the first."""
    pairs = zip(runs[::2], runs[1::2], strict=True)
    return ",".join([head + bodies for head, bodies in pairs])
