"""Errors of the machines: why a call on an object, a body or a snapshot is refused."""

from __future__ import annotations

from typing import Any

from paxos_ray.core.errors import PaxosError


class MachineError(PaxosError):
    """Base of the errors that a call on a replicated object gets; it has changed nothing."""


class UnknownObject(MachineError, LookupError):
    """No object of this name has come into being."""


class UnknownMethod(MachineError, AttributeError):
    """The object's kind has no such method."""


class InvalidArguments(MachineError, TypeError):
    """The arguments of the call have the wrong number, types or values."""


class Malformed(MachineError, ValueError):
    """A body, read or asked for, that is not one of those that `operations` defines."""


class InvalidSnapshot(MachineError, ValueError):
    """A snapshot is malformed, or of an earlier moment than what has been applied."""


class OperationFailed(MachineError):
    """A call failed with an error of the machine's own; the message begins with that one's name."""


_TYPED: dict[str, type[MachineError]] = {
    error.__name__: error for error in (UnknownObject, UnknownMethod, InvalidArguments, Malformed)
}


def describe(error: Exception) -> tuple[str, str]:
    """The value of an error reply: the error's name and message, as plain text that replicates."""
    return type(error).__name__, str(error)


def from_reply(value: Any) -> MachineError:
    """The error that the value of an error reply (see `describe`) stands for, to be raised."""
    name, message = value
    typed = _TYPED.get(name)
    return OperationFailed(f"{name}: {message}") if typed is None else typed(message)
