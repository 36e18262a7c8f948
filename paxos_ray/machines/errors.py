"""Errors of the machines: what a call on a replicated object, a body or a snapshot can be refused for."""

from __future__ import annotations

from typing import Any

from paxos_ray.core.errors import PaxosError


class MachineError(PaxosError):
    """Base of the errors that a replicated object's call is answered with; its state is unchanged."""


class UnknownObject(MachineError, LookupError):
    """No object of this name has come into being."""


class UnknownMethod(MachineError, AttributeError):
    """The object's kind has no such method."""


class InvalidArguments(MachineError, TypeError):
    """The arguments of the call have the wrong number, types or values."""


class Malformed(MachineError, ValueError):
    """A body is not what `encode_open` or `encode_batch` make, or they were asked to make such a one."""


class InvalidSnapshot(MachineError, ValueError):
    """A snapshot is malformed, or of an earlier moment than what has been applied."""


class OperationFailed(MachineError):
    """A machine's call failed with an error of its own; the message begins with that error's name."""


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
