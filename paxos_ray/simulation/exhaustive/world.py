"""The states of a small island, and all that may happen next in each.

A state is what every citizen stands like, what is on its way, what the search may still let happen,
and what the checkers remember. On its way are *carriers*, each with one giving of a pulse (per
recipient the request, then the reply, or that nothing comes), and *strays*: requests whose reply
nobody waits for, since their carrier went home without it, their sender died or goes on to
something else, or they are second copies. A stray arrives at any later time, or never.

Time stands still, but for the alarms that the bounds allow; each lets the clock of one citizen
move to its next wakeup. With its clock standing still a Legislator gives finitely many pulses.

Nothing that can happen is left out within the bounds but what is argued here:

* *Losing is going home early.* That a request or a reply is lost shows when its carrier hands over
  the results without it, and not before, so that is where the loss is chosen; a request that was
  not delivered becomes a stray. A request that never arrives is one that arrives too late to see.
* *The dead answer nothing*: what is on its way to them is dropped, at once, and a carrier gets no
  reply from them. Nothing else that happens depends on when it learns so, until it goes home.
* *Dying is being missed* (`reduced`). Somebody dead shows when a carrier goes home without its
  reply, and in nothing else: until then it might as well live and do nothing, which the search lets
  everybody do at any time. So citizens die just before they are missed first.
* *What is silent waits* (`reduced`). An input to X is silent when it gives no pulse, nobody waits
  for its reply, and the checkers see nothing new: a stray, a result that changes little, or
  something asked that is put in a queue. It commutes with whatever happens at others next, and
  nothing there can depend on it. So any run has the same effects as one where it happens later,
  just before what is next at X, or not at all if nothing is: silent moves and the one that follows
  them at X are made together (`follow`), and no state in between is counted. A read is not silent,
  and stays where it was asked.
* *What is spent is dropped* (`reduced`): a stray that changes nothing, and never will. That is so
  when it changes nothing now, brings nothing beyond the recipient's top and minimum, is refused or
  found behind (its ballot is below the promised one, of a `Prepare` not above it, or its sender's
  top below the recipient's), and nobody will be told any more that its sender is dead, which
  hearing from it would deny. Promise, top and minimum never go down.
  What it still could do is to have a log let go of at its arrival that would be at a later input.
"""

from __future__ import annotations

from collections.abc import Iterator

from paxos_ray.core.government import Citizen
from paxos_ray.core.messages import Prepare
from paxos_ray.simulation.exhaustive.court import Court, Courts
from paxos_ray.simulation.exhaustive.likeness import Likeness
from paxos_ray.simulation.exhaustive.postures import REFUSED, Deed, Postures, Step
from paxos_ray.simulation.exhaustive.state import (
    ALARMS,
    ANYBODY,
    CHANGES_LEFT,
    CRASHES,
    DEAD,
    ELECTIONS,
    ENTRIES,
    FAULTS,
    NOTHING_COMES,
    READS,
    Bounds,
    Carrier,
    Move,
    Slot,
    State,
    Stray,
    Way,
    answered,
    less,
    undelivered,
)
from paxos_ray.simulation.watch import Violation


class World:
    """Moves between states; `ids` names the citizens by their numbers."""

    def __init__(
        self,
        likeness: Likeness,
        postures: Postures,
        courts: Courts,
        newcomers: dict[int, Citizen],
        reduced: bool,
    ) -> None:
        self.likeness = likeness
        self.postures = postures
        self.courts = courts
        self.ids: tuple[str, ...] = ()
        self._newcomers = {who: likeness.number(citizen) for who, citizen in newcomers.items()}
        self._places: dict[str, int] = {}
        self._reduced = reduced
        self._spent: dict[tuple[int, int], bool] = {}

    def begin(
        self, ids: tuple[str, ...], postures: tuple[int, ...], court: Court, bounds: Bounds
    ) -> State:
        """The state to begin at."""
        self.ids = ids
        self._places = {id: place for place, id in enumerate(ids)}
        self._emigrants = bounds.change == "emigrate"
        return State(postures, (), (), bounds.amounts, self.courts.enter(court))

    # -- what may happen -----------------------------------------------------------------

    def follow(self, state: State) -> Iterator[tuple[Way, State | Violation]]:
        """What may come next, in a fixed order, and the moves that lead there."""
        pending: list[tuple[Way, State, int]] = [((), state, ANYBODY)]
        passed: set[State] = set()
        while pending:
            way, before, turn = pending.pop()
            for move in self._moves(before, turn):
                made = self.make(before, move)
                if made is None:
                    continue
                after, silent = made
                if not silent:
                    yield (*way, move), after
                elif isinstance(after, State) and after not in passed:
                    passed.add(after)
                    pending.append(((*way, move), after, move.who))

    def _moves(self, state: State, turn: int) -> Iterator[Move]:
        """All that may happen next, or what may at one citizen; some of it may be refused."""
        left = state.left
        faulty = left[FAULTS] > 0
        for place, (sender, _, slots) in enumerate(state.carriers):
            if turn in (ANYBODY, sender):
                yield from self._home(place, sender, slots, faulty)
                if left[CRASHES] and self._reduced:
                    yield from self._missed(place, sender, slots)
            for at, (to, code) in enumerate(slots):
                if code >= 0 and code % 2 == 0 and turn in (ANYBODY, to):
                    yield Move("deliver", to, place, at)
                    if faulty:
                        yield Move("double", to, place, at)
        for place, (to, _) in enumerate(state.strays):
            if turn in (ANYBODY, to) and state.strays[place - 1 : place] != (state.strays[place],):
                yield Move("late", to, place)
                if faulty:
                    yield Move("late again", to, place)
        for who, posture in enumerate(state.postures):
            if posture != DEAD and turn in (ANYBODY, who):
                yield from self._own(state, who, posture)
                if left[CRASHES] and not self._reduced:
                    yield Move("crash", who)

    def _home(
        self, place: int, sender: int, slots: tuple[Slot, ...], faulty: bool
    ) -> Iterator[Move]:
        """A carrier goes home: with all results, or but for one, which is lost."""
        missing = [at for at, (_, code) in enumerate(slots) if code >= 0 and code % 2 == 0]
        if not missing:
            yield Move("results", sender, place)
        if faulty and len(missing) <= 1:
            for at, (_, code) in enumerate(slots):
                if code >= 0 and missing in ([], [at]):
                    yield Move("lost", sender, place, at)

    def _missed(self, place: int, sender: int, slots: tuple[Slot, ...]) -> Iterator[Move]:
        """A carrier goes home without the reply of somebody who dies."""
        missing = [at for at, (_, code) in enumerate(slots) if code >= 0 and code % 2 == 0]
        if len(missing) == 1:
            yield Move("missed", sender, place, missing[0])

    def _own(self, state: State, who: int, number: int) -> Iterator[Move]:
        """What a citizen is asked or told, and what befalls it."""
        posture, left = self.postures.postures[number], state.left
        if posture.leads:
            if left[ENTRIES]:
                yield Move("write", who)
            if left[READS]:
                yield Move("read", who)
            if left[CHANGES_LEFT]:
                for other in range(len(self.ids)):
                    if self._emigrants or other in self._newcomers:
                        yield Move("emigrate" if self._emigrants else "embark", who, other)
        if left[ELECTIONS] and not posture.collapsed:
            for other in range(len(self.ids)):
                if other != who:
                    yield Move("hint", who, other)
        if posture.entered and not posture.stateful and self._stateful(state):
            yield Move("load", who)
        if left[ALARMS] and posture.wakeup is not None:
            yield Move("alarm", who)

    def _stateful(self, state: State) -> bool:
        """Whether somebody has the application's state."""
        postures = self.postures.postures
        return any(posture != DEAD and postures[posture].stateful for posture in state.postures)

    # -- what comes of it ----------------------------------------------------------------

    def make(self, state: State, move: Move) -> tuple[State | Violation, bool] | None:
        """What a move leads to, and whether it is silent; None when it is refused."""
        kind, who, at, slot = move
        if kind == "crash":
            return self._crash(state, who), False
        if kind == "missed":
            state, at = self._die(state, at, slot)
        carriers, strays, left = state.carriers, state.strays, state.left
        wanted = False
        deed: Deed
        if kind in ("deliver", "double"):
            to, code = carriers[at][2][slot]
            deed, wanted = ("receive", code // 2), True
            if kind == "double":
                strays, left = (*strays, (to, code // 2)), less(left, FAULTS)
        elif kind in ("late", "late again"):
            deed = ("receive", strays[at][1])
            if kind == "late":
                strays = strays[:at] + strays[at + 1 :]
            else:
                left = less(left, FAULTS)
        elif kind in ("results", "lost", "missed"):
            _, place, slots = carriers[at]
            carriers = carriers[:at] + carriers[at + 1 :]
            if kind == "lost":
                left = less(left, FAULTS)
                to, code = slots[slot]
                if code % 2 == 0:
                    strays = (*strays, (to, code // 2))
                slots = (*slots[:slot], (to, NOTHING_COMES), *slots[slot + 1 :])
            deed = ("sent", place, tuple((self.ids[to], code >> 1) for to, code in slots))
        else:
            deed, spent = self._asked(move)
            if spent >= 0:
                left = less(left, spent)
        step = self.postures.step(state.postures[who], deed)
        if step.to == REFUSED:
            return _raised(step.failure)
        if kind == "hint" and not self.postures.postures[step.to].collapsed:
            return None
        if wanted:
            assert step.reply is not None
            carriers = answered(carriers, at, slot, 2 * step.reply + 1)
        after = self._after(state, who, step, carriers, strays, left)
        silent = not wanted and kind != "read" and isinstance(after, State)
        return after, silent and self._is_silent(step)

    def _is_silent(self, step: Step) -> bool:
        """Whether it gives nothing, and shows the checkers at most what was asked."""
        if not self._reduced or step.given:
            return False
        return step.sight < 0 or self.postures.sights[step.sight].only_asked

    def _asked(self, move: Move) -> tuple[Deed, int]:
        """The input, and what it takes of what is left."""
        match move.kind:
            case "write":
                return ("write",), ENTRIES
            case "read":
                return ("read",), READS
            case "emigrate":
                return ("emigrate", self.ids[move.carrier]), CHANGES_LEFT
            case "embark":
                return ("embark", self._newcomers[move.carrier]), CHANGES_LEFT
            case "hint":
                return ("hint", self.ids[move.carrier]), ELECTIONS
            case "alarm":
                return ("alarm",), ALARMS
            case "load":
                return ("load",), -1
        raise AssertionError(move)

    def _after(
        self,
        state: State,
        who: int,
        step: Step,
        carriers: tuple[Carrier, ...],
        strays: tuple[Stray, ...],
        left: tuple[int, ...],
    ) -> State | Violation:
        """The state after a step of `who`."""
        postures = (*state.postures[:who], step.to, *state.postures[who + 1 :])
        court = state.court
        if step.elapsed:
            court = self.courts.passed(court, step.elapsed)
        if step.sight >= 0:
            verdict = self.courts.see(court, self.ids[who], step.sight)
            if isinstance(verdict, Violation):
                return verdict
            court = verdict
        if step.kept or step.given:
            carriers, strays = self._carried(postures, who, step, carriers, strays)
        if self._reduced and strays and not left[ELECTIONS]:
            strays = tuple(s for s in strays if not self._is_spent(postures[s[0]], s[1]))
        return State(postures, tuple(sorted(carriers)), tuple(sorted(strays)), left, court)

    def _is_spent(self, number: int, request: int) -> bool:
        """Whether a stray changes nothing at a citizen who stands like that, now or later."""
        key = (number, request)
        spent = self._spent.get(key)
        if spent is None:
            spent = self._spent[key] = self._find_spent(number, request)
        return spent

    def _find_spent(self, number: int, request: int) -> bool:
        message, posture = self.likeness.values[request], self.postures.postures[number]
        _, top, promised, minimum, *_ = posture.view
        if top is None or message.top > top or message.minimum > minimum:
            return False
        if message.top == top and not (
            message.ballot < promised
            or (message.ballot == promised and isinstance(message, Prepare))
        ):
            return False
        if message.entries and message.entries[-1].promise > top:
            return False
        step = self.postures.step(number, ("receive", request))
        return step.to == number and not step.given and step.sight < 0

    def _carried(
        self,
        postures: tuple[int, ...],
        who: int,
        step: Step,
        carriers: tuple[Carrier, ...],
        strays: tuple[Stray, ...],
    ) -> tuple[tuple[Carrier, ...], tuple[Stray, ...]]:
        """What is on its way after a step of `who`: its pulses have other places, or are not waited
        for any more, and new ones are given."""
        under_way: list[Carrier] = []
        stray = list(strays)
        for sender, place, slots in carriers:
            kept = step.kept[place] if sender == who else place
            if kept < 0:
                stray += undelivered(slots)
            else:
                under_way.append((sender, kept, slots))
        for place, envelopes in step.given:
            slots = tuple(
                (to, NOTHING_COMES if postures[to] == DEAD else 2 * request)
                for to, request in ((self._places[id], request) for id, request in envelopes)
            )
            if place < 0:
                stray += undelivered(slots)
            else:
                under_way.append((who, place, slots))
        return tuple(under_way), tuple(stray)

    def _crash(self, state: State, who: int) -> State:
        """A citizen dies: what it has sent still arrives, what is on its way to it does not."""
        postures = (*state.postures[:who], DEAD, *state.postures[who + 1 :])
        carriers: list[Carrier] = []
        strays = [stray for stray in state.strays if stray[0] != who]
        for sender, place, slots in state.carriers:
            if sender == who:
                strays += undelivered(slots)
                continue
            told = tuple(
                (to, NOTHING_COMES if to == who and code >= 0 and code % 2 == 0 else code)
                for to, code in slots
            )
            carriers.append((sender, place, told))
        return State(
            postures, tuple(sorted(carriers)), tuple(sorted(strays)), less(state.left, CRASHES),
            self.courts.dead(state.court, self.ids[who]),
        )  # fmt: skip

    def _die(self, state: State, at: int, slot: int) -> tuple[State, int]:
        """Whom this carrier waits for dies; and where the carrier is now."""
        sender, place, slots = state.carriers[at]
        silent = slots[slot][0]
        missing = (sender, place, (*slots[:slot], (silent, NOTHING_COMES), *slots[slot + 1 :]))
        after = self._crash(state, silent)
        return after, after.carriers.index(missing)

    # -- what it is ----------------------------------------------------------------------

    def content(self, state: State) -> tuple[object, ...]:
        """The state by content, whatever numbers the search has given."""
        digest = self.likeness.digests
        return (
            tuple(
                b"" if posture == DEAD else self.postures.postures[posture].digest
                for posture in state.postures
            ),
            tuple(
                (
                    who,
                    at,
                    tuple((to, digest[code >> 1] if code >= 0 else b"") for to, code in slots),
                )
                for who, at, slots in state.carriers
            ),
            tuple((to, digest[request]) for to, request in state.strays),
            state.left,
            self.courts.digests[state.court],
        )


def _raised(failure: str | None) -> tuple[Violation, bool] | None:
    """What an input that does nothing leads to: it was refused, or it raised."""
    return None if failure is None else (Violation("no exception in the core", failure), False)
