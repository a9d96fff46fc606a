import pytest

from bootwave.directory.records import FunctionKey
from bootwave.errors import SettingError
from bootwave.settings.functionkeys import (
    ATTRIBUTES,
    MAX_ATTRIBUTES,
    checked_attributes,
    checked_key,
    free_keys,
)


def test_a_key_has_a_place_a_label_a_context_and_a_permission() -> None:
    key, note = checked_key(227, "blf 402", "Anna & <Bob>", "12", "RW")
    assert key == FunctionKey(227, "blf 402", "Anna & <Bob>", "12", "RW")
    assert note == ""


def test_a_key_keeps_its_attributes_sorted() -> None:
    key, note = checked_key(0, "line", attributes={"lp": "on", "icon_type": ""})
    assert key.attributes == (("icon_type", ""), ("lp", "on"))
    assert note == ""
    assert checked_key(0, "line", attributes={"xx": "1"})[1].startswith("xx is not")


@pytest.mark.parametrize("index", [-1, 228])
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


# As the manual of the D7C and public templates of firmware 10 have them.
SEEN = {
    "short_label_mode": "text",
    "short_label": "",
    "short_default_text": "!!$(::)!!$(generate_via_conditional_label_short)",
    "label_mode": "icon_text",
    "icon_type": "",
    "reg_label_mode": "icon_text",
    "lp": "on",
    "default_text": "!!$(::)!!$(generate_via_conditional_label_full)",
    "ringer": "Silent",
    "park_retrieve": "",
    "clp": "1",
}


def test_the_attributes_of_newer_firmware_are_taken_sorted() -> None:
    assert set(SEEN) == set(ATTRIBUTES)
    assert checked_attributes(SEEN) == (tuple(sorted(SEEN.items())), "")
    assert checked_attributes(()) == ((), "")


@pytest.mark.parametrize("name", ["idx", "context", "label", "perm", "", "a b", "1a"])
def test_what_is_an_attribute_by_another_field_or_none_is_refused(name: str) -> None:
    with pytest.raises(SettingError, match="is not an attribute of a function key"):
        checked_attributes({name: "x"})


def test_an_unknown_attribute_is_taken_with_the_nearest_known() -> None:
    assert checked_attributes({"lable_mode": "text"}) == (
        (("lable_mode", "text"),),
        "lable_mode is not an attribute this version knows; did you mean label_mode?",
    )


def test_values_of_attributes_are_checked() -> None:
    with pytest.raises(SettingError, match="clp is a number from 0 to 1, not 'yes'"):
        checked_attributes({"clp": "yes"})
    with pytest.raises(SettingError, match=r"label of a function key holds U\+0007"):
        checked_attributes({"short_label": "\x07"})
    assert "as far as this version knows" in checked_attributes({"label_mode": "x"})[1]


def test_a_long_press_that_is_not_the_default_needs_another_attribute() -> None:
    assert checked_attributes({"lp": "off"})[1].endswith("together with clp 1.")
    assert checked_attributes({"lp": "off", "clp": "1"})[1] == ""


def test_an_attribute_is_a_text() -> None:
    with pytest.raises(SettingError, match="The attribute lp of a function key is a"):
        checked_attributes({"lp": 1})  # type: ignore[dict-item]


def test_a_key_has_few_attributes() -> None:
    many = {f"a{number}": "" for number in range(MAX_ATTRIBUTES + 1)}
    with pytest.raises(SettingError, match="16 attributes at most"):
        checked_attributes(many)
