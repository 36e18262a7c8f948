"""All mutants, by area of the protocol."""

from __future__ import annotations

from tests.mutants import (
    changes,
    election,
    forgetting,
    network,
    promises,
    reads,
    sessions,
    writing,
)
from tests.mutants.mutant import Mutant

AREAS = {
    "Promises": promises,
    "Writing": writing,
    "Elections": election,
    "Changes of government": changes,
    "The log, the minimum, the state": forgetting,
    "Reads": reads,
    "Pulses": network,
    "Sessions": sessions,
}

MUTANTS: dict[str, Mutant] = {
    value.name: value
    for area in AREAS.values()
    for value in vars(area).values()
    if isinstance(value, Mutant)
}
