import pytest

from bootwave.directory.records import FunctionKey
from bootwave.errors import SettingError
from bootwave.settings.functionkeys import (
    EVENTS,
    TYPES,
    checked_key,
    checked_value,
    expanded,
    free_keys,
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
    "multicast 224.0.0.1:5555",
    "recorder",
    "ivr",
    "presence 402",
    "transfer 402",
    "redirect 402",
    "autoanswer",
    "starcode *72",
    "conference",
    "none",
]


@pytest.mark.parametrize("value", GOOD)
def test_a_key_is_stored_as_written(value: str) -> None:
    assert checked_value(value) == (value, "")


def test_every_type_is_tried() -> None:
    assert {value.split(" ")[0] for value in GOOD} == set(TYPES)


def test_the_type_is_written_in_small_letters_without_blanks_around() -> None:
    assert checked_value("  BLF   402 ") == ("blf 402", "")
    assert checked_value("Line") == ("line", "")


def test_an_unknown_type_names_the_nearest_known() -> None:
    with pytest.raises(SettingError, match=r"'bfl' is not .* did you mean blf\?"):
        checked_value("bfl 402")
    with pytest.raises(SettingError, match=r"'qqqq' is not .* one of line, blf,"):
        checked_value("qqqq")


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
        "none 1",
        "",
        " ",
    ],
)
def test_an_argument_its_type_cannot_have_is_refused(value: str) -> None:
    with pytest.raises(SettingError, match="function key"):
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


def test_a_key_has_a_place_a_label_a_context_and_a_permission() -> None:
    key, note = checked_key(219, "blf 402", "Anna & <Bob>", "12", "RW")
    assert key == FunctionKey(219, "blf 402", "Anna & <Bob>", "12", "RW")
    assert note == ""


@pytest.mark.parametrize("index", [-1, 220])
def test_a_key_no_phone_has_is_refused(index: int) -> None:
    with pytest.raises(SettingError, match=f"no function key {index}"):
        checked_key(index, "line")


@pytest.mark.parametrize("context", ["", "0", "13", "01", "Active", "1 "])
def test_a_context_is_active_or_an_identity(context: str) -> None:
    with pytest.raises(SettingError, match="is not a key's context"):
        checked_key(0, "line", context=context)


def test_labels_and_values_must_be_xml_text() -> None:
    with pytest.raises(SettingError, match="The label of a function key holds"):
        checked_key(0, "line", "\x07")
    with pytest.raises(SettingError, match="The value of a function key holds"):
        checked_key(0, "speed \x07")


def test_free_keys_say_how_many_a_model_has() -> None:
    keys = free_keys(12)
    assert [key.index for key in keys] == list(range(12))
    assert {(key.value, key.permission) for key in keys} == {("line", "RW")}
