"""The report: on the terminal, for programs, and as a page that needs nothing from elsewhere."""

from __future__ import annotations

import json
import re
from collections import Counter
from html.parser import HTMLParser

import pytest

from paxos_ray.chaos import Check, Event, Findings, Plan, page
from paxos_ray.chaos.pauses import Wait
from paxos_ray.cli.chaos import findings_json, show

HOSTILE = "<script>alert('&')</script>"


def made(*, wrong: tuple[str, ...] = ()) -> Findings:
    findings = Findings("shop", Plan(("kill", "node", "rpc"), 60.0, 17))
    findings.seconds = 61.0
    findings.calls = Counter(increment=1_200, value=34)
    findings.answered = 1_230
    findings.waits = [Wait(0.5, 0.51), Wait(10.0, 10.75)]
    findings.events = [
        Event(0, "rpc", "Ray loses calls", 0.0, 60.0, 60.0, None, 700.0),
        Event(1, "kill", f"c1, {HOSTILE}", 10.0, 12.0, 13.5, None, 750.4),
        Event(2, "node", "node leader", 20.0, 20.0, 20.1, "no leader answers"),
    ]
    findings.checks = [
        Check("linearizable", "34 calls"),
        Check("exactly once", "1,200 operations", wrong),
    ]
    return findings


class Tags(HTMLParser):
    """The tags that are open, and all that were."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: Counter[str] = Counter()
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.seen[tag] += 1
        self.addresses += [str(value) for name, value in attributes if name in ("src", "href")]
        if tag != "meta":
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.seen[tag] += 1

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_is_whole_and_runs_nothing() -> None:
    text = page(made(wrong=(f"{HOSTILE} was lost",)))
    tags = Tags()
    tags.feed(text)
    assert tags.open == []
    assert tags.seen["script"] == 0
    assert tags.addresses == []
    assert "url(" not in text
    assert "&lt;script&gt;alert(&#x27;&amp;&#x27;)&lt;/script&gt; was lost" in text
    assert tags.seen["rect"] == 4  # two faults, and the time that the island took after each
    assert "left out (node leader): no leader answers" in text


def test_the_page_says_the_verdict() -> None:
    assert re.search(r'class="verdict good">Good<', page(made()))
    assert re.search(r'class="verdict bad">BAD<', page(made(wrong=("lost",))))


def test_a_page_of_a_run_in_which_nothing_happened() -> None:
    findings = Findings("shop", Plan())
    assert "BAD" in page(findings)  # nothing was looked at


def test_json() -> None:
    told = json.loads(json.dumps(findings_json(made(wrong=("lost",)))))
    assert told["good"] is False
    assert told["seed"] == 17
    assert told["calls"] == {"increment": 1200, "value": 34}
    assert told["pauses"] == {"kill": {"times": 1, "median_ms": 750.4, "worst_ms": 750.4}}
    assert told["checks"][1]["wrong"] == ["lost"]
    assert [fault["left_out"] for fault in told["faults"]] == [None, None, "no leader answers"]


def test_on_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    show(made())
    out = capsys.readouterr().out
    assert "Nothing is wrong." in out
    assert "750 ms" in out
    assert "seed 17" in out
    show(made(wrong=("[3] was lost",)))
    out = capsys.readouterr().out
    assert "exactly once: [3] was lost" in out
    assert "BAD" in out
