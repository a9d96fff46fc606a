import base64
from pathlib import Path

import pytest

from bootwave.control.api.cursors import Cursors
from bootwave.control.api.problems import Problem
from bootwave.store.secrets import KeyRing


@pytest.fixture
def cursors(tmp_path: Path) -> Cursors:
    return Cursors(KeyRing.create(tmp_path / "key"))


def test_a_cursor_gives_back_what_it_was_made_of(cursors: Cursors) -> None:
    made = cursors.after("list", ["Jörg", 5, None, 1.5])
    assert cursors.read("list", made) == ["Jörg", 5, None, 1.5]
    assert made.isascii()


def test_a_cursor_shows_nothing_of_the_row_it_was_made_of(cursors: Cursors) -> None:
    made = cursors.after("list", ["Somebody of another domain"])
    raw = base64.urlsafe_b64decode(made + "=" * (-len(made) % 4))
    assert b"Somebody" not in raw
    assert b"another" not in raw
    lengths = {len(cursors.after("list", ["ü" * size])) for size in range(60)}
    assert len(lengths) == 1


def test_a_cursor_is_of_one_list_and_one_store(
    cursors: Cursors, tmp_path: Path
) -> None:
    made = cursors.after("list", ["x"])
    other = Cursors(KeyRing.create(tmp_path / "other"))
    for reader, of in ((cursors, "lis"), (cursors, "list "), (other, "list")):
        with pytest.raises(Problem) as refused:
            reader.read(of, made)
        assert refused.value.kind == "bad-cursor"


def test_a_cursor_cannot_be_changed(cursors: Cursors) -> None:
    raw = bytearray(base64.urlsafe_b64decode(cursors.after("list", ["abcd"]) + "=="))
    for at in range(len(raw)):
        raw[at] ^= 1
        changed = base64.urlsafe_b64encode(raw).decode().rstrip("=")
        with pytest.raises(Problem):
            cursors.read("list", changed)
        raw[at] ^= 1
    for text in ("", "=", "é", "A" * 5_000, "AAA"):
        with pytest.raises(Problem):
            cursors.read("list", text)
