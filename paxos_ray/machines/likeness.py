"""Digests of any Python value by its structure, and of a class by what its code does.

They are the same in every process. A pickle's bytes are not: they tell two equal texts from one
that is shared, and write a set in an order that hangs on the process. Here

* what is shared counts as what is equal (but where objects refer to each other in a circle: there
  each object is told by when it is met first);
* the order of a dict counts, since a method may see it; that of a set and of an object's
  attributes does not;
* other objects count as what `pickle` would take them apart into.
"""

from __future__ import annotations

import copyreg
import struct
import sys
from collections.abc import Callable, Iterable
from hashlib import blake2b
from itertools import chain
from types import (
    BuiltinFunctionType,
    CodeType,
    FunctionType,
    GetSetDescriptorType,
    MemberDescriptorType,
    MethodDescriptorType,
    ModuleType,
    WrapperDescriptorType,
)
from typing import Any

from paxos_ray.machines.origin import global_names, of_user

SIZE = 16
"""Bytes of a digest."""

_LONG = 256
_SHARED = 4  # of an object with no more references nobody asks twice


def likeness(value: Any) -> bytes:
    """The digest of a value. Raises `TypeError` and the like for what cannot be taken apart."""
    try:
        return _summed(_Reader(cyclic=False, deep=False).of(value))
    except _Cycle:
        return _summed(_Reader(cyclic=True, deep=False).of(value))


def fingerprint(cls: type) -> str:
    """The digest, in hex, of a class: its methods' code with all of the user's own that they refer
    to, constants, defaults, bases, attributes. What is installed counts by its name."""
    return examine(cls)[0]


def examine(cls: type) -> tuple[str, list[type]]:
    """The fingerprint, and the user's classes that make up the class, itself first."""
    reader = _Reader(cyclic=True, deep=True)
    return _summed(reader.of(cls)).hex(), reader.classes


class _Cycle(Exception):
    pass


class _Reader:
    """Encodes values: atoms as themselves, all else as a digest of its parts."""

    def __init__(self, *, cyclic: bool, deep: bool) -> None:
        self.classes: list[type] = []
        self._cyclic = cyclic
        self._deep = deep
        self._known: dict[int, tuple[bytes, Any]] = {}  # kept alive: ids are used again
        self._path: dict[int, Any] = {}  # what is being read; if cyclic, what was ever met
        self._numbers: dict[int, int] = {}

    def of(self, value: Any) -> bytes:
        """The encoding of any value."""
        atom = _ATOMS.get(type(value))
        if atom is not None:
            return atom(value)
        key = id(value)
        known = self._known.get(key)
        if known is not None:
            return known[0]
        if type(value) in (tuple, frozenset) and self._cyclic:
            return self._parts(value)
        if key in self._path:
            if not self._cyclic:
                raise _Cycle
            return b"^%d;" % self._numbers[key]
        self._path[key] = value
        self._numbers[key] = len(self._numbers)
        encoded = self._parts(value)
        if not self._cyclic:
            del self._path[key], self._numbers[key]
            if sys.getrefcount(value) > _SHARED:
                self._known[key] = (encoded, value)
        return encoded

    def _parts(self, value: Any) -> bytes:
        kind = type(value)
        of = self.of
        if kind is list or kind is tuple:
            return _hashed(b"l" if kind is list else b"t", map(of, value))
        if kind is dict:
            return _hashed(b"d", chain(map(of, value), (b"=",), map(of, value.values())))
        if kind is set or kind is frozenset:
            return _hashed(b"e" if kind is set else b"z", sorted(map(of, value)))
        if isinstance(value, type):
            return self._class(value)
        if kind is FunctionType:
            return self._function(value)
        named = _NAMED.get(kind)
        if named is not None:
            return b"n" + _text(named(value))
        if kind is CodeType:
            return self._code(value)
        if self._deep:
            return self._lenient(value)
        return self._object(value)

    # -- objects ------------------------------------------------------------------------------

    def _object(self, value: Any) -> bytes:
        kind = type(value)
        reduce = copyreg.dispatch_table.get(kind)
        reduced = value.__reduce_ex__(4) if reduce is None else reduce(value)
        if isinstance(reduced, str):
            return b"g" + _text(f"{kind.__qualname__} {reduced}")
        make, arguments, state, items, pairs = (*reduced, None, None, None)[:5]
        parts = [self.of(make), *map(self.of, arguments), b"|", self._state(state), b"|"]
        if items is not None:
            parts.extend(map(self.of, items))
        parts.append(b"|")
        if pairs is not None:
            parts.extend(self.of(each) for pair in pairs for each in pair)
        if self._cyclic:
            self._path[id(reduced)] = reduced  # or the ids of its parts would be used again
            self._numbers.setdefault(id(reduced), -1)
        return _hashed(b"o", parts)

    def _state(self, state: Any) -> bytes:
        """Of an object's attributes the order does not count."""
        if type(state) is tuple and len(state) == 2 and type(state[1]) is dict:
            return self._state(state[0]) + b"&" + self._state(state[1])
        if type(state) is dict and all(type(name) is str for name in state):
            return _hashed(b"a", (_text(n) + self.of(state[n]) for n in sorted(state)))
        return self.of(state)

    def _lenient(self, value: Any) -> bytes:
        """Of a class's attributes some cannot be taken apart: these count by their type."""
        if isinstance(value, property):
            return _hashed(b"p", map(self.of, (value.fget, value.fset, value.fdel)))
        if isinstance(value, staticmethod | classmethod):
            return _hashed(type(value).__name__.encode(), (self.of(value.__func__),))
        try:
            return self._object(value)
        except Exception:  # noqa: BLE001 - whatever a stranger's reduction raises
            state = getattr(value, "__dict__", None)
            names = sorted(state) if type(state) is dict else []
            return _hashed(
                b"?" + _text(type(value).__qualname__),
                (_text(name) + self.of(state[name]) for name in names if state is not None),
            )

    # -- code ---------------------------------------------------------------------------------

    def _class(self, cls: type) -> bytes:
        name = cls.__qualname__
        if not of_user(cls.__module__):
            return b"c" + _text(f"{cls.__module__}.{name}")
        if not self._deep:
            return b"c" + _text(name)
        self.classes.append(cls)
        attributes = vars(cls)
        parts = [_text(name), self.of(type(cls)), *map(self.of, cls.__bases__)]
        for each in sorted(attributes):
            if each not in _ACCIDENTAL:
                parts += (_text(each), self.of(attributes[each]))
        return _hashed(b"C", parts)

    def _function(self, function: FunctionType) -> bytes:
        if not of_user(function.__module__):
            return b"f" + _text(f"{function.__module__}.{function.__qualname__}")
        around = function.__globals__
        names = [name for name in global_names(function.__code__) if name in around]
        parts = [
            self.of(function.__code__),
            self.of(function.__defaults__),
            self._state(function.__kwdefaults__),
            self._state(dict(vars(function))),
            *(self.of(_content(cell)) for cell in function.__closure__ or ()),
            *(_text(name) + self.of(around[name]) for name in names),
        ]
        return _hashed(b"F", parts)

    def _code(self, code: CodeType) -> bytes:
        fields = (
            code.co_name, code.co_code, code.co_names, code.co_varnames, code.co_freevars,
            code.co_cellvars, code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount,
            code.co_flags, code.co_exceptiontable, code.co_consts,
        )  # fmt: skip
        return _hashed(b"k", map(self.of, fields))


_ACCIDENTAL = frozenset(
    (
        *("__annotations__", "__dict__", "__doc__", "__firstlineno__", "__module__"),
        *("__slotnames__", "__static_attributes__", "__weakref__", "_abc_impl"),
        *("__dataclass_fields__", "__dataclass_params__"),
    )
)
"""What of a class's dict says nothing, says again what its methods do, or comes by being used."""


class _Empty:
    pass


def _content(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:
        return _Empty


def _named(value: Any) -> str:
    owner = getattr(value, "__objclass__", None) or getattr(value, "__self__", None)
    place = getattr(owner, "__qualname__", None) or getattr(owner, "__name__", None)
    return f"{place or getattr(value, '__module__', None)}.{value.__name__}"


_NAMED: dict[type, Callable[[Any], str]] = {
    ModuleType: lambda module: str(module.__name__),
    MemberDescriptorType: _named,
    GetSetDescriptorType: _named,
    MethodDescriptorType: _named,
    WrapperDescriptorType: _named,
}


def _text(text: str) -> bytes:
    return _framed(b"s", text.encode("utf-8", "surrogatepass"))


def _framed(tag: bytes, content: bytes) -> bytes:
    if len(content) > _LONG:
        return b"%c#" % tag + _summed(content)
    return b"%c%d:%b" % (tag, len(content), content)


def _hashed(tag: bytes, parts: Iterable[bytes]) -> bytes:
    summing = blake2b(tag + b"(", digest_size=SIZE)
    for part in parts:
        summing.update(part)
    return b"#" + summing.digest()


def _summed(content: bytes) -> bytes:
    return blake2b(content, digest_size=SIZE).digest()


_ATOMS: dict[type, Callable[[Any], bytes]] = {
    type(None): lambda _: b"N",
    bool: lambda value: b"T" if value else b"U",
    int: lambda value: _framed(b"i", b"%x" % value),
    float: lambda value: b"r" + struct.pack(">d", value),
    complex: lambda value: b"x" + struct.pack(">dd", value.real, value.imag),
    str: _text,
    bytes: lambda value: _framed(b"b", value),
    bytearray: lambda value: _framed(b"y", bytes(value)),
    type(...): lambda _: b"E",
    type(NotImplemented): lambda _: b"I",
    BuiltinFunctionType: lambda value: b"n" + _text(_named(value)),
}
