from pathlib import Path

import orjson

from bootwave.control.api.cursors import Cursors
from bootwave.control.api.pages import list_name, named_page
from bootwave.store.secrets import KeyRing

ROWS = [{"name": name} for name in "ebadc"]


def test_pages_end_where_the_rows_do(tmp_path: Path) -> None:
    cursors = Cursors(KeyRing.create(tmp_path / "key"))
    names, cursor = [], ""
    for _ in range(3):
        page = orjson.loads(named_page(cursors, "/l", ROWS, 2, cursor).body)
        names.append("".join(row["name"] for row in page["items"]))
        cursor = page["next"]
    assert names == ["ab", "cd", "e"]
    assert cursor == ""
    whole = orjson.loads(named_page(cursors, "/l", ROWS, 5, "").body)
    assert (len(whole["items"]), whole["next"]) == (5, "")


def test_a_list_is_named_with_all_that_chooses_its_rows() -> None:
    assert list_name("/x", a=1, b="") == list_name("/x", b="", a=1)
    assert len({list_name("/x", a=each) for each in (1, "1", True, None)}) == 4
