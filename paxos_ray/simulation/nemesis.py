"""The adversary: crashes, cuts, pauses, storms, spurious collapse, comings and goings, the ambush.

It never takes what no island survives: see `may_stop`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from random import Random

from paxos_ray.core.government import Government
from paxos_ray.core.log import Entry
from paxos_ray.core.messages import Accept, Promised, Write
from paxos_ray.core.representation import Representation
from paxos_ray.simulation.coordinator import Clients, Coordinator
from paxos_ray.simulation.inhabitant import Inhabitant
from paxos_ray.simulation.island import Island
from paxos_ray.simulation.network import Weather
from paxos_ray.simulation.plan import Plan, slow, stormy

Sides = tuple[Sequence[str], Sequence[str]]
"""Ids that are cut off from each other."""


class Nemesis:
    """One schedule's adversary. `deeds` counts what it did, by kind."""

    def __init__(
        self,
        island: Island,
        coordinator: Coordinator,
        clients: Clients,
        plan: Plan,
        random: Random,
    ) -> None:
        self.deeds: dict[str, int] = {}
        self._island = island
        self._coordinator = coordinator
        self._clients = clients
        self._plan = plan
        self._random = random
        self._active = False
        self._kinds = {
            self._crash: plan.crash,
            self._cut: plan.cut,
            self._emigrate: plan.emigrate,
            self._newcomer: plan.newcomer,
            self._spurious: plan.spurious,
            self._lose_coordinator: plan.coordinator,
            self._coup: plan.coup,
            self._pause: plan.pause,
            self._storm: plan.storm,
            self._blind: plan.blind,
        }
        self._storms = 0

    def start(self) -> None:
        """Begin."""
        self._active = True
        self._next()

    def stop(self) -> None:
        """Do nothing more, and let everybody go on; what was cut stays cut until it is mended."""
        self._active = False
        for who in list(self._island.living()):
            self._resume(who)

    # -- what the island tells it --------------------------------------------------------

    def committed(self, who: Inhabitant, before: Government, after: Government) -> None:
        """`who` is the first to commit the government `after`."""
        if self._active and self._random.random() < self._plan.ambush:
            self._island.agenda.after(0, self._ambush, who, before, after)

    def wrote(self, who: Inhabitant) -> None:
        """`who` is the first to commit entries: nobody else knows yet that they are."""
        if self._active and self._random.random() < self._plan.ambush / 10:
            self._did("ambush on entries", who.id)
            self._island.agenda.after(0, self.crash, who)

    def recorded(self, who: Inhabitant) -> None:
        """`who` has recorded a government that is pending."""
        if self._active and self._random.random() < self._plan.collapse:
            delay = int(self._random.random() * self._plan.settings.ping)
            self._island.agenda.after(delay, self._spurious)
        if self._active and self._plan.blind and self._random.random() < self._plan.blind / 5:
            self._island.agenda.after(0, self._blind)

    # -- deeds ---------------------------------------------------------------------------

    def _next(self) -> None:
        delay = 1 + int(self._random.expovariate(1 / self._plan.nemesis_ms))
        self._island.agenda.after(delay, self._do)

    def _do(self) -> None:
        if not self._active:
            return
        total = sum(self._kinds.values())
        drawn = self._random.random() * total
        for kind, weight in self._kinds.items():
            drawn -= weight
            if drawn < 0:
                kind()
                break
        self._next()

    def _did(self, kind: str, detail: str = "") -> None:
        self.deeds[kind] = self.deeds.get(kind, 0) + 1
        if self._island.note:
            self._island.note(f"-- nemesis: {kind} {detail}")

    def _anybody(self) -> Inhabitant | None:
        living = list(self._island.living())
        return self._random.choice(living) if living else None

    def _crash(self) -> None:
        victim = self._anybody()
        if victim is not None:
            self.crash(victim)

    def crash(self, victim: Inhabitant) -> bool:
        """Kill `victim` for good, if the island can survive that."""
        if not victim.alive or not may_stop(self._island, victim):
            return False
        self._did("crash", victim.id)
        island = self._island
        if self._random.random() < 0.5:
            island.network.silence(victim.id)
        island.stop(victim)
        for who in list(island.living()):
            if self._random.random() < self._plan.hints:
                delay = int(self._random.random() * self._plan.settings.ping)
                island.agenda.after(delay, self._obituary, who, victim)
        return True

    def _obituary(self, who: Inhabitant, victim: Inhabitant) -> None:
        if self._island.inhabitants[victim.id] is victim:
            self._island.hint(who, victim.id)

    def _cut(self) -> None:
        living = list(self._island.living())
        if len(living) < 2:
            return
        kinds = (self._halves, self._alone, self._leader_from_one, self._from_some)
        kind = self._random.choice(kinds)
        ones, others = kind(living)
        pairs = list(_between(ones, others))
        if self._random.random() < 0.3:  # one way
            pairs = [pair for pair in pairs if pair[0] in ones]
        self._cut_for(pairs, kind.__name__.strip("_"))

    def _cut_for(self, pairs: Sequence[tuple[str, str]], kind: str) -> None:
        self._did("cut", f"{kind} {pairs}")
        network = self._island.network
        key = network.cut(pairs)
        self._island.agenda.after(self._while(), network.mend, key)

    def _halves(self, living: Sequence[Inhabitant]) -> Sides:
        side = [who.id for who in living if self._random.random() < 0.5]
        return side, [who.id for who in living if who.id not in side]

    def _alone(self, living: Sequence[Inhabitant]) -> Sides:
        one = self._random.choice(living).id
        return [one], [who.id for who in living if who.id != one]

    def _from_some(self, living: Sequence[Inhabitant]) -> Sides:
        one, others = self._alone(living)
        return one, [id for id in others if self._random.random() < 0.5]

    def _leader_from_one(self, living: Sequence[Inhabitant]) -> Sides:
        leaders = self._island.leaders()
        leader = self._random.choice(leaders or living).id
        one = self._random.choice([who.id for who in living if who.id != leader])
        return [leader], [one]

    def _pause(self) -> None:
        """Somebody stands still, a leader as often as not, and comes back later."""
        leaders = self._island.leaders()
        who = self._random.choice(leaders) if leaders else self._anybody()
        if self._random.random() < 0.5:
            who = self._anybody()
        if who is None or who.paused:
            return
        self._did("pause", who.id)
        self._island.pause(who)
        self._island.agenda.after(self._while(), self._resume, who)

    def _resume(self, who: Inhabitant) -> None:
        if who.paused:
            self._did("go on", who.id)
            self._island.go_on(who)

    def _storm(self) -> None:
        """For a while the network carries hardly anything as it should."""
        self._did("storm")
        self._change_weather(stormy(self._plan))

    def _change_weather(self, weather: Weather) -> None:
        self._storms += 1
        self._island.network.weather = weather
        self._island.agenda.after(self._while(), self._abate)

    def _abate(self) -> None:
        self._storms -= 1
        if self._active and not self._storms:
            self._island.network.weather = self._plan.weather

    def _while(self) -> int:
        """Ms that a fault lasts."""
        return int(self._random.choice((0.5, 1, 2, 4)) * self._plan.settings.timeout)

    def _emigrate(self) -> None:
        staying = [who for who in self._island.living() if who.listed and not who.leaving]
        leaving = self._random.choice(staying) if len(staying) > 1 else None
        # Its seat may go before a death is noticed: as if it died, it must be dispensable.
        if leaving is not None and may_stop(self._island, leaving):
            leaving.leaving = True
            self._did("emigrate", leaving.id)

    def _newcomer(self) -> None:
        if sum(1 for _ in self._island.living()) < self._coordinator.population + 2:
            self._did("newcomer")
            self._coordinator.newcomer()

    def _spurious(self) -> None:
        """A member of the majority hears that its leader is dead, and collapses."""
        members = [who for who in self._island.living() if self._leader_above(who) is not None]
        if not members or not self._active:
            return
        member = self._random.choice(members)
        leader = self._leader_above(member)
        assert leader is not None
        self._did("spurious", f"{member}: {leader}")
        self._island.hint(member, leader)

    def _leader_above(self, who: Inhabitant) -> str | None:
        for government in reversed(list(views(who))):
            if who.id in government.majority[1:]:
                return government.leader
        return None

    def _coup(self) -> None:
        """The others depose a leader that does not hear of it: it believes to lead a while."""
        leaders = self._island.leaders()
        if not leaders or len(next(views(leaders[-1])).parliament) < 3:
            return
        leader = leaders[-1]
        others = [who for who in self._island.living() if who is not leader and who.listed]
        cut = [who.id for who in others if self._random.random() < 0.9]
        pairs = list(_between([leader.id], cut))
        if self._random.random() < 0.2:
            pairs = [pair for pair in pairs if pair[0] != leader.id]
        self._cut_for(pairs, "coup")
        settings, agenda = self._plan.settings, self._island.agenda
        for who in others:
            if who.id in cut and self._leader_above(who) == leader.id:
                delay = int(self._random.random() * settings.ping / 4)
                agenda.after(delay, self._island.hint, who, leader.id)
        for _ in range(8):
            agenda.after(int(self._random.random() * settings.timeout), self._clients.tempt)

    def _blind(self) -> None:
        """One who brings others the log loses sight of them, and may take them for dead at once;
        what else travels may be slow meanwhile, and the leader looks again and again."""
        leaders = self._island.leaders()
        if not leaders or not self._active:
            return
        leader, random = leaders[-1], self._random
        constituency = Representation(next(views(leader))).constituency
        one = random.choice(list(constituency))
        lost = list(constituency[one])
        for id in lost:  # and of those below them, whom it would turn to
            lost += constituency[id]
        if not lost:
            return
        self._cut_for(list(_between([one], lost)), "blind")
        agenda, timeout = self._island.agenda, self._plan.settings.timeout
        if random.random() < 0.7:
            for id in lost:
                agenda.after(int(4 * random.random()), self._hint_at, one, id)
        if random.random() < 0.5:
            self._change_weather(slow(self._plan))
        for _ in range(4):
            agenda.after(int(random.random() * timeout), self._island.tick, leader)

    def _hint_at(self, id: str, dead: str) -> None:
        who = self._island.inhabitants.get(id)
        if who is not None and self._active:
            self._island.hint(who, dead)

    def _lose_coordinator(self) -> None:
        self._did("lose coordinator")
        self._island.network.lose_carriers()

    # -- the ambush ----------------------------------------------------------------------

    def _ambush(self, who: Inhabitant, before: Government, after: Government) -> None:
        """Only `who` has committed the new government. Kill it, or part the old parliament from
        the new, and let both sides stand."""
        if not self._active or not who.alive:
            return
        if self._random.random() < 0.4:
            self._did("ambush by crash", f"{who} {after.promise}")
            self.crash(who)
            return
        old = [id for id in before.parliament if id not in after.parliament]
        new = [id for id in after.parliament if id not in before.parliament]
        for id in after.parliament:
            if id in before.parliament:
                (old if self._random.random() < 0.5 else new).append(id)
        self._did("ambush", f"{after.promise} {old} | {new}")
        if self._random.random() < 0.5:
            self._island.network.silence(who.id)
        self._cut_for(list(_between(old, new)), "parliaments")
        for side in (old, new):
            for id in side:
                if self._random.random() < 0.6:
                    delay = int(self._random.random() * self._plan.settings.timeout)
                    self._island.agenda.after(delay, self._stand, id)

    def _stand(self, id: str) -> None:
        who = self._island.inhabitants.get(id)
        if who is None or not who.alive or not self._active:
            return
        leader = self._leader_above(who)
        if leader is not None:
            self._island.hint(who, leader)


def _between(ones: Sequence[str], others: Sequence[str]) -> Iterator[tuple[str, str]]:
    for one in ones:
        for other in others:
            yield one, other
            yield other, one


def views(who: Inhabitant) -> Iterator[Government]:
    """The governments that bind `who`: the committed one and those in its register."""
    government = who.legislator.government
    if government is not None:
        yield government
    register = who.legislator.register
    if register is not None:
        yield from _governments(register.entries)


def _governments(entries: Iterable[Entry]) -> Iterator[Government]:
    return (entry.body for entry in entries if entry.promise.entry == 0)


def may_stop(island: Island, victim: Inhabitant) -> bool:
    """Whether the island can go on without `victim`.

    The living must hold a majority of each parliament that is committed or pending anywhere, or
    on its way to become so. A constituent that died unnoticed may yet be given a seat, or two of
    them; no island survives a pending parliament whose majority is dead, so that is counted in.
    """
    living = {who.id: who.cookie for who in island.living() if who is not victim}
    for government in _binding(island, victim):
        if not _survives(government, living, victim, island):
            return False
    return bool(living)


def _binding(island: Island, victim: Inhabitant) -> Iterator[Government]:
    known = [who.legislator.government for who in island.living()]
    yield from sorted((g for g in known if g is not None), key=lambda g: g.number)[-1:]
    for who in island.living():
        if who is not victim:
            bound = list(views(who))
            if any(who.id in view.parliament for view in bound):
                yield from bound
    for message in island.network.under_way():
        if isinstance(message, Write):
            yield from _governments(message.proposals)
        elif isinstance(message, Accept):
            yield from _governments(message.chain)
        elif isinstance(message, Promised) and message.register is not None:
            yield from _governments(message.register.entries)


def _survives(
    government: Government, living: Mapping[str, object], victim: Inhabitant, island: Island
) -> bool:
    if not government.lists(victim.id, victim.cookie):
        return True
    if victim.id in government.constituents and victim.id not in government.acclimated:
        return True
    alive = [id for id, citizen in government.citizens.items() if living.get(id) == citizen.cookie]
    seats, seated = len(government.parliament), sum(id in alive for id in government.parliament)
    unnoticed = sum(
        id not in alive and id in government.acclimated for id in government.constituents
    )
    if seats <= island.settings.parliament_size - 2 and seated - min(2, unnoticed) < seats // 2:
        return False
    if seats > island.settings.odd_floor:  # who emigrates takes a seat along that lives
        unnoticed += sum(
            id in alive and island.inhabitants[id].leaving for id in government.parliament
        )
    return seated - min(1, unnoticed) >= government.quorum
