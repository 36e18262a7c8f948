"""Changes of government: which may be made, of whom, and when they are told of."""

from __future__ import annotations

import pytest

from paxos_ray.core import changes as changes_module
from paxos_ray.core import shaper
from paxos_ray.core.government import Government
from paxos_ray.core.legislation import Writer
from paxos_ray.core.recording import Recorder
from tests.core.harness import plant
from tests.mutants.mutant import INVALID, PROGRESS, mutant
from tests.scenarios.bugs import BUGS

MAY_SEAT = "id in view.reached and id not in view.away and id not in view.emigrants"


@mutant("receipts")
def change_told_when_committed(patch: pytest.MonkeyPatch) -> None:
    """The receipt of a change does not wait until all of the new majority have committed it."""
    reign = Writer.reign

    def hasty(self: Writer) -> None:
        reign(self)
        self._settle_changes()

    patch.setattr(Writer, "reign", hasty)


@mutant("valid governments")
def shrinks_below_the_floor(patch: pytest.MonkeyPatch) -> None:
    """A parliament at its floor lets seats go."""
    plant(patch, shaper, "above_floor", "> view.floor", "> 1")


@mutant("valid governments", "nobody vanishes")
def two_depart_at_once(patch: pytest.MonkeyPatch) -> None:
    """Who departs takes another constituent along."""
    depart = changes_module.depart

    def depart_together(government: Government, id: str) -> Government:
        after = depart(government, id)
        if not after.constituents:
            return after
        again = depart(after, after.constituents[-1])
        return again.model_copy(update={"promise": after.promise})

    patch.setattr(changes_module, "depart", depart_together)


@mutant("valid governments")
def seated_without_its_state(patch: pytest.MonkeyPatch) -> None:
    """A newcomer is given a seat before its application has loaded the state."""
    plant(patch, shaper, "_ready", "id in government.acclimated and ", "")


@mutant("minimum", witness="no_seat_without_the_state")
def seated_after_losing_its_state(patch: pytest.MonkeyPatch) -> None:
    """Who was listed as acclimated once gets a seat, though it has lost the state since."""
    BUGS["who was listed once has the state for ever"].plant(patch)


@mutant("valid governments", INVALID)
def shrinks_out_of_an_even_parliament(patch: pytest.MonkeyPatch) -> None:
    """An even parliament lets a member depart at once, instead of contracting."""
    BUGS["an even parliament lets a seat go"].plant(patch)


@mutant(PROGRESS)
def emigrants_are_moved_up(patch: pytest.MonkeyPatch) -> None:
    """Two who asked to leave change seats with each other for ever."""
    BUGS["who leaves is moved up"].plant(patch)


@mutant(PROGRESS)
def the_dead_are_moved_up(patch: pytest.MonkeyPatch) -> None:
    """Somebody who does not answer is given a seat, or one in the majority."""
    BUGS["the dead are moved up"].plant(patch)


@mutant(PROGRESS)
def the_dead_are_not_replaced(patch: pytest.MonkeyPatch) -> None:
    """A dead seat stays, whoever could take it."""
    patch.setattr(shaper, "_replace", lambda government, view: None)


@mutant(PROGRESS, witness="attack_18_arrive_and_depart_for_ever")
def arrivals_and_departures_for_ever(patch: pytest.MonkeyPatch) -> None:
    """A newcomer whom nobody has heard yet counts as silent since ever, and departs at once."""
    BUGS["a newcomer has been silent since the beginning"].plant(patch)


@mutant(PROGRESS)
def nobody_stands(patch: pytest.MonkeyPatch) -> None:
    """A follower is patient for ever."""
    patch.setattr(Recorder, "may_stand", lambda self: False)


@mutant(PROGRESS, ambush=0.5, crash=2.0, collapse=0.3)
def only_the_committed_majority_stands(patch: pytest.MonkeyPatch) -> None:
    """Who is in the majority of a government that it has only recorded does not stand."""
    BUGS["a government in the register entitles nobody to stand"].plant(patch)
