import pytest

from bootwave.directory.records import Setting
from bootwave.errors import SettingError
from bootwave.settings.catalogue import (
    CATALOGUE,
    Topic,
    checked_name,
    checked_permission,
    checked_setting,
    is_forbidden,
    is_general,
    is_per_identity,
    warning,
)


def test_a_known_setting_is_taken_without_a_word() -> None:
    setting, note = checked_setting("ntp_server", "ntp.example.com", permission="RW")
    assert setting == Setting("ntp_server", "ntp.example.com", None, "RW")
    assert note == ""


def test_an_unknown_setting_is_taken_with_the_nearest_known_name() -> None:
    setting, note = checked_setting("ntp_sever", "x")
    assert setting.name == "ntp_sever"
    assert note == (
        "ntp_sever is not a setting this version knows; did you mean ntp_server?"
    )
    assert warning("Language").endswith("did you mean language?")
    assert warning("qqq") == "qqq is not a setting this version knows."


def test_a_dangerous_setting_is_taken_with_its_danger() -> None:
    assert "kept in clear" in warning("admin_mode_password")
    assert "off the network" in warning("vlan_id")


@pytest.mark.parametrize(
    "name", ["", "1st", "a b", "a-b", "ä", "a>", "x" * 65, "a\n", "xml:lang"]
)
def test_what_is_no_element_name_is_refused(name: str) -> None:
    with pytest.raises(SettingError, match="is not the name of a setting"):
        checked_name(name)


def test_the_type_of_a_phone_is_never_told() -> None:
    with pytest.raises(SettingError, match="phone_type cannot be told"):
        checked_setting("phone_type", "snom370")
    assert is_forbidden("phone_type")


def test_a_sip_password_goes_to_the_account_where_it_is_encrypted() -> None:
    for name in ("user_pass", "user_hash"):
        with pytest.raises(SettingError, match="belongs to the account"):
            checked_setting(name, "secret", 1)


def test_the_index_of_an_identity_is_1_to_12() -> None:
    for index in (None, 1, 12):
        assert checked_setting("user_srtp", "on", index)[0].index == index
    for index in (-1, 0, 13):
        with pytest.raises(SettingError, match="give one of 1 to 12"):
            checked_setting("user_srtp", "on", index)


def test_other_indexes_count_from_0() -> None:
    assert checked_setting("speed", "123", 0)[0].index == 0
    with pytest.raises(SettingError, match="give one of 0 to 999"):
        checked_setting("speed", "123", 1000)


def test_permissions_are_three() -> None:
    assert [checked_permission(p) for p in ("R", "RW", "!")] == ["R", "RW", "!"]
    for wrong in ("", "r", "&", "$", "RWX"):
        with pytest.raises(SettingError, match="is not a permission"):
            checked_permission(wrong)


def test_a_value_that_xml_cannot_carry_is_refused_where_it_enters() -> None:
    with pytest.raises(SettingError, match=r"The value of language holds U\+0000"):
        checked_setting("language", "Deu\0tsch")


def test_every_topic_has_names_and_dangers_are_of_known_names() -> None:
    assert {known.topic for known in CATALOGUE.values()} == set(Topic)
    assert len(CATALOGUE) > 200
    assert sum(bool(known.danger) for known in CATALOGUE.values()) > 20


def test_identity_settings_are_known_as_such() -> None:
    assert is_per_identity("user_name")
    assert is_per_identity("codec3_name")
    assert not is_per_identity("user_phone")
    assert not is_per_identity("language")
    assert not is_per_identity("no_such_name")


def test_nothing_secret_personal_or_unknown_is_general() -> None:
    general = {name for name in CATALOGUE if is_general(name)}
    assert "setting_server" in general
    assert not is_general("no_such_name")
    for name in general:
        known = CATALOGUE[name]
        assert not known.per_identity
        assert known.topic in (
            Topic.UPDATE,
            Topic.LOCALE,
            Topic.DISPLAY,
            Topic.SECURITY,
        )
        assert not any(
            part in name for part in ("pass", "user", "admin", "ldap", "proxy", "pw")
        )
