"""What somebody wrote is quoted, and of what is long only the beginning."""

import pytest

from bootwave.quoting import shortened


@pytest.mark.parametrize(
    ("text", "quoted"),
    [
        ("", "''"),
        ("x y", "'x y'"),
        ("it's", '"it\'s"'),
        ("a\nb\x00", r"'a\nb\x00'"),
        ("x" * 60, "'" + "x" * 60 + "'"),
        ("x" * 61, "'" + "x" * 57 + "...'"),
    ],
)
def test_it_is_one_line_and_cut(text: str, quoted: str) -> None:
    assert shortened(text) == quoted
