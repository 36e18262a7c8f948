"""The replicated barrier: wait until so many have arrived; leave together; a gate that is held."""

from __future__ import annotations

from typing import Any, NamedTuple

from paxos_ray.core.promise import Promise
from paxos_ray.machines.context import Context
from paxos_ray.machines.errors import ConfiguredOtherwise, NotHeld
from paxos_ray.machines.standard import BySession, Standard, change, natural, query, session_of
from paxos_ray.machines.values import FLAG, NATURAL, PLAIN, POSITIVE, is_plain, maybe, shown

CANCELLED, OPENED, WAITING, INSIDE, PASSED = "cancelled", "opened", "waiting", "inside", "passed"


class Party(NamedTuple):
    """Who has arrived: of which session, at which gathering, and whether it stays inside."""

    session: tuple[int, ...]
    gathering: int
    stays: bool
    label: Any


class Barrier(Standard):
    """Gatherings, numbered from 1 on: each opens when as many have arrived as it waits for, and the
    next begins. Who `stays` is inside then, until it leaves (a double barrier: enter together,
    leave together). A party whose session ends is no longer there: if it was waiting, one more
    must arrive; if it was inside, it has left.

    Beside that there is a gate, which is held or not, and stays so whoever dies.

    Events, under the gathering's number: `("opened", gathering)`, `("emptied", gathering)` when
    the last that stayed has left, `("cancelled", ticket)` and `("ended", ticket)` of who waited.
    Under `"gate"`: `("held",)`, `("lifted",)`.
    """

    __slots__ = (
        "_counts",
        "_held",
        "_inside",
        "_last",
        "_opened",
        "_owned",
        "_parties",
        "_waiting",
    )

    kind = "barrier"

    def __init__(self) -> None:
        self._opened = 0  # gatherings so far
        self._parties = 0  # that the present one waits for; 0 while nobody has come
        self._last = 0  # the highest ticket
        self._waiting: dict[int, Party] = {}  # by ticket: at the present gathering
        self._inside: dict[int, Party] = {}  # by ticket: at those that have opened
        self._counts: dict[int, int] = {}  # how many are inside, by gathering
        self._owned = BySession()
        self._held = False

    @change(parties=POSITIVE, stays=FLAG, label=PLAIN)
    def arrive(
        self, context: Context, parties: int, stays: bool = False, label: Any = None
    ) -> tuple[bool, int, int]:
        """Arrive at the present gathering, which waits for so many: whether it has opened with
        that, the ticket, the gathering's number. Raises `ConfiguredOtherwise` if others wait for
        another number of parties."""
        if self._waiting and parties != self._parties:
            raise ConfiguredOtherwise(
                f"the gathering waits for {shown(self._parties)}, not {shown(parties)}"
            )
        self._parties = parties
        self._last = ticket = self._last + 1
        gathering = self._opened + 1
        session = tuple(context.session)
        self._waiting[ticket] = Party(session, gathering, stays, label)
        self._owned.add(session, ticket)
        opens = len(self._waiting) == parties
        if opens:
            self._open(context)
        return opens, ticket, gathering

    @change(ticket=NATURAL)
    def cancel(self, context: Context, ticket: int) -> str:
        """Stop waiting: `"cancelled"`, or `"opened"` if the gathering has opened meanwhile; who
        stays is then inside. Raises `NotHeld` for a ticket of another session, and for one that
        was never given out."""
        if not 0 < ticket <= self._last:
            raise NotHeld(f"{shown(ticket)} was never given out")
        party = self._waiting.get(ticket) or self._inside.get(ticket)
        if party is not None and party.session != context.session:
            raise NotHeld(f"{ticket} is another session's")
        if party is None or ticket in self._inside:
            return OPENED
        self._stop_waiting(context, ticket, CANCELLED)
        return CANCELLED

    @change(ticket=NATURAL)
    def leave(self, context: Context, ticket: int) -> tuple[bool, int]:
        """Leave, having stayed: whether all have left with that, and the gathering's number. Raises
        `NotHeld` if one is not inside by this ticket."""
        party = self._inside.get(ticket)
        if party is None:
            raise NotHeld(f"{shown(ticket)} is not inside")
        if party.session != context.session:
            raise NotHeld(f"{ticket} is another session's")
        return self._leave(context, ticket), party.gathering

    @change()
    def hold(self, context: Context) -> bool:
        """Hold the gate; whether that is news."""
        if self._held:
            return False
        self._held = True
        context.publish(("held",), "gate")
        return True

    @change()
    def lift(self, context: Context) -> bool:
        """Hold the gate no more; whether that is news."""
        if not self._held:
            return False
        self._held = False
        context.publish(("lifted",), "gate")
        return True

    @query()
    def held(self) -> bool:
        """Whether the gate is held."""
        return self._held

    @query()
    def opened(self) -> int:
        """How many gatherings have opened: a wait at that number or below is over."""
        return self._opened

    @query()
    def parties(self) -> int:
        """How many the present gathering waits for; 0 while nobody has come."""
        return self._parties

    @query()
    def waiting(self) -> list[tuple[int, Any, tuple[int, ...]]]:
        """`(ticket, label, session)` of who has arrived at the present gathering, in order."""
        return _listed(self._waiting, self._opened + 1)

    @query(gathering=maybe(POSITIVE))
    def inside(self, gathering: int | None = None) -> list[tuple[int, Any, tuple[int, ...]]]:
        """The same of who stays inside, of the last gathering that has opened or the one named."""
        gathering = self._opened if gathering is None else gathering
        return _listed(self._inside, gathering)

    @query(ticket=NATURAL)
    def state(self, ticket: int) -> str:
        """`"waiting"`, `"inside"`, or `"passed"`: the gathering has opened and the party has left,
        unless it cancelled its ticket or its session ended."""
        if ticket in self._waiting:
            return WAITING
        return INSIDE if ticket in self._inside else PASSED

    def session_ended(self, session: Promise, context: Context) -> None:
        """Its parties are no longer there."""
        for ticket in self._owned.of(session):
            if ticket in self._inside:
                self._leave(context, ticket)
            else:
                self._stop_waiting(context, ticket, "ended")

    def snapshot(self) -> Any:
        """Openings, parties, the last ticket, the gate, and who is there."""
        present = {ticket: tuple(party) for ticket, party in self._waiting.items()}
        present.update((ticket, tuple(party)) for ticket, party in self._inside.items())
        return self._opened, self._parties, self._last, self._held, present

    def load(self, snapshot: Any) -> None:
        """See `Standard.load`."""
        opened, parties, last, held, present = snapshot
        self._opened, self._parties, self._last = map(natural, (opened, parties, last))
        assert type(held) is bool
        self._held = held
        for ticket, (session, gathering, stays, label) in present.items():
            party = Party(session_of(session), natural(gathering), stays, label)
            assert natural(ticket) <= self._last and type(stays) is bool and is_plain(label)
            self._owned.add(party.session, ticket)
            if gathering <= self._opened:
                assert stays
                self._inside[ticket] = party
                self._counts[gathering] = self._counts.get(gathering, 0) + 1
            else:
                assert gathering == self._opened + 1
                self._waiting[ticket] = party
        assert len(self._waiting) < self._parties or not (self._waiting or self._parties)

    def _open(self, context: Context) -> None:
        self._opened = gathering = self._opened + 1
        waiting, self._waiting, self._parties = self._waiting, {}, 0
        for ticket, party in waiting.items():
            if party.stays:
                self._inside[ticket] = party
                self._counts[gathering] = self._counts.get(gathering, 0) + 1
            else:
                self._owned.remove(party.session, ticket)
        context.publish((OPENED, gathering), gathering)

    def _stop_waiting(self, context: Context, ticket: int, why: str) -> None:
        party = self._waiting.pop(ticket)
        self._owned.remove(party.session, ticket)
        if not self._waiting:
            self._parties = 0
        context.publish((why, ticket), party.gathering)

    def _leave(self, context: Context, ticket: int) -> bool:
        """One that was inside leaves; whether it was the last of its gathering."""
        party = self._inside.pop(ticket)
        self._owned.remove(party.session, ticket)
        self._counts[party.gathering] -= 1
        if self._counts[party.gathering]:
            return False
        del self._counts[party.gathering]
        context.publish(("emptied", party.gathering), party.gathering)
        return True


def _listed(parties: dict[int, Party], gathering: int) -> list[tuple[int, Any, tuple[int, ...]]]:
    return [
        (ticket, party.label, party.session)
        for ticket, party in sorted(parties.items())
        if party.gathering == gathering
    ]
