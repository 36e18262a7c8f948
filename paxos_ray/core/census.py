"""What a citizen knows of those it brings the log to, and what it reports of them upward."""

from __future__ import annotations

from dataclasses import dataclass

from paxos_ray.core.government import Cookie, Government
from paxos_ray.core.messages import Report
from paxos_ray.core.promise import Ballot, Promise
from paxos_ray.core.representation import Representation


@dataclass(slots=True, eq=False)
class Contact:
    """One citizen as seen by another that sends to it. Times are ms of the sender's `now`."""

    id: str
    cookie: Cookie
    heard_at: int  # of its last answer; at first, since when it has been a contact
    due: int  # when it is to get its next pulse
    top: Promise | None = None  # its committed top, as it said
    told: Promise | None = None  # what it has when it takes in all that was given to it
    held: tuple[Ballot, Promise] | None = None  # the ballot and the end of its register
    failing: bool = False  # the last pulse to it was lost
    report: Report | None = None  # the last it gave under the present government
    busy: str | None = None  # the pulse that is on its way to it


class Census:
    """The contacts of one citizen under one government.

    `targets` are those that it brings the log to: its constituency, and the constituency of
    whoever of them it cannot reach, at any depth.
    """

    def __init__(
        self, id: str, government: Government, now: int, timeout: int, before: Census | None
    ) -> None:
        self.government = government
        self._number = government.promise.government
        self.representation = Representation(government)
        self.targets: list[Contact] = []
        self._id = id
        self._ruling = id in government.majority
        self._timeout = timeout
        self.contacts: dict[str, Contact] = {}
        self._reported: tuple[tuple[Promise, Promise, bool, bool], Report] | None = None
        if before is not None:
            for contact in before.contacts.values():
                if government.lists(contact.id, contact.cookie):
                    contact.report, contact.busy, contact.due = None, None, now
                    self.contacts[contact.id] = contact
            self.targets = before.targets
        self.retarget(now)

    def contact(self, id: str, now: int, government: Government | None = None) -> Contact:
        """The contact of that id, made when there is none; its cookie is the government's."""
        contact = self.contacts.get(id)
        if contact is None:
            cookie = (government or self.government).citizens[id].cookie
            contact = self.contacts[id] = Contact(id, cookie, heard_at=now, due=now)
        return contact

    def retarget(self, now: int) -> None:
        """Find the targets anew: somebody became reachable, or ceased to be."""
        before = [contact.id for contact in self.targets]
        self.targets = []
        self._reported = None
        pending = list(self.representation.constituency.get(self._id, ()))
        while pending:
            contact = self.contact(pending.pop(0), now)
            if contact.id not in before:  # what was seen of it long ago tells nothing
                contact.failing, contact.heard_at, contact.due = False, now, now
                contact.report = None
            self.targets.append(contact)
            if contact.failing:
                pending.extend(self.representation.constituency[contact.id])

    def failed(self, contact: Contact, now: int) -> None:
        """Its pulse was lost."""
        if not contact.failing:
            contact.failing = True
            self.retarget(now)

    def answered(self, contact: Contact, report: Report | None, now: int) -> None:
        """It answered; a report counts only under the government that it was made under."""
        contact.heard_at = now
        if report is not None and report[0] == self._number and report != contact.report:
            contact.report, self._reported = report, None
        if contact.failing:
            contact.failing = False
            self.retarget(now)

    def hint(self, id: str, now: int) -> None:
        """The runtime knows that this citizen is dead: as if it had been silent for `timeout`."""
        contact = self.contacts.get(id)
        if contact is not None and contact in self.targets:
            contact.heard_at = min(contact.heard_at, now - self._timeout)
            self._reported = None
            self.failed(contact, now)

    def report(
        self, top: Promise, minimum: Promise, unlisted: bool, stateful: bool, now: int
    ) -> Report:
        """What this citizen tells upward; at the leader, what the island looks like.

        `top` is its own, `minimum` the one last spread, at which a member of the majority counts
        whose application lacks its state, and who has not reported (but see `_unheard`). Who is
        away holds the minimum for `timeout` and no longer; of the majority, for ever: a leader that
        is new may have been told of deaths before it led. `unlisted`: it has its state and the
        government does not show it yet.
        """
        least = top if stateful or not self._ruling else minimum
        if not self.targets:
            own = (self._id,)
            return Report(
                self._number, least, own if unlisted else (), (), (), () if stateful else own
            )
        depends = (least, minimum, unlisted, stateful)
        if self._reported is not None and self._reported[0] == depends:
            return self._reported[1]
        report, complete = self._report(least, minimum, unlisted, stateful, now)
        # When all are reached, nothing in it depends on the time.
        self._reported = (depends, report) if complete else None
        return report

    def _report(
        self, least: Promise, minimum: Promise, unlisted: bool, stateful: bool, now: int
    ) -> tuple[Report, bool]:
        acclimated: list[str] = [self._id] if unlisted else []
        loading: list[str] = [] if stateful else [self._id]
        reached: list[str] = []
        silent: list[tuple[str, int]] = []
        complete = True
        for contact in self.targets:
            told = contact.report
            if contact.failing:
                complete = False
                silence = now - contact.heard_at
                silent.append((contact.id, silence))
                ruling = contact.id in self.government.majority
                if (ruling or silence < self._timeout) and minimum < least:
                    least = minimum
            elif told is None:
                complete = False
                least = min(least, self._unheard(contact, minimum))
            else:
                reached.append(contact.id)
                reached += told.reached
                silent += told.silent
                acclimated += told.acclimated
                loading += told.loading
                if told.minimum < least:
                    least = told.minimum
                if told.minimum < minimum:  # somebody there will have to start anew
                    loading += (contact.id, *told.reached)
        report = Report(
            self._number, least, tuple(acclimated), tuple(reached), tuple(silent), tuple(loading)
        )
        return report, complete

    def _unheard(self, contact: Contact, minimum: Promise) -> Promise:
        """What must be kept for who has not reported under this government: nothing is known of who
        is below it, but below a constituent there is nobody."""
        top = contact.top
        if top is None or top < minimum or contact.id not in self.government.constituents:
            return minimum
        return top
