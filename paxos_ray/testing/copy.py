"""One copy of an object, in a process of its own: a replica as a citizen has it, asked by pipe."""

from __future__ import annotations

import pickle
import traceback
from collections.abc import Sequence
from multiprocessing.connection import Connection
from typing import NamedTuple

from paxos_ray.core.log import Entry
from paxos_ray.machines import RAISED, RESULT, Event, Replica, Reply, value_of
from paxos_ray.machines.errors import MachineError, QueryWrites, describe
from paxos_ray.machines.hosted import Hosted
from paxos_ray.testing.errors import NotCheckedFirst
from paxos_ray.testing.looking import Route, View, digest, view

NAME = "twice"
"""What the object is called in its replica."""


class Told(NamedTuple):
    """What came of an entry at one copy: replies, events, the digests of its replica, and when
    something is due. `wrong`, as `describe` says it, is an error that a citizen would have found
    out only later, or not at all."""

    replies: list[Reply]
    events: Sequence[Event]
    digests: dict[str, str]
    due: int | None
    wrong: tuple[str, str] | None


class Copy:
    """The replica, and what was told of it last."""

    def __init__(self) -> None:
        self._replica = Replica()
        self._replied: Reply | None = None

    def restore(self, snapshot: bytes) -> dict[str, str]:
        """Become what the snapshot says; the digests."""
        self._replica.restore(pickle.loads(snapshot))
        return self._replica.digests()

    def snapshot(self) -> bytes:
        """What a newcomer is given."""
        return pickle.dumps(self._replica.snapshot(), protocol=5)

    def apply(self, entry: Entry) -> Told:
        """Apply the next entry of the log."""
        careful = self._careful()
        before = b"" if careful is None else digest(careful.state())
        applied = self._replica.apply(entry)
        replies = [] if applied is None else applied.replies
        self._replied = replies[-1] if replies else None
        wrong = self._kept()
        failed = self._replied is not None and self._replied.status is RAISED
        if not wrong and failed and careful is not None and digest(careful.state()) != before:
            wrong = describe(NotCheckedFirst("the method has changed the object, and raised"))
        events = () if applied is None else applied.events
        return Told(replies, events, self._replica.digests(), self._replica.due(), wrong)

    def ask(self, method: str, payload: bytes) -> Told:
        """Ask a query, which may change nothing however large the object is."""
        hosted = self._replica.deployed(NAME)
        before = digest(hosted.state())
        self._replied = self._replica.ask(NAME, method, (payload,))
        wrong = None
        if digest(hosted.state()) != before:
            wrong = describe(QueryWrites(f"{method} is marked as a query and changes the object"))
        return Told([self._replied], (), self._replica.digests(), self._replica.due(), wrong)

    def look(self, at: str, route: Route) -> View:
        """What is seen of the `state`, or of the `reply` to the last call."""
        if at == "state":
            return view(self._replica.deployed(NAME).state(), route)
        reply = self._replied
        if reply is not None and reply.status is RESULT:
            return view(value_of(reply), route)
        if reply is not None and reply.status is RAISED:
            return View(f"raised {reply.value[1]}: {reply.value[2]}", [])
        return View("nothing" if reply is None else str(reply.value), [])

    def _careful(self) -> Hosted | None:
        """The object, if its class checks first."""
        if NAME not in self._replica.objects():
            return None
        hosted = self._replica.deployed(NAME)
        return hosted if hosted.blueprint.terms.checks_first else None

    def _kept(self) -> tuple[str, str] | None:
        """Why the state cannot be pickled, if it cannot, found out now however large it is."""
        try:
            if NAME in self._replica.objects():
                self._replica.deployed(NAME).pack_state()
        except MachineError as error:
            return describe(error)
        return None


def serve(connection: Connection) -> None:
    """Be a copy, until nobody asks any more."""
    copy = Copy()
    while True:
        try:
            verb, *arguments = connection.recv()
        except EOFError:
            return
        try:
            answer = True, getattr(copy, verb)(*arguments)
        except Exception:  # noqa: BLE001 - who asked is told
            answer = False, traceback.format_exc()
        connection.send(answer)
