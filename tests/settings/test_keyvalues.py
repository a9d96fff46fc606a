import pytest
from hypothesis import given
from hypothesis import strategies as st

from bootwave.errors import SettingError
from bootwave.settings.keyvalues import (
    EVENTS,
    PURPOSES,
    TYPES,
    checked_action,
    checked_value,
    expanded,
)

DOMAIN = "pbx.example.com"

GOOD = [
    "line",
    "blf 402",
    "blf 402|*87",
    "blf <sip:402@pbx;user=phone>|*87",
    "blf sip:402@pbx",
    "dest 100@other.example.com",
    "dest <sip:123@pbx>|*81*",
    "speed 0049301234567",
    "orbit 701",
    "icom 402",
    "intercom",
    "button 2",
    "button",
    "keyevent F_TRANSFER",
    "url http://pbx/x?user=$user_name1&a=b",
    "url https://pbx/",
    "xml <initialization><state value='off'/></initialization>",
    "dtmf 123#",
    "p2t",
    "mult",
    "multicast",
    "multicast 224.0.0.1:5555",
    "recorder",
    "ivr",
    "presence 402",
    "transfer 402",
    "smart_transfer 402",
    "redirect 402",
    "autoanswer",
    "starcode *72",
    "conference",
    "none",
    # As phones and the vendor's manuals write them.
    "dest sip:123@example.com;user=phone",
    "blf <sip:402@pbx>|<sip:*8402@pbx>",
    "keyevent none",
    "speed voicemail",
    "xml <general type='a'/><initialization/>",
]


@pytest.mark.parametrize("value", GOOD)
def test_a_key_is_stored_as_written(value: str) -> None:
    assert checked_value(value) == (value, "")


def test_every_type_is_tried() -> None:
    assert {value.split(" ")[0] for value in GOOD} == set(TYPES)


def test_every_type_has_a_purpose() -> None:
    assert set(PURPOSES) == set(TYPES)


def test_the_type_is_written_in_small_letters_without_blanks_around() -> None:
    assert checked_value("  BLF   402 ") == ("blf 402", "")
    assert checked_value("Line") == ("line", "")


def test_an_unknown_type_names_the_nearest_known() -> None:
    with pytest.raises(SettingError, match=r"'bfl' is not .* did you mean blf\?"):
        checked_value("bfl 402")
    with pytest.raises(SettingError, match=r"'402' is not .* one of line, blf,"):
        checked_value("402")


def test_a_type_of_newer_firmware_is_taken_as_written_with_a_warning() -> None:
    value, note = checked_value("SendSipInfo 5")
    assert value == "SendSipInfo 5"
    assert note == "SendSipInfo is not a type of function key this version knows."


@pytest.mark.parametrize(
    "value",
    [
        "blf",
        "blf 402 403",
        "blf <sip:402@pbx",
        "blf <402>",
        "blf 402|*8 7",
        "blf a@b@c",
        "dest <http://pbx>",
        "speed",
        "orbit",
        "dtmf",
        "keyevent",
        "keyevent transfer",
        "keyevent F_redial",
        "url",
        "url pbx/x",
        "url http://pbx/a b",
        "xml",
        "xml initialization",
        "xml <initialization>",
        "xml <a/>&b;",
        "none 1",
        "a-type 1",
        "",
        " ",
    ],
)
def test_an_argument_its_type_cannot_have_is_refused(value: str) -> None:
    with pytest.raises(SettingError, match="function key"):
        checked_value(value)


@pytest.mark.parametrize(
    "value",
    [
        "url http://user:my s3cret@pbx",
        "url http:/user:s3cret@pbx",
        "http://s3cret@pbx",
        "user:s3cret@pbx",
    ],
)
def test_a_password_in_a_value_that_is_refused_is_not_quoted(value: str) -> None:
    with pytest.raises(SettingError, match=r"'\*+@pbx'"):
        checked_value(value)


def test_a_key_event_of_newer_firmware_is_taken_with_a_warning() -> None:
    value, note = checked_value("keyevent F_REDAIL")
    assert value == "keyevent F_REDAIL"
    assert note.endswith("did you mean F_REDIAL?")
    assert all(checked_value(f"keyevent {event}")[1] == "" for event in EVENTS)


@pytest.mark.parametrize(
    ("short", "full"),
    [
        ("blf 402", "blf <sip:402@pbx.example.com;user=phone>"),
        ("blf 402|*87", "blf <sip:402@pbx.example.com;user=phone>|*87"),
        ("dest 402@b.example|*8", "dest <sip:402@b.example;user=phone>|*8"),
        ("blf sips:402@pbx|*8", "blf <sips:402@pbx>|*8"),
        ("presence anna", "presence <sip:anna@pbx.example.com;user=phone>"),
        ("icom *72#", "icom <sip:*72%23@pbx.example.com;user=phone>"),
        ("blf jürgen", "blf <sip:j%C3%BCrgen@pbx.example.com;user=phone>"),
    ],
)
def test_short_addresses_are_expanded_with_the_domain(short: str, full: str) -> None:
    assert expanded(checked_value(short)[0], DOMAIN) == full


@pytest.mark.parametrize(
    "value",
    [
        "line",
        "icom",
        "speed 402",
        "orbit 701",
        "transfer 402",
        "blf <sip:402@pbx;user=phone>|*87",
        "dest <sip:100@pbx>",
        "keyevent F_DND",
        "url http://pbx/402",
        "no_such_type 402",
    ],
)
def test_what_is_complete_stays_as_it_is(value: str) -> None:
    assert expanded(value, DOMAIN) == value


@pytest.mark.parametrize(
    ("value", "note"),
    [
        ("dtmf 123,4", "more than digits"),
        ("multicast 10.0.0.1:5555", "is not a multicast address and port"),
        ("multicast 224.0.0.1:70000", "is not a multicast address and port"),
        ("multicast 224.0.0.900:1", "is not a multicast address and port"),
        ("multicast group", "is not a multicast address and port"),
    ],
)
def test_an_argument_that_looks_wrong_is_taken_with_a_warning(
    value: str, note: str
) -> None:
    assert note in checked_value(value)[1]


@pytest.mark.parametrize(
    "action",
    ["", "F_ADR_BOOK", "keyevent F_REDIAL", "keyevent none", "none", "speed 123"],
)
def test_dedicated_and_soft_keys_take_what_phones_export(action: str) -> None:
    assert checked_action(action, "gui_fkey1") == (action, "")


def test_dedicated_keys_know_the_same_key_events() -> None:
    assert checked_action("F_ADR_BOK", "x")[1].endswith("did you mean F_ADR_BOOK?")
    with pytest.raises(SettingError, match=r"^dkey_hold: 'bfl' is not a type"):
        checked_action("bfl 402", "dkey_hold")
    with pytest.raises(SettingError, match="gui_fkey1"):
        checked_action("F_ADR BOOK\0", "gui_fkey1")


@given(st.text(max_size=60))
def test_what_is_taken_is_taken_again_unchanged(text: str) -> None:
    try:
        stored, _note = checked_value(text)
    except SettingError:
        return
    assert checked_value(stored)[0] == stored
    told = expanded(stored, DOMAIN)
    assert checked_value(told)[0] == told
    assert expanded(told, DOMAIN) == told
