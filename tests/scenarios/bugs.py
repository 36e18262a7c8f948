"""The bugs that scenarios guard against: each is a rule of the core told wrongly.

A scenario names them in its line `guards against:`. `owner` is the class or module whose function
`name` says `rule`; planted, it says `instead`.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest

from paxos_ray.core import dissemination, shaper, state
from paxos_ray.core.census import Census
from paxos_ray.core.election import Proposer
from paxos_ray.core.legislation import Writer
from paxos_ray.core.legislator import Legislator
from paxos_ray.core.reception import Receiver
from paxos_ray.core.recording import Recorder
from paxos_ray.core.state import State
from paxos_ray.core.succession import Swap
from tests.core.harness import plant


class Bug(NamedTuple):
    """Where a rule stands, and what stands there instead when the bug is planted.

    An `early` one is in how citizens are made, and is planted before there are any.
    """

    owner: Any
    name: str
    rule: str
    instead: str
    early: bool = False

    def plant(self, patch: pytest.MonkeyPatch) -> None:
        """Plant it until the patch is undone."""
        plant(patch, self.owner, self.name, self.rule, self.instead)


ELECTIONS = {
    "a pending government of the ballot's own number": Bug(
        Proposer, "_elect", ">= ballot.number", "> 10 * ballot.number"
    ),
    "a register dropped when its base moves": Bug(
        State, "commit", "self.register = beyond(register, self.log.top)", "self.register = None"
    ),
    "a register stays that the log has left": Bug(
        state,
        "beyond",
        "return register if entries[0].previous == top else None",
        "return register",
    ),
    "elected upon the committed government": Bug(
        Proposer, "_elect", "pending[-1] if pending else state.government", "state.government"
    ),
    "an election goes on though the top has moved": Bug(
        Proposer, "sent", "state.log.top != self._top", "False"
    ),
    "an electorate of the old parliament only": Bug(
        Proposer, "_elect", "(state.government, *pending)", "(state.government,)"
    ),
    "an electorate of the new parliament only": Bug(
        Proposer, "_elect", "(state.government, *pending)", "pending or (state.government,)"
    ),
    "the candidate does not count itself": Bug(
        Proposer, "superseded", "self.ballot is not None", "False"
    ),
    "a government in the register entitles nobody to stand": Bug(
        Recorder, "may_stand", "for government in state.pending()", "for government in []"
    ),
    "an election waits for the silence of the dead": Bug(
        Proposer,
        "_next_asked",
        "well if well and not self.failures else self._asked[:1]",
        "self._asked",
    ),
    "nobody takes a change back": Bug(Proposer, "_elect", "not retractable:", "True:"),
    "what was carried on is never taken back": Bug(
        Proposer,
        "_may_retract",
        "return writers(government, register) <= self._electorate.keys()",
        "return register.ballot == government.ballot and government.leader == self.state.id",
    ),
    "anybody takes a change back": Bug(
        Proposer,
        "_may_retract",
        "writers(government, register) <= self._electorate.keys()",
        "True",
    ),
    "a change is taken back though another has carried it on": Bug(
        Proposer,
        "_may_retract",
        "return writers(government, register) <= self._electorate.keys()",
        "return government.leader in self._electorate",
    ),
}

PROMISES = {
    "a promise not checked": Bug(Receiver, "_answer", "request.ballot < state.promised", "False"),
    "a synchronize is not refused": Bug(
        Receiver,
        "_answer",
        "request.ballot < state.promised",
        "request.ballot < state.promised and not isinstance(request, Synchronize)",
    ),
    "an accept from another top": Bug(Receiver, "_answer", "top > request.top", "False"),
    "refused before the entries are taken in": Bug(
        Receiver,
        "_answer",
        "if request.entries:",
        "if request.ballot < state.promised:\n"
        "        return Refused(state.promised, state.log.top, state.report())\n"
        "    if request.entries:",
    ),
    "nobody notes where a refusal stands": Bug(
        dissemination, "hear", "contact.top, contact.held = top, None", "contact.held = None"
    ),
    "another cookie is the same citizen": Bug(
        Receiver,
        "_denied",
        "request.to != state.id or request.cookie != state.cookie",
        "request.to != state.id",
    ),
    "another republic is heard": Bug(
        Receiver, "_denied", "request.republic != state.republic", "False"
    ),
    "exiles are not told": Bug(
        Receiver, "receive", "return Exiled(government.promise.government)", "pass"
    ),
}

SEATS = {
    "who was listed once has the state for ever": Bug(
        shaper, "_ready", "id not in view.loading", "True"
    ),
    "only who is not listed may be stuck": Bug(
        Writer, "note_loading", "id in report.loading or", "False or"
    ),
    "a seat is kept by who never loads": Bug(shaper, "_replace", "id in view.stuck", "False"),
    "the majority is kept by who never loads": Bug(shaper, "_relieve", "id in view.stuck", "False"),
}

WRITING = {
    "W without the old majority": Bug(
        Writer, "_old_and_new", "[*self._peers, *(contact", "[*(contact"
    ),
    "W without the new majority": Bug(
        Writer,
        "_old_and_new",
        "*(contact for contact in joining if contact not in self._peers)",
        "",
    ),
    "b of W is not waited for": Bug(Writer, "_hear", "return False", "return contact.id != 'b'"),
    "one of the majority is not waited for": Bug(
        Writer, "_hear", "isinstance(reply, Received)", "reply is None or True"
    ),
    "a read served by any pulse": Bug(Writer, "_complete", "<= round.reads", "<= self.asked"),
    "a read confirmed as of the beginning of the log": Bug(
        Writer,
        "_complete",
        "state.settle(ticket, state.log.top)",
        "state.settle(ticket, next(iter(state.log)).promise)",
    ),
    "a change is told when the leader has committed it": Bug(
        Writer,
        "reign",
        "tickets = self.emigrants.pop(id)",
        "tickets = [state.settle(t, state.log.top) for t in self.emigrants.pop(id)][:0]",
    ),
    "stamps are made of two clocks": Bug(
        Writer, "_next_stamp", "max(0, state.now - self._clock)", "max(0, state.now - self._stamp)"
    ),
    "a deposed leader stays": Bug(Swap, "deposed", "isinstance(self._state.role, Writer)", "False"),
    "who leads by what others bring is deposed": Bug(
        State, "commit_register", "self.role is role", "True"
    ),
    "vouched for without having written": Bug(
        State,
        "request",
        "contact.held == self.written and self.written[1] == top:\n"
        "            written = self.written[0]",
        "contact.held[1] == top:\n            written = contact.held[0]",
    ),
    "who the leader cannot reach is seated at once": Bug(
        Writer,
        "_view",
        "(*(id for id, _ in report.silent), *state.shunned)",
        "tuple(id for id, _ in report.silent)",
    ),
}

CITIZENS = {
    "nobody says that it lacks the state": Bug(
        Census,
        "report",
        "least = top if stateful or not self._ruling else minimum",
        "least = top",
    ),
    "a newcomer without the state holds the log back": Bug(
        Census, "report", "stateful or not self._ruling", "stateful"
    ),
    "the minimum moves while a government is written": Bug(
        Writer, "_review", "self.round is None or not self.round.changes", "True"
    ),
    "the majority does not hold the minimum when it is said to be dead": Bug(
        Census, "_report", "ruling or silence", "silence"
    ),
    "who is heard from stays dead": Bug(State, "lives", "id in self.gone", "False"),
    "the minimum jumps past the unheard": Bug(
        Census, "_report", "least = min(least, self._unheard(contact, minimum))", "pass"
    ),
    "nobody below the dead gets the log": Bug(
        Census,
        "retarget",
        "pending.extend(self.representation.constituency[contact.id])",
        "pass",
    ),
    "nobody is started anew": Bug(State, "since", ", self.log.base", ", None"),
    "the dead are moved up": Bug(
        shaper,
        "may_seat",
        "id in view.reached and id not in view.away and id not in view.emigrants",
        "id not in view.emigrants",
    ),
    "who leaves is moved up": Bug(shaper, "may_seat", "and id not in view.emigrants", ""),
    "a newcomer has been silent since the beginning": Bug(
        Census,
        "retarget",
        "contact.failing, contact.heard_at, contact.due = False, now, now",
        "contact.failing, contact.heard_at, contact.due = False, 0, now",
    ),
    "a pulse is never given again": Bug(Legislator, "outbox", "giving.last_at <= again", "False"),
    "the results of a pulse count twice": Bug(
        Legislator, "sent", "state.givings.pop(pulse.id, None)", "state.givings.get(pulse.id)"
    ),
    "one donor for ever": Bug(
        Legislator, "donor", "state.limits.timeout % len(able)", "10**9 % len(able)"
    ),
    "an even parliament lets a seat go": Bug(
        shaper, "_shrink", "len(government.parliament) % 2", "True"
    ),
    "a newcomer acts on governments before its arrival": Bug(
        State,
        "install",
        "self.active = self.arrived and listed",
        "self.active = self.id in government.citizens",
    ),
    "let go of within the call that committed it": Bug(
        State, "forget", "self.minimum if self.minimum < self.shown else self.shown", "self.minimum"
    ),
    "an even floor": Bug(Writer, "_view", "limits.parliament_floor | 1", "limits.parliament_floor"),
    "chance of the seed alone": Bug(
        State, "__init__", 'Random(f"{seed}/{id}")', "Random(seed)", early=True
    ),
    "who is on its way is on its way for ever": Bug(
        State, "drop_givings", "contact.busy = None", "pass"
    ),
}

THROTTLES = {
    "a queue without a limit": Bug(
        Writer, "enqueue", "self.queued >= state.limits.queue_bytes", "False"
    ),
    "a queue that stays full when it is written": Bug(
        Writer, "_batch", "self.queued -= heft(body) + ENTRY_HEFT", "pass"
    ),
    "a log without a limit": Bug(
        Writer, "enqueue", "state.log.weight >= state.limits.log_bytes", "False"
    ),
    "an island that takes no proposal any more after a large one": Bug(
        Writer, "enqueue", " and len(state.log) > 1", ""
    ),
    "a limit of the log that is one of all that was ever written": Bug(
        Writer, "enqueue", "state.log.weight", "state.log.weight + 256 * state.log.top.entry"
    ),
}

BUGS: dict[str, Bug] = {**ELECTIONS, **PROMISES, **SEATS, **WRITING, **CITIZENS, **THROTTLES}
