"""Waiting for an island to have its shape, and showing that on a terminal."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterable, Iterator

from paxos_ray.actors.coordinator import Progress
from paxos_ray.actors.errors import Superseded, TimedOut
from paxos_ray.actors.settings import Wish

MANY = 4
"""So many of whom the same is said are not named."""


def wait_until_shaped(
    look: Callable[[int], Progress], what: str, wish: Wish, timeout_s: float, show: bool | None
) -> Progress:
    """Look until the island has the wished-for shape. Raises `TimedOut`, `Superseded`.

    `look` waits for news after that number. `show` the progress on stderr: None says to, if that
    is a terminal.
    """
    deadline = time.monotonic() + timeout_s
    news = -1
    with _display(what, sys.stderr.isatty() if show is None else show) as tell:
        while True:
            progress = look(news)
            news = progress.news
            tell(summary(progress))
            if progress.wish > wish:
                wanted = progress.wish.citizens
                raise Superseded(f"{what}: meanwhile {wanted} citizens were asked for")
            if progress.shaped and progress.wish == wish:
                return progress
            if time.monotonic() > deadline:
                raise TimedOut(f"{what}: not within {timeout_s:g} s; {summary(progress)}")


def summary(progress: Progress) -> str:
    """How far it is, in one line."""
    wanted = progress.wish.citizens
    seats = progress.settings.seats(wanted)
    government = progress.government
    if government is None:
        return f"nobody rules yet; wanted are {wanted} citizens"
    there = (
        f"{len(government.citizens)} of {wanted} citizens ({len(government.acclimated)} with the "
        f"state), a parliament of {len(government.parliament)}, {seats} expected, government "
        f"{government.promise}"
    )
    return "; ".join((there, *_together(progress.underway)))


def _together(underway: Iterable[str]) -> Iterator[str]:
    """Those of whom the same is said are counted, if they are many."""
    said: dict[str, list[str]] = {}
    for each in underway:
        said.setdefault(each.partition(" ")[2], []).append(each)
    for what, same in said.items():
        yield from same if len(same) < MANY else [f"{len(same)} citizens: each {what}"]


@contextlib.contextmanager
def _display(what: str, show: bool) -> Iterator[Callable[[str], None]]:
    if not show:
        yield lambda text: None
        return
    from rich.console import Console

    with Console(stderr=True).status(what) as status:
        yield lambda text: status.update(f"{what}: {text}")
