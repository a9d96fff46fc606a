import pytest

from bootwave.directory.records import Domain
from bootwave.options import WavesOptions
from bootwave.settings.catalogue import catalogue, is_forbidden, is_general
from bootwave.settings.layers import (
    ENGINE_LAYER,
    SIP_PORT,
    Line,
    Merged,
    Slot,
    Told,
    bootstrap,
    engine_layer,
    general,
    known_model,
    lines_of,
    locale,
)


def test_the_later_layer_wins_by_name_and_index() -> None:
    merged = Merged()
    merged.say([Line("language", "English"), Line("speed", "1", 0)])
    merged.say([Line("language", "Deutsch", permission="RW"), Line("speed", "2", 1)])
    assert merged.settings == {
        ("language", None): Told("Deutsch", "RW"),
        ("speed", 0): Told("1", "R"),
        ("speed", 1): Told("2", "R"),
    }


def test_an_identity_setting_without_index_is_meant_for_all_in_use() -> None:
    merged = Merged((1, 3))
    merged.say([Line("user_srtp", "on")])
    assert list(merged.settings) == [("user_srtp", 1), ("user_srtp", 3)]


def test_an_account_means_its_own_identity() -> None:
    merged = Merged((1, 3))
    merged.say([Line("user_srtp", "on")], identities=(3,))
    assert list(merged.settings) == [("user_srtp", 3)]


def test_in_one_layer_the_setting_with_an_index_wins() -> None:
    merged = Merged((1, 2))
    merged.say([Line("user_srtp", "off", 2), Line("user_srtp", "on")])
    assert merged.settings["user_srtp", 1].content == "on"
    assert merged.settings["user_srtp", 2].content == "off"


def test_a_forbidden_setting_is_left_out() -> None:
    merged = Merged((1,))
    merged.say([Line("phone_type", ""), Line("user_pass", Slot(0))])
    assert merged.settings == {}


def test_the_engine_says_only_known_settings_and_reboots_first() -> None:
    names = [setting.name for setting in ENGINE_LAYER.settings]
    assert names[0] == "auto_reboot_on_setting_change"
    assert all(name in catalogue().known and not is_forbidden(name) for name in names)


@pytest.mark.parametrize(("port", "permission"), [(5060, "!"), (5062, "R")])
def test_phones_listen_for_sip_where_roll_outs_tell_them(
    port: int, permission: str
) -> None:
    """The usual port is no reason to take another one from a phone."""
    (said,) = [
        each for each in engine_layer(port).settings if each.name == "network_id_port"
    ]
    assert (said.value, said.permission) == (str(port), permission)
    assert not is_general(said.name)
    assert engine_layer(SIP_PORT) == ENGINE_LAYER
    assert WavesOptions().phone_port == SIP_PORT


def test_the_way_back_keeps_the_braces_the_phone_fills() -> None:
    lines = {line.name: line for line in bootstrap("https://pbx/prov/", "snom370")}
    assert lines["setting_server"].content == "https://pbx/prov/{mac}.xml"
    assert lines["setting_server"].permission == "RW"
    assert lines["firmware_status"].content == (
        "https://pbx/prov/snom370/snom370-firmware.htm?mac={mac}"
    )


def test_an_unknown_model_keeps_its_factory_path_to_firmware() -> None:
    assert [line.name for line in bootstrap("http://pbx", "")] == ["setting_server"]


def test_a_model_that_no_phone_spells_so_is_unknown() -> None:
    for model in ("snom370", "snomD785", "snomM700"):
        assert known_model(model) == model
    for model in ("", "snom/../x", "snom 370", "x" * 33, "snom370\n", "<b>"):
        assert known_model(model) == ""


def test_only_the_locale_that_is_set_is_told() -> None:
    domain = Domain(1, "d.example", language="Deutsch", tone_scheme="GER")
    assert locale(domain) == [
        Line("language", "Deutsch", permission="RW"),
        Line("tone_scheme", "GER", permission="RW"),
    ]


def test_the_document_for_anybody_touches_no_identity_and_cuts_no_way_back() -> None:
    lines = [
        *bootstrap("http://pbx", "snom370"),
        *lines_of(ENGINE_LAYER.settings),
        Line("user_active", "off"),
        Line("language", "Deutsch"),
        Line("language", "Deutsch", 1),
        Line("admin_mode_password", "0000"),
        Line("no_such_name", "secret"),
    ]
    assert [line.name for line in general(lines)] == [
        "setting_server",
        "firmware_status",
        "update_policy",
        "language",
    ]
