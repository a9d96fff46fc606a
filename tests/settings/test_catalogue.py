import pytest

from bootwave.directory.records import Setting
from bootwave.errors import SettingError
from bootwave.settings.catalogue import (
    Dialect,
    Topic,
    catalogue,
    checked_content,
    checked_index,
    checked_name,
    checked_permission,
    checked_setting,
    is_forbidden,
    is_general,
    is_per_identity,
    is_secret,
    meanings,
    warning,
)
from bootwave.settings.values import Kind


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
        assert checked_setting("user_shared_line", "on", index)[0].index == index
    for index in (-1, 0, 13):
        with pytest.raises(SettingError, match="give one of 1 to 12"):
            checked_setting("user_shared_line", "on", index)


def test_other_indexes_count_from_0() -> None:
    assert checked_setting("speed", "123", 0)[0].index == 0
    with pytest.raises(SettingError, match="give one of 0 to 32"):
        checked_setting("speed", "123", 33)
    assert checked_setting("mc_address", "224.0.0.1", 10)[0].index == 10
    assert checked_setting("srv_srtp_auth", "on", 999)[0].index == 999
    assert checked_setting("of_newer_firmware", "x", 999)[0].index == 999
    with pytest.raises(SettingError, match="give one of 0 to 999"):
        checked_setting("of_newer_firmware", "x", 1000)


def test_permissions_are_three() -> None:
    assert [checked_permission(p) for p in ("R", "RW", "!")] == ["R", "RW", "!"]
    for wrong in ("", "r", "&", "$", "RWX"):
        with pytest.raises(SettingError, match="is not a permission"):
            checked_permission(wrong)


def test_a_value_that_xml_cannot_carry_is_refused_where_it_enters() -> None:
    with pytest.raises(SettingError, match=r"The value of language holds U\+0000"):
        checked_setting("language", "Deu\0tsch")


def test_every_topic_and_dialect_has_names() -> None:
    known = [one for found in catalogue().known.values() for one in found]
    assert {one.topic for one in known} == set(Topic)
    assert {dialect for one in known for dialect in one.dialects} == set(Dialect)
    assert len(catalogue().known) > 600


def test_dangers_and_refusals_are_of_known_names() -> None:
    assert set(catalogue().forbidden) <= set(catalogue().known) | {
        "http_client_password"
    }
    assert set(catalogue().dangers) <= set(catalogue().known)
    assert len(catalogue().dangers) > 30
    for name, dangers in catalogue().dangers.items():
        for danger in dangers:
            assert not danger.sentence.endswith(".")
            for value in danger.values:
                assert checked_content(name, value)[0] == value
    for sentence in catalogue().forbidden.values():
        assert sentence.endswith(".")


def test_every_secret_is_kept_from_layers_or_told_of() -> None:
    secrets = {name for name in catalogue().known if is_secret(name)}
    assert {"user_pass", "http_pass", "base_pin"} <= secrets
    assert secrets <= set(catalogue().forbidden) | set(catalogue().dangers)
    assert not is_secret("language")
    assert not is_secret("no_such_name")


def test_a_danger_can_be_in_one_value_or_in_the_permission() -> None:
    assert checked_setting("update_policy", "auto_update")[1] == ""
    assert (
        "loading settings as well"
        in checked_setting("update_policy", "never_update")[1]
    )
    assert (
        "nobody can enter administrator mode" in checked_setting("admin_mode", "off")[1]
    )
    assert checked_setting("admin_mode", "off", permission="RW")[1] == ""
    assert "out of service" in warning("user_active")


def test_one_name_means_other_things_in_other_dialects() -> None:
    assert [known.topic for known in meanings("language")] == [
        Topic.LOCALE,
        Topic.M9_BASE,
        Topic.DECT_BASE,
    ]
    assert meanings("language", Dialect.M9)[0].type.kind is Kind.TEXT
    assert meanings("zone_id", Dialect.XML) == ()
    assert meanings("prov_polling_mode", Dialect.TEXT) == ()
    assert meanings("prov_polling_mode", Dialect.XML)[0].since == "10"
    assert meanings("no_such_name") == ()


def test_an_index_is_checked_in_the_dialect_it_is_for() -> None:
    assert checked_index("user_name", 9, Dialect.M9) == 9
    with pytest.raises(SettingError, match="give one of 1 to 9"):
        checked_index("user_name", 10, Dialect.M9)
    assert checked_index("user_name", 500, Dialect.DECT) == 500
    assert checked_index("user_name", None) is None


def test_a_value_is_checked_in_the_dialect_it_is_for() -> None:
    assert checked_content("language", "de") == ("Deutsch", "")
    assert checked_content("language", "de", Dialect.M9) == ("de", "")
    assert "not a language" in checked_content("language", "Klingon")[1]


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("user_savp", "mandatry", "off, optional or mandatory.*mean mandatory"),
        ("vlan_id", "5000", "a number from 0 to 4095, not '5000'"),
        ("update_policy", "auto", "is auto_update, ask_for_update"),
        ("prov_polling_time", "25:00", "a time of day"),
        ("custom_bg_image_url", "logo.png", "a URL such as"),
        ("user_outbound", "a b", "transport="),
        ("dkey_hold", "bfl 402", "did you mean blf"),
        ("signaling_tos", "CS5", "a TOS byte"),
    ],
)
def test_a_value_no_phone_takes_is_refused_with_what_is_allowed(
    name: str, value: str, sentence: str
) -> None:
    with pytest.raises(SettingError, match=sentence):
        checked_setting(name, value)


# Values that phones export or that generators in use for years send (catalogue.toml).
SEEN = [
    ("call_waiting", "on"),
    ("codec_priority_list", "g722,pcmu,pcma,gsm,g723,g726-32,telephone-event"),
    ("codec_tos", "160"),
    ("contrast", "8"),
    ("cw_dialtone", "false"),
    ("dhcp_options_on_ip_aquire", "1 3 4 6 12 15 42 43 51 66 67 120 125 132 133"),
    ("dirty_host_ttl", ""),
    ("dkey_directory", "url http://pbx/pb.php?m=$mac&u=$user_name1"),
    ("dkey_retrieve", "speed voicemail"),
    ("dst", "3600 03.05.07 02:00:00 10.05.07 03:00:00"),
    ("edit_alpha_mode", "123"),
    ("edit_alpha_mode", "false"),
    ("ethernet_replug", "reregister"),
    ("firmware_status", "/snom360/snom360-firmware.htm"),
    ("gui_fkey1", "F_ADR_BOOK"),
    ("gui_fkey2", "keyevent F_CALL_LIST"),
    ("hide_identity", "false"),
    ("idle_cancel_key_action", "keyevent none"),
    ("intercom_connect_type", "intercom_connect_type_handsfree"),
    ("keyboard_lock_emergency", "911 112 110 999 19222"),
    ("multicast_listen", ""),
    ("mwi_dialtone", "stutter"),
    ("network_id_port", ""),
    ("network_id_port", "5060"),
    ("ntp_server", "0.pool.ntp.org"),
    ("provisioning_order", "redirection:stop pnp:stop dhcp:stop tr69:stop"),
    ("redirect_event", "none"),
    ("retry_after_failed_register", "300"),
    ("retry_after_failed_register", "5:60"),
    ("setting_server", "192.168.0.110"),
    ("setting_server", "https://pbx.example.com/prov/{mac}.xml"),
    ("stun_server", "stun.example.com:3478"),
    ("timezone", "GER+1"),
    ("use_backlight", "always"),
    ("user_dtmf_info", "sip_info_only"),
    ("user_expiry", "3600"),
    ("user_host", "pbx.example.com:5060"),
    ("user_outbound", "a:5061;transport=tls,b:5061;transport=tls"),
    ("user_outbound", "a:5060;transport=udp,"),
    ("user_server_type", "default"),
    ("user_server_type", "Default"),
    ("utc_offset", "3600"),
    ("vlan", "100 5"),
    ("web_logout_timer", ""),
    ("webserver_type", "http_https"),
    ("zone_id", "343"),
]


@pytest.mark.parametrize(("name", "value"), SEEN)
def test_what_is_right_on_a_phone_is_never_refused(name: str, value: str) -> None:
    setting, note = checked_setting(name, value)
    assert setting.value == value
    assert "not a setting this version knows" not in note


def test_names_people_use_are_stored_as_phones_are_told_them() -> None:
    assert checked_setting("timezone", "Europe/Berlin")[0].value == "GER+1"
    assert checked_setting("tone_scheme", "Germany")[0].value == "GER"
    assert checked_setting("language", "German")[0].value == "Deutsch"


def test_identity_settings_are_known_as_such() -> None:
    assert is_per_identity("user_name")
    assert is_per_identity("codec3_name")
    assert not is_per_identity("user_phone")
    assert not is_per_identity("language")
    assert not is_per_identity("no_such_name")


def test_nothing_secret_personal_or_unknown_is_general() -> None:
    general = {name for name in catalogue().known if is_general(name)}
    assert "setting_server" in general
    assert not is_general("no_such_name")
    assert general == set(catalogue().general)
    for name in general:
        known = meanings(name)[0]
        assert known.general
        assert not known.space.counts
        assert not is_secret(name)
        assert known.topic in (
            Topic.UPDATE,
            Topic.LOCALE,
            Topic.DISPLAY,
            Topic.SECURITY,
        )
        assert not any(
            part in name for part in ("pass", "user", "admin", "ldap", "proxy", "pw")
        )
