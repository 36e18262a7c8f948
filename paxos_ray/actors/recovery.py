"""Founding an island anew from what is left of it, when its majority never comes back.

Nothing here is needed for an island that can go on by itself, and such a one is left alone. In
order, so that whatever ends this midway leaves something to be recovered once more:

1. a signpost: two recoveries do not meet, and clients wait, for the island is not shut down;
2. coordinator and deputy are ended: no pulse moves any more;
3. the survivors are asked once more, and retire: what they hold now is final;
4. the heir is launched upon the best state of them, as a new republic with its own coordinator;
5. that brings newcomers, and once there are enough of them ends who has retired.
"""

from __future__ import annotations

import contextlib
import time
import uuid
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import ray
from ray.exceptions import ActorDiedError, RayError

from paxos_ray.actors import placement
from paxos_ray.actors.authority import Authority, authority_of
from paxos_ray.actors.connection import ask_ray, named
from paxos_ray.actors.coordinator import create
from paxos_ray.actors.errors import (
    IslandError,
    RayNotInitialised,
    RecoveryRefused,
    TimedOut,
    UnknownIsland,
    line_of,
)
from paxos_ray.actors.feed import seconds_of
from paxos_ray.actors.heritage import Estate, Identity, Statement, heir_of
from paxos_ray.actors.island import Island, enter, islands
from paxos_ray.actors.member import Member, find, launch, names
from paxos_ray.actors.prospect import Prospect, best, consider, newest
from paxos_ray.actors.settings import COORDINATOR, DEPUTY, RECOVERY, Settings, Wish, namespace
from paxos_ray.core import Entry
from paxos_ray.core.retirement import EPOCH, inheritance, next_epoch

PATIENCE_S = 10.0
"""How long a survivor may take to answer before it counts as silent."""

_AGAIN_S = 0.02


class _Signpost:
    """An actor that is nothing but its name."""


def prospect(
    name: str,
    *,
    abandon_silent: bool = False,
    secret: str | bytes | None = None,
    timeout_s: float = PATIENCE_S,
) -> Prospect:
    """What a recovery of that island would come to: who is left, who is missing, and what may be
    lost. Changes nothing. See `recover`. Raises `UnknownIsland`, `RayNotInitialised`,
    `NotAdmitted`, `InvalidArgument`."""
    limit_s = seconds_of(timeout_s)
    return _survey(name, authority_of(name, secret), abandon_silent, limit_s)[0]


def recover(
    name: str,
    *,
    accept_loss: bool = False,
    abandon_silent: bool = False,
    secret: str | bytes | None = None,
    timeout_s: float = 120.0,
    progress: bool | None = None,
) -> Prospect:
    """Found the island anew from its most advanced survivor, since more than half of its parliament
    never comes back; returns what came of it when there are as many citizens as before.

    It keeps its name, settings, state, sessions and log time: clients find it again and go on.
    What no survivor holds is lost, and what they hold beyond a gap: `prospect` says what that may
    be, `accept_loss` that so be it.
    With `abandon_silent`, who does not answer counts as lost though Ray does not know it to be
    dead, and is ended when that is possible. An island with a `secret` wants it, and keeps it.

    Raises `RecoveryRefused`, above all while a majority is alive and answers, which nothing can
    override; `UnknownIsland`, `RayNotInitialised`, `TimedOut` (it may be asked for again, and an
    island that is founded goes on growing); `NotAdmitted`, `InvalidArgument`.
    """
    return recover_by(
        name,
        authority=authority_of(name, secret),
        accept_loss=accept_loss,
        abandon_silent=abandon_silent,
        timeout_s=timeout_s,
        progress=progress,
    )


def recover_by(
    name: str,
    *,
    authority: Authority,
    accept_loss: bool,
    abandon_silent: bool,
    timeout_s: float,
    progress: bool | None,
) -> Prospect:
    """The same by an authority that one has."""
    timeout_s = seconds_of(timeout_s)
    deadline = time.monotonic() + timeout_s
    patience_s = min(PATIENCE_S, timeout_s)
    found, statements, silent = _survey(name, authority, abandon_silent, patience_s)
    authority = authority.under(found.republic)
    if _lacks_only_a_coordinator(name, found):
        return _carry_on(name, authority, found, statements, deadline, progress)
    _check(found, accept_loss)
    with _signpost(name):
        _end_carriers(name, deadline)
        found, statements, silent = _survey(name, authority, abandon_silent, patience_s)
        try:
            _check(found, accept_loss)
        except RecoveryRefused:  # somebody has come back
            _start(name, authority, found.republic, statements)
            raise
        members = {member.id: member for member in find(name, authority)}
        final = _retire(members, statements)
        found, estate, republic = _bequeath(name, members, final, silent)
        _found(name, authority, republic, final, estate, deadline)
        _start(name, authority, republic, final)
        for id in silent:
            with contextlib.suppress(Exception):
                ray.kill(members[id].handle)
    _await_shape(name, enter(name, authority), deadline, progress)
    return found


# -- looking ---------------------------------------------------------------------------------


def _survey(
    name: str, authority: Authority, abandon_silent: bool, limit_s: float
) -> tuple[Prospect, dict[str, Statement], list[str]]:
    if not ray.is_initialized():
        raise RayNotInitialised("this process is not connected to a Ray cluster: call ray.init()")
    members = {member.id: member for member in find(name, authority)}
    told, silent = _ask(members, {}, limit_s)
    statements = newest(told)
    if not statements:
        known = ", ".join(islands()) or "none"
        if not members:
            raise UnknownIsland(f"no island named {name!r} on this cluster; known: {known}")
        raise UnknownIsland(
            f"of an island named {name!r} no citizen answers on this cluster, of {len(silent)} "
            f"that are not known to be dead; known: {known}"
        )
    return consider(name, statements, silent, abandon_silent), statements, silent


def _ask(
    members: dict[str, Member], final: dict[str, str], limit_s: float
) -> tuple[dict[str, Statement], list[str]]:
    """What these say, by id, and who says nothing and is not known to be dead. Those retire who are
    of the republic that `final` gives for them. Raises `NotAdmitted`."""
    asked = {id: m.citizen.testify.remote(final.get(id)) for id, m in members.items()}
    calls = {call.reference: id for id, call in asked.items()}
    told: dict[str, Statement] = {}
    silent = []
    answered = ray.wait(list(calls), num_returns=len(calls), timeout=limit_s)[0] if calls else []
    for call, id in calls.items():
        if call not in answered:
            silent.append(id)
            continue
        try:
            told[id] = asked[id].get()
        except ActorDiedError:
            continue
        except RayError:
            silent.append(id)
    return told, silent


def _check(found: Prospect, accept_loss: bool) -> None:
    if found.refused is not None:
        raise RecoveryRefused(f"island {found.name!r}: {found.refused}")
    if found.losses and not accept_loss:
        raise RecoveryRefused(
            f"island {found.name!r}: what may be lost was not accepted: {'; '.join(found.losses)}"
        )


# -- what survivors leave --------------------------------------------------------------------


def _retire(members: dict[str, Member], before: dict[str, Statement]) -> dict[str, Statement]:
    """All that answered before retire. Nothing moves any more: what they said then still holds."""
    republics = {id: said.identity.republic for id, said in before.items()}
    left = {id: members[id] for id in before if id in members}
    final, _ = _ask(left, republics, PATIENCE_S)
    lost = [id for id in before if id not in final]
    if lost:
        raise TimedOut(f"{', '.join(lost)}: has answered and does so no more; ask again")
    return final


def _bequeath(
    name: str, members: dict[str, Member], final: dict[str, Statement], silent: list[str]
) -> tuple[Prospect, Estate, str]:
    """What the heir begins with, and the name of its republic."""
    before = {id: said._replace(bequests=said.bequests - 1) for id, said in final.items()}
    found = consider(name, before, silent, abandon_silent=True)
    donor = best(final)
    assert donor is not None, "who has the state has it still"
    known = _beyond(members, final, donor)
    top = known[-1].promise if known else final[donor].applied
    carried = inheritance([said.register for said in final.values()], top)
    republics = [(said.identity.republic, said.bequests) for said in final.values()]
    numbers = [said.seen for said in final.values()]
    numbers += [entry.promise.government for said in final.values() for entry in _held(said)]
    # Who was asked before may have had an heir that has answered clients, and is lost, too.
    again = max(said.bequests for said in final.values()) - 1
    number = next_epoch(numbers) + again * EPOCH
    estate = Estate(_snapshot(members[donor]), known + carried, number)
    last = carried[-1].promise if carried else top
    found = replace(found, goes_on_after=last, registered=len(carried))
    return found, estate, heir_of(republics)


def _held(said: Statement) -> tuple[Entry, ...]:
    return () if said.register is None else said.register.entries


def _beyond(
    members: dict[str, Member], final: dict[str, Statement], donor: str
) -> tuple[Entry, ...]:
    """What is committed after the donor's state, as far as the survivors know it between them."""
    top = final[donor].applied
    entries: tuple[Entry, ...] = ()
    # In the order of their tops, whoever is needed to come to another is asked before that one.
    for id in sorted(final, key=lambda id: (final[id].top, id)):
        if final[id].top <= top:
            continue
        try:
            more = members[id].citizen.committed.remote(top).get(PATIENCE_S)
        except RayError as error:
            raise TimedOut(f"{id} does not give its log: {type(error).__name__}") from None
        if more is not None:  # its log may begin later
            entries, top = entries + more, final[id].top
    return entries


def _snapshot(donor: Member) -> list[Any]:
    try:
        number = donor.citizen.freeze.remote().get(PATIENCE_S)
        while (made := ray.get(donor.fetch(number), timeout=PATIENCE_S)) is None:
            time.sleep(_AGAIN_S)
    except RayError as error:
        raise TimedOut(f"{donor.id} does not give its state: {type(error).__name__}") from None
    snapshot: list[Any] = made
    return snapshot


# -- founding --------------------------------------------------------------------------------


def _found(
    name: str,
    authority: Authority,
    republic: str,
    final: dict[str, Statement],
    estate: Estate,
    deadline: float,
) -> None:
    """Launch the heir, beside the donor if it can be; wait until it has taken all of it over."""
    donor = final[str(best(final))]
    identity = Identity(uuid.uuid4().hex[:8], republic, republic, founder=True)
    strategy = placement.strategy(donor.node)
    heir = launch(name, identity, donor.settings, _wish(final), strategy, estate, authority)
    try:
        left_s = max(0.1, deadline - time.monotonic())
        heir.citizen.introduce.remote(None).get(left_s)
    except RayError as error:
        ray.kill(heir.handle)
        why = line_of(error, -1)
        raise TimedOut(f"island {name!r}: its heir could not be launched: {why}") from None


def _wish(statements: dict[str, Statement]) -> Wish:
    last = max(said.wish for said in statements.values())
    return last.next(last.citizens, last.autoscale)


def _start(
    name: str, authority: Authority, republic: str, statements: dict[str, Statement]
) -> None:
    """A coordinator for that republic."""
    settings: Settings = next(iter(statements.values())).settings
    place = placement.for_coordinator(name, settings.num_cpus)
    create(name, republic, settings, _wish(statements), place, authority)


def _await_shape(name: str, island: Island, deadline: float, progress: bool | None) -> None:
    left_s = max(0.1, deadline - time.monotonic())
    wish = island.ask("progress", deadline).wish
    island.await_shape(f"recovery of island {name!r}", wish, left_s, progress)


def _lacks_only_a_coordinator(name: str, found: Prospect) -> bool:
    """Whether a recovery was ended between its heir and that one's coordinator."""
    return found.lives and COORDINATOR not in names(name)


def _carry_on(
    name: str,
    authority: Authority,
    found: Prospect,
    statements: dict[str, Statement],
    deadline: float,
    progress: bool | None,
) -> Prospect:
    with _signpost(name):
        _start(name, authority, found.republic, statements)
    _await_shape(name, enter(name, authority), deadline, progress)
    return found


# -- who is in the way -----------------------------------------------------------------------


@contextlib.contextmanager
def _signpost(name: str) -> Iterator[None]:
    try:
        actor: Any = ray.remote(num_cpus=0, max_restarts=0)(_Signpost)
        signpost = actor.options(name=RECOVERY, namespace=namespace(name)).remote()
    except ValueError:
        raise RecoveryRefused(f"island {name!r} is being recovered already") from None
    try:
        yield
    finally:
        with contextlib.suppress(RayError, IslandError):
            ray.kill(signpost)


def _end_carriers(name: str, deadline: float) -> None:
    """Kill coordinator and deputy, until neither name is known."""
    while left := [each for each in names(name) if each in (COORDINATOR, DEPUTY)]:
        for carrier in left:
            with contextlib.suppress(ValueError):
                ask_ray(ray.kill, named(carrier, name))
        if time.monotonic() > deadline:
            raise TimedOut(f"island {name!r}: still running are {', '.join(left)}")
        time.sleep(_AGAIN_S)
