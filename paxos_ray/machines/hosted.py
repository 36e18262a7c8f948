"""An object of a user's class as a state machine: its methods, its hooks, and going back.

A method that raises must leave the object as it was, and so must one that leaves it so that it
cannot be pickled, or not be made again of the pickle. Nothing that a user's code raises gets out of
here, lack of memory and `KeyboardInterrupt` included: it is raised on all citizens alike. What runs
out of stack is done again with more (`room.py`), since how much is left differs by citizen.

What there is to go back to is a *checkpoint*, the pickled state, and the *journal*, all that was
done to the object since: doing that again comes to the same, as it does on the other citizens. The
two are the object's snapshot, too. An object that cannot go back after all is *broken*, and does
nothing any more.

Of an object whose state weighs no more than `SMALL` pickled, each call makes a new checkpoint. A
larger one has a journal, and a new checkpoint when the journal weighs as much as the last one: so
that costs a call a constant time. Whoever runs many of them may make those aside, see `stale`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from paxos_ray.core.promise import Promise
from paxos_ray.machines.blueprint import Blueprint
from paxos_ray.machines.context import Context, Reading, within
from paxos_ray.machines.errors import (
    CannotSnapshot,
    InvalidArguments,
    InvalidSnapshot,
    MachineError,
    QueryWrites,
    UnknownMethod,
    WrongKind,
    describe,
    words,
)
from paxos_ray.machines.likeness import likeness
from paxos_ray.machines.outcomes import Refused, raised, returned
from paxos_ray.machines.replies import ERROR, OK, Reply
from paxos_ray.machines.room import ran_out, roomy, with_room
from paxos_ray.machines.travel import pack, unpack

log = logging.getLogger("paxos_ray")

SMALL = 1 << 16
"""Up to how many bytes a state is pickled after each call."""

A_DEED = 1 << 10
"""What a deed weighs in the journal besides its arguments, in bytes: doing it again takes about as
long as unpickling so much."""

_REDEPLOY = "retire it, and deploy it anew"

Deed = tuple[str, Any, tuple[int, int], int, tuple[int, int], int]
"""What was done, with what; promise, stamp, session and index of its context. All plain."""


class Hosted:
    """One object. `hooks` are those of the machine's interface that it has a use for."""

    __slots__ = (
        "_blueprint",
        "_broken",
        "_checkpoint",
        "_journal",
        "_large",
        "_likeness",
        "_muted",
        "_name",
        "_object",
        "_weight",
        "hooks",
        "on_stale",
    )

    def __init__(self, name: str, blueprint: Blueprint) -> None:
        self._name = name
        self._blueprint = blueprint
        self._object: Any = None
        self._checkpoint = b""
        self._journal: list[Deed] = []
        self._weight = 0
        self._large = blueprint.terms.checks_first
        self._likeness: bytes | None = None
        self._muted = False
        self._broken = False
        self.hooks = blueprint.listens
        self.on_stale: Callable[[Hosted], None] | None = None
        """What to do when it should have a new checkpoint; if nothing, it makes one, in a call."""

    @property
    def blueprint(self) -> Blueprint:
        """What its class is."""
        return self._blueprint

    # -- calls --------------------------------------------------------------------------------

    @classmethod
    def deploy(
        cls, name: str, blueprint: Blueprint, arguments: bytes, context: Context
    ) -> tuple[Hosted | None, Reply]:
        """Make the object of that name: itself, or why there is none."""
        hosted = cls(name, blueprint)

        def found() -> Any:
            positional, named = hosted._arguments(arguments)
            hosted._object = blueprint.cls(*positional, **named)
            if "bootstrap" in blueprint.hooks:
                hosted._object.bootstrap()
            hosted._set_checkpoint(hosted._made())

        with context.about(name):
            refused = hosted._attempt(found, context, None, undo=False)
        return (hosted, Reply(OK, True)) if refused is None else (None, refused)

    def apply(self, method: str, arguments: tuple[Any, ...], context: Context) -> Reply:
        """Call a method that may change the object. Whatever goes wrong is the reply, too."""
        try:
            payload = self._checked(method, arguments, query=False)
            positional, named = roomy(lambda: self._arguments(payload))
        except MachineError as error:
            return Reply(ERROR, describe(error))
        function = self._blueprint.functions[method]
        deed = _deed("call", (method, payload), context)

        def call() -> Any:
            return returned(function(self._object, *positional, **named))

        outcome = self._attempt(call, context, deed)
        assert isinstance(outcome, Reply)
        return outcome

    def ask(self, method: str, arguments: tuple[Any, ...], reading: Reading) -> Reply:
        """Call a query. One that has changed the object is found out, unless that is large."""
        try:
            positional, named = self._arguments(self._checked(method, arguments, query=True))
        except MachineError as error:
            return Reply(ERROR, describe(error))
        function = self._blueprint.functions[method]
        try:
            with within(reading):
                reply = returned(function(self._object, *positional, **named))
        except Refused as refused:
            reply = Reply(ERROR, describe(refused.why))
        except BaseException as error:  # noqa: BLE001 - whatever it is, the caller gets it
            reply = raised(error)
        if self._large or not self._differs():
            return reply
        self._go_back()
        what = f"{self._blueprint.name}.{method} is marked as a query and changes the object"
        return Reply(ERROR, describe(QueryWrites(what)))

    def _checked(self, method: str, arguments: tuple[Any, ...], query: bool) -> bytes:
        """The packed arguments of a call. Raises why it cannot be made."""
        blueprint = self._blueprint
        if self._broken:
            raise CannotSnapshot(
                f"the state of {self._name!r} could not be made again: {_REDEPLOY}"
            )
        if len(arguments) != 1 or type(arguments[0]) is not bytes:
            raise WrongKind(f"{self._name!r} is an object of the class {blueprint.name}")
        is_query = blueprint.methods.get(method)
        if is_query is None:
            raise UnknownMethod(f"{blueprint.name} has no method {method!r} to be called")
        if is_query is not query:
            why = "is a query" if is_query else "is no query"
            raise UnknownMethod(f"{blueprint.name}.{method} {why}")
        payload: bytes = arguments[0]
        blueprint.check_size(method, len(payload))
        return payload

    def _arguments(self, payload: bytes) -> tuple[tuple[Any, ...], dict[str, Any]]:
        try:
            positional, named = unpack(payload, self._blueprint.catalogue)
        except BaseException as error:  # noqa: BLE001 - what is unpickled may raise anything
            what = f"the arguments cannot be read: {words(error)}"
            raise InvalidArguments(what) from None
        return positional, named

    # -- hooks --------------------------------------------------------------------------------

    def session_ended(self, session: Promise, context: Context) -> None:
        """See `Listener.session_ended`."""
        self._hook("session_ended", tuple(session), context)

    def governed(self, news: str, told: tuple[Any, ...], context: Context) -> None:
        """See `Listener.governed`."""
        if news in self._blueprint.hooks:
            self._hook(news, told, context)

    def tick(self, context: Context) -> None:
        """See `Alarmed.tick`. After one that raises there is none until the next call."""
        if not self._hook("tick", (), context):
            self._muted = True

    def due(self) -> int | None:
        """See `Alarmed.due`."""
        if self._muted or self._broken:
            return None
        try:
            due = roomy(self._object.due)
            if due is None or type(due) is int:
                return due
            raise TypeError(f"due() is an integer of ms, or None; not {type(due).__name__}")
        except BaseException as error:  # noqa: BLE001 - a user's
            log.warning("%s.due() of %r: %s", self._blueprint.name, self._name, words(error))
            return None

    def _hook(self, hook: str, told: tuple[Any, ...], context: Context) -> bool:
        if self._broken:
            return False
        outcome = self._attempt(lambda: self._tell(hook, told), context, _deed(hook, told, context))
        if outcome is not None:
            log.warning("%s.%s of %r: %s", self._blueprint.name, hook, self._name, outcome.value)
            return False
        return True

    def _tell(self, hook: str, told: tuple[Any, ...]) -> None:
        if hook == "session_ended":
            self._object.session_ended(Promise(*told))
        else:
            getattr(self._object, hook)(*told)

    # -- going back ---------------------------------------------------------------------------

    def _attempt(
        self, work: Callable[[], Any], context: Context, deed: Deed | None, undo: bool = True
    ) -> Any:
        """What `work` comes to; if it raises, or leaves what cannot be kept, the reply that says
        so, and everything is as it was."""
        outcome, error = self._tried(work, context, deed, undo)
        if error is not None and ran_out(error) and not self._broken:
            outcome, error = with_room(lambda: self._tried(work, context, deed, undo))
        if error is None:
            return outcome
        return Reply(ERROR, describe(error.why)) if isinstance(error, Refused) else raised(error)

    def _tried(
        self, work: Callable[[], Any], context: Context, deed: Deed | None, undo: bool
    ) -> tuple[Any, BaseException | None]:
        """What `work` comes to, and what it raises; if anything, everything is as it was."""
        try:
            with within(context):
                outcome = work()
            if deed is not None:
                self._keep(deed)
        except BaseException as error:  # noqa: BLE001 - whatever it is, it replicates
            context.withdraw()
            if undo and (ran_out(error) or not self._blueprint.terms.checks_first):
                self._go_back()
            return None, error
        return outcome, None

    def _keep(self, deed: Deed) -> None:
        self._likeness = None
        muted, self._muted = self._muted, False
        if not self._large:
            try:
                self._set_checkpoint(self._made())
            except Refused:
                self._muted = muted
                raise
            return
        self._journal.append(deed)
        self._weight += A_DEED + (len(deed[1][1]) if deed[0] == "call" else 0)
        if self.stale:
            (self.on_stale or Hosted.renew)(self)

    @property
    def stale(self) -> bool:
        """Whether it should have a new checkpoint."""
        return self._weight > max(SMALL, len(self._checkpoint))

    def renew(self) -> None:
        """Make a new checkpoint now."""
        try:
            self._set_checkpoint(roomy(self._made))
        except Refused as refused:
            log.error("%r cannot be given a new checkpoint: %s", self._name, refused.why)
            self.postpone()

    def postpone(self) -> None:
        """Ask for a new checkpoint only when as much has been done again."""
        self._weight = 0

    @property
    def deeds(self) -> int:
        """How many are in the journal."""
        return len(self._journal)

    def pack_state(self) -> bytes:
        """A checkpoint, for `renewed`. It may be made in a copy of this process. Raises
        `CannotSnapshot`."""
        try:
            return roomy(self._made)
        except Refused as refused:
            raise refused.why from None

    def renewed(self, checkpoint: bytes, deeds: int) -> None:
        """Take a checkpoint that was made aside when there were so many `deeds`."""
        del self._journal[:deeds]
        self._checkpoint = checkpoint
        self._weigh()

    def _weigh(self) -> None:
        calls = sum(len(deed[1][1]) for deed in self._journal if deed[0] == "call")
        self._weight = A_DEED * len(self._journal) + calls

    def _set_checkpoint(self, packed: bytes) -> None:
        self._checkpoint = packed
        self._journal = []
        self._weight = 0
        # An object that was large stays so: whether a state that cannot be pickled is found at
        # once must not hang on when each citizen has made its last checkpoint.
        self._large = self._large or len(packed) > SMALL

    def state(self) -> Any:
        """What its checkpoint is a pickle of: the object, or what its `snapshot` gives."""
        return self._state_of(self._object)

    def _state_of(self, made: Any) -> Any:
        return made.snapshot() if "snapshot" in self._blueprint.hooks else made

    def _packed(self) -> bytes:
        try:
            return pack(self.state(), self._blueprint.catalogue)
        except BaseException as error:  # noqa: BLE001 - pickling raises nearly anything
            what = f"the state of {self._name!r} could not be pickled"
            why = f"{what}: {words(error)}"
            raise Refused(CannotSnapshot(why)) from None

    def _made(self) -> bytes:
        """A checkpoint that one can go back to: not all that can be pickled can be unpickled."""
        packed = self._packed()
        try:
            self._loaded(packed)
        except BaseException as error:  # noqa: BLE001 - and so does unpickling
            what = f"the state of {self._name!r} could be pickled, but not made again of that"
            why = f"{what}: {words(error)}"
            raise Refused(CannotSnapshot(why)) from None
        return packed

    def _differs(self) -> bool:
        """Whether the object is not what its checkpoint says."""
        try:
            if self._packed() == self._checkpoint:
                return False
            now = likeness(self.state())
        except Exception:  # noqa: BLE001 - it could be pickled before
            return True
        return likeness(self._state_of(self._loaded(self._checkpoint))) != now

    def _go_back(self) -> None:
        """Become again what it was before; if that cannot be, nothing any more."""
        try:
            self._undo()
        except BaseException:
            log.exception("%r is broken: its state could not be made again", self._name)
            self._broken, self._object, self._likeness = True, None, None

    def _undo(self) -> None:
        """Become again what the checkpoint and the journal say."""
        roomy(self._do_again)

    def _do_again(self) -> None:
        self._object = self._loaded(self._checkpoint)
        for verb, data, promise, stamp, session, index in self._journal:
            context = Context(
                Promise(*promise), stamp, Promise(*session), index=index, object=self._name
            )
            with within(context):
                if verb == "call":
                    method, payload = data
                    positional, named = self._arguments(payload)
                    self._blueprint.functions[method](self._object, *positional, **named)
                else:
                    self._tell(verb, data)

    def _loaded(self, checkpoint: bytes) -> Any:
        state = unpack(checkpoint, self._blueprint.catalogue)
        if "join" not in self._blueprint.hooks:
            return state
        cls: Any = self._blueprint.cls
        made = cls.__new__(cls)
        made.join(state)
        return made

    # -- the whole state ----------------------------------------------------------------------

    def likeness(self) -> bytes:
        """The digest of the state: the same on every citizen, whatever its history."""
        if self._likeness is None:
            try:
                state = b"broken" if self._broken else roomy(lambda: likeness(self.state()))
            except Exception:  # noqa: BLE001 - it cannot be pickled either, which was told
                state = b""
            self._likeness = likeness((self._blueprint.fingerprint, self._muted, state))
        return self._likeness

    def snapshot(self) -> dict[str, Any]:
        """See `Machine.snapshot`: nothing is pickled for it, whatever the object weighs."""
        return {
            "fingerprint": self._blueprint.fingerprint,
            "class": self._blueprint.packed,
            "checkpoint": self._checkpoint,
            "journal": self._journal.copy(),
            "large": self._large,
            "muted": self._muted,
            "broken": self._broken,
        }

    @classmethod
    def restored(cls, name: str, snapshot: Any) -> Hosted:
        """The object of a snapshot. Raises `InvalidSnapshot`."""
        try:
            blueprint = Blueprint(snapshot["fingerprint"], snapshot["class"])
            hosted = cls(name, blueprint)
            hosted._checkpoint = bytes(snapshot["checkpoint"])
            hosted._journal = list(snapshot["journal"])
            hosted._large, hosted._muted = bool(snapshot["large"]), bool(snapshot["muted"])
            hosted._broken = bool(snapshot.get("broken", False))
            if not hosted._broken:
                hosted._undo()
        except (MemoryError, KeyboardInterrupt):
            raise
        except BaseException as error:
            why = f"the object {name!r} cannot be restored: {words(error)}"
            raise InvalidSnapshot(why) from error
        hosted._weigh()
        return hosted


def _deed(verb: str, data: Any, context: Context) -> Deed:
    (government, entry), (of, at) = context.promise, context.session
    return (verb, data, (government, entry), context.stamp, (of, at), context.index)
