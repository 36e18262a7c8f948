"""Messages that may grow: read by who knows fewer of their fields, and by who knows more.

A type listed here travels as its name and its fields in order. Fields are added at the end, with
defaults, together with a higher `wire.VERSION`; they are never taken away, moved, or given another
sense, and the types keep their names and modules. Promises, ballots and entries, of which a message
may hold thousands, are not listed, and stay as they are.
"""

from __future__ import annotations

import copyreg
import dataclasses
from typing import Any, TypeVar

from paxos_ray.core import government, messages

T = TypeVar("T")


def fit(cls: type[T], fields: Any) -> T:
    """An instance of these fields, less those that are not known here."""
    return cls(*fields[: len(_names(cls))])


def grow(*classes: type) -> None:
    """Have instances of these named tuples and dataclasses travel so."""
    for cls in classes:
        copyreg.pickle(cls, _of_tuple if issubclass(cls, tuple) else _of_dataclass)


def _of_tuple(message: tuple[Any, ...]) -> tuple[Any, ...]:
    return fit, (type(message), tuple(message))


def _of_dataclass(message: Any) -> tuple[Any, ...]:
    cls = type(message)
    return fit, (cls, tuple(getattr(message, name) for name in _names(cls)))


def fit_model(cls: Any, fields: dict[str, Any]) -> Any:
    """The same for a pydantic model; it was checked when it was made."""
    known = {}
    for name, field in cls.model_fields.items():
        known[name] = (
            fields[name] if name in fields else field.get_default(call_default_factory=True)
        )
    model = cls.__new__(cls)
    model.__setstate__(known)
    return model


def _of_model(model: Any) -> tuple[Any, ...]:
    return fit_model, (type(model), model.__getstate__())


def _names(cls: type) -> tuple[str, ...]:
    names = _known.get(cls)
    if names is None:
        found = getattr(cls, "_fields", None)
        names = found or tuple(field.name for field in dataclasses.fields(cls))
        _known[cls] = names
    return names


_known: dict[type, tuple[str, ...]] = {}

grow(
    messages.Report,
    messages.Register,
    messages.Synchronize,
    messages.Write,
    messages.Prepare,
    messages.Accept,
    messages.Received,
    messages.Promised,
    messages.Refused,
    messages.Behind,
    messages.Lacks,
    messages.Exiled,
    messages.Denied,
)
for _model in (government.Citizen, government.Government):
    copyreg.pickle(_model, _of_model)
