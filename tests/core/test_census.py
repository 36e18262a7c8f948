"""What a citizen knows of others, and tells of them: only what is so under this government."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from paxos_ray.core import Promise
from paxos_ray.core.census import Census
from paxos_ray.core.messages import Report
from tests.core.harness import TIMEOUT, government, plant

RULING = government("ab", "c", "de")


def reported(census: Census, now: int) -> Report:
    return census.report(Promise(5, 0), Promise(4, 0), False, True, now)


def yesterdays_reports() -> None:
    """What a citizen reports under one government counts under no other."""
    census = Census("b", RULING, 0, TIMEOUT, None)
    below = census.contact("c", 0)
    old = Report(RULING.number - 1, Promise(4, 0), ("e",), ("d",), ())
    census.answered(below, old, 0)
    told = reported(census, 0)
    assert told.reached == told.acclimated == ()
    census.answered(below, old._replace(government=RULING.number), 0)
    assert reported(census, 0).reached == ("c", "d")


def who_lacks_the_state_is_told_upward() -> None:
    """Whether this citizen itself has its state counts at once, though nothing else has changed."""
    census, here = Census("b", RULING, 0, TIMEOUT, None), Promise(4, 0)
    below = census.contact("c", 0)
    census.answered(below, Report(RULING.number, here, (), ("d", "e"), (), ("e",)), 0)
    assert census.report(here, here, False, True, 0).loading == ("e",)
    assert census.report(here, here, False, False, 0).loading == ("b", "e")
    assert census.report(here, here, False, True, 0).loading == ("e",)


def who_comes_back_is_heard_anew() -> None:
    """c fails, and b brings the log to d and e itself; c comes back, and fails again: what b saw of
    d and e meanwhile tells nothing any more."""
    census = Census("b", RULING, 0, TIMEOUT, None)
    below = census.contact("c", 0)
    own = Report(RULING.number, Promise(5, 0), (), (), ())
    census.failed(below, 10)
    census.answered(census.contact("d", 10), own, 10)
    assert "d" in reported(census, 10).reached
    census.answered(below, own, 20)
    census.failed(below, 30)
    assert reported(census, 30).reached == ()


def who_stands_below_the_minimum_has_no_state() -> None:
    """It says that it has the state, and will lose it: it cannot be brought up from where it is.
    Who of those below c that is, b is not told."""
    census, top = Census("b", RULING, 0, TIMEOUT, None), Promise(4, 8)
    told = Report(RULING.number, Promise(4, 2), (), ("d", "e"), ())
    census.answered(census.contact("c", 0), told, 0)
    assert census.report(top, Promise(4, 2), False, True, 0).loading == ()
    assert census.report(top, Promise(4, 3), False, True, 0).loading == ("c", "d", "e")
    census.answered(census.contact("c", 0), told._replace(minimum=Promise(4, 3)), 0)
    assert census.report(top, Promise(4, 3), False, True, 0).loading == ()


def who_has_not_reported_is_kept_what_it_needs() -> None:
    """c has d and e below it, and nothing is known of them. Below d there is nobody: it needs what
    follows its top."""
    census, top, minimum = Census("b", RULING, 0, TIMEOUT, None), Promise(4, 8), Promise(4, 3)
    above = census.contact("c", 0)
    above.top = Promise(4, 6)
    assert census.report(top, minimum, False, True, 0).minimum == minimum
    census = Census("c", RULING, 0, TIMEOUT, None)
    below = [census.contact(id, 0) for id in ("d", "e")]
    below[1].top = top
    for known, least in (
        (None, minimum),
        (Promise(4, 1), minimum),
        (Promise(4, 5), Promise(4, 5)),
        (top, top),
    ):
        below[0].top = known
        assert census.report(top, minimum, False, True, 0).minimum == least


def who_has_no_state_holds_the_log_in_the_majority_only() -> None:
    """A strict majority has the state then, and who has not keeps its log itself."""
    top, minimum = Promise(4, 8), Promise(4, 3)
    for id, least in (("a", minimum), ("b", minimum), ("c", top), ("d", top)):
        census = Census(id, RULING, 0, TIMEOUT, None)
        for below in census.targets:
            census.answered(below, Report(RULING.number, top, (), (), ()), 0)
        assert census.report(top, minimum, False, False, 0).minimum == least
        assert census.report(top, minimum, False, True, 0).minimum == top


STORIES: dict[Callable[[], None], tuple[str, str, str]] = {
    yesterdays_reports: ("answered", "report[0] == self._number and ", ""),
    who_lacks_the_state_is_told_upward: ("report", "unlisted, stateful)\n", "unlisted)\n"),
    who_stands_below_the_minimum_has_no_state: ("_report", "told.minimum < minimum", "False"),
    who_has_no_state_holds_the_log_in_the_majority_only: (
        "report",
        "stateful or not self._ruling",
        "stateful",
    ),
    who_has_not_reported_is_kept_what_it_needs: (
        "_unheard",
        "contact.id not in self.government.constituents",
        "False",
    ),
    who_comes_back_is_heard_anew: ("retarget", "contact.report = None", "pass"),
}


@pytest.mark.parametrize("story", STORIES)
def test_story(story: Callable[[], None]) -> None:
    story()


@pytest.mark.parametrize("story", STORIES)
def test_story_catches_its_bug(story: Callable[[], None], monkeypatch: pytest.MonkeyPatch) -> None:
    plant(monkeypatch, Census, *STORIES[story])
    with pytest.raises(AssertionError):
        story()
