"""All objects of a replica, by name: their registry, calls, hooks and alarms."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from heapq import heapify, heappop, heappush
from typing import Any

from paxos_ray.core.promise import Promise
from paxos_ray.machines.blueprint import Blueprint
from paxos_ray.machines.context import Context, Event, Reading
from paxos_ray.machines.errors import (
    AlreadyDeployed,
    InvalidArguments,
    InvalidSnapshot,
    UnknownMethod,
    UnknownObject,
    WrongKind,
    describe,
)
from paxos_ray.machines.hosted import Hosted
from paxos_ray.machines.kinds import KINDS
from paxos_ray.machines.machine import Change, Machine
from paxos_ray.machines.operations import Operation
from paxos_ray.machines.replies import ERROR, OK, Reply
from paxos_ray.machines.standard import kind_meant

HOSTED = "object"
"""The kind of what users have deployed."""

REGISTRY = ""
"""The name that stands for the registry itself."""

RETIRED = ("retired",)
"""The event, without a key, of an object that is there no more."""

TICKS = 1_000
"""How often, at most, an object is ticked before one entry: what is due yet waits for the next."""

_FIRST_USE = "counter"


class Objects:
    """Machines by name, and who of them is to be told of what."""

    __slots__ = ("_alarms", "_due", "_hosted", "_kinds", "_listeners", "_machines", "on_stale")

    def __init__(self) -> None:
        self._machines: dict[str, Machine] = {}
        self._hosted: dict[str, Hosted] = {}
        self._kinds: dict[str, str] = {}
        self._listeners: dict[str, list[str]] = {"session_ended": [], "governed": []}  # sorted
        self._due: dict[str, int | None] = {}  # of each object that has alarms
        self._alarms: list[tuple[int, str]] = []  # a heap; one that is not in `_due` is past
        self.on_stale: Callable[[Hosted], None] | None = None
        """See `Hosted.on_stale`."""

    # -- calls --------------------------------------------------------------------------------

    def perform(self, operations: Sequence[Operation], context: Context, to: list[Reply]) -> None:
        """Apply operations, and append the replies to that list, which the context counts."""
        machines = self._machines
        reply = tuple.__new__  # what Reply(…) comes to, at half its cost: this loop is the hot one
        for name, method, arguments in operations:
            machine = machines.get(name)
            if machine is None:
                to.append(self._uncommon(name, method, arguments, context))
                continue
            try:
                value = machine.apply(method, arguments, context)
            except (MemoryError, RecursionError):
                raise  # of this process alone: it must stop, not answer otherwise than the others
            except Exception as error:  # noqa: BLE001 - whatever it is, it replicates
                context.withdraw()
                to.append(Reply(ERROR, describe(self._precise(error, name, method))))
            else:
                to.append(reply(Reply, (OK, value)))
        if self._due:
            for name in dict.fromkeys(name for name, _, _ in operations):
                if name in self._due:
                    self._set_alarm(name)

    def _uncommon(
        self, name: str, method: str, arguments: tuple[Any, ...], context: Context
    ) -> Reply:
        kind = kind_meant(method)
        hosted = self._hosted.get(name)
        if hosted is not None and kind is None:
            return hosted.apply(method, arguments, context)
        try:
            if hosted is not None:
                raise _wrong_kind(name, HOSTED, kind)
            if name == REGISTRY:
                return self._register(method, arguments, context)
            if kind is None and len(arguments) == 1 and type(arguments[0]) is bytes:
                raise _unknown(name)  # only calls of deployed objects look like this
            kind = _FIRST_USE if kind is None else kind
            machine = _new(kind)
            value = machine.apply(method, arguments, context)
        except (MemoryError, RecursionError):
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, it replicates
            context.withdraw()
            return Reply(ERROR, describe(error))
        self._add(name, kind, machine)  # only if that did not raise
        return Reply(OK, value)

    def query(self, name: str, method: str, arguments: tuple[Any, ...]) -> Any:
        """Ask a machine or the registry. Raises `UnknownObject`, and what the machine raises. An
        object that is yet to come into being is asked as one that nothing has been done to, if
        the method's name tells its kind."""
        if name == REGISTRY:
            return self._look_up(method, arguments)
        machine = self._machines.get(name)
        if machine is None:
            kind = kind_meant(method)
            if kind is None:
                raise _unknown(name)
            return _new(kind).query(method, arguments)
        try:
            return machine.query(method, arguments)
        except UnknownMethod as error:
            raise self._precise(error, name, method) from None

    def ask(self, name: str, method: str, arguments: tuple[Any, ...], reading: Reading) -> Reply:
        """Ask any object; what goes wrong is the reply, too."""
        hosted = self._hosted.get(name)
        try:
            if hosted is not None:
                kind = kind_meant(method)
                if kind is not None:
                    raise _wrong_kind(name, HOSTED, kind)
                return hosted.ask(method, arguments, reading)
            return Reply(OK, self.query(name, method, arguments))
        except Exception as error:  # noqa: BLE001 - it has changed nothing, whatever it is
            return Reply(ERROR, describe(error))

    def _precise(self, error: Exception, name: str, method: str) -> Exception:
        """The same, or that the object is of another kind than the method's name says."""
        kind, present = kind_meant(method), self._kinds[name]
        if kind is None or kind == present or not isinstance(error, UnknownMethod):
            return error
        return _wrong_kind(name, present, kind)

    # -- the registry -------------------------------------------------------------------------

    def _register(self, method: str, arguments: tuple[Any, ...], context: Context) -> Reply:
        match method, arguments:
            case "create", (str(name), str(kind)) if name:
                return Reply(OK, self._create(name, kind))
            case "deploy", (str(name), str(fingerprint), bytes(packed), bytes(given)) if name:
                return self._deploy(name, fingerprint, packed, given, context)
            case "retire", (str(name),):
                self._retire(name)
                with context.about(name):
                    context.publish(RETIRED)
                return Reply(OK, None)
            case (("create" | "deploy" | "retire"), _):
                raise InvalidArguments(f"the registry's {method} is called otherwise")
        raise UnknownMethod(f"the registry has no method {method!r} that changes it")

    def _create(self, name: str, kind: str) -> bool:
        present = self._kinds.get(name)
        if present is not None and present != kind:
            raise _wrong_kind(name, present, kind)
        machine = _new(kind)
        if present is None:
            self._add(name, kind, machine)
        return present is None

    def _deploy(
        self, name: str, fingerprint: str, packed: bytes, given: bytes, context: Context
    ) -> Reply:
        present = self._kinds.get(name)
        if present not in (None, HOSTED):
            raise WrongKind(f"{name!r} is a {present}, not an object of a class")
        if present is not None:
            there = self._hosted[name].blueprint
            if there.fingerprint == fingerprint:
                return Reply(OK, False)
            raise AlreadyDeployed(
                f"another class is deployed as {name!r}: {there.name} of fingerprint "
                f"{there.fingerprint[:8]}, not {fingerprint[:8]}; retire it first"
            )
        blueprint = Blueprint(fingerprint, packed)
        blueprint.check_size("__init__", len(given))
        hosted, reply = Hosted.deploy(name, blueprint, given, context)
        if hosted is not None:
            self._add(name, HOSTED, hosted)
        return reply

    def _retire(self, name: str) -> None:
        if name not in self._kinds:
            raise _unknown(name)
        del self._kinds[name]
        self._machines.pop(name, None)
        self._hosted.pop(name, None)
        self._due.pop(name, None)
        for names in self._listeners.values():
            if name in names:
                names.remove(name)

    def _look_up(self, method: str, arguments: tuple[Any, ...]) -> Any:
        match method, arguments:
            case "objects", ():
                return [
                    (name, kind, self._hosted[name].blueprint.name if kind == HOSTED else "")
                    for name, kind in self.kinds().items()
                ]
            case "describe", (str(name),):
                if name not in self._kinds:
                    raise _unknown(name)
                hosted = self._hosted.get(name)
                more = {} if hosted is None else hosted.blueprint.describe()
                return {"kind": self._kinds[name], **more}
            case (("objects" | "describe"), _):
                raise InvalidArguments(f"the registry's {method} is called otherwise")
        raise UnknownMethod(f"the registry has no method {method!r} that reads it")

    def deployed(self, name: str) -> Hosted:
        """The deployed object of that name. Raises `UnknownObject`."""
        hosted = self._hosted.get(name)
        if hosted is None:
            raise _unknown(name)
        return hosted

    def kinds(self) -> dict[str, str]:
        """The name of each object to its kind, by name."""
        return dict(sorted(self._kinds.items()))

    def _add(self, name: str, kind: str, machine: Machine | Hosted) -> None:
        self._kinds[name] = kind
        if isinstance(machine, Hosted):
            machine.on_stale = self.on_stale
            self._hosted[name] = machine
        else:
            self._machines[name] = machine
        for hook, names in self._listeners.items():
            if _has(machine, hook):
                names.append(name)
                names.sort()
        if _has(machine, "due"):
            self._set_alarm(name)

    def _machine(self, name: str) -> Any:
        return self._hosted.get(name) or self._machines[name]

    # -- what they are told -------------------------------------------------------------------

    @property
    def mind_sessions(self) -> bool:
        """Whether anybody has to be told that a session has ended."""
        return bool(self._listeners["session_ended"])

    @property
    def mind_governments(self) -> bool:
        """Whether anybody has to be told of a government."""
        return bool(self._listeners["governed"])

    def session_ended(self, session: Promise, telling: Telling) -> None:
        """Tell those who have to be told, by name."""
        for name in self._listeners["session_ended"].copy():
            self._machine(name).session_ended(session, telling.context(name))
            self._set_alarm_of(name)

    def governed(self, change: Change, telling: Telling) -> None:
        """Tell those who have to be told, by name."""
        for name in self._listeners["governed"].copy():
            for news, told in change.news():
                self._machine(name).governed(news, told, telling.context(name))
            self._set_alarm_of(name)

    # -- alarms -------------------------------------------------------------------------------

    @property
    def alarmed(self) -> bool:
        """Whether anything may be due some time."""
        return bool(self._alarms)

    def due(self) -> int | None:
        """The least stamp at which there is something to do, None if there is not."""
        alarms = self._alarms
        while alarms:
            due, name = alarms[0]
            if self._due.get(name) == due:
                return due
            heappop(alarms)
        return None

    def tick(self, stamp: int, telling: Telling) -> None:
        """Do all that is due by then: the earliest first, and by name."""
        ticked: dict[str, int] = {}
        late: list[tuple[int, str]] = []
        while (due := self.due()) is not None and due <= stamp:
            name = heappop(self._alarms)[1]
            ticked[name] = ticked.get(name, 0) + 1
            if ticked[name] > TICKS:
                late.append((due, name))
                self._due[name] = None
                continue
            self._machine(name).tick(telling.context(name))
            self._due[name] = None
            self._set_alarm(name)
        for due, name in late:
            self._due[name] = due
            heappush(self._alarms, (due, name))

    def _set_alarm_of(self, name: str) -> None:
        if name in self._due:
            self._set_alarm(name)

    def _set_alarm(self, name: str) -> None:
        due: int | None = self._machine(name).due()
        if self._due.get(name) != due or name not in self._due:
            self._due[name] = due
            if due is not None:
                heappush(self._alarms, (due, name))
                if len(self._alarms) > 64 + 2 * len(self._due):
                    self._alarms = [(at, each) for each, at in self._due.items() if at is not None]
                    heapify(self._alarms)

    # -- the whole state ----------------------------------------------------------------------

    def snapshot(self) -> dict[str, dict[str, Any]]:
        """What is to be known of all objects, of plain values: kind, name, state."""
        objects: dict[str, dict[str, Any]] = {}
        for name, kind in self._kinds.items():
            objects.setdefault(kind, {})[name] = self._machine(name).snapshot()
        return objects

    def restore(self, snapshot: Any) -> None:
        """Become what the snapshot says; only called on one that is new. Raises
        `InvalidSnapshot`, and what it is to read something malformed."""
        for kind, states in snapshot.items():
            for name, state in states.items():
                if kind == HOSTED:
                    self._add(name, kind, Hosted.restored(name, state))
                    continue
                if kind not in KINDS:
                    raise InvalidSnapshot(f"there is no kind {kind!r}")
                machine = KINDS[kind]()
                machine.restore(state)
                self._add(name, kind, machine)

    def likeness(self, name: str) -> Any:
        """What of an object's state is the same on every citizen, of plain values."""
        hosted = self._hosted.get(name)
        return hosted.likeness() if hosted is not None else self._machines[name].snapshot()

    def set_on_stale(self, on_stale: Callable[[Hosted], None]) -> None:
        """From now on this is done instead of making new checkpoints within a call."""
        self.on_stale = on_stale
        for hosted in self._hosted.values():
            hosted.on_stale = on_stale


class Telling:
    """The contexts of what nobody asks for, at one entry. Their indices are -1, -2, …; of what is
    told of a government, which has no operations, 1, 2, …."""

    __slots__ = ("_count", "_events", "_promise", "_stamp", "_step")

    def __init__(
        self, promise: Promise, stamp: int, events: list[Event], governed: bool = False
    ) -> None:
        self._step = 1 if governed else -1
        self._promise = promise
        self._stamp = stamp
        self._events = events
        self._count = 0

    def context(self, name: str) -> Context:
        """The next, for the object of that name."""
        self._count += self._step
        return Context(
            self._promise, self._stamp, index=self._count, object=name, events=self._events
        )


def _has(machine: Any, hook: str) -> bool:
    hooks = getattr(machine, "hooks", None)
    return hook in hooks if hooks is not None else hasattr(machine, hook)


def _new(kind: str) -> Machine:
    made = KINDS.get(kind)
    if made is None:
        raise InvalidArguments(f"there is no kind {kind!r}; there are {', '.join(KINDS)}")
    return made()


def _wrong_kind(name: str, present: str, wanted: str | None) -> WrongKind:
    is_a = "an object of a class" if present == HOSTED else f"a {present}"
    return WrongKind(f"{name!r} is {is_a}, not a {wanted}")


def _unknown(name: str) -> UnknownObject:
    return UnknownObject(f"there is no object named {name!r} yet")
