"""The text that the demo counts, cut into chunks of lines."""

from __future__ import annotations

import re
import sysconfig
from collections.abc import Iterable, Iterator, Sequence
from itertools import cycle
from pathlib import Path
from pydoc_data import topics

_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")


def words(text: str) -> list[str]:
    """The words of a text in lower case: letters of any script, with apostrophes inside."""
    return _WORD.findall(text.lower())


def own_text(least: int) -> Iterator[str]:
    """Text that comes with Python, enough for `least` words if there is as much.

    The help topics come first, then the standard library's modules, by name: the same for all
    who run the same version of Python.
    """
    total = 0
    for text in _own_text():
        if total >= least:
            return
        total += len(words(text))
        yield text


def text_of(files: Sequence[Path]) -> Iterator[str]:
    """The text of each file. Raises `OSError`."""
    for file in files:
        yield file.read_text("utf-8", "replace")


def chunks(texts: Iterable[str], least: int, size: int) -> list[str]:
    """Cut `texts` at the ends of lines into chunks of about `size` words.

    All of the text is in them, and when that is less than `least` words, as much of it again as
    makes them. Raises `ValueError` when there is no word at all.
    """
    lines = [(line, len(words(line))) for text in texts for line in text.splitlines()]
    total = sum(count for _, count in lines)
    if total == 0:
        raise ValueError("there is no word in the text")
    again = cycle(tuple(lines))
    while total < least:
        lines.append(next(again))
        total += lines[-1][1]
    return list(_cut(lines, size))


def _cut(lines: Iterable[tuple[str, int]], size: int) -> Iterator[str]:
    chunk: list[str] = []
    held = 0
    for line, count in lines:
        chunk.append(line)
        held += count
        if held >= size:
            yield "\n".join(chunk)
            chunk, held = [], 0
    if held:
        yield "\n".join(chunk)


def _own_text() -> Iterator[str]:
    for topic in sorted(topics.topics):
        yield topics.topics[topic]
    for module in sorted(Path(sysconfig.get_path("stdlib")).glob("*.py")):
        yield module.read_text("utf-8", "replace")
