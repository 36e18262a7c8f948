"""What the checkers remember, as a value: the verdicts on one sight after another, by number."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from paxos_ray.core.log import NOTHING
from paxos_ray.simulation.agenda import Agenda
from paxos_ray.simulation.exhaustive.likeness import VACANT, Likeness
from paxos_ray.simulation.exhaustive.postures import Postures, Sight
from paxos_ray.simulation.inhabitant import Inhabitant, Ticket
from paxos_ray.simulation.island import Settings
from paxos_ray.simulation.schedule import invariants
from paxos_ray.simulation.watch import History, Violation, Watch


class Court:
    """The history, the citizens as they were last seen, and the checkers of both."""

    def __init__(
        self, history: History, inhabitants: Iterable[Inhabitant], settings: Settings
    ) -> None:
        self.history = history
        self.settings = settings
        self.agenda = Agenda()  # its time is as far as log time may have got
        self.inhabitants = {who.id: _witness(who) for who in inhabitants}
        self.incarnations: dict[tuple[str, object], Inhabitant] = {
            (who.id, who.cookie): who for who in self.inhabitants.values()
        }
        self.checkers = invariants(history, self, self)

    def see(self, who: Inhabitant, sight: Sight, postures: Postures) -> None:
        """Look at a citizen after an input, as an island does. Raises `Violation`."""
        watch = Watch(self.history, self.checkers)
        if sight.asked is not None:
            kind, subject, number = sight.asked
            who.tickets[number] = Ticket(kind, self._subject(kind, subject), number, 0)
        who.legislator = postures.legislator(sight.posture)
        try:
            watch.observe(who)
            self._apply(who)
            for ticket, promise in sight.outcomes:
                asked = who.tickets.pop(ticket, None) or Ticket("unknown", None, ticket, 0)
                watch.settled(who, asked, promise)
        finally:
            who.legislator = VACANT

    def _subject(self, kind: str, subject: Any) -> Any:
        if kind == "read":
            return self.history.acknowledged
        return subject if kind == "write" else self.inhabitants[subject]

    def _apply(self, who: Inhabitant) -> None:
        if not who.stateful or who.application.state.applied == who.top:
            return
        if who.application.state.applied == NOTHING:  # it has just loaded somebody's state
            who.application.restore(self.history.states[who.top])
            return
        missing = who.application.apply(who.fresh())
        if missing is not None:
            raise Violation(
                "nothing unapplied is let go",
                f"{who} has applied {who.application.state.applied}, not {missing.promise}",
            )


class Courts:
    """The courts found so far, by number; each verdict is worked out once."""

    def __init__(self, likeness: Likeness, postures: Postures) -> None:
        self._likeness = likeness
        self._postures = postures
        self._frozen: list[bytes] = []
        self.digests: list[bytes] = []
        self._numbers: dict[bytes, int] = {}
        self._verdicts: dict[tuple[int, str, int], int | Violation] = {}

    def __len__(self) -> int:
        return len(self._frozen)

    def enter(self, court: Court) -> int:
        """The number of a court."""
        digest = self._likeness.form(court, sort=True)
        number = self._numbers.setdefault(digest, len(self._frozen))
        if number == len(self._frozen):
            self._frozen.append(self._likeness.freeze(court))
            self.digests.append(digest)
        return number

    def see(self, court: int, id: str, sight: int) -> int | Violation:
        """The court after it has seen that of a citizen, or what it found broken."""
        key = (court, id, sight)
        verdict = self._verdicts.get(key)
        if verdict is None:
            verdict = self._verdicts[key] = self._see(court, id, sight)
        return verdict

    def dead(self, court: int, id: str) -> int:
        """The court after a citizen has died: it stays as it was last seen, its tickets open."""
        key = (court, id, -1)
        verdict = self._verdicts.get(key)
        if verdict is None:
            opened = self.open(court)
            opened.inhabitants[id].alive = False
            opened.inhabitants[id].tickets.clear()
            verdict = self._verdicts[key] = self.enter(opened)
        assert isinstance(verdict, int)
        return verdict

    def passed(self, court: int, elapsed: int) -> int:
        """The court after a clock has moved by so many ms."""
        if elapsed <= 0:
            return court
        opened = self.open(court)
        opened.agenda.now += elapsed
        return self.enter(opened)

    def _see(self, number: int, id: str, sight: int) -> int | Violation:
        court = self.open(number)
        seen = self._postures.sights[sight]
        try:
            court.see(court.inhabitants[id], seen, self._postures)
        except Violation as violation:
            return violation
        return self.enter(court)

    def open(self, number: int) -> Court:
        """A copy of a court."""
        court = self._likeness.thaw(self._frozen[number])
        assert isinstance(court, Court)
        return court


def _witness(who: Inhabitant) -> Inhabitant:
    """The same citizen, as it was seen last, without what runs it."""
    witness = Inhabitant(who.id, VACANT, Agenda(), 0, who.ordinal)
    for name in ("cookie", "citizen", "top", "promised", "register", "minimum", "stateful"):
        setattr(witness, name, getattr(who, name))
    witness.application.restore(who.application.state)
    return witness
