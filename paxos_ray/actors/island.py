"""Islands: launched, attached to, scaled, looked at, shut down."""

from __future__ import annotations

import contextlib
import time
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import ray
from ray.exceptions import ActorDiedError, GetTimeoutError, RayActorError

from paxos_ray.actors import demands, objects, placement
from paxos_ray.actors.authority import Authority, authority_of
from paxos_ray.actors.autoscale import Autoscale
from paxos_ray.actors.client import Client
from paxos_ray.actors.clients import client
from paxos_ray.actors.connection import all_named, ask_ray, named
from paxos_ray.actors.coordinator import Progress, Survey, create
from paxos_ray.actors.errors import (
    InvalidArgument,
    IslandShutDown,
    NameTaken,
    NotEnoughCitizens,
    RayNotInitialised,
    TimedOut,
    UnknownIsland,
)
from paxos_ray.actors.feed import limit_of, seconds_of
from paxos_ray.actors.gate import Backlog
from paxos_ray.actors.handles import Counter
from paxos_ray.actors.member import names
from paxos_ray.actors.objects import Handle
from paxos_ray.actors.progress import wait_until_shaped
from paxos_ray.actors.prospect import Prospect
from paxos_ray.actors.records import check, directory_of
from paxos_ray.actors.settings import (
    AUDIT_S,
    RECOVERY,
    SESSION_MS,
    Limits,
    Settings,
    Wish,
    island_of,
)
from paxos_ray.actors.standard import StandardObjects
from paxos_ray.actors.status import IslandStatus, compose
from paxos_ray.actors.stream import AHEAD_BYTES, Stream
from paxos_ray.core.government import Government
from paxos_ray.core.promise import Promise

T = TypeVar("T")

_AGAIN_S = 0.05
_LOOK_S = 0.5  # without news, how long until progress is told anew
_STEP_S = 10.0  # a coordinator that does not answer for so long is asked again
_LATE_S = 2.0  # so much later than who it asks itself it may answer


class Island(StandardObjects):
    """An island on the cluster that this process is connected to. Made by `launch` and `attach`.

    It may be passed to tasks and actors, and outlives the driver that launched it.
    """

    def __init__(self, name: str, client: Client) -> None:
        self.name = name
        self._client = client

    def __repr__(self) -> str:
        return f"Island({self.name!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        return enter, (self.name, self.authority)

    @property
    def authority(self) -> Authority:
        """What this process has who knows the island's secret: see `enter`."""
        return self._client.authority

    def counter(self, name: str) -> Counter:
        """The replicated counter of that name. Raises `InvalidArgument`."""
        return Counter(self._client, name)

    def log(
        self,
        since: Promise | None = None,
        *,
        timeout_s: float | None = None,
        ahead_bytes: int = AHEAD_BYTES,
    ) -> Stream:
        """The committed entries of the log, as they come: those from now on, or those after the
        entry `since`. What is fetched before it is asked for weighs `ahead_bytes` at most.

        It is an iterator, also for `async for`, which waits for the next entry (at most
        `timeout_s` seconds if that is given). See `Stream`. Raises `InvalidArgument`."""
        return Stream(self.name, self._client.coordinator, since, timeout_s, ahead_bytes)

    @property
    def backlog(self) -> Backlog:
        """What this process has asked of the island and has no answer to yet."""
        return self._client.gate.backlog

    def values(self, names: Sequence[str], timeout_s: float | None = None) -> dict[str, int]:
        """The values of these counters, all read in a few calls; `timeout_s` is for each of them.

        Raises `UnknownObject` if one of them was never incremented; `InvalidArgument`.
        """
        limit_s = limit_of(timeout_s)
        if isinstance(names, str | bytes) or not isinstance(names, Iterable):
            raise InvalidArgument(f"names are a list of counters' names, not {names!r}")
        counters = [self.counter(name) for name in names]
        responses = {counter.name: counter.value.remote() for counter in counters}
        return {name: response.result(limit_s) for name, response in responses.items()}

    def deploy(self, name: str, cls: type[T], /, *args: Any, **kwargs: Any) -> Handle[T]:
        """Have an object of that name: an instance of a class marked with
        `paxos_ray.replicated`, made by each citizen with copies of these arguments.

        The class travels with its code. If an object of that very class is there already, nothing
        is done. Raises `AlreadyDeployed` if it is of another, or of changed code; `WrongKind`,
        `InvalidArgument`, `InvalidClass`, `InvalidArguments`, `TooLarge`, `CannotSnapshot`, and
        what the class's `__init__` and `bootstrap` raise: then there is no object.
        """
        return objects.deploy(self._client, name, cls, args, kwargs)

    def get(self, name: str, cls: type[T] | None = None) -> Handle[T]:
        """The deployed object of that name. Raises `UnknownObject`, `WrongKind`.

        Given its class, also `AlreadyDeployed`, unless it is of that very class."""
        return objects.find(self._client, name, cls)

    def handle(self, name: str, about: Mapping[str, Any]) -> Handle[Any]:
        """The same, of an object of which everything is known."""
        return Handle(self._client, name, about)

    def objects(self) -> dict[str, str]:
        """The name of each object to its kind: `"counter"`, `"lock"`, …, or its class's name."""
        return objects.listed(self._client)

    def retire(self, name: str) -> None:
        """Have no object of that name any more: its state is gone. Raises `UnknownObject`."""
        objects.retire(self._client, name)

    def government(self, timeout_s: float = 30.0) -> Government:
        """The government in force, as far as the coordinator knows. Raises `TimedOut`,
        `InvalidArgument`."""
        timeout_s = seconds_of(timeout_s)
        deadline = time.monotonic() + timeout_s
        news = -1
        while True:
            progress = self._progress(deadline, news)
            if progress.government is not None:
                return progress.government
            if time.monotonic() > deadline:
                raise TimedOut(f"island {self.name!r}: nobody rules, within {timeout_s:g} s")
            news = progress.news

    def status(self, *, digests: bool = False, timeout_s: float = 30.0) -> IslandStatus:
        """How the island and each of its citizens are. Raises `TimedOut`, `IslandShutDown`,
        `InvalidArgument`.

        With `digests` of their states: that of a large one takes its citizen a while.
        """
        timeout_s = seconds_of(timeout_s)
        deadline = time.monotonic() + timeout_s
        limit_s = timeout_s / 2  # for the citizens: who has said nothing by then is shown so
        if not digests:
            limit_s = min(limit_s, _STEP_S - _LATE_S)
        step_s = limit_s + _LATE_S
        survey: Survey = self.ask("survey", deadline, digests, limit_s, step_s=step_s)
        return compose(self.name, survey)

    def settled(self, timeout_s: float = 30.0) -> IslandStatus:
        """The status with digests, once the island has its shape and all have applied the same.

        On an island that is written to this may never be so. Raises `TimedOut`,
        `InvalidArgument`.
        """
        timeout_s = seconds_of(timeout_s)
        deadline = time.monotonic() + timeout_s
        digests = False  # they take a while: they are asked for when all else is as it should be
        while True:
            left_s = max(0.1, deadline - time.monotonic())
            status = self.status(digests=digests, timeout_s=left_s)
            applied = {citizen.applied for citizen in status.citizens}
            if status.shaped and len(applied) == 1 and None not in applied:
                if digests:
                    return status
                digests = True
                continue
            digests = False
            if time.monotonic() > deadline:
                raise TimedOut(
                    f"island {self.name!r}: not settled within {timeout_s:g} s; "
                    + ", ".join(f"{c.id} is at {c.applied}" for c in status.citizens)
                )
            time.sleep(_AGAIN_S)

    def scale(
        self,
        citizens: int,
        *,
        leaving: Sequence[str] = (),
        timeout_s: float = 120.0,
        progress: bool | None = None,
    ) -> Government:
        """Grow or shrink to so many citizens; returns the government when that has its shape.

        Of an island that shrinks, those `leaving` go before others. It ends an `autoscale`.
        Shows progress on a terminal, unless told by `progress`. Raises `InvalidArgument`,
        `NotEnoughCitizens`, `ClusterTooSmall`, `TimedOut` (the wish stays), `Superseded`,
        `IslandShutDown`.
        """
        demands.check_citizens(citizens)
        timeout_s = seconds_of(timeout_s)
        deadline = time.monotonic() + timeout_s
        present = self._progress(deadline)
        government, settings = present.government, present.settings
        seats = 1 if government is None else len(government.parliament)
        if citizens < min(settings.parliament_floor, seats):
            raise NotEnoughCitizens(
                f"a parliament never shrinks below its floor of {settings.parliament_floor}; "
                f"island {self.name!r} has {seats} seats and cannot have {citizens} citizens"
            )
        if citizens > present.wish.citizens:
            placement.check_size(citizens, settings.num_cpus)
        if leaving:
            demands.check_leaving(leaving, government, present.wish.citizens - citizens)
        wish = self._agree("want", present.wish, deadline, citizens, tuple(leaving))
        what = f"island {self.name!r} to {citizens} citizens"
        return self.await_shape(what, wish, timeout_s, progress)

    def autoscale(self, autoscale: Autoscale | None, *, timeout_s: float = 30.0) -> None:
        """Have the number of citizens follow what is read from them, from now on; None: have it
        stay as it is. Returns when the coordinator knows; `status` shows it, and who comes and
        goes. Raises `InvalidArgument`, `ClusterTooSmall`, `TimedOut`, `IslandShutDown`.
        """
        deadline = time.monotonic() + seconds_of(timeout_s)
        present = self._progress(deadline)
        if autoscale is not None:
            demands.check_autoscale(autoscale, present.settings)
        self._agree("autoscale", present.wish, deadline, autoscale)

    def renew(self, *, timeout_s: float = 600.0, progress: bool | None = None) -> Government:
        """Replace all citizens, one at a time: another comes, which runs the package that is
        installed on its node now, and has the state before one leaves, the leader last. Returns the
        government when that is done. Clients notice nothing but a pause for the leader.

        Shows progress as `scale` does. Raises `TimedOut` (it goes on; asking again takes those that
        there are then), `Superseded`, `IslandShutDown`, `ClusterTooSmall`,
        `InvalidArgument`.
        """
        timeout_s = seconds_of(timeout_s)
        deadline = time.monotonic() + timeout_s
        present = self._progress(deadline)
        old = tuple(self.government(timeout_s).citizens)
        placement.check_size(len(old) + 1, present.settings.num_cpus)

        def look(news: int) -> Progress:
            self.ask("renew", deadline + _STEP_S, old)  # each time: it may be another coordinator
            return self._progress(deadline + _STEP_S, news)

        what = f"island {self.name!r}: {len(old)} citizens renewed"
        government = wait_until_shaped(look, what, present.wish, timeout_s, progress).government
        assert government is not None
        return government

    def _agree(self, method: str, last: Wish, deadline: float, *what: Any) -> Wish:
        """Have that wished for after the last wish, whoever else wishes for something."""
        while True:
            wish: Wish = self.ask(method, deadline, *what, last.version)
            asked = wish.autoscale == what[0] if method == "autoscale" else wish.citizens == what[0]
            if asked and wish.version == last.version + 1:
                return wish
            last = wish

    def recover(
        self,
        *,
        accept_loss: bool = False,
        abandon_silent: bool = False,
        timeout_s: float = 120.0,
        progress: bool | None = None,
    ) -> Prospect:
        """Found it anew from what is left of it: see `paxos_ray.recover`, which this calls."""
        from paxos_ray.actors.recovery import recover_by

        return recover_by(
            self.name,
            accept_loss=accept_loss,
            abandon_silent=abandon_silent,
            timeout_s=timeout_s,
            progress=progress,
            authority=self.authority,
        )

    def shutdown(self, timeout_s: float = 30.0) -> None:
        """Stop all its actors. Its state is gone. Once more does nothing. Raises `TimedOut`,
        `RayNotInitialised`, `InvalidArgument`."""
        _sweep(self.name, seconds_of(timeout_s))
        self._client.close(IslandShutDown(f"island {self.name!r} was shut down"))

    def await_shape(self, what: str, wish: Wish, timeout_s: float, show: bool | None) -> Government:
        """Wait until the island has the wished-for shape. Raises `TimedOut`, `Superseded`."""
        deadline = time.monotonic() + timeout_s + _STEP_S

        def look(news: int) -> Progress:
            return self._progress(deadline, news)

        government = wait_until_shaped(look, what, wish, timeout_s, show).government
        assert government is not None
        return government

    def _progress(self, deadline: float, news: int = -1) -> Progress:
        limit_s = max(0.0, min(_LOOK_S, deadline - time.monotonic()))
        progress: Progress = self.ask("progress", deadline, news, limit_s)
        return progress

    def ask(self, method: str, deadline: float, *arguments: Any, step_s: float = _STEP_S) -> Any:
        """Call the coordinator until it answers: again when it has not for `step_s` seconds.
        Raises `TimedOut`, `IslandShutDown`."""
        if not ray.is_initialized():
            raise RayNotInitialised("this process is not connected to a Ray cluster any more")
        while True:
            left_s = deadline - time.monotonic()
            try:
                call = getattr(self._client.coordinator, method).remote(*arguments)
                return call.get(timeout=max(0.01, min(left_s, step_s)))
            except ActorDiedError:
                if not self._client.follow():
                    raise IslandShutDown(f"island {self.name!r} was shut down") from None
                if time.monotonic() > deadline:
                    raise TimedOut(f"island {self.name!r} is being recovered") from None
                time.sleep(_AGAIN_S)
            except (GetTimeoutError, RayActorError) as error:
                if time.monotonic() > deadline:
                    why = type(error).__name__
                    raise TimedOut(
                        f"island {self.name!r}: its coordinator does not answer {method} ({why})"
                    ) from None
                time.sleep(_AGAIN_S)  # Ray is restarting it


def launch(
    name: str,
    citizens: int = 3,
    *,
    parliament_size: int = 5,
    parliament_floor: int = 3,
    num_cpus: float | None = None,
    record: str | Path | None = None,
    limits: Limits | None = None,
    audit_s: float = AUDIT_S,
    session_ms: int = SESSION_MS,
    autoscale: Autoscale | None = None,
    secret: str | bytes | None = None,
    timeout_s: float = 120.0,
    progress: bool | None = None,
) -> Island:
    """Found an island; returns when all citizens have arrived and the parliament has its size.

    `num_cpus` is what each citizen asks of Ray: by default nothing on a cluster of one node, and
    a small share on one of several. With `record`, each citizen records everything it is told
    and says in a file below that directory, on its own node: see `paxos_ray.simulation.replay`.
    `limits` say how many bytes each process holds at most.
    What a client holds is given up when it was silent for `session_ms` ms of log time.
    Only who knows the `secret` can attach to it: at least 16 bytes, by default those of the
    variable `PAXOS_RAY_SECRET` if that is set; see docs/security.md.
    Every `audit_s` seconds the citizens' states are compared, if anything was written; 0: never.
    With `autoscale`, `citizens` are between its bounds, and then follow what is read from them.
    Shows progress on a terminal, unless told by `progress`.
    Raises `InvalidArgument`, `RayNotInitialised`, `NameTaken`, `ClusterTooSmall`, `CannotRecord`,
    `TimedOut`; then nothing is left behind. Warns with `FewCitizens` of an island that one death
    can harm, and with `SharedNodes` of one that a lost node can stop though there are others.
    """
    if type(name) is not str or not name or "/" in name:
        raise InvalidArgument(f"an island's name is a text without a slash, not {name!r}")
    demands.check_citizens(citizens)
    authority = authority_of(name, secret)
    directory = directory_of(record, name)
    timeout_s = seconds_of(timeout_s)
    settings = Settings(
        parliament_size,
        parliament_floor,
        num_cpus=num_cpus or 0.0,
        record=directory,
        limits=Limits() if limits is None else limits,
        audit_s=audit_s,
        session_ms=session_ms,
    )
    if not ray.is_initialized():
        raise RayNotInitialised("this process is not connected to a Ray cluster: call ray.init()")
    if RECOVERY in names(name):
        raise NameTaken(f"an island named {name!r} is being recovered on this cluster")
    share = placement.default_share() if num_cpus is None else num_cpus
    settings = replace(settings, num_cpus=share)
    placement.check_size(citizens, share)
    if autoscale is not None:
        demands.check_autoscale(autoscale, settings, citizens)
    if citizens < 3:
        demands.warn_of_few(citizens)
    nodes = len(placement.able_nodes(share))
    if nodes > 1 and citizens > 2:
        demands.warn_of_shared_nodes(settings.seats(citizens), nodes)
    if directory is not None:
        check(directory, share)
    wish = Wish(1, citizens, autoscale)
    try:
        place = placement.for_coordinator(name, share)
        republic = uuid.uuid4().hex
        authority = authority.under(republic)
        coordinator = create(name, republic, settings, wish, place, authority)
    except ValueError:
        raise NameTaken(f"an island named {name!r} runs on this cluster already") from None
    try:
        own = client(name, authority, coordinator)
        own.gate.widen(settings.limits.client_bytes)  # others ask the coordinator for it
        island = Island(name, own)
        island.ask("found", time.monotonic() + timeout_s)
        island.await_shape(f"launch of island {name!r}", wish, timeout_s, progress)
    except BaseException:
        with contextlib.suppress(Exception):
            _sweep(name, 10.0)
        raise
    return island


def attach(name: str, *, secret: str | bytes | None = None) -> Island:
    """The running island of that name. An island with a secret wants the same (by default the
    variable `PAXOS_RAY_SECRET`): `WrongSecret` is raised here, or where a handle says so first, and
    `SecretNeeded` by what is called first. Raises `UnknownIsland`, `RayNotInitialised`,
    `InvalidArgument`, `TimedOut` if an island with a secret does not answer."""
    return enter(name, authority_of(name, secret))


def enter(name: str, authority: Authority) -> Island:
    """The same by an authority that one has."""
    try:
        return Island(name, client(name, authority))
    except ValueError:
        known = ", ".join(islands()) or "none"
        raise UnknownIsland(f"no island named {name!r} on this cluster; known: {known}") from None


def islands() -> list[str]:
    """The names of the islands on this cluster. Raises `RayNotInitialised`."""
    found = {island_of(actor["namespace"]) for actor in all_named()}
    return sorted(name for name in found if name is not None)


def _sweep(name: str, timeout_s: float) -> None:
    """Kill the coordinator, who would replace citizens, then them; until no name is left."""
    deadline = time.monotonic() + timeout_s
    while True:
        # "citizen/…" comes before "coordinator", and that before "deputy": the other way round
        left = sorted(names(name), reverse=True)
        for actor in left:
            with contextlib.suppress(ValueError):
                ask_ray(ray.kill, named(actor, name))
        if not left:
            return
        if time.monotonic() > deadline:
            raise TimedOut(f"island {name!r}: still running are {', '.join(left)}")
        time.sleep(0.02)
