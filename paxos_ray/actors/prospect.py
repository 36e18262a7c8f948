"""What is left of an island, and what it would come to if it were founded anew from that.

Pure: made of what the survivors say. `recovery` asks them, and does it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from paxos_ray.actors.heritage import Statement, succession
from paxos_ray.actors.status import seat
from paxos_ray.core.election import writers
from paxos_ray.core.government import Government
from paxos_ray.core.promise import Promise
from paxos_ray.core.retirement import can_go_on, inheritance, keeps_all, pending
from paxos_ray.core.state import beyond

DEAD, SILENT = "dead", "silent"

_LIVES = (
    "a majority of the parliament is alive and answers, so nothing is lost: wait until it has "
    "elected, and the dead have been replaced"
)


@dataclass(frozen=True, slots=True)
class Survivor:
    """A citizen that answers. `committed`: the end of its log; `registered`: that of what it has
    recorded beyond, None if nothing; `applied`: what its state reflects, None if it has none."""

    id: str
    seat: str
    pid: int
    node_id: str
    committed: Promise
    registered: Promise | None
    applied: Promise | None


@dataclass(frozen=True, slots=True)
class Missing:
    """A citizen that does not answer: `dead`, as Ray knows, or `silent`, so that it may be back."""

    id: str
    seat: str
    node_id: str
    how: str


@dataclass(frozen=True, slots=True)
class Prospect:
    """What a recovery of an island would come to, or came to.

    `government` is the last that a survivor knows to be committed. The island is founded anew upon
    the state of `heir`, brought up to `goes_on_after`, the last `registered` entries of which are
    not known to be committed. `losses` says what may be lost; nothing, if it is empty. `refused`
    says why there is nothing to recover, or must not be: None if there is. It `lives` if a majority
    of its parliament is there.
    """

    name: str
    republic: str
    government: Government
    survivors: tuple[Survivor, ...]
    missing: tuple[Missing, ...]
    heir: str | None
    goes_on_after: Promise | None
    registered: int
    losses: tuple[str, ...]
    lives: bool
    refused: str | None

    @property
    def decided(self) -> str | None:
        """What is decided by it that nobody had decided, None if that is nothing."""
        if not self.registered:
            return None
        return (
            f"{self.registered} entries are recorded and not known to be committed: they are kept, "
            "as an election would keep them, since they may have been acknowledged"
        )

    @property
    def silent(self) -> tuple[str, ...]:
        """Who may be back."""
        return tuple(each.id for each in self.missing if each.how == SILENT)


def newest(statements: Mapping[str, Statement]) -> dict[str, Statement]:
    """Those of the citizens of the republic that was founded last."""
    there = {id: said for id, said in statements.items() if said.government is not None}
    if not there:
        return {}
    last = max(succession(said.identity.republic) for said in there.values())
    return {id: s for id, s in there.items() if succession(s.identity.republic) == last}


def best(statements: Mapping[str, Statement]) -> str | None:
    """Whose state is the most advanced of these."""
    able = [id for id, said in statements.items() if said.has_state]
    return max(able, key=lambda id: (statements[id].applied, id), default=None)


def most_committed(statements: Mapping[str, Statement]) -> str:
    """Who knows most of what is committed."""
    return max(statements, key=lambda id: (statements[id].top, id))


def consider(
    name: str, statements: Mapping[str, Statement], silent: Sequence[str], abandon_silent: bool
) -> Prospect:
    """What `statements`, of one republic and not none, come to; `silent` are those who do not
    answer and are not known to be dead."""
    top = statements[most_committed(statements)].top
    government = max(
        (said.government for said in statements.values() if said.government is not None),
        key=lambda government: government.promise,
    )
    registers = [said.register for said in statements.values()]
    governments = (government, *pending(registers, top))
    there = tuple(
        id for id, s in statements.items() if _votes(governments, id, s) and not s.retired
    )
    lives = _will_go_on(governments, statements, there)
    heir = best(statements)
    carried = inheritance(registers, top) if heir is not None else ()
    missing = _missing(governments, statements, silent)
    return Prospect(
        name=name,
        republic=next(iter(statements.values())).identity.republic,
        government=government,
        survivors=tuple(_survivor(government, said) for said in _seated(government, statements)),
        missing=missing,
        heir=heir,
        goes_on_after=(carried[-1].promise if carried else top) if heir is not None else None,
        registered=len(carried),
        losses=_losses(governments, statements),
        lives=lives,
        refused=_LIVES if lives else _refusal(() if abandon_silent else silent, heir),
    )


def _votes(governments: Sequence[Government], id: str, said: Statement) -> bool:
    return any(government.lists(id, said.identity.cookie) for government in governments)


def _refusal(silent: Sequence[str], heir: str | None) -> str | None:
    # However few: they may know of a later government, in which they are enough.
    if silent:
        return (
            f"{', '.join(silent)}: not known to be dead, only silent. If they come back, less is "
            "lost, or nothing. Abandon them only if they never will, and serve nobody elsewhere"
        )
    if heir is None:
        return "no survivor holds the state: there is nothing to found the island upon"
    return None


def _will_go_on(
    governments: Sequence[Government], statements: Mapping[str, Statement], there: Sequence[str]
) -> bool:
    """Whether those who are there can elect: also by taking back a change that the dead can no
    longer form, for which all must be there that may have committed it, see docs/protocol.md."""
    if can_go_on(governments, there):
        return True
    ruling = governments[0]
    top = statements[most_committed(statements)].top
    found = (said.register and beyond(said.register, top) for said in statements.values())
    highest = max((r for r in found if r is not None), key=lambda r: r.ballot, default=None)
    if highest is None or not can_go_on([ruling], there):
        return False
    return writers(ruling, highest) <= set(there)


def _losses(
    governments: Sequence[Government], statements: Mapping[str, Statement]
) -> tuple[str, ...]:
    losses = []
    ruling = governments[0]
    state = max((s.applied for s in statements.values() if s.has_state), default=None)
    top = statements[most_committed(statements)].top
    there = [id for id, said in statements.items() if _votes(governments, id, said)]
    if not keeps_all(governments, there):
        if any(id in ruling.majority for id in there):
            losses.append(
                f"what a government after {ruling.promise}, of which no survivor knows, has "
                "acknowledged: those who are missing could have elected one"
            )
        else:
            losses.append(
                f"what was acknowledged after {top}: those who are missing wrote it without the "
                "survivors, and how much it was nobody can say"
            )
    if any(said.retired for said in statements.values()):
        losses.append(
            "what a republic has acknowledged that an earlier recovery founded, and that is lost"
        )
    if state is not None and state < top:
        losses.append(
            f"what a survivor without the state has beyond {state}, if what the survivors have "
            "between them has a gap before it"
        )
    return tuple(losses)


def _seated(government: Government, statements: Mapping[str, Statement]) -> list[Statement]:
    order = (*government.parliament, *government.constituents)
    listed = [statements[id] for id in order if id in statements]
    return [*listed, *(said for id, said in sorted(statements.items()) if id not in order)]


def _survivor(government: Government, said: Statement) -> Survivor:
    return Survivor(
        id=said.identity.id,
        seat=_seat(government, said.identity.id),
        pid=said.pid,
        node_id=said.node,
        committed=said.top,
        registered=None if said.register is None else said.register.entries[-1].promise,
        applied=said.applied if said.has_state else None,
    )


def _missing(
    governments: Sequence[Government], statements: Mapping[str, Statement], silent: Sequence[str]
) -> tuple[Missing, ...]:
    missing = {}
    for government in governments:
        for id in (*government.parliament, *government.constituents):
            if id not in statements and id not in missing:
                node = str(government.citizens[id].properties.get("node", ""))
                how = SILENT if id in silent else DEAD
                missing[id] = Missing(id, _seat(governments[0], id), node, how)
    for id in silent:
        missing.setdefault(id, Missing(id, "none", "", SILENT))
    return tuple(missing.values())


def _seat(government: Government, id: str) -> str:
    return seat(government, id) if id in government.citizens else "none"
