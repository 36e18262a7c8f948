"""The commands of scenarios: a line of text each, carried out on a `Stage`.

docs/scenarios.md describes the language; the table of commands at the end of this file is what
there is.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from dataclasses import fields, replace

from paxos_ray.core.legislator import Legislator
from paxos_ray.simulation import running
from paxos_ray.simulation.island import REPUBLIC, Make, Settings
from paxos_ray.simulation.news import describe_citizen, describe_log
from paxos_ray.simulation.stage import STORY, Stage, Unknown

Tell = Callable[[str], None]


class Misused(Exception):
    """A command that does not exist, or that was given what it cannot take."""


class Script:
    """Carries out commands, one line each, on a `stage` of its own.

    A step may refer to somebody or something that is not there: `Unknown`, nothing was changed.
    A `lenient` script skips such a step instead.
    """

    def __init__(
        self, tell: Tell | None = None, lenient: bool = False, make: Make = Legislator
    ) -> None:
        self.stage = Stage(STORY, make, tell)
        self.lenient = lenient

    def do(self, line: str) -> None:
        """Carry out one command; a line that is empty, or all comment, is none.

        Raises `Misused`, `Unknown`, `Violation`, and whatever a broken core raises."""
        try:
            words = shlex.split(line, comments=True)
        except ValueError as error:
            raise Misused(str(error)) from None
        if not words:
            return
        name, *arguments = words
        command = COMMANDS.get(name)
        if command is None:
            raise Misused(f"there is no command {name}; there are {', '.join(COMMANDS)}")
        try:
            command(self, arguments)
        except Unknown:
            if not self.lenient:
                raise

    # -- who lives here ------------------------------------------------------------------

    def settings(self, words: list[str]) -> None:
        """`settings NAME=NUMBER …`: how citizens are made, before anybody is."""
        _, options = _split(words, *(field.name for field in fields(Settings)))
        if self.stage.inhabitants:
            raise Misused("settings come before anybody is there")
        chosen = {name: _number(value) for name, value in options.items()}
        settings = replace(self.stage.settings, **chosen)
        self.stage = Stage(settings, self.stage.make, self.stage.tell)

    def citizens(self, words: list[str]) -> None:
        """`citizens ID …`: found an island of these, one after the other, and let it settle."""
        ids, _ = _split(words, least=1)
        running.grow(self.stage, ids)
        self.show(ids[:1])

    def anew(self, words: list[str]) -> None:
        """`anew`: another island, from the beginning, its citizens made in the same way."""
        _split(words, most=0)
        self.stage = Stage(self.stage.settings, self.stage.make, self.stage.tell)

    def found(self, words: list[str]) -> None:
        """`found ID [seed=N] [ahead=MS]`: the first citizen."""
        (id,), options = _split(words, "seed", "ahead", least=1, most=1)
        seed, ahead = options.get("seed"), options.get("ahead", "0")
        self.stage.found(id, None if seed is None else _number(seed), _number(ahead))

    def join(self, words: list[str]) -> None:
        """`join ID [cookie=TEXT] [republic=TEXT] [seed=N] [ahead=MS]`: wait to be written in."""
        (id,), options = _split(words, "cookie", "republic", "seed", "ahead", least=1, most=1)
        seed, ahead = options.get("seed"), options.get("ahead", "0")
        self.stage.join(
            id,
            options.get("cookie"),
            None if seed is None else _number(seed),
            _number(ahead),
            options.get("republic", REPUBLIC),
        )

    def crash(self, words: list[str]) -> None:
        """`crash ID …`: the processes are gone."""
        for id in _split(words, least=1)[0]:
            self.stage.crash(id)

    def pause(self, words: list[str]) -> None:
        """`pause ID …`: stand still while others run."""
        for id in _split(words, least=1)[0]:
            self.stage.paused.add(self.stage.alive(id).id)

    def resume(self, words: list[str]) -> None:
        """`resume ID …`: run again with the others."""
        for id in _split(words, least=1)[0]:
            self.stage.paused.discard(self.stage.who(id).id)

    # -- time ----------------------------------------------------------------------------

    def wait(self, words: list[str]) -> None:
        """`wait MS`: time passes, and nobody does anything."""
        (ms,), _ = _split(words, least=1, most=1)
        self.stage.agenda.now += _duration(ms)

    def at(self, words: list[str]) -> None:
        """`at MS`: it is that time, unless it is later already."""
        (ms,), _ = _split(words, least=1, most=1)
        self.stage.agenda.now = max(self.stage.agenda.now, _duration(ms))

    def tick(self, words: list[str]) -> None:
        """`tick ID …`: each does what is due."""
        for id in _split(words, least=1)[0]:
            self.stage.tick(id)

    # -- what is asked of a citizen ------------------------------------------------------

    def enqueue(self, words: list[str]) -> None:
        """`enqueue ID BODY …`: propose entries to it, one after the other."""
        id, *bodies = _words(words, 2)
        for body in bodies:
            self.stage.enqueue(id, body.encode())

    def confirm(self, words: list[str]) -> None:
        """`confirm ID`: read at it."""
        (id,), _ = _split(words, least=1, most=1)
        self.stage.confirm(id)

    def embark(self, words: list[str]) -> None:
        """`embark ID NEWCOMER [acclimated]`: ask ID to write the newcomer in."""
        (id, newcomer, *told), _ = _split(words, least=2, most=3)
        if told not in ([], ["acclimated"]):
            raise Misused(f"embark says acclimated or nothing, not {told[0]}")
        self.stage.embark(id, newcomer, bool(told))

    def emigrate(self, words: list[str]) -> None:
        """`emigrate ID LEAVING`: ask ID to write somebody out."""
        (id, leaving), _ = _split(words, least=2, most=2)
        self.stage.emigrate(id, leaving)

    def hint(self, words: list[str]) -> None:
        """`hint ID DEAD`: tell ID that the runtime knows DEAD to be dead."""
        (id, dead), _ = _split(words, least=2, most=2)
        self.stage.hint(id, dead)

    # -- messages ------------------------------------------------------------------------

    def deliver(self, words: list[str]) -> None:
        """`deliver PULSE ID …`: bring each its envelope."""
        name, *ids = _words(words, 2)
        for id in ids:
            self.stage.deliver(self.stage.flight(name), id)

    def answer(self, words: list[str]) -> None:
        """`answer PULSE [REPLY …]`: hand the sender these replies, or all that there are."""
        name, *replies = _words(words, 1)
        flight = self.stage.flight(name)
        if self.lenient and replies:
            self.stage.answer(flight, [reply for reply in replies if reply in flight.replies])
        else:
            self.stage.answer(flight, replies or None)

    def lose(self, words: list[str]) -> None:
        """`lose PULSE`: hand the sender the results, every reply lost."""
        (name,), _ = _split(words, least=1, most=1)
        self.stage.answer(self.stage.flight(name), ())

    def drop(self, words: list[str]) -> None:
        """`drop PULSE …`: whoever carries it dies; a run does not carry it."""
        for name in _words(words, 1):
            self.stage.take_up(self.stage.flight(name))

    def carry(self, words: list[str]) -> None:
        """`carry PULSE [ID …]`: deliver it to all or to these, and answer with what comes back."""
        name, *ids = _words(words, 1)
        self.stage.carry(self.stage.flight(name), ids or None)

    # -- snapshots -----------------------------------------------------------------------

    def snapshot(self, words: list[str]) -> None:
        """`snapshot ID`: name what its application holds now; names are s1, s2, and so on."""
        (id,), _ = _split(words, least=1, most=1)
        self.stage.detail(f"{id} makes the snapshot {self.stage.snapshot(id)}")

    def restore(self, words: list[str]) -> None:
        """`restore ID SNAPSHOT`: it loads that snapshot."""
        (id, name), _ = _split(words, least=2, most=2)
        if not self.stage.restore(id, name):
            self.stage.say(f"{id} cannot go on from {name}")

    def load(self, words: list[str]) -> None:
        """`load ID DONOR`: make a snapshot and restore it."""
        (id, donor), _ = _split(words, least=2, most=2)
        if not running.load(self.stage, id, donor):
            self.stage.say(f"{id} cannot go on from what {donor} holds")

    def idle(self, words: list[str]) -> None:
        """`idle ID …`: load no state of their own accord while they run."""
        self.stage.idle.update(_words(words, 1))

    # -- the network ---------------------------------------------------------------------

    def cut(self, words: list[str]) -> None:
        """`cut ID … | ID …`: nothing passes between the sides; `->` for `|`: not that way."""
        left, arrow, right = _sides(words)
        for id in (*left, *right):
            self.stage.who(id)
        pairs = [(one, other) for one in left for other in right]
        if arrow == "|":
            pairs += [(other, one) for one, other in pairs]
        self.stage.cut.update(pairs)

    def heal(self, words: list[str]) -> None:
        """`heal`: whatever was cut is whole."""
        _split(words, most=0)
        self.stage.cut.clear()

    # -- letting it run ------------------------------------------------------------------

    def run(self, words: list[str]) -> None:
        """`run MS [only ID …]`, or `run until ID leads` (or `stands`, `writes`)."""
        if words[:1] == ["until"]:
            _, id, what = _words(words, 3)
            conditions = {"leads": running.leads, "stands": running.stands}
            condition = {**conditions, "writes": running.writes}.get(what)
            if condition is None:
                raise Misused(f"somebody leads, stands or writes; what is {what}?")
            self.stage.alive(id)
            ms = running.PATIENCE * self.stage.settings.timeout
            if not running.run(self.stage, ms, until=condition(id)):
                self.stage.say(f"not within {ms} ms")
            return
        ms_word, *rest = _words(words, 1)
        if rest and (rest[0] != "only" or len(rest) < 2):
            raise Misused("run MS only ID …")
        running.run(self.stage, _duration(ms_word), only=rest[1:] or None)

    def settle(self, words: list[str]) -> None:
        """`settle`: run until nothing changes any more."""
        _split(words, most=0)
        running.settle(self.stage)

    # -- looking -------------------------------------------------------------------------

    def show(self, words: list[str]) -> None:
        """`show [ID …]`: how they, or all who live, stand."""
        ids = words or [who.id for who in self.stage.living()]
        for id in ids:
            self.stage.say(describe_citizen(self.stage.who(id)))

    def log(self, words: list[str]) -> None:
        """`log ID`: its committed log."""
        (id,), _ = _split(words, least=1, most=1)
        for line in describe_log(self.stage.who(id)):
            self.stage.say(line)


COMMANDS: dict[str, Callable[[Script, list[str]], None]] = {
    command.__name__: command
    for command in (
        Script.settings,
        Script.citizens,
        Script.anew,
        Script.found,
        Script.join,
        Script.crash,
        Script.pause,
        Script.resume,
        Script.wait,
        Script.at,
        Script.tick,
        Script.enqueue,
        Script.confirm,
        Script.embark,
        Script.emigrate,
        Script.hint,
        Script.deliver,
        Script.answer,
        Script.lose,
        Script.drop,
        Script.carry,
        Script.snapshot,
        Script.restore,
        Script.load,
        Script.idle,
        Script.cut,
        Script.heal,
        Script.run,
        Script.settle,
        Script.show,
        Script.log,
    )
}
"""Every command by its name; the docstring of each says what follows it."""


def _words(words: list[str], least: int) -> list[str]:
    return _split(words, least=least)[0] if len(words) < least else words


def _split(
    words: list[str], *names: str, least: int = 0, most: int | None = None
) -> tuple[list[str], dict[str, str]]:
    """The words, and the options among them, of which only these are known."""
    plain = [word for word in words if "=" not in word]
    options = dict(word.split("=", 1) for word in words if "=" in word)
    for name in options:
        if name not in names:
            raise Misused(
                f"no option {name}=" + (f"; there is {', '.join(names)}" if names else "")
            )
    if len(plain) < least:
        raise Misused(f"at least {least} words follow, not {len(plain)}")
    if most is not None and len(plain) > most:
        raise Misused(f"at most {most} words follow, not {len(plain)}")
    return plain, options


def _number(word: str) -> int:
    try:
        return int(word)
    except ValueError:
        raise Misused(f"{word} is no whole number") from None


def _duration(word: str) -> int:
    ms = _number(word)
    if ms < 0:
        raise Misused(f"time does not go back by {word} ms")
    return ms


def _sides(words: Sequence[str]) -> tuple[list[str], str, list[str]]:
    for at, word in enumerate(words):
        if word in ("|", "->") and 0 < at < len(words) - 1:
            return list(words[:at]), word, list(words[at + 1 :])
    raise Misused("somebody stands on both sides of | or ->")
