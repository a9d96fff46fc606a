from pathlib import Path
from typing import Any

import orjson

from bootwave.control.api.cursors import Cursors
from bootwave.control.api.pages import list_name, page_of, rows_after
from bootwave.store.secrets import KeyRing

ROWS = [{"name": name} for name in "abcde"]


def key(row: dict[str, Any]) -> list[str]:
    return [row["name"]]


def test_pages_end_where_the_rows_do(tmp_path: Path) -> None:
    cursors = Cursors(KeyRing.create(tmp_path / "key"))
    last: list[Any] = []
    names = []
    for _ in range(3):
        some = rows_after(ROWS, last, 2, key)
        page = orjson.loads(page_of(cursors, "l", some, 2, key).body)
        names.append("".join(row["name"] for row in page["items"]))
        last = cursors.read("l", page["next"]) if page["next"] else []
    assert names == ["ab", "cd", "e"]
    assert last == []


def test_a_list_is_named_with_all_that_chooses_its_rows() -> None:
    assert list_name("/x", a=1, b="") == list_name("/x", b="", a=1)
    assert len({list_name("/x", a=each) for each in (1, "1", True, None)}) == 4
