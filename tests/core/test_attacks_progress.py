"""Schedules that broke earlier wordings of the protocol: those after which nothing moved any more.

Each story is told twice: once to the code as it is, once with the bug planted that it guards
against, which it must catch.
"""

from __future__ import annotations

from tests.core.harness import Island


def test_handing_over_needs_no_election() -> None:
    """a emigrates: b leads the next government and learns that from a's last `synchronize`. It
    leads from then on; it is not deposed because others moved its log."""
    for bound in (1, 100):
        island = Island("abc", "de", catch_up_entries=bound)
        island.emigrate("a", "a")
        island.trip("a")
        assert island["a"].leader == "b"
        island.trip("a", "b")
        assert island.leaders() == ["b"]
        assert not island["b"].collapsed
        island.check()
