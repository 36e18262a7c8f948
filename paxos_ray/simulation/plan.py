"""What a schedule is made of: the seed picks every size, time and fault rate."""

from __future__ import annotations

from dataclasses import dataclass, replace
from random import Random

from paxos_ray.simulation.island import Settings
from paxos_ray.simulation.network import Weather

RARE = (0.0, 0.0, 0.0, 0.002, 0.01, 0.03)
OFTEN = (0.0, 0.0, 0.01, 0.05, 0.2)
PLENTY = 1 << 20  # entries or bytes: no limit that a schedule meets


@dataclass(frozen=True, slots=True)
class Plan:
    """One schedule. Probabilities are 0 to 1, times ms, intervals mean ms between two."""

    settings: Settings
    weather: Weather
    population: int  # citizens that the coordinator keeps the island at
    founding: int  # citizens before the adversary begins
    trouble_ms: int  # how long the adversary goes on
    write_ms: int
    read_ms: int
    nemesis_ms: int
    reads_at_oldest: float
    skew_ms: int
    late_ms: int
    load_ms: int
    ambush: float  # at each new government, and a tenth of that at each batch
    collapse: float  # of a majority member, each time a government becomes pending
    hints: float  # that a death is told to each of the living at once
    crash: float  # the weights of what the nemesis does
    cut: float
    emigrate: float
    newcomer: float
    spurious: float
    coordinator: float
    coup: float
    pause: float
    storm: float
    burst: int  # how many writes come at once, now and then
    lasting: bool  # whether, once at rest, the island is seen to stay so
    blind: float = 0.0  # beside the other deeds; and a fifth of that at each pending government


def draw(seed: int) -> Plan:
    """The plan of that seed."""
    random = Random(f"plan {seed}")
    pick = random.choice
    ping = pick((20, 50, 100))
    timeout = ping * pick((3, 4, 5, 8))
    size, floor = pick(((5, 3), (5, 3), (5, 3), (3, 3), (3, 1), (5, 1), (7, 3), (4, 2)))
    batch = pick((1, 2, 3, 3, PLENTY))
    catch_up = pick((2, 2, 3, PLENTY))
    catch_up_bytes = pick((48, PLENTY, PLENTY))
    population = pick((2, 3, 3, 4, 5, 5, 6, 7))
    settings = Settings(
        parliament_size=size,
        parliament_floor=floor,
        ping=ping,
        timeout=timeout,
        batch_entries=batch,
        batch_bytes=pick((48, PLENTY)),
        catch_up_entries=catch_up,
        catch_up_bytes=catch_up_bytes,
    )
    # Who is brought up by two entries a pulse never catches up with what others write meanwhile.
    unbounded = catch_up == catch_up_bytes == PLENTY
    longest = 12 * timeout if unbounded else 2 * timeout
    plan = Plan(
        settings=settings,
        weather=_weather(random, ping, timeout),
        population=population,
        founding=pick((1, population, population, population)),
        trouble_ms=ping * pick((12, 20, 30, 45)),
        write_ms=int(ping * pick((0.2, 0.5, 1, 2))) + 1,
        read_ms=int(ping * pick((0.3, 1, 2))) + 1,
        nemesis_ms=int(ping * pick((1, 2, 4))),
        reads_at_oldest=pick((0.0, 0.5, 1.0)),
        skew_ms=pick((0, 1000, 10_000_000)),
        late_ms=pick((0, ping // 2)),
        load_ms=min(pick((2, ping, 2 * timeout, 12 * timeout)), longest),
        ambush=pick((0.0, 0.05, 0.2, 0.5)),
        collapse=pick((0.0, 0.05, 0.3)),
        hints=pick((0.0, 0.5, 1.0)),
        crash=pick((0.0, 1.0, 2.0)),
        cut=pick((0.0, 1.0, 2.0, 3.0)),
        emigrate=pick((0.0, 0.5, 1.0)),
        newcomer=pick((0.0, 0.5, 1.0)),
        spurious=pick((0.0, 0.5, 2.0)),
        coordinator=pick((0.0, 0.3, 1.0)),
        coup=pick((0.0, 0.0, 1.0, 2.0)),
        pause=pick((0.0, 0.5, 1.0)),
        storm=pick((0.0, 0.0, 0.5, 1.0)),
        burst=pick((1, 1, 5, 20)) if unbounded else 1,
        lasting=pick((True, False, False, False)),
    )
    # Who has no state for so long has to go; but in calm weather everybody must be able to take in
    # the log in that time, and to load the state.
    able = catch_up_bytes == PLENTY and plan.load_ms <= 2 * timeout
    if pick((True, False, False)) and able:
        plan = replace(plan, settings=replace(settings, acclimation=6 * timeout))
    plan = _growing(plan, random) if random.random() < 0.125 else plan
    return _patient(plan, random) if random.random() < 0.0625 else plan


def _growing(plan: Plan, random: Random) -> Plan:
    """The island grows and is written to, and its citizens lose sight of each other and are slow;
    hardly anything else happens."""
    pick = random.choice
    ping, timeout = plan.settings.ping, plan.settings.timeout
    settings = replace(
        plan.settings,
        parliament_size=5,
        parliament_floor=pick((1, 3)),
        catch_up_entries=2,
        catch_up_bytes=PLENTY,
        acclimation=None,
    )
    return replace(
        plan,
        settings=settings,
        weather=replace(plan.weather, limit_ms=timeout - 1, patience=1.0),
        population=pick((3, 5, 5, 5)),
        founding=pick((1, 1, 3)),
        trouble_ms=60 * ping,
        write_ms=int(ping * pick((0.2, 0.3, 0.5))) + 1,
        burst=1,
        load_ms=pick((2, ping, timeout)),
        nemesis_ms=ping * pick((4, 8, 16)),
        ambush=0.0,
        crash=0.1,
        cut=0.0,
        emigrate=0.1,
        newcomer=0.1,
        spurious=0.1,
        coordinator=0.0,
        coup=0.0,
        pause=0.1,
        storm=0.0,
        blind=2.0,
    )


def _patient(plan: Plan, random: Random) -> Plan:
    """Silence is borne for as many pings as on Ray, and longer; calls are waited for as long."""
    pick = random.choice
    ping = plan.settings.ping
    timeout = ping * pick((10, 10, 20))
    acclimation = None if plan.settings.acclimation is None else 6 * timeout
    return replace(
        plan,
        settings=replace(plan.settings, timeout=timeout, acclimation=acclimation),
        weather=replace(
            plan.weather,
            slow_ms=pick((ping, timeout, 3 * timeout)),
            limit_ms=pick((timeout // 2, timeout * 4 // 5, timeout, 2 * timeout)),
        ),
        trouble_ms=max(plan.trouble_ms, 4 * timeout),
    )


def _weather(random: Random, ping: int, timeout: int) -> Weather:
    pick = random.choice
    return Weather(
        lose_request=pick(RARE),
        lose_reply=pick(RARE),
        double=pick(OFTEN),
        slow=pick(RARE),
        slow_ms=pick((ping, timeout, 3 * timeout)),
        least_ms=1,
        spread_ms=pick((1, ping // 8, ping // 3)) + 1,
        limit_ms=pick((ping, timeout // 2, timeout * 3 // 4)),
        patience=pick((1.0, 0.3)),
        refuse=pick((0.0, 0.3, 1.0)),
        prompt=pick((True, False)),
        dies=pick(RARE),
        dies_late=pick(RARE),
        slow_carrier=pick(RARE),
    )


def stormy(plan: Plan) -> Weather:
    """The same network while most of what it carries is lost, late or doubled."""
    weather = plan.weather
    slow_ms = max(weather.slow_ms, plan.settings.timeout)
    return replace(weather, lose_request=0.3, lose_reply=0.3, double=0.3, slow=0.3, slow_ms=slow_ms)


def slow(plan: Plan) -> Weather:
    """The same network while much of what it carries takes as long as anybody waits for it."""
    timeout = plan.settings.timeout
    return replace(plan.weather, slow=0.6, slow_ms=timeout, limit_ms=timeout - 1, patience=1.0)


def calm(plan: Plan) -> Weather:
    """The same network without faults."""
    weather = plan.weather
    limit = max(weather.limit_ms, 2 * (weather.least_ms + weather.spread_ms) + 1)
    return Weather(spread_ms=weather.spread_ms, limit_ms=limit, prompt=weather.prompt)
