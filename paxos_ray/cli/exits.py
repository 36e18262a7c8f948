"""What the commands exit with: one number a kind of outcome, the same for every command."""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """Exit codes; 2 is what every usage error exits with."""

    OK = 0
    WRONG = 1
    USAGE = 2
    NO_CLUSTER = 3
    REFUSED = 4
    TIMEOUT = 5
    BROKEN = 6


EPILOG = (
    "Exits with 0 when done; 1 when it failed (demo: a count or a digest is wrong; replay: a "
    "difference; chaos: a bad verdict); 2 for wrong usage; 3 when no Ray cluster was found; 4 when "
    "the island refused (unknown, name taken, bad value) or a record was; 5 when time ran out; 6 "
    "when it broke off and the rest is not known (swarm, explore: a process of it died, a file "
    "could not be written); 130 when interrupted; 141 when nobody reads what it prints, 143 when "
    "told to end (swarm, explore, replay)."
)


class CommandError(Exception):
    """A command cannot go on: what to tell the user, and the code to exit with."""

    def __init__(self, message: str, code: Exit) -> None:
        super().__init__(message)
        self.code = code
