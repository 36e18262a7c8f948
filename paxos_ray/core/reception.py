"""The receiving side of every citizen, whatever its role: recorder and acceptor in one.

The numbered rules of `receive`, in this order for every request:

1. another republic, recipient or cookie is denied, and so is what is malformed (see `sense`);
   who has been written out is told so;
2. the committed entries and the minimum are taken in, never across a gap;
3. a ballot lower than the promised one is refused, saying where this citizen stands;
4. a sender that is behind is given what it lacks; entries that are missing are asked for;
5. only then is the request acted on.
"""

from __future__ import annotations

from paxos_ray.core.election import Proposer
from paxos_ray.core.messages import (
    Accept,
    Behind,
    Denied,
    Exiled,
    Lacks,
    Prepare,
    Promised,
    Received,
    Refused,
    Register,
    Reply,
    Request,
    Synchronize,
    Write,
)
from paxos_ray.core.recording import Recorder
from paxos_ray.core.sense import is_request
from paxos_ray.core.state import State

REQUESTS = (Synchronize, Write, Prepare, Accept)


class Receiver:
    """Answers requests, by the numbered rules above."""

    def __init__(self, state: State) -> None:
        self._state = state

    def receive(self, request: Request) -> Reply:
        """The reply to a request. A malformed one is denied, and changes nothing."""
        state = self._state
        if (denied := self._denied(request)) is not None:
            return denied
        government = state.government
        if (
            state.arrived
            and government is not None
            and request.top < state.log.top
            and not government.lists(request.sender, request.sender_cookie)
        ):
            return Exiled(government.promise.government)
        state.lives(request.sender)
        return self._answer(request)

    def _denied(self, request: Request) -> Denied | None:
        state = self._state
        if not isinstance(request, REQUESTS):
            return Denied("no request")
        if state.republic is None or request.republic != state.republic:
            return Denied("another republic")
        if request.to != state.id or request.cookie != state.cookie:
            return Denied("another citizen or another cookie")
        if request.sender == state.id:
            return Denied("sent by itself")
        if not is_request(request, state.log.last):
            return Denied("malformed")
        return None

    def _answer(self, request: Request) -> Reply:
        state = self._state
        if request.entries:
            state.absorb(request.entries, request.start)
        elif request.written is not None:
            state.commit_register(request.written, request.top)
        if request.stateful:
            state.patron = request.sender
        if not state.arrived:
            return Lacks(None if state.government is None else state.log.top, None)
        state.forget(request.minimum)
        top = state.log.top
        if request.ballot < state.promised:
            return Refused(state.promised, top, state.report())
        if top > request.top:
            entries, start = state.since(request.top)
            return Behind(top, entries, start, min(state.minimum, top))
        if top < request.top:
            return Lacks(top, state.report())
        match request:
            case Synchronize():
                return self._on_synchronize(request)
            case Write():
                return self._on_write(request)
            case Prepare():
                return self._on_prepare(request)
            case Accept():
                return self._on_accept(request)
        raise AssertionError(request)

    def _on_synchronize(self, request: Synchronize) -> Reply:
        state = self._state
        if state.government is None or request.ballot != state.government.ballot:
            return Denied("a ballot that is not the government's")
        self._heard(request)
        return Received(state.log.top, state.report())

    def _on_write(self, request: Write) -> Reply:
        state = self._state
        if state.government is None or request.ballot != state.government.ballot:
            return Denied("a ballot that is not the government's")
        if request.proposals[0].previous != state.log.top:
            return Denied("malformed")
        state.register = Register(request.ballot, request.proposals)
        self._heard(request)
        return Received(state.log.top, state.report())

    def _on_prepare(self, request: Prepare) -> Reply:
        state = self._state
        if request.ballot.id != request.sender:
            return Denied("a ballot of somebody else")
        state.promise(request.ballot)
        return Promised(request.ballot, state.log.top, state.register, state.report())

    def _on_accept(self, request: Accept) -> Reply:
        state = self._state
        if request.ballot != state.promised or request.ballot.id != request.sender:
            return Denied("a ballot that was not promised")
        if request.chain[0].previous != state.log.top:
            return Denied("malformed")
        state.register = Register(request.ballot, request.chain)
        self._heard(request)
        return Received(state.log.top, state.report())

    def _heard(self, request: Request) -> None:
        """The leader, or the candidate that is about to lead, lives."""
        state = self._state
        if request.sender != request.ballot.id:
            return
        if isinstance(state.role, Recorder):
            state.role.heard()
        elif isinstance(state.role, Proposer) and state.role.ballot is None:
            state.succession.stand_down()
