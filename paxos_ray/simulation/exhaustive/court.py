"""What the checkers remember, as values: the verdict on each sight is worked out once.

What they remember of the citizens as they were last seen are *witnesses*, one a citizen; all else
(the history, the checkers' own notes) is an *annal*. Most verdicts depend on the annal and on the
witness of who is seen, and on nothing else; when a checker looks at the others, that is noticed,
and the verdict holds for those witnesses only.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from paxos_ray.core.log import NOTHING
from paxos_ray.simulation.agenda import Agenda
from paxos_ray.simulation.exhaustive.likeness import VACANT, Likeness
from paxos_ray.simulation.exhaustive.postures import Postures, Sight
from paxos_ray.simulation.inhabitant import Inhabitant, Ticket
from paxos_ray.simulation.island import Settings
from paxos_ray.simulation.schedule import invariants
from paxos_ray.simulation.watch import History, Violation, Watch

Bench = tuple[int, ...]
"""The witnesses of all citizens, by number."""


class Subject(NamedTuple):
    """Who is asked to come or to go."""

    id: str
    cookie: object

    def __str__(self) -> str:
        return self.id


class Incarnations(Mapping[tuple[str, Any], Inhabitant]):
    """The citizens as checkers know them: by id and cookie. Notices when one is looked at."""

    def __init__(self, ids: tuple[str, ...], inhabitants: Mapping[str, Inhabitant]) -> None:
        self._ids = ids
        self._inhabitants = inhabitants
        self.consulted = False

    def __getitem__(self, key: tuple[str, Any]) -> Inhabitant:
        self.consulted = True
        who = self._inhabitants[key[0]]
        if who.cookie != key[1]:
            raise KeyError(key)
        return who

    def __iter__(self) -> Iterator[tuple[str, Any]]:
        self.consulted = True
        return iter([(id, self._inhabitants[id].cookie) for id in self._ids])

    def __len__(self) -> int:
        return len(self._ids)


class Annal:
    """The history, the checkers of it, and how far log time may have got."""

    def __init__(self, history: History, settings: Settings, now: int) -> None:
        self.history = history
        self.settings = settings
        self.agenda = Agenda()
        self.agenda.now = now
        self.incarnations = Incarnations((), {})
        self.checkers = invariants(history, self, self)


class Archive:
    """Frozen things of one kind, by number."""

    def __init__(self, likeness: Likeness) -> None:
        self.digests: list[bytes] = []
        self._frozen: list[bytes] = []
        self._numbers: dict[bytes, int] = {}
        self._likeness = likeness

    def __len__(self) -> int:
        return len(self._frozen)

    def enter(self, thing: Any, named: Mapping[int, str]) -> int:
        """The number of a thing; of what is `named` only the name is kept."""
        digest = self._likeness.form(thing, sort=True, named=named)
        number = self._numbers.get(digest)
        return (
            self._adopt(self._likeness.freeze(thing, named), digest) if number is None else number
        )

    def open(self, number: int, named: Mapping[str, Any]) -> Any:
        """A copy of a thing, with these for what was named."""
        return self._likeness.thaw(self._frozen[number], named)

    def told(self, first: int) -> list[tuple[bytes, bytes]]:
        """All from that number on, for another process."""
        return list(zip(self._frozen[first:], self.digests[first:], strict=True))

    def hear(self, told: Iterable[tuple[bytes, bytes]]) -> list[int]:
        """The numbers of what another process has told."""
        return [self._adopt(frozen, digest) for frozen, digest in told]

    def _adopt(self, frozen: bytes, digest: bytes) -> int:
        number = self._numbers.setdefault(digest, len(self._frozen))
        if number == len(self._frozen):
            self._frozen.append(frozen)
            self.digests.append(digest)
        return number


class _Bench(dict[str, Inhabitant]):
    """Copies of witnesses, each made when it is looked at."""

    def __init__(self, courts: Courts, bench: Bench) -> None:
        super().__init__()
        self._courts = courts
        self._numbers = dict(zip(courts.ids, bench, strict=True))

    def __missing__(self, id: str) -> Inhabitant:
        who = self[id] = self._courts.witness(self._numbers[id])
        return who


class Courts:
    """The annals and witnesses found so far, by number."""

    def __init__(self, likeness: Likeness, postures: Postures) -> None:
        self.annals = Archive(likeness)
        self.witnesses = Archive(likeness)
        self.ids: tuple[str, ...] = ()
        self._cookies: dict[str, object] = {}
        self._postures = postures
        self._dead: dict[int, int] = {}
        self._passed: dict[tuple[int, int], int] = {}

    def begin(
        self, history: History, inhabitants: Iterable[Inhabitant], settings: Settings, now: int
    ) -> tuple[int, Bench]:
        """The annal and the witnesses of an island that has been watched up to now."""
        witnesses = [_witness(who) for who in inhabitants]
        self.ids = tuple(who.id for who in witnesses)
        self._cookies = {who.id: who.cookie for who in witnesses}
        return self._enter(Annal(history, settings, now)), tuple(map(self._swear, witnesses))

    def see(
        self, annal: int, bench: Bench, place: int, sight: Sight
    ) -> tuple[int, int, bool] | Violation:
        """The annal and the witness of a citizen after a sight of it, or what it found broken;
        and whether that would be so whatever the other witnesses were."""
        inhabitants = _Bench(self, bench)
        opened = self.annal(annal, inhabitants)
        who = inhabitants[self.ids[place]]
        try:
            self._look(opened, who, sight)
        except Violation as violation:
            return violation
        finally:
            who.legislator = VACANT
        return self._enter(opened), self._swear(who), not opened.incarnations.consulted

    def _look(self, annal: Annal, who: Inhabitant, sight: Sight) -> None:
        """Look at a citizen after an input, as an island does. Raises `Violation`."""
        watch = Watch(annal.history, annal.checkers)
        if sight.asked is not None:
            kind, subject, number = sight.asked
            if kind == "read":
                subject = annal.history.acknowledged
            elif kind != "write":
                subject = Subject(subject, self._cookies[subject])
            who.tickets[number] = Ticket(kind, subject, number, 0)
        who.legislator = self._postures.legislator(sight.posture)
        watch.observe(who)
        _apply(annal.history, who)
        for ticket, promise in sight.outcomes:
            asked = who.tickets.pop(ticket, None) or Ticket("unknown", None, ticket, 0)
            watch.settled(who, asked, promise)

    def dead(self, witness: int) -> int:
        """A witness whose citizen has died: it stays as it was last seen, its tickets open."""
        number = self._dead.get(witness)
        if number is None:
            who = self.witness(witness)
            who.alive = False
            who.tickets.clear()
            number = self._dead[witness] = self._swear(who)
        return number

    def passed(self, annal: int, elapsed: int) -> int:
        """The annal after a clock has moved by so many ms."""
        key = (annal, elapsed)
        number = self._passed.get(key)
        if number is None:
            opened = self.annal(annal, {})
            opened.agenda.now += elapsed
            number = self._passed[key] = self._enter(opened)
        return number

    # -- by number -----------------------------------------------------------------------

    def annal(self, number: int, inhabitants: Mapping[str, Inhabitant]) -> Annal:
        """A copy of an annal; its checkers look at these."""
        incarnations = Incarnations(self.ids, inhabitants)
        opened = self.annals.open(number, {"incarnations": incarnations})
        assert isinstance(opened, Annal)
        return opened

    def witness(self, number: int) -> Inhabitant:
        """A copy of a witness."""
        opened = self.witnesses.open(number, {"agenda": _AGENDA})
        assert isinstance(opened, Inhabitant)
        return opened

    def _enter(self, annal: Annal) -> int:
        return self.annals.enter(annal, {id(annal.incarnations): "incarnations"})

    def _swear(self, who: Inhabitant) -> int:
        return self.witnesses.enter(who, {id(_AGENDA): "agenda"})


class Verdicts:
    """What checkers say of sights: each is worked out once for all that it depends on."""

    def __init__(self, courts: Courts, postures: Postures) -> None:
        # By annal, bench and sight: annal and witness after it. Of the bench there is only the
        # witness of who is seen, when the others make no difference.
        self.known: dict[tuple[int, Bench, int], tuple[int, int]] = {}
        self.news: list[tuple[int, Bench, int]] = []  # what has been worked out since it was told
        self._courts = courts
        self._postures = postures

    def on(
        self, annal: int, bench: Bench, who: int, sight: int
    ) -> tuple[tuple[int, int], bool] | Violation:
        """The annal and the witness of a citizen after a sight of it, or what it found broken;
        and whether that would be so whatever the other witnesses were."""
        near, far = (annal, bench[who : who + 1], sight), (annal, bench, sight)
        found = self.known.get(near)
        if found is not None:
            return found, True
        found = self.known.get(far)
        if found is not None:
            return found, len(bench) == 1
        verdict = self._courts.see(annal, bench, who, self._postures.sights[sight])
        if isinstance(verdict, Violation):
            return verdict
        found, is_near = verdict[:2], verdict[2]
        key = near if is_near else far
        self.known[key] = found
        self.news.append(key)
        return found, is_near


_AGENDA = Agenda()
"""Stands in for the clock of witnesses, who need none."""


def _apply(history: History, who: Inhabitant) -> None:
    """Let the application of a citizen follow its log, as an island does."""
    if not who.stateful or who.application.state.applied == who.top:
        return
    if who.application.state.applied == NOTHING:  # it has just loaded somebody's state
        who.application.restore(history.states[who.top])
        return
    missing = who.application.apply(who.fresh())
    if missing is not None:
        raise Violation(
            "nothing unapplied is let go",
            f"{who} has applied {who.application.state.applied}, not {missing.promise}",
        )


def _witness(who: Inhabitant) -> Inhabitant:
    """The same citizen, as it was seen last, without what runs it."""
    witness = Inhabitant(who.id, VACANT, _AGENDA, 0, who.ordinal)
    for name in ("cookie", "citizen", "top", "promised", "register", "minimum", "stateful"):
        setattr(witness, name, getattr(who, name))
    witness.application.restore(who.application.state)
    return witness
