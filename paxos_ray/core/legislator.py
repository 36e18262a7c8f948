"""The Legislator: a pure, deterministic, replayable participant of Multi-Paxos.

All inputs are method calls with `now` first, an integer in milliseconds; nothing is read from a
clock, and chance comes from the seed. The same calls in the same order give the same outbox and
the same log, bit for bit.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from paxos_ray.core.errors import AlreadyFounded, InvalidArgument, InvalidCitizen, NotFounded
from paxos_ray.core.founding import found, founding
from paxos_ray.core.government import Citizen, Cookie, Government, Republic
from paxos_ray.core.legislation import Writer
from paxos_ray.core.messages import (
    Outcome,
    Pulse,
    Receipt,
    Reply,
    Request,
)
from paxos_ray.core.promise import Promise
from paxos_ray.core.reception import Receiver
from paxos_ray.core.recording import Recorder
from paxos_ray.core.retirement import Retired
from paxos_ray.core.sense import is_reply
from paxos_ray.core.shaper import Wish
from paxos_ray.core.sight import Visible
from paxos_ray.core.state import Giving, Limits, State
from paxos_ray.core.succession import Swap

DEFAULT_PING_MS = 250
DEFAULT_TIMEOUT_MS = 1_000


class Legislator(Visible):
    """One citizen's part in the island.

    `ping`, `timeout` and `acclimation` (the limit for loading the application's state) are in ms;
    a batch or a catch-up is limited in entries and in bytes of heft. A leader takes no proposal
    while what is queued, or the log that is not let go of yet, weighs `queue_bytes`, `log_bytes` or
    more. Parliaments are odd: an even `parliament_floor` counts as the next odd number. Raises
    `InvalidArgument`.
    """

    def __init__(
        self,
        id: str,
        *,
        parliament_size: int = 5,
        parliament_floor: int = 3,
        ping: int = DEFAULT_PING_MS,
        timeout: int = DEFAULT_TIMEOUT_MS,
        seed: int = 0,
        acclimation: int | None = None,
        batch_entries: int = 4_096,
        batch_bytes: int = 4 << 20,
        catch_up_entries: int = 4_096,
        catch_up_bytes: int = 4 << 20,
        queue_bytes: int = 16 << 20,
        log_bytes: int = 64 << 20,
    ) -> None:
        if type(id) is not str or not id:
            raise InvalidArgument(f"id is a text that is not empty, not {id!r}")
        limits = Limits(
            parliament_size, parliament_floor, ping, timeout,
            60 * timeout if acclimation is None else acclimation,
            batch_entries, batch_bytes, catch_up_entries, catch_up_bytes, queue_bytes, log_bytes,
        )  # fmt: skip
        for name in Limits.__slots__:
            value = getattr(limits, name)
            if type(value) is not int or value < 1:
                raise InvalidArgument(f"{name} is a whole number of at least 1, not {value!r}")
        if parliament_floor > parliament_size:
            raise InvalidArgument("parliament_floor is above parliament_size")
        if ping >= timeout:
            raise InvalidArgument("ping is not below timeout: the leader would always be late")
        if type(seed) is not int:
            raise InvalidArgument(f"seed is a whole number, not {seed!r}")
        try:
            super().__init__(State(id, limits, seed))
        except ValueError as error:
            raise InvalidArgument(f"neither this id nor this seed can be used: {error}") from None
        self._state.succession = Swap(self._state)
        self._state.role = Recorder(self._state)
        self._receiver: Receiver | Retired = Receiver(self._state)

    # -- founding and coming in ----------------------------------------------------------

    def bootstrap(self, now: int, republic: Republic, properties: Mapping[str, Any]) -> None:
        """Found the island: government 1/0, this citizen alone, its cookie the republic's name.

        Raises `AlreadyFounded`, `InvalidArgument`, `InvalidCitizen`."""
        self._fresh(republic)
        entry = founding(self._state.id, republic, properties)
        found(self._clock(now), republic, entry)
        self._advance()

    def refound(
        self,
        now: int,
        republic: Republic,
        properties: Mapping[str, Any],
        after: Promise,
        stamp: int,
        number: int,
    ) -> None:
        """Found the island anew: government `number`/0, this citizen alone, as a new republic whose
        log goes on `after` that promise of another's, at its `stamp` (ms of log time).

        The application has the state as of `after`. See `retirement`. Raises as `bootstrap`."""
        self._fresh(republic)
        entry = founding(self._state.id, republic, properties, after, stamp, number)
        found(self._clock(now), republic, entry)
        self._advance()

    def retire(self, now: int) -> None:
        """Take no part any more, for ever. What is held stays to be looked at; all that is open is
        answered `retry`. Raises `NotFounded`."""
        state = self._founded(now, "retire")
        retired = Retired(state)
        state.succession.become(retired)
        self._receiver = retired

    def join(self, now: int, republic: Republic, cookie: Cookie) -> None:
        """Wait to be written in under this cookie. Raises `AlreadyFounded`, `InvalidArgument`."""
        if type(cookie) not in (str, int):
            raise InvalidArgument(f"cookie is a text or a whole number, not {cookie!r}")
        self._fresh(republic)
        state = self._clock(now)
        state.republic, state.cookie = republic, cookie
        state.stateless_since = state.now

    def embark(
        self, now: int, republic: Republic, citizen: Citizen, acclimated: bool = False
    ) -> Receipt:
        """At the leader: write a newcomer in. Asked again of a later leader, it is confirmed.

        `acclimated`: it need not load a state, for its application needs none. Raises
        `InvalidCitizen`."""
        if not isinstance(citizen, Citizen):
            raise InvalidCitizen(f"a Citizen embarks, not {type(citizen).__name__}")
        writer, refusal = self._leading(now, republic)
        if writer is None:
            return refusal
        ticket = writer.embark(Wish(citizen, bool(acclimated)))
        if isinstance(ticket, str):
            return self._refuse(ticket)
        return self._accept(ticket)

    def acclimate(self, now: int) -> None:
        """The application of this citizen has its state. Raises `NotFounded`."""
        state = self._founded(now, "acclimate")
        state.stateful = True
        state.forget(state.minimum)
        self._advance()

    def emigrate(self, now: int, id: str) -> Receipt:
        """At the leader: write a citizen out, in good order; `why` says what that waits for."""
        if type(id) is not str:
            raise InvalidArgument(f"an id is a text, not {id!r}")
        writer, refusal = self._leading(now, self._state.republic)
        if writer is None:
            return refusal
        ticket, why = writer.emigrate(id)
        if ticket is None:
            return self._refuse(why or "refused")
        return self._accept(ticket, why)

    # -- the leader's work ---------------------------------------------------------------

    def enqueue(self, now: int, republic: Republic, body: Any) -> Receipt:
        """At the leader: propose an entry. Refused, with a `why` of `messages.THROTTLED`, while the
        leader holds as much as it may. Raises `InvalidArgument` for a government as body."""
        if isinstance(body, Government):
            raise InvalidArgument("a government is not proposed: embark and emigrate change it")
        writer, refusal = self._leading(now, republic)
        if writer is None:
            return refusal
        if type(body) is bytearray:
            body = bytes(body)  # what is in the log does not change
        ticket = writer.enqueue(body)
        return self._refuse(ticket) if isinstance(ticket, str) else self._accept(ticket)

    def confirm(self, now: int) -> Receipt:
        """At the leader: ask to be confirmed as such by a pulse first given after this.

        The outcome's promise is one that the application must have applied before it answers."""
        writer, refusal = self._leading(now, self._state.republic)
        if writer is None:
            return refusal
        return self._accept(writer.confirm())

    def outcomes(self) -> tuple[Outcome, ...]:
        """What became of receipts since this was last asked; each ticket once."""
        state = self._state
        if not state.outcomes:
            return ()
        outcomes = tuple(state.outcomes)
        state.outcomes.clear()
        return outcomes

    # -- pulses --------------------------------------------------------------------------

    def outbox(self) -> Pulse | None:
        """The next outbound pulse, as of the last `now`: one that nobody answered, or a new one."""
        state = self._state
        state.shown = state.log.top
        if state.givings:
            again = state.now - state.again
            for giving in state.givings.values():
                if giving.last_at <= again:
                    giving.last_at = state.now
                    return giving.pulse
        return state.role.outbox() if state.government is not None else None

    def sent(self, now: int, pulse: Pulse, replies: Mapping[str, Reply | None]) -> None:
        """All results of this citizen's pulse; a reply that is missing or senseless is lost.

        The first results of a giving count; others, and those of a pulse that is no longer waited
        for, do not. Raises `InvalidArgument` for what is no pulse or no mapping."""
        if type(pulse) is not Pulse or not isinstance(replies, Mapping):
            raise InvalidArgument("sent takes a Pulse and a mapping of ids to replies")
        state = self._clock(now)
        giving = state.givings.pop(pulse.id, None)
        if giving is not None:
            self._finish(giving, replies)
        self._advance()

    def receive(self, now: int, request: Request) -> Reply:
        """A request of another's pulse, delivered here. A malformed one is denied, and changes
        nothing."""
        self._clock(now)
        reply = self._receiver.receive(request)
        self._advance()
        return reply

    def unreachable(self, now: int, id: str) -> None:
        """The runtime knows that this citizen is dead: a hint, never a vote."""
        if type(id) is not str:
            raise InvalidArgument(f"an id is a text, not {id!r}")
        state = self._clock(now)
        if state.government is None or state.census is None or id == state.id:
            return
        if id in state.government.citizens and id not in state.gone:
            state.gone.append(id)
        state.census.hint(id, state.now)
        role = state.role
        if isinstance(role, Writer):
            if id in state.government.majority:
                state.succession.collapse(0)
        elif isinstance(role, Recorder) and role.may_stand() and self._ruler() == id:
            state.succession.collapse(self._rank(id) * state.limits.ping)
        self._advance()

    def tick(self, now: int) -> None:
        """Do what is due: pulses that were not answered in time are lost."""
        state = self._clock(now)
        if state.government is None:
            return
        for giving in list(state.givings.values()):
            late = state.now - giving.first_at >= state.limits.timeout
            if late and state.givings.pop(giving.pulse.id, None) is not None:
                self._finish(giving, {})
        state.role.tick()
        self._advance()

    @property
    def wakeup(self) -> int | None:
        """When `tick` and `outbox` are next worth calling, None when only others can say."""
        state = self._state
        if state.government is None:
            return None
        soonest = state.role.wakeup()
        for giving in state.givings.values():
            due = min(giving.last_at + state.again, giving.first_at + state.limits.timeout)
            if soonest is None or due < soonest:
                soonest = due
        return soonest

    # -- inside --------------------------------------------------------------------------

    def _clock(self, now: int) -> State:
        if type(now) is not int:
            raise InvalidArgument(f"now is a whole number of milliseconds, not {now!r}")
        state = self._state
        if now > state.now:
            state.now = now
        state.shown = state.log.top
        return state

    def _founded(self, now: int, verb: str) -> State:
        if self._state.republic is None:
            raise NotFounded(f"{verb} comes after bootstrap or join")
        return self._clock(now)

    def _fresh(self, republic: Republic) -> None:
        if type(republic) not in (str, int):
            raise InvalidArgument(f"republic is a text or a whole number, not {republic!r}")
        if self._state.republic is not None:
            raise AlreadyFounded(f"{self._state.id} belongs to {self._state.republic!r} already")

    def _leading(self, now: int, republic: Republic | None) -> tuple[Writer | None, Receipt]:
        state = self._clock(now)
        if state.republic is None or republic != state.republic:
            return None, self._refuse(f"the republic here is not {republic!r}")
        if isinstance(state.role, Writer):
            return state.role, Receipt(True, None, state.id, None)
        if state.exiled:
            return None, self._refuse(f"{state.id} has been written out of the island")
        why = "the government has collapsed" if self.collapsed else f"{state.id} does not lead"
        return None, self._refuse(why)

    def _accept(self, ticket: int, why: str | None = None) -> Receipt:
        self._advance()
        return Receipt(True, ticket, self._state.id, why)

    def _refuse(self, why: str) -> Receipt:
        leader = self.leader
        if leader == self._state.id and not isinstance(self._state.role, Writer):
            leader = None  # it has collapsed, and does not know who follows
        return Receipt(False, None, leader, why)

    def _advance(self) -> None:
        """A leader who is a majority by itself does not wait to be asked for its outbox."""
        role = self._state.role
        if type(role) is Writer and role.alone:
            role.advance()

    def _finish(self, giving: Giving, replies: Mapping[str, Reply | None]) -> None:
        """Hand the results to the role, a reply that is senseless as a lost one."""
        state = self._state
        last = state.log.last
        complete: dict[str, Reply | None] = {}
        for id, request in giving.pulse.envelopes:
            reply = replies.get(id)
            complete[id] = reply if reply is None or is_reply(reply, request, last) else None
        state.role.sent(giving, complete)

    def _ruler(self) -> str | None:
        """Whom this citizen hears from: who wrote what is in its register, else who leads."""
        state = self._state
        if state.government is None:
            return None
        ballot = state.government.ballot if state.register is None else state.register.ballot
        return ballot.id if state.promised <= ballot else None  # else somebody stands already

    def _rank(self, dead: str) -> int:
        """The place among those of the majority that may stand for the dead leader."""
        government = self._state.government
        assert government is not None
        heirs = [id for id in government.majority if id != dead]
        return heirs.index(self._state.id) if self._state.id in heirs else len(heirs)
