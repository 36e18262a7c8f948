"""What the customers of standard objects ask for: drawn at random, from what each knows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any

from paxos_ray.simulation.bank import ACCOUNTS, CLASSES, EACH
from paxos_ray.simulation.models import BANK, READS, Refused

Call = tuple[str, tuple[Any, ...]]
"""A method and its arguments, all of which can be hashed."""

KEYS = ("a", "b", "c")
PERMITS = 3
PARTIES = 2
LIMIT = 6
MOST_NUMBERS = 3
"""Numbers of one object that a customer remembers: the last ones it got."""


@dataclass(slots=True)
class Knowledge:
    """What one customer knows of one object, right or not, and who it is."""

    who: str
    timeout: int
    random: Random
    numbers: list[int] = field(default_factory=list)
    versions: dict[str, int] = field(default_factory=dict)
    asked: int = 0

    def learn(self, method: str, arguments: tuple[Any, ...], result: Any) -> None:
        """A call was answered."""
        if isinstance(result, Refused):
            if result.error == "UnknownObject":
                self.versions[BANK] = 0
            return
        if method == "deploy":
            self.versions[BANK] = 1
        elif method == "earmark":
            self.numbers = [*self.numbers, result[0]][-MOST_NUMBERS:]
        elif method in ("acquire", "campaign", "arrive", "take") and result[1] is not None:
            self.numbers = [*self.numbers, result[1]][-MOST_NUMBERS:]
        elif (
            method in ("release", "resign", "acknowledge", "leave", "settle")
            or result == "cancelled"
        ):
            self.numbers = [number for number in self.numbers if number != arguments[0]]
        elif method in ("put", "put_if_absent", "put_if_version") and type(result) is int:
            self.versions[str(arguments[0])] = result

    def forget(self) -> None:
        """The session has expired: its numbers are nothing any more."""
        self.numbers.clear()

    def number(self) -> int:
        """One that it has, mostly the first; sometimes one that it has not."""
        if self.numbers and self.random.random() < 0.95:
            return self.numbers[0] if self.flag(0.7) else self.random.choice(self.numbers)
        return self.random.randrange(1, 6)

    def lease(self) -> int | None:
        """A lease or a time to live, mostly none."""
        return self.random.choice((None, None, self.timeout, 4 * self.timeout))

    def flag(self, likely: float) -> bool:
        """True that often."""
        return self.random.random() < likely


def setup(kind: str) -> list[Call]:
    """What each customer says of an object before it uses it."""
    if kind == BANK:
        return [("deploy", (min(CLASSES), ACCOUNTS, EACH))]
    if kind == "semaphore":
        return [("configure", (PERMITS,))]
    return [("configure", (LIMIT,))] if kind == "queue" else []


def choose(kind: str, known: Knowledge) -> Call:
    """A call that may change the object."""
    known.asked += 1
    return _CHOICES[kind](known)


def look(kind: str, known: Knowledge) -> Call:
    """A query."""
    method = known.random.choice(sorted(READS[kind]))
    if kind == "map":
        key = known.random.choice(KEYS)
        arguments: dict[str, tuple[Any, ...]] = {
            "range": (),
            "revision": (),
            "prefix": ("", 2),
            "count": ("b",),
        }
        return method, arguments.get(method, (key,))
    if method in ("state", "item"):
        return method, (known.number(),)
    return method, ()


def untimed(method: str, result: Any) -> Any:
    """A result without stamps, as a model has it that knows none."""
    if isinstance(result, Refused) or result is None:
        return result
    without: dict[str, Callable[[Any], Any]] = {
        "renew": lambda _: None,
        "holder": lambda told: (*told[:2], None, *told[3:]),
        "leader": lambda told: (*told[:2], None, *told[3:]),
        "earmark": lambda told: (*told[:2], None),
        "entry": lambda told: (*told[:3], None, *told[4:]),
        "holders": lambda told: [(*each[:3], None, *each[4:]) for each in told],
        "deliveries": lambda told: [(*each[:2], None, *each[3:]) for each in told],
    }
    return without[method](result) if method in without else result


def _bank(known: Knowledge) -> Call:
    pick = known.random.choice
    if not known.versions.get(BANK, 1) or known.flag(0.02):
        return "deploy", (pick(sorted(CLASSES)), ACCOUNTS, EACH)
    if known.flag(0.04):
        return "retire", ()
    if known.numbers and known.flag(0.4):
        return "settle", (known.number(), pick(ACCOUNTS))
    source, target = known.random.sample(ACCOUNTS, 2)
    amount = pick((1, 2, 4))
    return pick(
        (
            ("transfer", (source, target, amount)),
            ("earmark", (source, amount, known.lease())),
            ("raffle", (amount,)),
        )
    )


def _line(ask: Call, known: Knowledge, others: tuple[str, ...]) -> Call:
    """Ask, or do something with what was asked for."""
    if not known.numbers or known.flag(0.3 / len(known.numbers)):
        return ask
    method = known.random.choice(others)
    number = known.number()
    return method, (number, known.lease()) if method == "renew" else (number,)


def _lock(known: Knowledge) -> Call:
    ask = "acquire", (known.lease(), known.flag(0.8), known.who)
    return _line(ask, known, ("release", "release", "release", "cancel", "renew", "revoke"))


def _semaphore(known: Knowledge) -> Call:
    if known.flag(0.03):
        return "resize", (known.random.choice((2, PERMITS, PERMITS + 1)),)
    permits = known.random.choice((1, 1, 2))
    ask = "acquire", (permits, known.lease(), known.flag(0.8), known.who)
    return _line(ask, known, ("release", "release", "release", "cancel", "renew", "revoke"))


def _election(known: Knowledge) -> Call:
    ask = "campaign", (known.who, known.lease())
    if known.numbers and known.flag(0.2):
        return "proclaim", (known.number(), f"{known.who} {known.asked}")
    return _line(ask, known, ("resign", "resign", "cancel", "renew"))


def _barrier(known: Knowledge) -> Call:
    if known.flag(0.1):
        return known.random.choice(("hold", "lift")), ()
    parties = PARTIES if known.flag(0.95) else PARTIES + 1
    return _line(("arrive", (parties, known.flag(0.5), known.who)), known, ("leave", "cancel"))


def _queue(known: Knowledge) -> Call:
    if known.flag(0.45):
        return "put", (f"{known.who} {known.asked}", known.random.choice((0, 0, 1, -1)))
    ask = "take", (known.lease(), known.flag(0.7))
    acts = ("acknowledge", "acknowledge", "acknowledge", "release", "cancel", "renew")
    return _line(ask, known, acts)


def _sequence(known: Knowledge) -> Call:
    if known.flag(0.05):
        return "advance", (known.random.randrange(60),)
    return "reserve", (known.random.choice((1, 1, 2, 10)),)


def _map(known: Knowledge) -> Call:
    pick = known.random.choice
    key, value, other = pick(KEYS), pick((1, 2, 3)), pick(KEYS)
    version = known.versions.get(key, 0)
    more = (known.lease(), known.flag(0.2)) if known.flag(0.3) else ()
    return pick(
        (
            ("put", (key, value, *more)),
            ("put", (key, value, *more)),
            ("put_if_absent", (key, value, *more)),
            ("put_if_version", (key, version, value, *more)),
            ("compare_and_set", (key, pick((1, 2, 3)), value)),
            ("increment", (key, pick((1, 2)))),
            ("delete", (key,)),
            ("delete_prefix", (key,)),
            ("touch", (key, known.lease())),
            (
                "transaction",
                (
                    ((key, "version", pick(("==", "<=")), version), (other, "exists", "==", True)),
                    (("increment", other, -1), ("increment", key)),
                    (("get", key), ("put_if_absent", other, value)),
                ),
            ),
        )
    )


_CHOICES: dict[str, Callable[[Knowledge], Call]] = {
    "bank": _bank,
    "barrier": _barrier,
    "election": _election,
    "lock": _lock,
    "map": _map,
    "queue": _queue,
    "semaphore": _semaphore,
    "sequence": _sequence,
}
