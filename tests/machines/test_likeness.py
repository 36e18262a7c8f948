"""Digests of values by structure, fingerprints of classes by code."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
import textwrap
import threading
from collections import OrderedDict, defaultdict, deque
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paxos_ray.machines.likeness import fingerprint, likeness

ROOT = Path(__file__).resolve().parents[2]


class Colour(Enum):
    RED = 1
    BLUE = 2


@dataclass
class Point:
    x: Any
    y: Any = 0


class Slotted:
    __slots__ = ("a", "b")

    def __init__(self, a: Any, b: Any) -> None:
        self.a, self.b = a, b


class Node:
    def __init__(self, name: str) -> None:
        self.name = name
        self.others: list[Node] = []


def test_it_tells_values_and_types_apart() -> None:
    different: list[Any] = [
        1, True, 1.0, "1", b"1", bytearray(b"1"), None, False, 0, -0.0, 0.0, "", b"", 1j, ...,
        (1,), [1], {1}, frozenset([1]), {1: 1}, (), [], {}, ("ab", "c"), ("a", "bc"), (("a",), "b"),
        {"a": 1, "b": 2}, {"b": 2, "a": 1}, "x" * 1_000, "x" * 1_001, 10**5_000, 10**5_000 + 1,
        Point(1), Point(2), Point("1"), Slotted(1, 2), Slotted(2, 1), Colour.RED, Colour.BLUE,
        Decimal(1), Decimal("1.0"), Fraction(1, 3), datetime(2020, 1, 1), datetime(2020, 1, 2),
        defaultdict(int, {1: 1}), defaultdict(list, {1: 1}), OrderedDict({1: 1}), deque([1]),
        deque([1], 5), len, print, lambda: 1, lambda: 2, Point, Slotted, range(3), range(4),
    ]  # fmt: skip
    assert len({likeness(value) for value in different}) == len(different)
    with pytest.raises(TypeError):
        likeness(threading.Lock())


def test_what_is_shared_counts_as_what_is_equal() -> None:
    text, point = "a text that is not interned" * 2, Point([1])
    shared = [[text, text, point, point], {text: (point, [point])}]
    apart = pickle.loads(pickle.dumps([text, "".join(text), point, Point([1])]))
    assert likeness(shared[0]) == likeness(apart)
    copies = {"".join(text): (Point([1]), [Point([1])])}
    assert likeness(shared) == likeness([apart, copies])
    deep: Any = 0
    for _ in range(60):  # 2**60 paths lead to the 0
        deep = [deep, deep]
    assert len(likeness(deep)) == 16


def test_the_order_of_sets_and_attributes_does_not_count() -> None:
    one, other = Point(1, 2), Point(1, 2)
    del other.x
    other.x = 1
    assert list(vars(one)) != list(vars(other))
    assert likeness(one) == likeness(other)
    numbers, history = {0, 8}, {8}
    history.add(0)  # which falls on the same place of the table
    assert list(numbers) != list(history)
    assert likeness(numbers) == likeness(history)


def circle(names: str) -> list[Node]:
    nodes = [Node(name) for name in names]
    for node in nodes:
        node.others = nodes  # everybody knows everybody: countless paths
    return nodes


def test_circles_are_told_apart_and_cost_no_more() -> None:
    nodes = circle("abcdefghijklmnop")
    assert likeness(nodes) == likeness(pickle.loads(pickle.dumps(nodes)))
    assert likeness(nodes) != likeness(circle("abcdefghijklmnoq"))
    one: list[Any] = []
    one.append(one)
    other: list[Any] = [[]]
    assert likeness(one) != likeness(other)


plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text()
    | st.binary(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text(max_size=3), inner, max_size=3)
        | st.frozensets(st.integers() | st.text(), max_size=4)
        | st.builds(Point, inner, inner)
        | st.builds(Slotted, inner, inner)
    ),
    max_leaves=12,
)


@settings(max_examples=150, deadline=None)
@given(plain)
def test_a_pickle_and_back_is_alike(value: Any) -> None:
    assert likeness(value) == likeness(pickle.loads(pickle.dumps(value, protocol=5)))


@settings(max_examples=150, deadline=None)
@given(plain, plain)
def test_alike_is_equal(one: Any, other: Any) -> None:
    if likeness(one) == likeness(other):
        assert pickle.dumps(one) == pickle.dumps(other) or repr(one) == repr(other) or one == other


SHOP = '''
import re
from dataclasses import dataclass
import paxos_ray

LIMIT = 10
PATTERN = re.compile("[a-z]+")

def check(n, most=LIMIT):
    return n < most

@dataclass
class Item:
    sku: str
    left: int = 0

def counted(method):
    def wrapper(*args):
        return method(*args)
    return wrapper

@paxos_ray.replicated
class Shop:
    rate = {"a": 1}
    kinds = frozenset(("one", "two", "three"))

    def __init__(self, each=3):
        self.items = {sku: Item(sku, each) for sku in {"a", "b"}}

    @counted
    def add(self, sku):
        """Some words."""
        if check(self.items[sku].left) and PATTERN.match(sku):
            self.items[sku].left += 1
        return [kind for kind in self.kinds]

    @paxos_ray.query
    def left(self, sku):
        return self.items[sku].left

    @property
    def size(self):
        return len(self.items)
'''

TELL = """
import json, sys
from paxos_ray.machines.blueprint import blueprint_of
from paxos_ray.machines.likeness import fingerprint, likeness
import cloudpickle, pickle
made, packed = blueprint_of(Shop)
print(json.dumps([made, fingerprint(Shop), likeness({"b": {"c", "d", "e"}, "a": Item("x")}).hex()]))
open(sys.argv[1], "wb").write(packed)
"""

LOAD = """
import json, pickle, sys
from paxos_ray.machines.likeness import examine
shop = pickle.loads(open(sys.argv[1], "rb").read())
made, classes = examine(shop)
print(json.dumps([made, [each.__qualname__ for each in classes], shop().add("a") != []]))
"""


def run(script: str, tmp_path: Path, *arguments: object, **variables: str) -> Any:
    done = subprocess.run(
        [sys.executable, "-c", script, *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{tmp_path}", **variables},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_same_source_is_the_same_fingerprint_everywhere(tmp_path: Path) -> None:
    """As a program, as a module, moved down some lines, loaded where the source is not."""
    (tmp_path / "module").mkdir()
    (tmp_path / "module" / "shop.py").write_text(SHOP)
    packed = tmp_path / "packed"
    said = [
        run(SHOP + TELL, tmp_path, packed, PYTHONHASHSEED="1"),
        run("\n\n# moved\n" + SHOP + TELL, tmp_path, packed, PYTHONHASHSEED="2"),
        run(
            "from shop import Shop, Item" + TELL,
            tmp_path / "module",
            packed,
            PYTHONHASHSEED="3",
        ),
    ]
    assert said[0] == said[1] == said[2]
    assert said[0][0] == said[0][1]
    for seed in ("4", "5"):
        made, classes, works = run(LOAD, tmp_path, packed, PYTHONHASHSEED=seed)
        assert made == said[0][0]
        assert classes == ["Shop", "Item"]
        assert works


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("left += 1", "left += 2"),
        ("LIMIT = 10", "LIMIT = 11"),
        ("n < most", "n <= most"),
        ("most=LIMIT", "most=9"),
        ('"[a-z]+"', '"[a-y]+"'),
        ("left: int = 0", "left: int = 1"),
        ("each=3", "each=4"),
        ('{"a": 1}', '{"a": 2}'),
        ('"two"', '"zwei"'),
        ("    @counted\n", ""),
        ("return method(*args)", "return method(*args) or 1"),
        ("    @paxos_ray.query\n", ""),
        ("len(self.items)", "len(self.items) + 1"),
        ("class Shop:", "class Shop(dict):"),
        ("    @property\n", ""),
        ("def size(", "def sizes("),
        ("for kind in self", "for each in self"),
    ],
)
def test_another_source_is_another_fingerprint(old: str, new: str) -> None:
    assert old in SHOP
    assert _fingerprint(SHOP.replace(old, new)) != _fingerprint(SHOP)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("import re\n", "import re\nimport os\nUNUSED = 7\n"),
        ("    rate", "\n    # a comment\n    rate"),
        ("left: int", "left: float"),
    ],
)
def test_what_does_nothing_does_not_count(old: str, new: str) -> None:
    assert old in SHOP
    assert _fingerprint(SHOP.replace(old, new)) == _fingerprint(SHOP)


def _fingerprint(source: str) -> str:
    around: dict[str, Any] = {"__name__": "__main__"}
    exec(compile(textwrap.dedent(source), "shop.py", "exec"), around)
    return fingerprint(around["Shop"])
