"""A digest of plain values that is the same in every process, however dicts were filled."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from hashlib import sha256
from typing import Any


def digest(value: Any) -> str:
    """The sha256, in hex, of a plain value. Raises `TypeError` for a value that is not plain."""
    return sha256(canonical(value)).hexdigest()


def canonical(value: Any) -> bytes:
    """Bytes that two plain values share only if they are equal and of the same types throughout."""
    kind = type(value)
    if kind is str:
        return _framed(b"s", value.encode("utf-8", "surrogatepass"))
    if kind is int:  # hex, since decimal text of an integer is limited in length
        return _framed(b"i", b"%x" % value)
    if kind is bytes:
        return _framed(b"b", value)
    if kind is bytearray:
        return _framed(b"y", bytes(value))
    if kind is float:
        return b"f" + struct.pack(">d", value)
    if value is None or kind is bool:
        return {None: b"N", True: b"T", False: b"F"}[value]
    if kind is list or kind is tuple:
        return _joined(b"l" if kind is list else b"t", map(canonical, value))
    if kind is dict:
        return _joined(b"d", sorted(canonical(k) + canonical(v) for k, v in value.items()))
    if kind is set or kind is frozenset:
        return _joined(b"e" if kind is set else b"z", sorted(map(canonical, value)))
    raise TypeError(f"{kind.__name__} is not a plain value")


def _framed(tag: bytes, content: bytes) -> bytes:
    return b"%c%d:%b" % (tag, len(content), content)


def _joined(tag: bytes, parts: Iterable[bytes]) -> bytes:
    return _framed(tag, b"".join(parts))
