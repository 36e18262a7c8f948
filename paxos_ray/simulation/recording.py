"""Recording: a Legislator that writes down every input, and all that came of it.

One line an input: the call with its arguments, whole; what it gave, with digests in place of log
entries, which the record has whole elsewhere; and how the Legislator stands, when that changed.
`replay` feeds the inputs to a fresh Legislator, whose lines must be the same, byte by byte.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from inspect import signature
from json.encoder import encode_basestring_ascii as quoted
from pathlib import Path
from typing import Any, TypeVar

from paxos_ray.core.government import Citizen, Cookie, Republic
from paxos_ray.core.legislator import Legislator
from paxos_ray.core.messages import Outcome, Pulse, Receipt, Reply, Request
from paxos_ray.core.promise import Promise
from paxos_ray.simulation.encoding import Encoder
from paxos_ray.simulation.records import (
    FORMAT,
    SUFFIX,
    VERSION,
    RecordExists,
    RecordFile,
    Unrecordable,
    safe_name,
    seal,
)

Sink = Callable[[bytes], object]
"""Takes whole lines."""

_HELD_BYTES = 1 << 18  # of lines that wait for `flush`, at most
_KEPT_PULSES = 64  # that were given, and wait for their results
_SIGNATURE = signature(Legislator)
_T = TypeVar("_T")


class Recorder(Legislator):
    """A Legislator like any other, whose every input is written to a record.

    `to` takes whole lines: at each `flush`, and before that when many wait. The options are
    those of `Legislator`. What it does is what a Legislator does, but that the verbs of its own
    citizen raise `Unrecordable` for what is neither plain (None, numbers, text, bytes, lists,
    tuples, dicts) nor the core's own. Raises what `to` raises, when the input has been taken.
    """

    def __init__(self, id: str, *, to: Sink, **options: Any) -> None:
        super().__init__(id, **options)
        self._to = to
        self._encoder = Encoder()
        self._pieces: list[bytes] = []  # of lines
        self._held = 0
        self._total = 0
        self._given: dict[str, Pulse] = {}
        self._shown: tuple[object, ...] = ()
        bound = _SIGNATURE.bind(id, **options)
        bound.apply_defaults()
        told = {name: value for name, value in bound.arguments.items() if name != "id"}
        self._line(
            f'{{"format":"{FORMAT}","version":{VERSION},"id":{quoted(id)},'
            f'"options":{self._encoder.mapping(told, self._encoder.value)}'
        )
        self.flush()

    def flush(self) -> None:
        """Give away all lines. Whoever acts on what this Legislator gave flushes first."""
        if self._held:
            lines = b"".join(self._pieces)
            self._pieces.clear()
            self._held = 0
            self._to(lines)

    # -- the verbs ---------------------------------------------------------------------------

    def bootstrap(self, now: int, republic: Republic, properties: Mapping[str, Any]) -> None:
        """As a Legislator does."""
        plain: object = properties
        if isinstance(plain, Mapping):
            plain = dict(plain)
        told = self._told("bootstrap", now=now, republic=republic, properties=plain)
        self._do(told, None, super().bootstrap, now, republic, properties)

    def join(self, now: int, republic: Republic, cookie: Cookie) -> None:
        """As a Legislator does."""
        told = self._told("join", now=now, republic=republic, cookie=cookie)
        self._do(told, None, super().join, now, republic, cookie)

    def refound(
        self,
        now: int,
        republic: Republic,
        properties: Mapping[str, Any],
        after: Promise,
        stamp: int,
        number: int,
    ) -> None:
        """As a Legislator does."""
        plain: object = properties
        if isinstance(plain, Mapping):
            plain = dict(plain)
        told = self._told(
            "refound",
            now=now,
            republic=republic,
            properties=plain,
            after=after,
            stamp=stamp,
            number=number,
        )
        arguments = (now, republic, properties, after, stamp, number)
        self._do(told, None, super().refound, *arguments)

    def retire(self, now: int) -> None:
        """As a Legislator does."""
        self._do(self._told("retire", now=now), None, super().retire, now)

    def embark(
        self, now: int, republic: Republic, citizen: Citizen, acclimated: bool = False
    ) -> Receipt:
        """As a Legislator does."""
        told = self._told(
            "embark", now=now, republic=republic, citizen=citizen, acclimated=acclimated
        )
        form = self._encoder.given_receipt
        return self._do(told, form, super().embark, now, republic, citizen, acclimated)

    def acclimate(self, now: int) -> None:
        """As a Legislator does."""
        self._do(self._told("acclimate", now=now), None, super().acclimate, now)

    def emigrate(self, now: int, id: str) -> Receipt:
        """As a Legislator does."""
        told = self._told("emigrate", now=now, id=id)
        return self._do(told, self._encoder.given_receipt, super().emigrate, now, id)

    def enqueue(self, now: int, republic: Republic, body: Any) -> Receipt:
        """As a Legislator does."""
        told = self._told("enqueue", now=now, republic=republic, body=body)
        form = self._encoder.given_receipt
        return self._do(told, form, super().enqueue, now, republic, body)

    def confirm(self, now: int) -> Receipt:
        """As a Legislator does."""
        told = self._told("confirm", now=now)
        return self._do(told, self._encoder.given_receipt, super().confirm, now)

    def outcomes(self) -> tuple[Outcome, ...]:
        """As a Legislator does."""
        outcomes = super().outcomes()
        given = self._encoder.given_outcomes(outcomes)
        self._line(f'{{"call":"outcomes","gives":{given}')
        return outcomes

    # -- pulses ------------------------------------------------------------------------------

    def outbox(self) -> Pulse | None:
        """As a Legislator does."""
        pulse = self._do('{"call":"outbox"', self._encoder.given_pulse, super().outbox)
        if pulse is not None:
            self._given[pulse.id] = pulse
            if len(self._given) > _KEPT_PULSES:
                del self._given[next(iter(self._given))]
        return pulse

    def given(self, id: str) -> Pulse:
        """The pulse of that id, as `outbox` gave it, until its results. Raises `KeyError`."""
        return self._given[id]

    def sent(self, now: int, pulse: Pulse, replies: Mapping[str, Reply | None]) -> None:
        """As a Legislator does."""
        encoder = self._encoder
        which = encoder.pulse(pulse)
        if type(pulse) is Pulse and self._given.get(pulse.id) is pulse:
            del self._given[pulse.id]
            which = quoted(pulse.id)
        answers = encoder.replies(replies)
        encoder.foreign = None
        told = f'{{"call":"sent","now":{encoder.value(now)},"pulse":{which},"replies":{answers}'
        self._do(told, None, super().sent, now, pulse, replies)

    def receive(self, now: int, request: Request) -> Reply:
        """As a Legislator does."""
        encoder = self._encoder
        told = f'{{"call":"receive","now":{encoder.value(now)},"request":{encoder.value(request)}'
        encoder.foreign = None  # a peer's errors are answered
        return self._do(told, encoder.given_reply, super().receive, now, request)

    def unreachable(self, now: int, id: str) -> None:
        """As a Legislator does."""
        told = self._told("unreachable", now=now, id=id)
        self._do(told, None, super().unreachable, now, id)

    def tick(self, now: int) -> None:
        """As a Legislator does."""
        self._do(self._told("tick", now=now), None, super().tick, now)

    @property
    def wakeup(self) -> int | None:
        """As a Legislator's. Asking for it is an input: a leader looks what is next."""
        wakeup = super().wakeup
        self._line(f'{{"call":"wakeup","gives":{"null" if wakeup is None else wakeup}')
        return wakeup

    # -- lines -------------------------------------------------------------------------------

    def _told(self, call: str, **arguments: object) -> str:
        """The beginning of a line. Raises `Unrecordable`."""
        encoder = self._encoder
        named = [f',"{name}":{encoder.value(each)}' for name, each in arguments.items()]
        if encoder.foreign is not None:
            foreign, encoder.foreign = encoder.foreign, None
            raise Unrecordable(f"{call} takes what can be recorded, not {foreign}")
        return f'{{"call":"{call}"{"".join(named)}'

    def _do(
        self,
        told: str,
        form: Callable[[_T], str] | None,
        verb: Callable[..., _T],
        *arguments: object,
    ) -> _T:
        """Take an input, and write down what came of it."""
        try:
            given = verb(*arguments)
        except Exception as error:
            self._line(f'{told},"raises":{quoted(type(error).__name__)}{self._standing()}')
            raise
        gives = "" if form is None else f',"gives":{form(given)}'
        self._line(f"{told}{gives}{self._standing()}")
        return given

    def _standing(self) -> str:
        """How this Legislator stands, if that has changed."""
        register, minimum, stateful = self.register, self.minimum, self.stateful
        recorded = None if register is None else (register.ballot, register.entries[-1].promise)
        donor = None if stateful else self.donor
        standing = (self.leader, self.collapsed, self.top, minimum, self.promised)
        shown = (*standing, recorded, stateful, donor)
        if shown == self._shown:
            return ""
        self._shown = shown
        leader, collapsed, top, _, promised = standing
        role = "stands" if collapsed else "leads" if leader == self.id else f"follows {leader}"
        text = f"{role} at {top}, minimum {minimum}, promised {promised}"
        if recorded is not None:
            text += f", register {recorded[0]} to {recorded[1]}"
        if not stateful:
            text += f", without state, donor {donor}"
        return f',"state":{quoted(text)}'

    def _line(self, text: str) -> None:
        content = text.encode("ascii")
        tail, self._total = seal(content, self._total)
        self._pieces += (content, tail)
        self._held += len(content)
        if self._held > _HELD_BYTES:
            self.flush()


class Recording:
    """Makes recorders that write into one directory, each into a file of its own: hand it to a
    `Schedule` or `Island` as `make`, and `close` it in the end, or use it as a context.

    A file is called by the citizen's id, a later citizen of the same id `id.2`, and so on. `failed`
    is why a record could not be made or written, if one could not: an error that a schedule takes
    for its own. Raises `RecordExists` for a directory that holds records already.
    """

    def __init__(self, directory: Path) -> None:
        if any(directory.glob(f"*{SUFFIX}")):
            raise RecordExists(f"there are records in {directory} already")
        self.directory = directory
        self.failed: OSError | None = None
        self._made: list[tuple[str, Recorder, RecordFile]] = []

    def __call__(self, id: str, **options: Any) -> Recorder:
        """Make one. Raises `OSError`, and what `Legislator` raises."""
        incarnation = 1 + sum(id == other for other, _, _ in self._made)
        name = safe_name(id) + ("" if incarnation == 1 else f".{incarnation}")
        with self._noted():
            file = RecordFile(self.directory / f"{name}{SUFFIX}")

        def append(lines: bytes) -> None:
            with self._noted():
                file.append(lines)

        recorder = Recorder(id, to=append, **options)
        self._made.append((id, recorder, file))
        return recorder

    @contextmanager
    def _noted(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            self.failed = error
            raise

    def close(self) -> None:
        """Write what is left to write."""
        for _, recorder, file in self._made:
            recorder.flush()
            file.close()

    def __enter__(self) -> Recording:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
