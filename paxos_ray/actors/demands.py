"""Whether what is asked of an island makes sense, and what one should be warned of."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

from paxos_ray.actors import placement
from paxos_ray.actors.autoscale import Autoscale
from paxos_ray.actors.errors import FewCitizens, InvalidArgument, SharedNodes
from paxos_ray.actors.settings import Settings
from paxos_ray.core.government import Government


def warn_of_few(citizens: int) -> None:
    """One death can harm an island of so few: `FewCitizens`, to who calls `launch`."""
    many = "one citizen" if citizens == 1 else "two citizens"
    text = f"an island of {many}: one death can lose data or stop writes; three are safe"
    warnings.warn(text, FewCitizens, stacklevel=3)


def warn_of_shared_nodes(seats: int, nodes: int) -> None:
    """A lost node can stop it though there are others: `SharedNodes`, likewise."""
    if not placement.bears_a_lost_node(seats, nodes):
        text = (
            f"{nodes} nodes for {seats} citizens that vote: the loss of one node can stop writes; "
            "more nodes, or more citizens, would bear it"
        )
        warnings.warn(text, SharedNodes, stacklevel=3)


def check_citizens(citizens: object) -> None:
    """Raises `InvalidArgument` unless it is a population."""
    if type(citizens) is not int or citizens < 1:
        raise InvalidArgument(f"citizens is a whole number of at least 1, not {citizens!r}")


def check_leaving(leaving: Sequence[str], government: Government | None, surplus: int) -> None:
    """Raises `InvalidArgument` unless they are citizens, and no more than leave anyway."""
    known = () if government is None else government.citizens
    unknown = [id for id in leaving if id not in known]
    if isinstance(leaving, str) or unknown or len(set(leaving)) < len(leaving):
        there = ", ".join(known) or "none"
        raise InvalidArgument(
            f"leaving are ids of citizens, each once, not {leaving!r}; there are: {there}"
        )
    if len(leaving) > surplus:
        raise InvalidArgument(f"{len(leaving)} are to leave, and {max(0, surplus)} fewer are left")


def check_autoscale(autoscale: object, settings: Settings, citizens: int | None = None) -> None:
    """Raises `InvalidArgument`, also of a population beyond its bounds, and `ClusterTooSmall`."""
    if not isinstance(autoscale, Autoscale):
        raise InvalidArgument(f"autoscale is an Autoscale, not {autoscale!r}")
    if citizens is not None and citizens != autoscale.bounded(citizens):
        raise InvalidArgument(f"{citizens} citizens are not within {autoscale}")
    placement.check_size(autoscale.maximum, settings.num_cpus)
