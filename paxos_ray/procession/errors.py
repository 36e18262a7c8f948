"""Errors of the queue: each says what was refused; what was refused has changed nothing."""

from __future__ import annotations


class ProcessionError(Exception):
    """Base of every error that this package raises on purpose."""


class InvalidSetting(ProcessionError, ValueError):
    """A width, limit, share or weight is out of its range; the message names the range."""


class Ended(ProcessionError, RuntimeError):
    """A push after the end of the stream."""


class Full(ProcessionError, RuntimeError):
    """A push beyond a limit of what is held; `limit` is that limit."""

    def __init__(self, message: str, limit: float) -> None:
        super().__init__(message, limit)
        self.message, self.limit = message, limit

    def __str__(self) -> str:
        return self.message


class Shifted(ProcessionError, RuntimeError):
    """An iterator was to become a consumer at a node that all consumers have passed."""


class Destroyed(ProcessionError, RuntimeError):
    """A consumer was used after its `destroy`."""


class TimedOut(ProcessionError, TimeoutError):
    """There was no room in time; the value is not in the queue."""
