"""What somebody wrote is quoted, and of what is long only the beginning."""

import pytest

from bootwave.quoting import MASK, shortened, without_userinfo


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


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("http://pbx/?a=b:c", "http://pbx/?a=b:c"),
        ("http://user:my s3cret@pbx", f"{MASK}@pbx"),
        ("http:/user:s3/cr?e#t@pbx/{mac}", f"{MASK}@pbx/{{mac}}"),
        ("s3cret@x@pbx", f"{MASK}@pbx"),
        ("@", f"{MASK}@"),
    ],
)
def test_nothing_is_told_of_what_may_be_user_and_password(text: str, told: str) -> None:
    assert without_userinfo(text) == told
