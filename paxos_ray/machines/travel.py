"""How the values and classes of users travel: by cloudpickle, with their own classes by value.

A class of a module that the user works in (see `origin`) is pickled with its code, so that all
citizens run the very class that was deployed, whatever is installed there. Each such class is one
class only, wherever a value of it comes from:

* in a citizen, to an object, it is the class of that name that its own class refers to, if there
  is one (its `Catalogue` says so), else the first of that name that came;
* at a caller, it is the class that the caller has itself, else the first that came.
"""

from __future__ import annotations

import pickle
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from io import BytesIO
from typing import Any
from weakref import WeakKeyDictionary

import cloudpickle

from paxos_ray.machines.origin import of_user

Key = tuple[str, str]
"""A class's module and its qualified name there."""


class Catalogue:
    """The users' classes that one object knows: its own, which wherever it is restored its class
    brings along; and those that have come to it since, with values of them."""

    __slots__ = ("_classes", "_own")

    def __init__(self) -> None:
        self._classes: dict[Key, type] = {}
        self._own: dict[Key, type] = {}

    def own(self, cls: type) -> None:
        """The class of its name is this, and its own class refers to it."""
        self._own.setdefault(_key(cls), cls)
        self.add(cls)

    def add(self, cls: type) -> None:
        """The class of its name is this, from now on, unless there is one."""
        self._classes.setdefault(_key(cls), cls)

    def get(self, key: Key) -> type | None:
        """The class of that name."""
        return self._classes.get(key)

    def __contains__(self, cls: type) -> bool:
        """Whether it is one of its own: one that has come may not be known where it is restored."""
        return self._own.get(_key(cls)) is cls


def pack(value: Any, known: Catalogue | None = None) -> bytes:
    """The pickle of a value. What is `known`'s own is named in it only, and read with that again.

    Raises what cannot be pickled raises: nearly anything."""
    buffer = BytesIO()
    _packer(buffer, known).dump(value)
    return buffer.getvalue()


def unpack(packed: bytes, catalogue: Catalogue | None = None) -> Any:
    """The value of a pickle, with the classes that the catalogue holds."""
    token = _catalogue.set(catalogue)
    try:
        return pickle.loads(packed)
    finally:
        _catalogue.reset(token)


def pack_class(cls: type) -> bytes:
    """A class with all of the user's own that it refers to, by value."""
    made = _made.get(cls)
    if made is None:
        with _by_value():
            made = _made[cls] = _pickling.dumps(cls, protocol=5)
    return made


_made: WeakKeyDictionary[type, bytes] = WeakKeyDictionary()
_foreign: dict[Key, type] = {}
_catalogue: ContextVar[Catalogue | None] = ContextVar("paxos_ray catalogue", default=None)
_lock = threading.RLock()


def use(pickling: Any) -> None:
    """From now on, pickle with this module instead of cloudpickle, whose functions it has: with
    the one that others in this process pickle classes with. A class that came by it is known again
    when it comes another time, and so is one class."""
    global _pickling, _packer
    _pickling, _packer = pickling, _packer_of(pickling)


def _packer_of(pickling: Any) -> Any:
    class Packer(pickling.Pickler):  # type: ignore[misc]
        def __init__(self, buffer: BytesIO, known: Catalogue | None) -> None:
            super().__init__(buffer, protocol=5)
            self._known_classes = known

        def reducer_override(self, value: Any) -> Any:
            """See `pickle.Pickler`. Of plain values it is not called at all."""
            if isinstance(value, type) and _travels(value):
                known = self._known_classes is not None and value in self._known_classes
                if self._known_classes is None:
                    _foreign[_key(value)] = value  # what comes back of it is of this class
                return resolve, (*_key(value), b"" if known else pack_class(value))
            return super().reducer_override(value)

    return Packer


_pickling: Any = cloudpickle
_packer = _packer_of(cloudpickle)


def resolve(module: str, name: str, packed: bytes) -> type:
    """The class of that name, here; if there is none, the packed one. Called by what unpickles."""
    key = (module, name)
    catalogue = _catalogue.get()
    if catalogue is not None:
        known = catalogue.get(key)
        if known is None:
            known = pickle.loads(packed)
            catalogue.add(known)
        return known
    here: Any = sys.modules.get(module)
    for part in name.split("."):
        here = getattr(here, part, None)
    if isinstance(here, type):
        return here
    if key not in _foreign:
        _foreign[key] = pickle.loads(packed)
    return _foreign[key]


def _travels(cls: type) -> bool:
    return cls.__module__ not in sys.modules or of_user(cls.__module__)


def _key(cls: type) -> Key:
    return cls.__module__, cls.__qualname__


@contextmanager
def _by_value() -> Iterator[None]:
    """For a while, all loaded modules that the user works in are pickled by value."""
    with _lock:
        pickling = _pickling
        before = pickling.list_registry_pickle_by_value()
        mine = [
            module
            for name, module in list(sys.modules.items())
            if name not in before and name != "__main__" and of_user(name)
        ]
        mine = [each for each in mine if sys.modules.get(getattr(each, "__name__", "")) is each]
        for module in mine:
            pickling.register_pickle_by_value(module)
        try:
            yield
        finally:
            for module in mine:
                pickling.unregister_pickle_by_value(module)
