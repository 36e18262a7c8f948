"""Whatever the simulated island does, a script can say, and the stage does the same by it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from paxos_ray.core.legislator import Legislator
from paxos_ray.core.reception import Receiver
from paxos_ray.simulation import island as island_module
from paxos_ray.simulation import network as network_module
from paxos_ray.simulation.inhabitant import Inhabitant
from paxos_ray.simulation.island import Island
from paxos_ray.simulation.scenario import play
from paxos_ray.simulation.schedule import Schedule
from paxos_ray.simulation.script import Script
from tests.core.harness import plant


class Scribe:
    """Writes down what an island does, as commands."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.patch = patch
        self.lines: list[str] = []
        self.now = 0
        self.given: dict[str, int] = {}
        self.names: dict[int, str] = {}  # id of a carrier -> the name of its giving
        self.replies: dict[int, tuple[str, str]] = {}  # id of a reply -> its giving, its name
        self.snapshots: dict[int, str] = {}
        self.times: dict[tuple[str, str], int] = {}
        self.kept: list[object] = []  # so that no id is used again
        self.carrier: Any = None
        self.fetched = self.seed = 0
        self.limits: dict[str, int] = {}

    def write(self, island: Island, line: str) -> None:
        if island.agenda.now != self.now:
            self.now = island.agenda.now
            self.lines.append(f"at {self.now}")
        self.lines.append(line)

    def before(self, name: str, line: Callable[..., str | None]) -> None:
        """Write a line before this method of the island is called."""
        method = getattr(Island, name)

        def wrapped(island: Island, *arguments: Any) -> Any:
            if (text := line(island, *arguments)) is not None:
                self.write(island, text)
            return method(island, *arguments)

        self.patch.setattr(Island, name, wrapped)

    def follow(self) -> None:
        self.before("enqueue", lambda _, who, body: f'enqueue {who} "{body.decode()}"')
        self.before("confirm", lambda _, who, floor: f"confirm {who}")
        self.before("embark", lambda _, who, newcomer: f"embark {who} {newcomer}")
        self.before("emigrate", lambda _, who, leaving: f"emigrate {who} {leaving}")
        self.before("hint", lambda _, who, dead: f"hint {who} {dead}" if who.alive else None)
        self.before("stop", lambda _, who: f"crash {who}" if who.alive else None)
        self.before("_after_input", self.input)
        self.before("_give_back", self.give_back)
        self.before("_fetch", self.fetch)
        self.before("_restore", self.restore)
        self.patch.setattr(island_module.Island, "_deliver", self.delivering(Island._deliver))
        network = network_module.Network
        self.patch.setattr(network, "_arrive", self.arriving(network._arrive))
        self.patch.setattr(network_module, "Carrier", self.carrying(network_module.Carrier))

    def input(self, island: Island, who: Inhabitant, what: str) -> str | None:
        if what == "founds the island":
            return f"found {who} seed={self.seed} ahead={who.offset}"
        if what == "waits to be written in":
            return f"join {who} cookie={who.cookie} seed={self.seed} ahead={who.offset}"
        return f"tick {who}" if what == "ticks" else None

    def make(self, id: str, *, seed: int, **limits: int) -> Legislator:
        self.seed, self.limits = seed, limits
        return Legislator(id, seed=seed, **limits)  # type: ignore[arg-type]

    def carrying(self, carrier_class: Any) -> Any:
        def carrier(pulse: Any) -> Any:
            made, sender = carrier_class(pulse), pulse.sender
            number = self.given[sender] = self.given.get(sender, 0) + 1
            dot = "." if sender[-1].isdigit() else ""
            self.names[id(made)] = f"{sender}{dot}{number}"
            self.kept.append(made)
            return made

        return carrier

    def arriving(self, arrive: Any) -> Any:
        def wrapped(network: Any, carrier: Any, envelope: Any) -> None:
            self.carrier = carrier
            arrive(network, carrier, envelope)

        return wrapped

    def delivering(self, deliver: Any) -> Any:
        def wrapped(island: Island, envelope: Any) -> Any:
            name, to = self.names[id(self.carrier)], envelope.to
            self.write(island, f"deliver {name} {to}")
            reply = deliver(island, envelope)
            if reply is not None:
                times = self.times[(name, to)] = self.times.get((name, to), 0) + 1
                self.replies[id(reply)] = name, to if times == 1 else f"{to}/{times}"
                self.kept.append(reply)
            return reply

        return wrapped

    def give_back(self, island: Island, pulse: Any, replies: dict[str, Any]) -> str | None:
        came = [self.replies[id(reply)] for reply in replies.values() if reply is not None]
        if came:
            return " ".join(["answer", came[0][0], *(reply for _, reply in came)])
        carriers = (made for made in self.kept if getattr(made, "pulse", None) is pulse)
        return f"lose {self.names[id(next(carriers))]}"

    def fetch(self, island: Island, who: Inhabitant) -> str | None:
        donor = island.inhabitants.get(who.loading or "")
        if not who.alive or donor is None or not donor.alive or not donor.stateful or donor is who:
            return None
        self.fetched += 1
        self.snapshots[id(donor.application.state)] = f"s{self.fetched}"
        self.kept.append(donor.application.state)
        return f"snapshot {donor}"

    def restore(self, island: Island, who: Any, donor: Any, snapshot: Any) -> str | None:
        if not who.alive or who.stateful or not donor.alive:
            return None
        return f"restore {who} {self.snapshots[id(snapshot)]}"


def schedule_and_script(seed: int) -> tuple[Any, Schedule, list[str]]:
    with pytest.MonkeyPatch.context() as patch:
        scribe = Scribe(patch)
        scribe.follow()
        schedule = Schedule(seed, make=scribe.make)
        summary = schedule.run()
    settings = " ".join(f"{name}={value}" for name, value in scribe.limits.items())
    return summary, schedule, [f"settings {settings}", *scribe.lines]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_script_repeats_a_schedule(seed: int) -> None:
    summary, schedule, lines = schedule_and_script(seed)
    assert summary.failure is None
    assert len(lines) > 1_000
    script = Script()
    for line in lines:
        script.do(line)
    stage, island = script.stage, schedule.island
    assert stage.agenda.now == max(int(x.split()[1]) for x in lines if x.startswith("at "))
    assert stage.history.chain == schedule.history.chain
    assert list(stage.incarnations) == list(island.incarnations)
    for key, who in island.incarnations.items():
        assert stage.incarnations[key].legislator.inspect() == who.legislator.inspect()
        assert list(stage.incarnations[key].legislator.log) == list(who.legislator.log)


def test_a_script_violates_what_its_schedule_violates(monkeypatch: pytest.MonkeyPatch) -> None:
    plant(monkeypatch, Receiver, "_answer", "request.ballot < state.promised", "False")
    seen = 0
    for seed in range(1, 40):
        summary, _, lines = schedule_and_script(seed)
        if summary.failure is not None and summary.failure != "progress":
            seen += 1
            violation = play(lines, lenient=False).violation
            assert violation is not None
            assert (violation.name, violation.detail) == (summary.failure, summary.detail)
        if seen == 2:
            return
    raise AssertionError("no schedule found the bug")
