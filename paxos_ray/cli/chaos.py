"""`chaos`: faults against a running island, clients meanwhile, and a verdict."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from paxos_ray.cli import cluster, secret
from paxos_ray.cli.exits import EPILOG, CommandError, Exit
from paxos_ray.cli.options import Address, IslandName, Json
from paxos_ray.cli.render import out, print_json, say

if TYPE_CHECKING:
    from paxos_ray.chaos import Event, Findings

_SEEDS = 1 << 32
_ALONE = "kill,freeze,coordinator,scale"
"""What can be had on any cluster."""


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command(epilog=EPILOG)(chaos)


def chaos(
    name: IslandName,
    minutes: Annotated[float, typer.Option(min=0.05, help="How long clients call.")] = 3.0,
    faults: Annotated[
        str,
        typer.Option(
            metavar="KINDS",
            help="Which, with commas: kill, freeze, partition, oneway, coordinator, node, rpc, "
            "scale; or all. partition, oneway and node need --driver; rpc needs a cluster that was "
            "started with RAY_testing_rpc_failure in its environment (docs/chaos.md).",
        ),
    ] = _ALONE,
    seed: Annotated[
        int | None,
        typer.Option(
            min=0,
            help="What the schedule follows from; by default another one each time.",
            show_default=False,
        ),
    ] = None,
    driver: Annotated[
        str | None,
        typer.Option(
            metavar="COMMAND",
            help="The program that breaks the network and nodes (docs/chaos.md).",
            show_default=False,
        ),
    ] = None,
    majority: Annotated[
        bool, typer.Option(help="Also freeze and cut off majorities, for a while.")
    ] = False,
    clients: Annotated[int, typer.Option(min=1, help="How many processes call.")] = 4,
    rate: Annotated[float, typer.Option(min=1, help="Calls a second, of all of them.")] = 200.0,
    html: Annotated[
        Path | None,
        typer.Option(metavar="FILE", dir_okay=False, help="Also write a page.", show_default=False),
    ] = None,
    schedule: Annotated[
        bool, typer.Option("--schedule", help="Only print the rounds that there would be at most.")
    ] = False,
    address: Address = None,
    as_json: Json = False,
) -> None:
    """Break a running island on purpose, and judge what its clients were told meanwhile.

    Clients in several processes call counters of their own while citizens are killed and frozen,
    nodes die or are cut off, and the island grows and shrinks: at most a minority at a time, and
    the island is left to heal in between. In the end there must be an order for all calls
    (linearizability), the log must have each acknowledged operation once, and all citizens the
    same state. Exits with 1 if anything is wrong, or a fault that was asked for never took place.
    """
    # Not before it is asked for: it imports Ray, which takes a second.
    from paxos_ray.chaos import KINDS, Chaos, Plan, Program, page

    chosen = secrets.randbelow(_SEEDS) if seed is None else seed
    kinds = KINDS if faults == "all" else tuple(filter(None, faults.split(",")))
    if schedule:
        _print_schedule(chosen, kinds, majority, 60 * minutes)
        return
    plan = Plan(
        kinds=kinds,
        seconds=60 * minutes,
        seed=chosen,
        clients=clients,
        rate=rate,
        majority=majority,
        driver=None if driver is None else Program(driver),
    )
    if html is not None:
        _check_writable(html)
    say(f"seed {chosen}: the same faults again with --seed {chosen}")
    with cluster.running(address):
        findings = Chaos(secret.attach(name), plan, lambda what: say(what, "dim")).run()
    if html is not None:
        html.write_text(page(findings), "utf-8")
    if as_json:
        print_json(findings_json(findings))
    else:
        show(findings)
    if not findings.good:
        raise typer.Exit(Exit.WRONG)


def _check_writable(file: Path) -> None:
    """Before minutes are spent on what could not be written in the end."""
    try:
        file.touch()
    except OSError as error:
        raise CommandError(f"{file}: {error.strerror}", Exit.USAGE) from None


def _print_schedule(seed: int, kinds: tuple[str, ...], majority: bool, seconds: float) -> None:
    from paxos_ray.chaos import rounds

    try:
        for each in rounds(seed, kinds, majority):
            seconds -= each.calm_s + each.lasts_s
            if seconds < 0:
                break
            out.print(str(each), markup=False, highlight=False, soft_wrap=True)
    except ValueError as error:
        raise CommandError(str(error), Exit.USAGE) from None


def findings_json(findings: Findings) -> dict[str, Any]:
    """The findings for programs."""
    plan = findings.plan
    return {
        "good": findings.good,
        "island": findings.island,
        "seed": plan.seed,
        "faults_asked_for": list(plan.kinds),
        "majority": plan.majority,
        "clients": plan.clients,
        "rate": plan.rate,
        "seconds": round(findings.seconds, 3),
        "calls": dict(sorted(findings.calls.items())),
        "answered": findings.answered,
        "governments": findings.governments,
        "usual_ms": round(findings.usual_ms, 2),
        "pauses": {
            kind: {
                "times": pauses.times,
                "median_ms": round(pauses.median_ms, 1),
                "worst_ms": round(pauses.worst_ms, 1),
            }
            for kind, pauses in findings.pauses.items()
        },
        "checks": [
            {"name": c.name, "good": c.good, "looked_at": c.says, "wrong": list(c.wrong)}
            for c in findings.checks
        ],
        "faults": [_event_json(event) for event in findings.events],
    }


def _event_json(event: Event) -> dict[str, Any]:
    return {
        "round": event.round,
        "kind": event.kind,
        "what": event.what,
        "began_s": round(event.began_s, 3),
        "ended_s": round(event.ended_s, 3),
        "over_s": round(event.over_s, 3),
        "pause_ms": round(event.pause_ms, 1),
        "left_out": event.why,
    }


def show(findings: Findings) -> None:
    """Print the findings as tables, and the verdict."""
    out.print(_faults_table(findings))
    pauses = Table("fault", "times", "median", "worst", title="Pauses of clients")
    for kind, each in findings.pauses.items():
        median, worst = f"{each.median_ms:,.0f} ms", f"{each.worst_ms:,.0f} ms"
        pauses.add_row(kind, str(each.times), median, worst)
    pauses.caption = f"where {findings.usual_ms:,.1f} ms is usual"
    out.print(pauses)
    checks = Table("", "what", "looked at", title="Verdict")
    for check in findings.checks:
        checks.add_row("good" if check.good else "BAD", check.name, check.says)
    out.print(checks)
    for check in findings.checks:
        for wrong in check.wrong:
            out.print(f"{check.name}: {wrong}", style="red", markup=False, highlight=False)
    total, faults = findings.calls.total(), sum(event.happened for event in findings.events)
    out.print(
        f"{faults} faults, {total:,} calls, {findings.answered:,} answered, in "
        f"{findings.seconds:.0f} s; seed {findings.plan.seed}.",
        highlight=False,
    )
    if findings.good:
        out.print("Nothing is wrong.", style="green")
    else:
        out.print("BAD: see above.", style="bold red")


def _faults_table(findings: Findings) -> Table:
    table = Table("at", "lasted", "over after", "pause", "fault", "what", title="Faults")
    for event in findings.events:
        if not event.happened:
            table.add_row(
                f"{event.began_s:.1f} s", "", "", "", event.kind, f"left out: {event.why}"
            )
            continue
        table.add_row(
            f"{event.began_s:.1f} s",
            f"{event.ended_s - event.began_s:.1f} s",
            f"{event.over_s - event.ended_s:.1f} s",
            f"{event.pause_ms:,.0f} ms",
            event.kind,
            event.what,
        )
    return table
