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
from paxos_ray.simulation.exhaustive.cells import Cell, Cells, Turn, summed
from paxos_ray.simulation.exhaustive.court import Bench, Courts, Verdicts
from paxos_ray.simulation.exhaustive.likeness import Likeness
from paxos_ray.simulation.exhaustive.postures import Postures
from paxos_ray.simulation.exhaustive.state import (
    ALARMS,
    CHANGES_LEFT,
    CRASHES,
    DEAD,
    DEAD_SHIFT,
    ELECTIONS,
    ENTRIES,
    FAULTS,
    NOTHING_COMES,
    READS,
    STRAY_MASK,
    STRAY_SHIFT,
    Bounds,
    Move,
    State,
    Way,
    is_left,
    left_of,
    less,
    stray,
    undelivered,
)
from paxos_ray.simulation.exhaustive.turner import ASKED, Turner, asking
from paxos_ray.simulation.watch import Violation

_UNKNOWN = Turn(DEAD, (), (), -1, -1, 0, False)


class World:
    """Moves between states; `ids` names the citizens by their numbers."""

    def __init__(
        self,
        likeness: Likeness,
        postures: Postures,
        courts: Courts,
        newcomers: dict[int, Citizen],
        bounds: Bounds,
        reduced: bool,
    ) -> None:
        self.likeness = likeness
        self.postures = postures
        self.courts = courts
        self.ids: tuple[str, ...] = ()
        self.first_left = left_of(bounds.amounts)
        # What has been worked out, for whoever is to be told: turns by cell and input, and what is
        # seen after them by annal.
        self.turns: list[tuple[int, int]] = []
        self.sights: list[tuple[int, int, int, int, int]] = []
        self._emigrants = bounds.change == "emigrate"
        self._newcomers = {who: likeness.number(citizen) for who, citizen in newcomers.items()}
        self._reduced = reduced
        self._spent: dict[tuple[int, int], bool] = {}
        self.verdicts = Verdicts(courts, postures)
        self._digests: dict[tuple[str, int], int] = {}

    def begin(self, postures: tuple[int, ...], annal: int, bench: Bench) -> State:
        """The state to begin at."""
        self.ids = self.courts.ids
        self.count = len(self.ids)
        self.cells = Cells(self.likeness, self.postures, self.courts, self.count)
        self._turner = Turner(self.postures, self.cells, self.ids, self._newcomers, self._reduced)
        cells = [
            self.cells.number(who, posture, (), witness)
            for who, (posture, witness) in enumerate(zip(postures, bench, strict=True))
        ]
        return (*cells, annal, self.first_left)

    # -- what may happen -----------------------------------------------------------------

    def follow(self, state: State) -> Iterator[tuple[Way, State | Violation]]:
        """What may come next, in a fixed order, and the moves that lead there."""
        make = self.make
        for who in range(self.count):
            pending: list[tuple[Way, State]] = [((), state)]
            passed: set[State] = set()
            while pending:
                way, before = pending.pop()
                for move in self._moves(before, who):
                    made = make(before, move)
                    if made is None:
                        continue
                    after, silent = made
                    if not silent:
                        yield (*way, move), after
                    elif after not in passed:
                        assert not isinstance(after, Violation)
                        passed.add(after)
                        pending.append(((*way, move), after))

    def _moves(self, state: State, who: int) -> list[Move]:
        """All that may happen next at one citizen; some of it may be refused."""
        cells, count = self.cells.cells, self.count
        cell, left = cells[state[who]], state[count + 1]
        if cell.posture == DEAD:
            return []
        moves = list(cell.results)
        faulty = is_left(left, FAULTS)
        if faulty:
            moves += cell.losses
        if self._reduced and is_left(left, CRASHES):
            moves += cell.misses
        for other in state[:count]:
            moves += cells[other].deliveries[who]
            if faulty:
                moves += cells[other].doubles[who]
        bag = state[count + 2 :]
        for place, code in enumerate(bag):
            if code & STRAY_MASK == who and code not in bag[:place]:
                moves.append(Move("late", who, -1, place))
                if faulty:
                    moves.append(Move("late again", who, -1, place))
        self._own(state, cell, left, moves)
        return moves

    def _own(self, state: State, cell: Cell, left: int, moves: list[Move]) -> None:
        """What a citizen is asked or told, and what befalls it."""
        who, posture = cell.who, self.postures.postures[cell.posture]
        if posture.leads:
            if is_left(left, ENTRIES):
                moves.append(Move("write", who))
            if is_left(left, READS):
                moves.append(Move("read", who))
            if is_left(left, CHANGES_LEFT):
                moves += self._changes(who)
        if not posture.collapsed and is_left(left, ELECTIONS):
            moves += [Move("hint", who, other) for other in range(self.count) if other != who]
        if posture.entered and not posture.stateful and self._stateful(state):
            moves.append(Move("load", who))
        if is_left(left, ALARMS) and posture.wakeup is not None:
            moves.append(Move("alarm", who))
        if not self._reduced and is_left(left, CRASHES):
            moves.append(Move("crash", who))

    def _changes(self, who: int) -> list[Move]:
        """The changes of government that may be asked for at a citizen."""
        if self._emigrants:
            return [Move("emigrate", who, other) for other in range(self.count)]
        return [Move("embark", who, other) for other in self._newcomers]

    def _stateful(self, state: State) -> bool:
        """Whether somebody has the application's state."""
        postures = [self.cells.cells[cell].posture for cell in state[: self.count]]
        return any(it != DEAD and self.postures.postures[it].stateful for it in postures)

    # -- what comes of it ----------------------------------------------------------------

    def make(self, state: State, move: Move) -> tuple[State | Violation, bool] | None:
        """What a move leads to, and whether it is silent; None when it is refused."""
        kind, who, other, place, slot = move
        count = self.count
        if kind == "crash":
            return self._die(state, who), False
        if kind == "missed":
            state, place = self._missed(state, move)
            slot = -1
        annal, left = state[count], state[count + 1]
        bag = state[count + 2 :]
        wanted = False
        if kind == "deliver" or kind == "double":
            code = self.cells.cells[state[other]].bundle[place][1][slot][1] >> 1
            key, wanted = code << 2, True
            if kind == "double":
                bag, left = (*bag, stray(who, code)), less(left, FAULTS)
        elif kind == "late" or kind == "late again":
            key = bag[place] >> STRAY_SHIFT << 2
            if kind == "late":
                bag = bag[:place] + bag[place + 1 :]
            else:
                left = less(left, FAULTS)
        elif place >= 0:
            key = (place << 3 | slot + 1) << 2 | 1
            if kind == "lost":
                left = less(left, FAULTS)
        else:
            key = asking(kind, other)
            if (spent := ASKED[kind]) >= 0:
                left = less(left, spent)
        number = state[who]
        key = key << 6 | left >> DEAD_SHIFT
        cell = self.cells.cells[number]
        turn = cell.turns.get(key, _UNKNOWN)
        if turn is _UNKNOWN:
            turn = cell.turns[key] = self._turner.turn(cell, key)
            self.turns.append((number, key))
        if turn is None:
            return None
        if isinstance(turn, Violation):
            return turn, False
        after = turn.after
        if after < 0:
            seen = turn.seen.get(annal) or self._see(state, number, key, turn)
            if isinstance(seen, Violation):
                return seen, False
            annal, after = seen
        if turn.strays:
            bag += turn.strays
        cells = list(state[:count])
        cells[who] = after
        if wanted:
            cells[other] = self.cells.answered(cells[other], place, slot, turn.reply)
        if bag and self._reduced and not is_left(left, ELECTIONS):
            bag = tuple(
                it for it in bag if not self._is_spent(cells[it & STRAY_MASK], it >> STRAY_SHIFT)
            )
        return (*cells, annal, left, *bag), turn.quiet and not wanted

    def _see(self, state: State, number: int, key: int, turn: Turn) -> tuple[int, int] | Violation:
        """Annal and cell after the checkers have seen what a turn shows."""
        cell, annal = self.cells.cells[number], state[self.count]
        passed = self.courts.passed(annal, turn.elapsed) if turn.elapsed else annal
        found, is_near = (passed, cell.witness), True
        if turn.sight >= 0:
            bench = tuple(self.cells.cells[it].witness for it in state[: self.count])
            verdict = self.verdicts.on(passed, bench, cell.who, turn.sight)
            if isinstance(verdict, Violation):
                return verdict
            found, is_near = verdict
        seen = found[0], self.cells.number(cell.who, turn.posture, turn.bundle, found[1])
        if is_near:
            turn.seen[annal] = seen
            self.sights.append((number, key, annal, *seen))
        return seen

    def forget_news(self) -> None:
        """Whatever has been worked out up to now need not be told."""
        for news in (self.turns, self.sights, self.verdicts.news):
            news.clear()
        self.cells.news.clear()
        self.postures.news.clear()

    # -- what is spent, and who dies -----------------------------------------------------

    def _is_spent(self, cell: int, request: int) -> bool:
        """Whether a stray changes nothing at a citizen who stands like that, now or later."""
        key = (self.cells.cells[cell].posture, request)
        spent = self._spent.get(key)
        if spent is None:
            spent = self._spent[key] = self._find_spent(*key)
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

    def _die(self, state: State, who: int) -> State:
        """A citizen dies: what it has sent still arrives, what is on its way to it does not."""
        count = self.count
        dying = self.cells.cells[state[who]]
        cells = [self.cells.forsaken(cell, who) for cell in state[:count]]
        witness = self.courts.dead(dying.witness)
        cells[who] = self.cells.number(who, DEAD, (), witness)
        bag = [it for it in state[count + 2 :] if it & STRAY_MASK != who]
        for _, slots in dying.bundle:
            bag += undelivered(slots)
        left = less(state[count + 1], CRASHES) | 1 << DEAD_SHIFT + who
        return (*cells, state[count], left, *bag)

    def _missed(self, state: State, move: Move) -> tuple[State, int]:
        """Whom this carrier waits for dies; and where the carrier is now."""
        pulse, slots = self.cells.cells[state[move.who]].bundle[move.place]
        silent = slots[move.slot][0]
        missing = (*slots[: move.slot], (silent, NOTHING_COMES), *slots[move.slot + 1 :])
        after = self._die(state, silent)
        return after, self.cells.cells[after[move.who]].bundle.index((pulse, missing))

    # -- what it is ----------------------------------------------------------------------

    def digest(self, state: State) -> int:
        """16 bytes of the state, as a number: a sum of what its parts are, in whatever order they
        were found. That two states of a billion share theirs is less likely than 1 in 10²⁰."""
        count = self.count
        digests, parts = self.cells.digests, self._digests
        total = 0
        for cell in state[:count]:
            total += digests[cell]
        for sort, number in (("annal", state[count]), ("left", state[count + 1])):
            total += parts.get((sort, number)) or self._part(sort, number)
        for number in state[count + 2 :]:
            total += parts.get(("stray", number)) or self._part("stray", number)
        return total & _SIXTEEN_BYTES

    def _part(self, sort: str, number: int) -> int:
        if sort == "annal":
            told = self.courts.annals.digests[number]
        elif sort == "left":
            told = b"%d" % number
        else:
            request = self.likeness.digests[number >> STRAY_SHIFT]
            told = b"%d " % (number & STRAY_MASK) + request
        digest = self._digests[sort, number] = summed((sort.encode(), told))
        return digest

    def is_quiet(self, state: State) -> bool:
        """Whether nothing is on its way."""
        count = self.count
        return len(state) == count + 2 and not any(
            self.cells.cells[cell].bundle for cell in state[:count]
        )


_SIXTEEN_BYTES = (1 << 128) - 1
