"""Standing in line for what an object grants: until it is granted, or not wanted any more."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from typing import Any, Literal, NamedTuple, TypeVar

from paxos_ray.actors.errors import EventsGone, NoQuorum, TimedOut
from paxos_ray.actors.response import Response
from paxos_ray.actors.standard.base import Call, StandardObject
from paxos_ray.actors.standard.deeds import Answer, Deed, News, Send, aside, ask, at_last, surely
from paxos_ray.actors.watch import Watch, watch
from paxos_ray.machines.errors import MachineError, NotHeld
from paxos_ray.machines.objects import RETIRED

T = TypeVar("T")


class Verdict(NamedTuple):
    """What has become of a place: `told` comes with what is held."""

    what: Literal["held", "waiting", "gone"]
    told: Any = None


WAITING, GONE = Verdict("waiting"), Verdict("gone")

_UNANSWERED = "not granted in time; the place in line, or what may still be granted, is given up"


class Line:
    """One kind of line: how one asks, is told, leaves, and gives back what was granted.

    `ask` is answered with whether it is granted, a number, and more. `held` is what the event of
    a grant, the state and the answer of `cancel` call a grant.
    """

    def __init__(
        self,
        handle: StandardObject,
        ask: Call[Any, Any],
        arguments: tuple[Any, ...],
        *,
        state: Call[Any, Any],
        cancel: Call[Any, Any],
        give_back: Call[Any, Any] | None,
        held: str,
    ) -> None:
        self.handle = handle
        self.ask, self.arguments = ask, arguments
        self.state, self.cancel, self.give_back = state, cancel, give_back
        self.held = held

    def key(self, answer: tuple[Any, ...]) -> Any:
        """Under which its events are published."""
        return answer[1]

    def look(self, answer: tuple[Any, ...], must: bool = False) -> Deed[Verdict]:
        """What has become of the place that was given by this answer; see `deeds.Answer`."""
        state, told = yield from ask(self.state, answer[1], must=must)
        if state == self.held:
            return Verdict("held", told)
        return WAITING if state == "waiting" else GONE

    def read(self, answer: tuple[Any, ...], event: Any) -> Verdict:
        """What an event under the key says of the place."""
        what, _, *told = event
        return Verdict("held", told[0] if told else None) if what == self.held else GONE


def obtain(line: Line) -> Deed[tuple[Any, ...]]:
    """Ask, and wait until it is granted: `ask`'s answer, and what was told with the grant.

    Who gives up, whatever the reason, leaves the line. If that takes an answer that does not come
    at once, it is done by a thread that goes on, so that nothing stays granted to nobody.
    Raises `TimedOut`, `NotHeld` if it was granted and lost before this process could know, and
    what `ask` raises."""
    asked: Response[Any] | None = None
    answer: tuple[Any, ...] | None = None
    settled = False
    try:
        asked = yield Send(line.ask, line.arguments)
        try:
            answer = yield from _in_time(line.handle, _step(Answer(asked)), _UNANSWERED)
        except MachineError:
            settled = True
            raise
        assert answer is not None
        if answer[0]:
            return answer, answer[2] if len(answer) > 2 else None
        try:
            verdict = yield from _wait(line, answer)
        except TimedOut as error:
            if isinstance(error, NoQuorum):
                raise
            verdict = yield from _leave(line, answer)
        settled = verdict.what != "held"
        if verdict is GONE:
            raise NotHeld(f"{line.handle!r}: {answer[1]} was held, or waited, and does no more")
        if verdict is WAITING:
            raise TimedOut(f"{line.handle!r}: not granted in time; {answer[1]} waits no more")
        return answer, verdict.told
    except BaseException:
        if asked is not None and not settled:
            _leave_aside(line, asked)
        raise


def until(
    handle: StandardObject,
    key: Any,
    attempt: Callable[[], Deed[T | None]],
    late: str,
    unanswered: str | None = None,
) -> Deed[T]:
    """Attempt something until it comes to anything: again with each event under `key`, and when
    the object is retired.

    Raises `TimedOut`, which says that it is `late`; or, if it makes a difference, that an attempt
    is `unanswered`."""
    done = yield from _in_time(handle, attempt(), unanswered or late)
    while done is None:
        with closing(_watch(handle, key)) as news:
            # What happened between the attempt and where the watch begins is not told.
            while (done := (yield from _in_time(handle, attempt(), unanswered or late))) is None:
                try:
                    yield from _in_time(handle, _step(News(news)), late)
                except EventsGone:
                    break
    return done


def _step(step: Send | Answer | News) -> Deed[Any]:
    return (yield step)


def _in_time(handle: StandardObject, part: Deed[T], late: str) -> Deed[T]:
    """A part of a deed, which says of that object that it is `late` when time is up."""
    try:
        return (yield from part)
    except TimedOut as error:
        if isinstance(error, NoQuorum):
            raise
        raise TimedOut(f"{handle!r}: {late}") from None


def _wait(line: Line, answer: tuple[Any, ...]) -> Deed[Verdict]:
    """Until the place is held, or gone.

    What is watched begins where this process has heard of the answer at the latest. What has
    happened before that shows in the state, which is asked for once that is so."""
    while True:
        with closing(_watch(line.handle, line.key(answer))) as news:
            verdict = yield from line.look(answer)
            while verdict is WAITING:
                try:
                    change = yield News(news)
                except EventsGone:
                    break
                if change.key is not None:
                    verdict = line.read(answer, change.event)
                elif change.event == RETIRED:
                    verdict = GONE
            else:
                return verdict


def _watch(handle: StandardObject, key: Any) -> Watch:
    """From where this process has heard of last: that is after all that it has been answered."""
    return watch(handle.client, handle.name, keys=(key, None), after=handle.client.seen)


def _leave(line: Line, answer: tuple[Any, ...]) -> Deed[Verdict]:
    """Wait no more; `WAITING` if that is so, else what it had come to before."""
    said = yield from ask(line.cancel, answer[1], must=True)
    if said == "cancelled":
        return WAITING
    if said != line.held:
        return GONE
    return (yield from line.look(answer, must=True))


def _leave_aside(line: Line, asked: Response[Any]) -> None:
    """Nobody waits for the place any more: leave it, or give back what is or will be granted."""

    def leave() -> None:
        answer = at_last(asked)
        granted = answer[0]
        if not granted and answer[1] is not None:
            granted = surely(line.cancel, answer[1]) == line.held
        if granted and line.give_back is not None:
            surely(line.give_back, answer[1])

    aside(leave)
