"""The file that a record is: JSON Lines, only appended to, each summed up with all before it.

The first line says what the file is: the format's name and version, and how the Legislator was
made. Every line ends with a checksum (CRC-32) of itself and all that precedes it, so that a line
that was changed, lost, doubled or moved is found where that happened. A writer that is killed
leaves whole lines, and at most one that is cut off.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote
from zlib import crc32

from paxos_ray.core.errors import PaxosError
from paxos_ray.simulation.decoding import MALFORMED, value

FORMAT = "paxos_ray record"
VERSION = 1
SUFFIX = ".jsonl"

_TAIL = b',"sum":"%08x"}\n'
_TAIL_LENGTH = len(_TAIL % 0)
_LONGEST_HEADER = 1 << 16
_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC


class RecordError(PaxosError, ValueError):
    """A file cannot be used as a record: `path`, and the `line` at fault, counted from 1."""

    def __init__(self, path: Path, line: int, why: str) -> None:
        super().__init__(f"{path}, line {line}: {why}")
        self.path = path
        self.line = line


class NotARecord(RecordError):
    """The file was not written by a recorder."""


class OtherVersion(RecordError):
    """The record is of a version that is not read here."""


class Damaged(RecordError):
    """A line, or one before it, is not as it was written."""


class Torn(RecordError):
    """The last line is cut off: its writer was killed. What is before it is whole."""


class RecordExists(PaxosError, FileExistsError):
    """A record of that name is there already; it is not written over."""


class Unrecordable(PaxosError, TypeError):
    """An argument is of a type that a record has no form for; nothing was changed."""


def seal(content: bytes, total: int) -> tuple[bytes, int]:
    """What ends the line of this content (an object up to there), and the sum up to it."""
    total = crc32(content, total)
    return _TAIL % total, total


class RecordFile:
    """A record being written, made with the directories above it. Raises `RecordExists`, `OSError`.

    What has been appended survives the death of this process, though not that of its machine.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._descriptor: int | None = os.open(path, _FLAGS, 0o644)
        except FileExistsError:
            raise RecordExists(f"{path} is there already") from None

    def append(self, lines: bytes) -> None:
        """Hand whole lines to the system. Raises `OSError`: then nothing more can be appended."""
        if self._descriptor is None:
            raise OSError(f"{self.path} is closed")
        left = memoryview(lines)
        try:
            while left:
                left = left[os.write(self._descriptor, left) :]
        except OSError:
            self.close()  # a line may be cut off: nothing may come after it
            raise

    def close(self) -> None:
        """Append no more. Once more does nothing."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def safe_name(text: str) -> str:
    """That text as the name of a file, or a part of one: without slashes and dots."""
    return quote(text, safe=" ").replace(".", "%2E")


@dataclass(frozen=True, slots=True)
class Header:
    """What the first line says: the citizen's id, and the options that it was made with."""

    id: str
    options: Mapping[str, Any]


class Line(NamedTuple):
    """A whole line: its number, and its content without the sum and the closing brace."""

    number: int
    content: bytes
    length: int  # in bytes, in the file


class Reader:
    """A record being read, one line after the other. Use it as a context.

    Making it raises `NotARecord`, `OtherVersion`, `Damaged`, `Torn` or `OSError`. `torn` is the
    number of the cut-off line once it has been met.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.torn: int | None = None
        self._total = 0
        self._file = path.open("rb")
        try:
            self.header = self._header(self._file.readline(_LONGEST_HEADER))
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> Reader:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def lines(self, up_to_torn: bool = False) -> Iterator[Line]:
        """The lines after the header. Raises `Damaged`, and `Torn` unless told to end there."""
        for number, line in enumerate(self._file, 2):
            if not line.endswith(b"\n"):
                self.torn = number
                if up_to_torn:
                    return
                raise Torn(self.path, number, "the last line is cut off")
            yield Line(number, self._checked(number, line), len(line))

    def read(self, line: Line) -> dict[str, Any]:
        """What a line says. Raises `Damaged`."""
        try:
            read = json.loads(line.content + b"}")
        except MALFORMED:
            read = None
        if type(read) is not dict:
            raise Damaged(self.path, line.number, "this is no JSON object")
        return read

    def _checked(self, number: int, line: bytes) -> bytes:
        """The content of a line whose sum is right."""
        content = line[:-_TAIL_LENGTH]
        tail, self._total = seal(content, self._total)
        if not line.endswith(tail):
            why = "its sum is wrong: it, or a line before it, was changed, lost or moved"
            raise Damaged(self.path, number, why)
        return content

    def _header(self, line: bytes) -> Header:
        start = f'{{"format":"{FORMAT}"'.encode()
        if start.startswith(line[: len(start)]) and not line.endswith(b"\n"):
            raise Torn(self.path, 1, "the first line is cut off" if line else "the file is empty")
        try:
            read = json.loads(line)
            version = read["version"] if read["format"] == FORMAT else None
        except MALFORMED:
            version = None
        if version is None:
            raise NotARecord(self.path, 1, f"this is no {FORMAT}")
        if type(version) is not int or version != VERSION:  # true and 1.0 are 1 to Python
            why = f"a record of version {version!r}; version {VERSION} is read here"
            raise OtherVersion(self.path, 1, why)
        self._checked(1, line)
        try:
            return Header(read["id"], {name: value(each) for name, each in read["options"].items()})
        except MALFORMED:
            raise Damaged(self.path, 1, "the options are not written as a recorder does") from None
