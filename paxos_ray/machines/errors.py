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


class WrongKind(MachineError, TypeError):
    """The object of this name is of another kind."""


class AlreadyDeployed(MachineError, ValueError):
    """Another class is deployed under this name."""


class InvalidClass(MachineError, TypeError):
    """The class cannot be replicated; the message says why."""


class CannotSnapshot(MachineError, TypeError):
    """The call would have left a state that cannot be pickled, so it was undone."""


class QueryWrites(MachineError, RuntimeError):
    """A query has changed the object; that was undone."""


class TooLarge(MachineError, ValueError):
    """The arguments of a call weigh more than the class lets them."""


class NoContext(PaxosError, RuntimeError):
    """`context()`, or a part of it, is not to be had here."""


class RemoteTraceback(PaxosError):
    """Where an object's method raised: the cause of what is raised at the caller."""

    def __str__(self) -> str:
        return "\n" + str(self.args[0]) if self.args else ""


class NotHeld(MachineError):
    """The grant, lease, ticket or candidacy is not, or no longer, the caller's."""


class QueueFull(MachineError):
    """The queue holds as many items as it may."""


class WrongValue(MachineError, TypeError):
    """What is stored is not a value that the call can work on."""


class ConfiguredOtherwise(MachineError, ValueError):
    """The object is configured already, in another way."""


_TYPED: dict[str, type[MachineError]] = {
    error.__name__: error
    for error in (
        UnknownObject,
        UnknownMethod,
        InvalidArguments,
        Malformed,
        WrongKind,
        AlreadyDeployed,
        InvalidClass,
        CannotSnapshot,
        QueryWrites,
        TooLarge,
        NotHeld,
        QueueFull,
        WrongValue,
        ConfiguredOtherwise,
    )
}


def words(error: BaseException) -> str:
    """Its type and what it says: of a user's class, which may raise as it is asked."""
    try:
        return f"{type(error).__name__}: {error}"
    except BaseException:  # noqa: BLE001 - whatever it is, there are no words
        return f"{type(error).__name__}, which cannot say what it is"


def describe(error: Exception) -> tuple[str, str]:
    """The value of an error reply: the error's name and message, as plain text that replicates."""
    return type(error).__name__, str(error)


def from_reply(value: Any) -> MachineError:
    """The error that the value of an error reply (see `describe`) stands for, to be raised."""
    name, message = value
    typed = _TYPED.get(name)
    return OperationFailed(f"{name}: {message}") if typed is None else typed(message)
