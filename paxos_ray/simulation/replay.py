"""Replay: a record's inputs given to a fresh Legislator, whose lines must be the recorded ones."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from paxos_ray.core.errors import PaxosError
from paxos_ray.core.log import NOTHING, Entry
from paxos_ray.core.promise import Promise
from paxos_ray.simulation.decoding import MALFORMED, value
from paxos_ray.simulation.recording import Recorder
from paxos_ray.simulation.records import SUFFIX, Damaged, Reader, Unrecordable

BEFORE = 5
"""How many lines before a difference are shown with it."""

_QUERIES = ("outbox", "outcomes", "wakeup")
_VERBS = {
    "bootstrap": ("now", "republic", "properties"),
    "refound": ("now", "republic", "properties", "after", "stamp", "number"),
    "join": ("now", "republic", "cookie"),
    "retire": ("now",),
    "embark": ("now", "republic", "citizen", "acclimated"),
    "acclimate": ("now",),
    "emigrate": ("now", "id"),
    "enqueue": ("now", "republic", "body"),
    "confirm": ("now",),
    "sent": ("now", "pulse", "replies"),
    "receive": ("now", "request"),
    "unreachable": ("now", "id"),
    "tick": ("now",),
}


@dataclass(frozen=True, slots=True)
class Difference:
    """The first line that came out otherwise, as `recorded` and as it `came`, and those before."""

    line: int
    recorded: dict[str, Any]
    came: dict[str, Any]
    before: tuple[tuple[int, str], ...]  # line numbers and lines

    @property
    def parts(self) -> tuple[str, ...]:
        """What of it differs, as it is written: `gives`, `raises`, `state`, or an argument."""
        both = {**self.recorded, **self.came}
        return tuple(name for name in both if _text(self.recorded, name) != _text(self.came, name))


@dataclass(slots=True)
class Replayed:
    """What a replay came to: the inputs that matched, and what the citizen committed by them.

    `torn` is the number of the cut-off line before which it ended, if there was one.
    """

    path: Path
    citizen: str
    inputs: int = 0
    entries: int = 0
    governments: int = 0
    difference: Difference | None = None
    torn: int | None = None


def records(place: str | Path) -> list[Path]:
    """The records in a directory and below, links followed, in the order of their names; or that
    one file. Raises `OSError` for a directory that cannot be read."""
    place = Path(place)
    return sorted(_below(place, set())) if place.is_dir() else [place]


def _below(directory: Path, seen: set[tuple[int, int]]) -> Iterator[Path]:
    """Each directory once, though links may lead round in a circle. A link that leads nowhere may
    be to a record."""
    status = directory.stat()
    if (status.st_dev, status.st_ino) in seen:
        return
    seen.add((status.st_dev, status.st_ino))
    for path in sorted(directory.iterdir()):
        if path.is_dir():
            yield from _below(path, seen)
        elif path.name.endswith(SUFFIX) and (path.is_file() or not path.exists()):
            yield path


def replay(
    path: str | Path, *, up_to_torn: bool = False, passed: Callable[[int], None] | None = None
) -> Replayed:
    """Replay one record up to its end or the first difference. `passed` is told the bytes of each
    line. Raises `NotARecord`, `OtherVersion`, `Damaged`, `OSError`; and `Torn`, unless told to end
    at the line that was cut off.
    """
    with Reader(Path(path)) as reader:
        replayer = _Replayer(reader)
        for line in reader.lines(up_to_torn):
            if not replayer.matches(line.number, line.content, reader.read(line)):
                break
            if passed is not None:
                passed(line.length)
        replayer.replayed.torn = reader.torn
    return replayer.replayed


class _Replayer:
    """A fresh recorder, given one input after the other."""

    def __init__(self, reader: Reader) -> None:
        header = reader.header
        self.replayed = Replayed(reader.path, header.id)
        self._path = reader.path
        self._came: list[bytes] = []
        self._top = NOTHING
        self._before: deque[tuple[int, str]] = deque(maxlen=BEFORE)
        try:
            self._recorder = Recorder(header.id, to=self._came.append, **header.options)
        except (PaxosError, TypeError) as error:
            raise Damaged(reader.path, 1, f"no Legislator is made like that: {error}") from None
        self._came.clear()

    def matches(self, number: int, content: bytes, read: dict[str, Any]) -> bool:
        """Give it one input: whether the same came of it."""
        recorder, came = self._recorder, self._came
        try:
            verb, arguments = self._input(read)
        except MALFORMED as error:
            why = f"no recorder writes this input ({type(error).__name__}: {error})"
            raise Damaged(self._path, number, why) from None
        try:
            verb(*arguments)
        except Unrecordable as error:
            raise Damaged(self._path, number, str(error)) from None
        except Exception:  # noqa: BLE001 - the line says what was raised
            pass
        recorder.flush()
        line = b"".join(came)
        came.clear()
        if not line.startswith(content + b',"sum"'):
            before = tuple(self._before)
            self.replayed.difference = Difference(number, read, _without_sum(line), before)
            return False
        self._before.append((number, content.decode("ascii") + "}"))
        self.replayed.inputs += 1
        self._count()
        return True

    def _input(self, read: dict[str, Any]) -> tuple[Callable[..., object], list[Any]]:
        """The call that a line tells of. Raises one of `MALFORMED`."""
        recorder, call = self._recorder, read["call"]
        if call == "wakeup":
            return lambda: recorder.wakeup, []
        if call in _QUERIES:
            return getattr(recorder, call), []
        arguments = {name: read[name] for name in _VERBS[call]}
        if call == "sent":
            now, pulse, replies = arguments.values()
            sent = recorder.given(pulse) if type(pulse) is str else _or_other(pulse, value)
            return recorder.sent, [value(now), sent, _or_other(replies, _replies)]
        return getattr(recorder, call), [value(each) for each in arguments.values()]

    def _count(self) -> None:
        """What was committed by the last input."""
        top = self._recorder.top
        if top is None or top == self._top:
            return
        log = self._recorder.log
        entries = log.after(self._top)
        for entry in log if entries is None else entries:
            if _is_government(entry):
                self.replayed.governments += 1
            else:
                self.replayed.entries += 1
        self._top = Promise(*top)


def _text(line: dict[str, Any], name: str) -> str | None:
    """1, 1.0 and true are the same to Python, and not in a record."""
    return json.dumps(line[name]) if name in line else None


def _replies(read: dict[str, Any]) -> dict[str, Any]:
    return {id: value(reply) for id, reply in read.items()}


def _or_other(read: Any, form: Callable[[Any], Any]) -> Any:
    """With `{"!": …}` for what is not of the expected form."""
    if type(read) is dict and "!" in read:
        return value(read["!"])
    return form(read)


def _is_government(entry: Entry) -> bool:
    return entry.promise.entry == 0


def _without_sum(line: bytes) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(line)
    del read["sum"]
    return read
