"""Errors of the core: local misuse raises one, a peer's misuse is answered by a refusal."""

from __future__ import annotations


class PaxosError(Exception):
    """Base of every error that this package raises on purpose."""


class InvalidCitizen(PaxosError, ValueError):
    """A citizen's description is malformed; the message names what is wrong."""


class InvalidGovernment(PaxosError, ValueError):
    """A government breaks one of its rules; the message names the rule."""


class InvalidArgument(PaxosError, ValueError):
    """An argument of a call on a Legislator has the wrong type or value; nothing was changed."""


class AlreadyFounded(PaxosError, RuntimeError):
    """`bootstrap` or `join` on a Legislator that already belongs to a republic."""


class NotFounded(PaxosError, RuntimeError):
    """A call that needs a republic, on a Legislator that has neither founded nor joined one."""
