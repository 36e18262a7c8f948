"""A seeded network: pulses go out by carriers, every request and every reply on its own.

Each message is lost, doubled, delayed and overtaken by itself. A carrier brings one giving of a
pulse to its recipients and its replies home; it may be slow, and it may die with the pulse or with
the answers in its hands. Who stands still gets nothing until it goes on, then all that came. What
is cut is cut in one direction: a two-way cut is two of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from random import Random
from typing import Any

from paxos_ray.core.messages import Envelope, Pulse, Reply, Request
from paxos_ray.simulation.agenda import Agenda

Deliver = Callable[[Envelope], Reply | None]
"""Brings a request to whoever lives under the envelope's id; None when nobody does."""

GiveBack = Callable[[Pulse, "dict[str, Reply | None]"], None]
"""Brings the results of a pulse to its sender."""


@dataclass(frozen=True, slots=True)
class Weather:
    """Fault rates (probabilities, 0 to 1) and times (ms)."""

    lose_request: float = 0.0
    lose_reply: float = 0.0
    double: float = 0.0  # a request is delivered once more, later
    slow: float = 0.0  # a message takes up to `slow_ms`
    slow_ms: int = 0
    least_ms: int = 1
    spread_ms: int = 1  # a message takes least_ms up to least_ms + spread_ms
    limit_ms: int = 100  # how long a carrier waits for replies, at the most
    patience: float = 1.0  # and at the least, as a part of that
    refuse: float = 0.0  # that a message does not pass a cut is known at once, not at the limit
    prompt: bool = True  # that nobody lives at an address is known at once, not at the limit
    dies: float = 0.0  # a carrier dies with the pulse in its hands, some requests delivered
    dies_late: float = 0.0  # a carrier dies with the answers in its hands
    slow_carrier: float = 0.0  # the answers take up to `slow_ms` to come home


class Carrier:
    """One giving of a pulse on its way. `alive` until its results are home, or it died."""

    __slots__ = ("alive", "pulse", "replies", "void")

    def __init__(self, pulse: Pulse) -> None:
        self.pulse = pulse
        self.replies: dict[str, Reply | None] = {}
        self.alive = True
        self.void = False  # its requests still on the way are lost


class Network:
    """Carries pulses for an island. `delivered` counts requests and replies that arrived."""

    def __init__(
        self,
        agenda: Agenda,
        random: Random,
        weather: Weather,
        deliver: Deliver,
        give_back: GiveBack,
    ) -> None:
        self.weather = weather
        self.delivered = 0
        self._agenda = agenda
        self._random = random.random
        self._deliver = deliver
        self._give_back = give_back
        self._blocked: dict[tuple[str, str], int] = {}
        self._cuts: dict[int, tuple[tuple[str, str], ...]] = {}
        self._last_cut = 0
        self._carriers: dict[int, Carrier] = {}
        self._last_carrier = 0
        self._held: dict[str, list[tuple[Callable[..., object], tuple[Any, ...]]]] = {}

    # -- cuts ----------------------------------------------------------------------------

    def cut(self, pairs: Iterable[tuple[str, str]]) -> int:
        """Let nothing pass from the first to the second of each pair; a key to `mend` it by."""
        self._last_cut += 1
        self._cuts[self._last_cut] = cut = tuple(pairs)
        for pair in cut:
            self._blocked[pair] = self._blocked.get(pair, 0) + 1
        return self._last_cut

    def mend(self, key: int) -> None:
        """Undo a cut; once is enough."""
        for pair in self._cuts.pop(key, ()):
            self._blocked[pair] -= 1
            if not self._blocked[pair]:
                del self._blocked[pair]

    def mend_all(self) -> None:
        """Undo every cut."""
        self._cuts.clear()
        self._blocked.clear()

    def reaches(self, sender: str, to: str) -> bool:
        """Whether a message that sets out now from one to the other is let through."""
        return (sender, to) not in self._blocked

    # -- pauses --------------------------------------------------------------------------

    def hold(self, id: str) -> None:
        """Keep what arrives for `id`, which stands still, until it is released."""
        self._held.setdefault(id, [])

    def release(self, id: str) -> None:
        """What was kept for `id` arrives now, in the order in which it came."""
        for action, arguments in self._held.pop(id, ()):
            self._agenda.after(0, action, *arguments)

    # -- losses by hand ------------------------------------------------------------------

    def lose_carriers(self) -> None:
        """All carriers die at once, as when the coordinator does; requests under way arrive."""
        for carrier in self._carriers.values():
            carrier.alive = False
        self._carriers.clear()

    def silence(self, sender: str) -> None:
        """Lose the requests of `sender` that are under way."""
        for action, arguments in self._agenda.upcoming():
            if action == self._arrive and arguments[0].pulse.sender == sender:
                arguments[0].void = True

    def under_way(self) -> Iterator[Request | Reply]:
        """The requests and replies that have set out and not arrived."""
        for action, arguments in self._agenda.upcoming():
            if action == self._arrive:
                yield arguments[1].request
            elif action == self._collect and arguments[2] is not None:
                yield arguments[2]
        for held in self._held.values():
            for action, arguments in held:
                if action == self._arrive:
                    yield arguments[1].request
                else:
                    yield from (reply for reply in arguments[1].values() if reply is not None)
        for carrier in self._carriers.values():
            yield from (reply for reply in carrier.replies.values() if reply is not None)

    # -- carrying ------------------------------------------------------------------------

    def carry(self, pulse: Pulse) -> None:
        """Send a carrier with this pulse."""
        weather, random, agenda = self.weather, self._random, self._agenda
        carrier = Carrier(pulse)
        envelopes = pulse.envelopes
        if weather.dies and random() < weather.dies:
            carrier.alive = False
            envelopes = envelopes[: int(random() * (len(envelopes) + 1))]
        sender = pulse.sender
        for envelope in envelopes:
            if (sender, envelope.to) in self._blocked:
                if weather.refuse and random() < weather.refuse:
                    agenda.after(self._delay(), self._collect, carrier, envelope.to, None)
                continue
            if weather.lose_request and random() < weather.lose_request:
                continue
            agenda.after(self._delay(), self._arrive, carrier, envelope)
            if weather.double and random() < weather.double:
                agenda.after(2 * self._delay(), self._arrive, carrier, envelope)
        if carrier.alive:
            self._last_carrier += 1
            self._carriers[self._last_carrier] = carrier
            patience = weather.patience + (1 - weather.patience) * random()
            limit = int(weather.limit_ms * patience)
            agenda.after(limit, self._expire, carrier, self._last_carrier)

    def _delay(self) -> int:
        weather = self.weather
        drawn = self._random()
        if drawn < weather.slow:
            return weather.least_ms + int(drawn / weather.slow * weather.slow_ms)
        return weather.least_ms + int(self._random() * weather.spread_ms)

    def _arrive(self, carrier: Carrier, envelope: Envelope) -> None:
        """A request arrives, and its reply sets out."""
        if carrier.void:
            return
        if envelope.to in self._held:
            self._held[envelope.to].append((self._arrive, (carrier, envelope)))
            return
        reply = self._deliver(envelope)
        if reply is not None:
            self.delivered += 1
        if not carrier.alive:
            return
        weather = self.weather
        if reply is None:
            if weather.prompt:
                self._agenda.after(self._delay(), self._collect, carrier, envelope.to, None)
        elif (envelope.to, carrier.pulse.sender) in self._blocked:
            return
        elif not weather.lose_reply or self._random() >= weather.lose_reply:
            self._agenda.after(self._delay(), self._collect, carrier, envelope.to, reply)

    def _collect(self, carrier: Carrier, to: str, reply: Reply | None) -> None:
        """A reply arrives at its carrier; of a doubled request, the first counts."""
        if not carrier.alive:
            return
        if reply is not None:
            self.delivered += 1
        carrier.replies.setdefault(to, reply)
        if len(carrier.replies) == len(carrier.pulse.envelopes):
            self._complete(carrier)

    def _expire(self, carrier: Carrier, key: int) -> None:
        self._carriers.pop(key, None)
        if carrier.alive:
            self._complete(carrier)

    def _complete(self, carrier: Carrier) -> None:
        carrier.alive = False
        weather = self.weather
        if weather.dies_late and self._random() < weather.dies_late:
            return
        pulse = carrier.pulse
        replies = {envelope.to: carrier.replies.get(envelope.to) for envelope in pulse.envelopes}
        if weather.slow_carrier and self._random() < weather.slow_carrier:
            delay = 1 + int(self._random() * weather.slow_ms)
            self._agenda.after(delay, self._come_home, pulse, replies)
        else:
            self._come_home(pulse, replies)

    def _come_home(self, pulse: Pulse, replies: dict[str, Reply | None]) -> None:
        if pulse.sender in self._held:
            self._held[pulse.sender].append((self._give_back, (pulse, replies)))
        else:
            self._give_back(pulse, replies)
