"""What the models of standard objects share.

They say once more what each object does, as plainly as can be and without looking at `machines`: a
mistake there shows as a difference. States are tuples of all there is, searched from one end to the
other. They serve three times: as the twin of a machine that is driven at random, to play a log
again, and to look for an order of what clients heard.
"""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

from paxos_ray.simulation.histories import UNKNOWN, Effect

Session = tuple[int, int]
"""The name of a session."""


class Where(NamedTuple):
    """The first argument of every step: who calls, and the stamp (ms of log time). Where that is
    not known it is None; then nothing ends by itself, and the ends of leases are told as steps.
    `place` is where in the log the call is, which only users' classes can tell: the entry's promise
    and the operation's index in it."""

    session: Session
    stamp: int | None
    place: tuple[str, int] = ("", 0)


class Refused(NamedTuple):
    """The result of a call that raised: the error's name. It has changed nothing."""

    error: str


NOT_HELD = Refused("NotHeld")
INVALID = Refused("InvalidArguments")
OTHERWISE = Refused("ConfiguredOtherwise")


class ObjectModel(Protocol):
    """A `Model` whose steps begin with a `Where`, and which has two methods that nobody calls:
    `session_ended`, of the session of the `Where`, and `over`, of a tuple of what `due` told: of
    all that ends at once."""

    @property
    def initial(self) -> Any:
        """The state before any call."""
        ...

    def step(self, state: Any, method: str, arguments: tuple[Any, ...]) -> tuple[Any, Any]:
        """The state after a call, and its result."""
        ...

    def due(self, state: Any) -> list[tuple[int, Any]]:
        """The stamps at which something ends, and what: a number or a key; in that order."""
        ...

    def effect(self, method: str, arguments: tuple[Any, ...], outcome: Any) -> Effect:
        """See `Model.effect`."""
        ...


READS: dict[str, frozenset[str]] = {
    "bank": frozenset(("accounts", "held")),
    "map": frozenset(("get", "entry", "contains", "range", "prefix", "count", "revision")),
    "lock": frozenset(("holder", "waiters", "state")),
    "semaphore": frozenset(("limit", "available", "holders", "waiters", "state")),
    "election": frozenset(("leader", "candidates", "state")),
    "barrier": frozenset(("held", "opened", "parties", "waiting", "inside", "state")),
    "queue": frozenset(
        ("limit", "size", "ready", "taken", "peek", "item", "deliveries", "waiters", "state")
    ),
    "sequence": frozenset(("next",)),
}
"""The methods that change nothing, by kind."""


class Plain:
    """What most models do alike. `kind` is the object's."""

    kind = ""

    def due(self, state: Any) -> list[tuple[int, Any]]:
        """See `ObjectModel.due`: nothing ends by itself."""
        return []

    def effect(self, method: str, arguments: tuple[Any, ...], outcome: Any) -> Effect:
        """See `Model.effect`: what only looks changes nothing, nor does what was refused."""
        refused = outcome is not UNKNOWN and isinstance(outcome, Refused)
        return Effect(method not in READS[self.kind] and not refused)


def passed(model: ObjectModel, state: Any, stamp: int) -> tuple[Any, ...]:
    """What has ended by that stamp."""
    return tuple(key for due, key in model.due(state) if due <= stamp)


def at(stamp: int | None, span_ms: int | None) -> int | None:
    """When a span ends that begins now; None: never, or it is not known."""
    return None if stamp is None or span_ms is None else stamp + span_ms


def filled(given: list[Any], *defaults: Any) -> list[Any]:
    """All arguments of a call: those given, and the defaults of the others."""
    return [*given, *defaults[len(given) :]]
