from xml.etree import ElementTree

import pytest

from bootwave.settings.catalogue import Dialect, meanings
from bootwave.settings.dialects.m9 import NAMES, m9_document
from bootwave.settings.layers import Line, Merged, Slot, ToldKey

Settings = dict[tuple[str, str | None], tuple[str, str | None]]


def settings(merged: Merged, values: list[str] | None = None) -> Settings:
    plan = m9_document(merged)
    root = ElementTree.fromstring(plan.assemble(plan.fill(values or [])))
    assert [child.tag for child in root] == ["phone-settings"]
    return {
        (element.tag, element.get("idx")): (element.text or "", element.get("perm"))
        for element in root[0]
    }


def test_names_are_those_that_the_catalogue_knows() -> None:
    for name, others in NAMES.renamed.items():
        assert meanings(name, Dialect.XML), name
        assert all(meanings(other, Dialect.M9) for other in others), name
    assert set(NAMES.words) <= set(NAMES.renamed)


@pytest.mark.parametrize(
    ("name", "said", "told"),
    [
        ("language", "Deutsch", ("language", "de")),
        ("language", "fr", ("language", "fr")),
        ("language", "Klingon", None),
        ("tone_scheme", "GER", ("tones", "3")),
        ("tone_scheme", "USA", None),
        ("timezone", "USA-5", None),
        ("zone_id", "17", ("zone_id", "17")),
    ],
)
def test_values_are_told_where_the_m9_s_word_for_them_is_known(
    name: str, said: str, told: tuple[str, str] | None
) -> None:
    merged = Merged()
    merged.say([Line(name, said)])
    found = settings(merged)
    del found["allow_check_sync", None]
    expected = {} if told is None else {(told[0], None): (told[1], "R")}
    assert found == expected


def test_an_account_is_told_by_the_m9_s_own_names() -> None:
    merged = Merged((1,))
    merged.say(
        [
            Line("user_name", Slot(0)),
            Line("user_pname", Slot(1)),
            Line("user_srtp", "on"),
            Line("timezone", "GER+1", permission="RW"),
        ],
        (1,),
    )
    merged.say_secret("user_pass", 1, Slot(2))
    assert settings(merged, ["401", "auth", "p<"]) == {
        ("allow_check_sync", None): ("on", "R"),
        ("zone_id", None): ("343", "RW"),
        ("user_name", "1"): ("401", "R"),
        ("user_authname", "1"): ("auth", "R"),
        ("rtp_encryption", "1"): ("on", "R"),
        ("user_pass", "1"): ("p<", "R"),
    }


def test_it_has_nine_identities_and_two_permissions() -> None:
    merged = Merged()
    merged.say([Line("user_active", "off", n, "!") for n in range(1, 13)])
    assert {place for place in settings(merged) if place[1]} == {
        ("user_active", str(n)) for n in range(1, 10)
    }
    assert settings(merged)["user_active", "9"] == ("off", "RW")


def test_what_it_has_once_is_told_as_the_lowest_identity_has_it() -> None:
    merged = Merged((1, 2))
    merged.say([Line("stun_server", "second", 2), Line("stun_server", "first", 1)])
    assert settings(merged)["stun_server", None] == ("first", "R")
    merged.say([Line("stun_interval", "7"), Line("stun_binding_interval", "9", 1)])
    assert settings(merged)["stun_interval", None] == ("7", "R")


def test_an_administrator_may_have_check_sync_off() -> None:
    merged = Merged()
    merged.say([Line("allow_check_sync", "off")])
    assert settings(merged)["allow_check_sync", None] == ("off", "R")


def test_it_has_no_function_keys() -> None:
    merged = Merged()
    merged.say_key(0, ToldKey("line", "", "active", "R"))
    assert set(settings(merged)) == {("allow_check_sync", None)}
