from xml.etree import ElementTree

import pytest

from bootwave.errors import SettingError
from bootwave.settings.dialects.xml import in_order, xml_document
from bootwave.settings.layers import Line, Merged, Slot, Told, ToldKey


def test_the_reboot_setting_stands_first_wherever_it_was_told() -> None:
    merged = Merged()
    merged.say([Line("language", "x"), Line("auto_reboot_on_setting_change", "on")])
    root = ElementTree.fromstring(xml_document(merged).assemble(b""))
    assert root[0][0].tag == "auto_reboot_on_setting_change"


def test_settings_come_before_identities_and_identities_in_order() -> None:
    told = Told("", "R")
    names: list[tuple[str, int | None]] = [("b", 10), ("c", 2), ("b", 2), ("a", None)]
    assert [place for place, _told in in_order(dict.fromkeys(names, told))] == [
        ("a", None),
        ("c", 2),
        ("b", 2),
        ("b", 10),
    ]


def test_each_value_goes_where_its_slot_stands() -> None:
    merged = Merged()
    merged.say([Line("language", Slot(7), permission="!")])
    merged.say_key(0, ToldKey(Slot(3), Slot(4), "active", "R"))
    plan = xml_document(merged)
    assert plan.slots == 3
    values = [f'{number} "&' for number in range(8)]
    document = plan.assemble(plan.fill(values))
    assert b'label="4 &quot;&amp;"' in document
    root = ElementTree.fromstring(document)
    assert root[0][0].text == values[7]
    assert root[0][0].get("perm") == "!"
    assert (root[1][0].get("label"), root[1][0].text) == (values[4], values[3])


def test_attributes_of_newer_firmware_stand_beside_the_label() -> None:
    attributes = (("label_mode", "icon_text"), ("short_label", 'A "&'))
    merged = Merged()
    merged.say_key(0, ToldKey("line", "Anna", "active", "R", attributes))
    root = ElementTree.fromstring(xml_document(merged).assemble(b""))
    assert root[1][0].attrib == {
        "idx": "0",
        "context": "active",
        "label": "Anna",
        "label_mode": "icon_text",
        "short_label": 'A "&',
        "perm": "R",
    }


@pytest.mark.parametrize("name", ["idx", "label", "a b", 'a="1" b'])
def test_an_attribute_that_is_none_stops_the_document(name: str) -> None:
    merged = Merged()
    merged.say_key(0, ToldKey("line", "", "active", "R", ((name, "x"),)))
    with pytest.raises(SettingError, match="is not an attribute"):
        xml_document(merged)


def test_a_phone_without_keys_is_told_nothing_of_keys() -> None:
    assert b"functionKeys" not in xml_document(Merged()).assemble(b"")


def test_a_name_that_is_no_element_stops_the_document() -> None:
    merged = Merged()
    merged.say([Line("a><b", "x")])
    with pytest.raises(SettingError, match="is not the name"):
        xml_document(merged)
