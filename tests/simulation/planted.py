"""Bugs to plant in the core, one for each rule that a checker must be seen to guard.

Each takes `replace(owner, name, value)`, as `monkeypatch.setattr` does, and names the checkers
that may catch it: a fork shows in more than one way, and which comes first depends on the seed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from paxos_ray.core import (
    census,
    changes,
    election,
    legislation,
    reception,
    recording,
    shaper,
    state,
)
from paxos_ray.core.government import Government
from paxos_ray.core.messages import Outcome, Register
from paxos_ray.core.promise import Promise
from paxos_ray.simulation import island, network

Replace = Callable[[Any, str, Any], None]

FORK = (
    "committed is recorded by a majority",
    "one entry per promise",
    "one log",
    "same ballot, same register",
    "no acknowledged entry is lost",
    "AssertionError in the core or the simulation",
)


class Bug(NamedTuple):
    """What to plant, and who may find it."""

    plant: Callable[[Replace], None]
    found_by: tuple[str, ...]
    seeds: range


def promise_not_checked(replace: Replace) -> None:
    """A recorder that has promised a candidate goes on recording for the old leader."""
    answer = reception.Receiver._answer

    def forgetful(self: Any, request: Any) -> Any:
        promised = self._state.promised
        self._state.promised = min(promised, request.ballot)
        try:
            return answer(self, request)
        finally:
            self._state.promised = max(promised, self._state.promised)

    replace(reception.Receiver, "_answer", forgetful)


def promise_forgotten(replace: Replace) -> None:
    """A new government is taken for a reason to forget what was promised to a candidate."""
    install = state.State.install

    def forgetful(self: Any, governments: Any) -> None:
        install(self, governments)
        self.promised = governments[-1].ballot

    replace(state.State, "install", forgetful)


def written_to_one_of_the_majority_short(replace: Replace) -> None:
    """A lost answer to a batch is taken for an answer."""
    hear = legislation.Writer._hear

    def deaf(self: Any, round: Any, contact: Any, reply: Any) -> Any:
        if reply is None and round.proposals and round.proposals[0].promise.entry:
            round.waiting.remove(contact)
            return True
        return hear(self, round, contact, reply)

    replace(legislation.Writer, "_hear", deaf)


def written_to_the_old_majority_only(replace: Replace) -> None:
    """A new government is not recorded by all of its own majority."""
    begin = legislation.Writer._round

    def partial(self: Any, proposals: Any, tickets: Any, others: Any) -> Any:
        old = self.state.government.majority
        return begin(self, proposals, tickets, [id for id in others if id in old])

    replace(legislation.Writer, "_round", partial)


def register_not_in_the_chain(replace: Replace) -> None:
    """The new leader does not go on from what was recorded before it."""
    replace(election.Proposer, "_highest", lambda self: ())


def lowest_register_chosen(replace: Replace) -> None:
    """Of several registers the chain is made of the one with the lowest ballot."""

    def lowest(self: Any) -> Any:
        registers = [r for r in self._electorate.values() if r is not None]
        return min(registers, key=lambda r: r.ballot).entries if registers else ()

    replace(election.Proposer, "_highest", lowest)


def register_dropped_when_part_of_it_is_committed(replace: Replace) -> None:
    """A batch that a bounded catch-up commits in part is forgotten whole."""

    def dropped(register: Register, top: Promise) -> Register | None:
        return register if register.entries[0].promise > top else None

    replace(state, "_beyond", dropped)


def elected_upon_the_committed_government(replace: Replace) -> None:
    """The new government is made from the committed one, whatever is pending."""
    elect, accept = changes.elect, election.Proposer._accept

    def accept_wrongly(self: Any, chain: Any, elected: Government) -> None:
        made = elect(self.state.government, elected.number, self.state.id, self._electorate)
        accept(self, chain, made if self.state.id in self.state.government.parliament else elected)

    replace(election.Proposer, "_accept", accept_wrongly)


def reads_confirmed_at_once(replace: Replace) -> None:
    """A leader trusts that it still leads."""

    def confirm(self: Any) -> int:
        ticket: int = self.state.ticket()
        self.state.settle(ticket, self.state.log.top)
        return ticket

    replace(legislation.Writer, "confirm", confirm)


def acknowledged_when_queued(replace: Replace) -> None:
    """A write is acknowledged before anybody else has recorded it."""
    begin = legislation.Writer._round

    def early(self: Any, proposals: Any, tickets: Any, others: Any) -> Any:
        self.state.outcomes.extend(map(Outcome, tickets, [p.promise for p in proposals]))
        return begin(self, proposals, (), others)

    replace(legislation.Writer, "_round", early)


def written_twice(replace: Replace) -> None:
    """What is queued is written twice."""
    enqueue = legislation.Writer.enqueue

    def twice(self: Any, body: Any) -> Any:
        enqueue(self, body)
        return enqueue(self, body)

    replace(legislation.Writer, "enqueue", twice)


def settled_twice(replace: Replace) -> None:
    """An outcome is told twice."""
    settle = state.State.settle

    def twice(self: Any, ticket: int, promise: Any) -> None:
        settle(self, ticket, promise)
        settle(self, ticket, promise)

    replace(state.State, "settle", twice)


def stamped_by_the_clock(replace: Replace) -> None:
    """Log time is taken from the clock of whoever leads."""
    replace(legislation.Writer, "_next_stamp", lambda self: self.state.now)


def change_told_when_committed(replace: Replace) -> None:
    """The receipt of a change does not wait for the new majority."""
    reign = legislation.Writer.reign

    def hasty(self: Any) -> None:
        reign(self)
        self._settle_changes()

    replace(legislation.Writer, "reign", hasty)


def minimum_of_the_leader_only(replace: Replace) -> None:
    """The log is let go of up to what the leader has."""
    report = census.Census.report

    def naive(self: Any, *arguments: Any) -> Any:
        return report(self, *arguments)._replace(minimum=arguments[0])

    replace(census.Census, "report", naive)


def shrinks_below_the_floor(replace: Replace) -> None:
    """A parliament at its floor lets seats go."""
    replace(shaper, "above_floor", lambda government, view: len(government.parliament) > 1)


def two_depart_at_once(replace: Replace) -> None:
    """Who departs takes another constituent along."""
    depart = changes.depart

    def depart_together(government: Government, id: str) -> Government:
        after = depart(government, id)
        if not after.constituents:
            return after
        again = depart(after, after.constituents[-1])
        return again.model_copy(update={"promise": after.promise})

    replace(changes, "depart", depart_together)


def elected_with_another_seat(replace: Replace) -> None:
    """An election takes a constituent into parliament."""
    elect = changes.elect

    def elect_more(government: Government, *arguments: Any) -> Government:
        after = elect(government, *arguments)
        if not after.minority or not after.constituents:
            return after
        swapped = {
            "minority": (after.constituents[0], *after.minority[1:]),
            "constituents": (after.minority[0], *after.constituents[1:]),
        }
        return after.model_copy(update=swapped)

    replace(changes, "elect", elect_more)


def snapshot_of_another_place(replace: Replace) -> None:
    """A donor says that its state is newer than it is."""
    fetch = island.Island._fetch

    def fetch_wrongly(self: Any, who: Any) -> None:
        donor = self.inhabitants.get(who.loading or "")
        if donor is None or not donor.alive:
            fetch(self, who)
            return
        true = donor.application.state
        donor.application.state = true._replace(length=true.length + 1)
        fetch(self, who)
        donor.application.state = true

    replace(island.Island, "_fetch", fetch_wrongly)


def let_go_before_it_is_applied(replace: Replace) -> None:
    """A log is let go of within the call that committed it."""

    def forget(self: Any, minimum: Promise) -> None:
        self.minimum = max(self.minimum, minimum)
        self.log.trim(self.minimum)

    replace(state.State, "forget", forget)


def nobody_stands(replace: Replace) -> None:
    """A follower is patient for ever."""
    replace(recording.Recorder, "may_stand", lambda self: False)


def the_dead_are_not_replaced(replace: Replace) -> None:
    """A dead seat stays, whoever could take it."""
    replace(shaper, "_replace", lambda government, view: None)


def pulses_are_not_given_again(replace: Replace) -> None:
    """A pulse whose carrier died is waited for in vain."""
    give = state.State.give

    def give_once(self: Any, *arguments: Any) -> Any:
        pulse = give(self, *arguments)
        self.givings[pulse.id].last_at = self.givings[pulse.id].first_at = 1 << 60
        return pulse

    replace(state.State, "give", give_once)


def carriers_never_come_home(replace: Replace) -> None:
    """Not a bug of the core: a network that loses all results."""
    replace(network.Network, "_complete", lambda self, carrier: None)


SEEDS = {
    "register_dropped_when_part_of_it_is_committed": 290,
    "lowest_register_chosen": 290,
    "let_go_before_it_is_applied": 110,
}
"""From which schedule on to look, where a bug shows but rarely: the test is to be short."""

BUGS = {
    bug.__name__: Bug(bug, found_by, range(SEEDS.get(bug.__name__, 0), 1_000))
    for bug, found_by in {
        promise_not_checked: (*FORK, "promises are kept"),
        promise_forgotten: ("promises are kept",),
        written_to_one_of_the_majority_short: FORK,
        written_to_the_old_majority_only: (*FORK, "progress after healing"),
        register_not_in_the_chain: FORK,
        lowest_register_chosen: FORK,
        register_dropped_when_part_of_it_is_committed: FORK,
        elected_upon_the_committed_government: (
            "valid governments",
            "InvalidGovernment in the core or the simulation",
        ),
        reads_confirmed_at_once: ("no stale read",),
        acknowledged_when_queued: ("no acknowledged entry is lost",),
        written_twice: ("nothing twice",),
        settled_twice: ("nothing twice",),
        stamped_by_the_clock: ("stamps",),
        change_told_when_committed: ("receipts",),
        minimum_of_the_leader_only: ("minimum",),
        shrinks_below_the_floor: ("valid governments",),
        two_depart_at_once: ("valid governments", "nobody vanishes"),
        elected_with_another_seat: ("valid governments",),
        snapshot_of_another_place: ("one state",),
        let_go_before_it_is_applied: ("nothing unapplied is let go", "one log"),
        nobody_stands: ("progress after healing",),
        the_dead_are_not_replaced: ("progress after healing",),
        pulses_are_not_given_again: ("progress after healing",),
        carriers_never_come_home: ("progress after healing",),
    }.items()
}
