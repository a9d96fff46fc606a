import pytest

from bootwave.errors import ServerFault
from bootwave.wave.lines import are_lines, settings_from_lines

LINES = """<html><pre>
# general
user_name1&: 401
user_name12: 412
http_client_user$: a: b
codec1_name1!:8
user_mailbox1&:
</pre></html>
"""


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_lines_are_read_by_name_and_the_number_behind_it(end: str) -> None:
    content = LINES.replace("\n", end).encode()
    assert are_lines(content)
    assert settings_from_lines(content) == {
        ("user_name", "1"): "401",
        ("user_name", "12"): "412",
        ("http_client_user", ""): "a: b",
        ("codec1_name", "1"): "8",
        ("user_mailbox", "1"): "",
    }


@pytest.mark.parametrize("line", ["user name: 1", "401", "user_name1% : 4", ": 4"])
def test_the_first_line_that_is_none_is_named(line: str) -> None:
    content = f"<html><pre>\nlanguage$: English\n{line}\n".encode()
    with pytest.raises(ServerFault, match="its line 3 is no setting"):
        settings_from_lines(content)


def test_lines_are_utf_8() -> None:
    with pytest.raises(ServerFault, match="not UTF-8"):
        settings_from_lines(b"<html><pre>\nuser_realname1&: \xe4\n")


@pytest.mark.parametrize("content", [b"", b"<settings/>", b"<!-- <html> -->"])
def test_what_has_no_frame_is_something_else(content: bytes) -> None:
    assert not are_lines(content)
