"""The text of the demo: words, chunks, and that nothing is lost between them."""

from __future__ import annotations

from collections import Counter
from itertools import islice
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paxos_ray.cli.text import chunks, own_text, text_of, words


def test_words() -> None:
    assert words("Don't count 12 of THE Größe—l’été_x 3rd.") == [
        "don't", "count", "of", "the", "größe", "l’été", "x", "rd",
    ]  # fmt: skip
    assert words("") == words("12 + 3_4 = ''") == []


@given(st.lists(st.text(alphabet="ab '\n.1", max_size=40), max_size=6), st.integers(1, 9))
def test_chunks_hold_every_word_once(texts: list[str], size: int) -> None:
    whole = Counter(word for text in texts for word in words(text))
    if not whole:
        with pytest.raises(ValueError, match="no word"):
            chunks(texts, 1, size)
        return
    cut = chunks(texts, 1, size)
    assert Counter(word for chunk in cut for word in words(chunk)) == whole
    assert all(words(chunk) for chunk in cut)


def test_a_short_text_is_repeated() -> None:
    cut = chunks(["one two\nthree"], 8, 3)
    assert cut == ["one two\nthree", "one two\nthree", "one two"]


def test_the_own_text_is_enough_and_always_the_same() -> None:
    texts = list(own_text(200_000))
    assert 200_000 <= sum(len(words(text)) for text in texts) < 240_000
    assert list(islice(own_text(300_000), len(texts))) == texts
    assert list(own_text(1)) == texts[:1]


def test_files_are_read_whole_and_bad_bytes_are_no_end(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"one \xff two")
    (tmp_path / "b").write_text("three")
    assert [words(text) for text in text_of([tmp_path / "a", tmp_path / "b"])] == [
        ["one", "two"],
        ["three"],
    ]
