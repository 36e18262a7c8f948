"""The report as a page: one file that needs nothing from elsewhere, and runs nothing."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence
from string import Template

from paxos_ray.chaos.pauses import Event, Wait
from paxos_ray.chaos.run import Findings
from paxos_ray.chaos.schedule import KINDS

_WIDTH = 1000
_LANE = 18
_CURVE = 120
_LEFT = 90

_PAGE = Template("""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>$title</title>
<style>
:root { color-scheme: light dark;
  --line: #8886; --good: #2a8a3e; --bad: #c62828; --fault: #d9822b; }
body { font: 15px/1.5 system-ui, sans-serif;
  max-width: 1100px; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin-top: 2rem; }
table { border-collapse: collapse; } td, th { border-bottom: 1px solid var(--line);
  padding: .25rem .75rem .25rem 0; text-align: left; vertical-align: top; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; }
pre { white-space: pre-wrap; margin: 0; } .good { color: var(--good); } .bad { color: var(--bad); }
.verdict { font-size: 1.2rem; font-weight: 600; } svg { width: 100%; height: auto; }
svg text { font-size: 11px; fill: currentColor; } .fault { fill: var(--fault); }
.over { fill: var(--fault); opacity: .3; } .wait { fill: none; stroke: currentColor; }
</style>
</head>
<body>
<h1>$title</h1>
<p class="verdict $class">$verdict</p>
<p>$summary</p>
<h2>Verdict</h2>
<table><tr><th></th><th>what</th><th>looked at</th><th>wrong</th></tr>$checks</table>
<h2>Pauses</h2>
<table><tr><th>fault</th><th class="number">times</th><th class="number">median</th>
<th class="number">worst</th></tr>$pauses</table>
<p>A pause is the longest that a call of a client whose node no fault touches has waited, from the
fault on until the island had got over it; where $usual is usual.</p>
<h2>Course</h2>
$chart
<h2>Faults</h2>
<table><tr><th class="number">round</th><th class="number">at</th><th class="number">lasted</th>
<th class="number">over after</th><th class="number">pause</th><th>fault</th><th>what</th></tr>
$events</table>
</body>
</html>
""")


def page(findings: Findings) -> str:
    """The whole page."""
    title = f"Chaos on island {findings.island}, seed {findings.plan.seed}"
    return _PAGE.substitute(
        title=html.escape(title),
        verdict="Good" if findings.good else "BAD",
        **{"class": "good" if findings.good else "bad"},
        summary=html.escape(summary(findings)),
        checks="".join(_checks(findings)),
        pauses="".join(_pauses(findings)),
        chart=_chart(findings),
        usual=f"{findings.usual_ms:,.1f} ms",
        events="".join(_row(event) for event in findings.events),
    )


def summary(findings: Findings) -> str:
    """The run in a sentence or two."""
    happened = sum(event.happened for event in findings.events)
    calls = ", ".join(f"{count:,} {method}" for method, count in sorted(findings.calls.items()))
    return (
        f"{happened} faults in {findings.seconds:.0f} s; {findings.calls.total():,} calls "
        f"({calls}), {findings.answered:,} answered; the coordinator that there is now has seen "
        f"{findings.governments} governments."
    )


def _checks(findings: Findings) -> Iterable[str]:
    for check in findings.checks:
        mark = '<span class="good">✓</span>' if check.good else '<span class="bad">✗</span>'
        wrong = "".join(f"<pre>{html.escape(each)}</pre>" for each in check.wrong)
        name, says = html.escape(check.name), html.escape(check.says)
        yield f"<tr><td>{mark}</td><td>{name}</td><td>{says}</td><td>{wrong}</td></tr>\n"


def _pauses(findings: Findings) -> Iterable[str]:
    for kind, pauses in findings.pauses.items():
        figures = (str(pauses.times), f"{pauses.median_ms:,.0f} ms", f"{pauses.worst_ms:,.0f} ms")
        yield f"<tr><td>{html.escape(kind)}</td>{''.join(map(_number, figures))}</tr>\n"


def _row(event: Event) -> str:
    times = [
        str(event.round or ""),
        f"{event.began_s:.1f} s",
        f"{event.ended_s - event.began_s:.1f} s" if event.happened else "",
        f"{event.over_s - event.ended_s:.1f} s" if event.happened else "",
        f"{event.pause_ms:,.0f} ms" if event.happened else "",
    ]
    what = event.what if event.why is None else f"left out ({event.what}): {event.why}"
    cells = "".join(map(_number, times))
    return f"<tr>{cells}<td>{html.escape(event.kind)}</td><td>{html.escape(what)}</td></tr>\n"


def _number(text: str) -> str:
    return f'<td class="number">{html.escape(text)}</td>'


def _chart(findings: Findings) -> str:
    """When each fault was, and below it the longest wait of each second."""
    kinds = [kind for kind in KINDS if any(event.kind == kind for event in findings.events)]
    span_s = max(1.0, findings.seconds, *(event.over_s for event in findings.events))
    lanes = len(kinds) * _LANE
    height = lanes + _CURVE + 30
    parts = [f'<svg viewBox="0 0 {_LEFT + _WIDTH} {height}" role="img" aria-label="course">']
    for lane, kind in enumerate(kinds):
        top = lane * _LANE
        parts.append(f'<text x="0" y="{top + 13}">{html.escape(kind)}</text>')
        for event in findings.events:
            if event.kind == kind and event.happened:
                parts.append(_bar("fault", event.began_s, event.ended_s, top, span_s))
                parts.append(_bar("over", event.ended_s, event.over_s, top, span_s))
    worst = longest(findings.waits, span_s)
    most = max([*worst, 1e-3])
    foot = lanes + _CURVE
    points = " ".join(
        f"{_x(second, span_s):.1f},{foot - (_CURVE - 10) * wait / most:.1f}"
        for second, wait in enumerate(worst)
    )
    parts.append(f'<polyline class="wait" points="{points}"/>')
    parts.append(f'<text x="0" y="{lanes + 20}">{1e3 * most:,.0f} ms</text>')
    parts.append(f'<text x="0" y="{foot}">longest wait</text>')
    for tenth in range(0, 11, 2):
        second = span_s * tenth / 10
        x = min(_x(second, span_s), _LEFT + _WIDTH - 30)
        parts.append(f'<text x="{x:.0f}" y="{height - 8}">{second:.0f} s</text>')
    return "\n".join([*parts, "</svg>"])


def longest(waits: Sequence[Wait], span_s: float) -> list[float]:
    """The longest wait, in s, among those that were under way in each second of the run."""
    worst = [0.0] * (int(span_s) + 1)
    for wait in waits:
        first = max(0, int(wait.began_s))
        for second in range(first, min(len(worst) - 1, int(wait.ended_s)) + 1):
            worst[second] = max(worst[second], wait.ended_s - wait.began_s)
    return worst


def _bar(name: str, began_s: float, ended_s: float, top: int, span_s: float) -> str:
    x, width = _x(began_s, span_s), max(1.0, _WIDTH * (ended_s - began_s) / span_s)
    return f'<rect class="{name}" x="{x:.1f}" y="{top + 3}" width="{width:.1f}" height="12"/>'


def _x(second: float, span_s: float) -> float:
    return _LEFT + _WIDTH * min(1.0, second / span_s)
