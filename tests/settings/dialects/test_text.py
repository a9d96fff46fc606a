import pytest

from bootwave.errors import SettingError
from bootwave.settings.dialects.text import text_document
from bootwave.settings.layers import Line, Merged, Slot, ToldKey


def lines(merged: Merged, values: list[str] | None = None) -> list[str]:
    plan = text_document(merged, values or ())
    return plan.assemble(plan.fill(values or [])).decode().split("\n")


def test_a_setting_is_a_line_with_index_and_flag() -> None:
    merged = Merged((1, 2))
    merged.say(
        [
            Line("language", "Deutsch", permission="RW"),
            Line("admin_mode", "off", permission="!"),
            Line("user_name", Slot(0), 1),
            Line("user_mailbox", "", 2),
        ]
    )
    assert lines(merged, ["401"]) == [
        "<html><pre>",
        "language$: Deutsch",
        "admin_mode!: off",
        "user_name1&: 401",
        "user_mailbox2&: ",
        "</pre></html>",
        "",
    ]


def test_a_key_is_two_lines_and_its_label_none() -> None:
    merged = Merged()
    key = ToldKey("blf <sip:402@pbx;user=phone>|*8", "Anna & Co", "2", "R")
    merged.say_key(5, key)
    assert lines(merged)[1:-2] == [
        "fkey5&: blf <sip:402@pbx;user=phone>|*8",
        "fkey_context5&: 2",
    ]


def test_what_is_of_several_lines_is_left_out() -> None:
    merged = Merged((1,))
    merged.say(
        [
            Line("language", "off\nuser_host1&: x"),
            Line("user_idle_text", Slot(1), 1),
            Line("contrast", Slot(0)),
        ]
    )
    merged.say_key(0, ToldKey("speed 1\r", "", "active", "R"))
    merged.say_key(1, ToldKey(Slot(1), "of\ntwo lines", "active", "R"))
    merged.say_key(2, ToldKey("line", "of\ntwo lines", "active", "R"))
    values = ["8", "a\nuser_host1&: x"]
    assert lines(merged, values)[1:-2] == [
        *("contrast&: 8", "fkey2&: line", "fkey_context2&: active"),
    ]


@pytest.mark.parametrize("content", ["off\nuser_host1&: x", "off\r", "\0"], ids=ascii)
def test_no_value_becomes_a_second_line(content: str) -> None:
    merged = Merged()
    merged.say([Line("language", Slot(0))])
    with pytest.raises(SettingError, match="line of text"):
        text_document(merged).fill([content])
    merged.say([Line("language", "\0")])
    with pytest.raises(SettingError, match="line of text"):
        text_document(merged)


def test_a_secret_is_told_like_a_setting() -> None:
    merged = Merged((1,))
    merged.say_secret("user_pass", 1, Slot(0))
    assert "user_pass1&: <&>" in lines(merged, ["<&>"])


def test_what_came_with_later_firmware_is_left_out() -> None:
    merged = Merged()
    merged.say([Line("provisioning_order", "dhcp:stop"), Line("brand_new", "x")])
    assert lines(merged)[1:-2] == ["brand_new&: x"]
