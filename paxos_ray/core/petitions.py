"""What is asked of the government, and which change of it is next.

Of a leader, the half that does not write: who wants to come in or to leave, what is known of the
island, and the change that follows from both.
"""

from __future__ import annotations

from paxos_ray.core.government import Government
from paxos_ray.core.messages import Report
from paxos_ray.core.promise import Promise
from paxos_ray.core.shaper import View, Wish, next_change
from paxos_ray.core.state import State


class Petitions:
    """Takes the wishes that change the government, settles their tickets, finds the next change."""

    def __init__(self, state: State) -> None:
        self.state = state
        self.wishes: dict[str, tuple[Wish, list[int]]] = {}
        self.emigrants: dict[str, list[int]] = {}
        self.changes: list[tuple[int, Promise]] = []  # tickets of changes not yet settled
        self.settled = False  # all of this government's majority have committed it
        self._report = state.report()
        self._seen: Report | None = None  # the report that was looked at last
        self._viewed: tuple[object, ...] | None = None  # what `_next` was found from
        self._next: Government | None = None
        self._loading: dict[str, int] = {}  # who lacks the application's state -> since when

    def embark(self, wish: Wish) -> int | str:
        """Write a newcomer in; a text says why not. The same wish again is the same wish."""
        state = self.state
        assert state.government is not None
        citizen = wish.citizen
        present = state.government.citizens.get(citizen.id)
        if present is not None:
            if present.cookie != citizen.cookie:
                return f"{citizen.id} is still present; it must depart before it can arrive anew"
            return self._confirm_change(state.government.arrived[citizen.id])
        waiting = self.wishes.get(citizen.id)
        if waiting is not None and waiting[0].citizen.cookie != citizen.cookie:
            return f"{citizen.id} is being written in with another cookie"
        ticket = state.ticket()
        self.wishes.setdefault(citizen.id, (wish, []))[1].append(ticket)
        self._look_again()
        return ticket

    def emigrate(self, id: str) -> tuple[int | None, str | None]:
        """Write a citizen out: a ticket, and why it must wait, if it must."""
        state = self.state
        assert state.government is not None
        if id not in state.government.citizens:
            return self._confirm_change(state.government.promise), None
        if all(other == id or other in self.emigrants for other in state.government.citizens):
            return None, f"{id} would be the last citizen to leave"
        ticket = state.ticket()
        self.emigrants.setdefault(id, []).append(ticket)
        self._look_again()
        if next_change(state.government, self._view(self._report)) is None:
            return ticket, f"{id} waits until its seat can pass to another"
        return ticket, None

    def _confirm_change(self, promise: Promise) -> int:
        ticket = self.state.ticket()
        self.changes.append((ticket, promise))
        if self.settled:
            self._settle_changes()
        return ticket

    def _settle_changes(self) -> None:
        for ticket, promise in self.changes:
            self.state.settle(ticket, promise)
        self.changes.clear()

    # -- the next change -------------------------------------------------------------------

    def _next_government(self) -> Government | None:
        """The next change; looked for only when something that it depends on has changed."""
        state = self.state
        assert state.government is not None
        report = self._report
        if report is not self._seen:
            self._seen = report
            if report.loading or self._loading:
                self.note_loading()
        elif not state.shunned and not (self._loading and self._stuck()):
            return self._next
        if state.shunned:
            for id in [id for id, until in state.shunned.items() if until <= state.now]:
                del state.shunned[id]
        stuck = self._stuck() if self._loading else ()
        heard = (report.acclimated, report.reached, report.silent, report.loading)
        viewed = (*heard, stuck, tuple(state.shunned))
        if viewed != self._viewed:
            self._viewed = viewed
            self._next = next_change(state.government, self._view(report))
        return self._next

    def _look_again(self) -> None:
        """Something has changed that no report tells of."""
        self._seen = self._viewed = None

    def note_loading(self) -> None:
        """Who lacks the application's state: who has not acclimated, and who says so itself, until
        it says otherwise."""
        state, report = self.state, self._report
        assert state.government is not None
        before, acclimated = self._loading, state.government.acclimated
        denied = {state.id, *report.reached}.difference(report.loading)
        self._loading = {
            id: before.get(id, state.now)
            for id in state.government.citizens
            if id not in acclimated or id in report.loading or (id in before and id not in denied)
        }

    def _stuck(self) -> tuple[str, ...]:
        """Who has been loading the application's state for longer than the limit."""
        since = self.state.now - self.state.limits.acclimation
        return tuple(id for id, began in self._loading.items() if began <= since)

    def _view(self, report: Report) -> View:
        state, limits = self.state, self.state.limits
        lost = [id for id, silence in report.silent if silence >= limits.timeout]
        stuck = [id for id in self._stuck() if id not in report.acclimated]
        return View(
            reached=(state.id, *report.reached),
            away=(*(id for id, _ in report.silent), *state.shunned),
            lost=lost,
            loading=report.loading,
            stuck=stuck,
            acclimated=report.acclimated,
            emigrants=tuple(self.emigrants),
            newcomers=tuple(wish for wish, _ in self.wishes.values()),
            size=limits.parliament_size,
            floor=limits.parliament_floor | 1,  # an even parliament is never where it stays
        )
