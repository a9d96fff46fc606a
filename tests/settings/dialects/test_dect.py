from xml.etree import ElementTree

from bootwave.settings.catalogue import Dialect, meanings
from bootwave.settings.dialects.dect import NAMES, dect_document
from bootwave.settings.layers import Content, Line, Merged, Slot, ToldKey

Settings = dict[tuple[str, str | None], str]


def settings(merged: Merged, values: list[str] | None = None) -> Settings:
    plan = dect_document(merged)
    root = ElementTree.fromstring(plan.assemble(plan.fill(values or [])))
    assert [child.tag for child in root] == ["phone-settings"]
    said = {(each.tag, each.get("idx")): each.text or "" for each in root[0]}
    assert len(said) == len(root[0])
    return said


def registered(merged: Merged, identity: int, host: Content, proxy: str = "") -> None:
    merged.say(
        [
            Line("user_active", "on", identity),
            Line("user_name", f"40{identity}", identity),
            Line("user_host", host, identity),
            Line("user_outbound", proxy, identity),
        ]
    )


def test_names_are_those_that_the_catalogue_knows() -> None:
    for name, others in NAMES.renamed.items():
        assert meanings(name, Dialect.XML), name
        assert all(meanings(other, Dialect.DECT) for other in others), name


def test_identities_of_one_registrar_share_a_server() -> None:
    merged = Merged((1, 2, 5))
    registered(merged, 5, "pbx.example.com")
    registered(merged, 2, "other.example.com")
    registered(merged, 1, "pbx.example.com")
    merged.say([Line("user_expiry", "600", 5), Line("user_expiry", "300", 1)])
    said = settings(merged)
    assert said["srv_sip_server_alias", "1"] == "pbx.example.com"
    assert said["user_host", "1"] == "pbx.example.com"
    assert said["user_expiry", "1"] == "300"
    assert said["user_host", "2"] == "other.example.com"
    assert ("user_host", "5") not in said
    assert ("user_expiry", "2") not in said
    servers = {n: said["subscr_sip_ua_data_server_id", n] for n in ("1", "2", "5")}
    assert servers == {"1": "1", "2": "2", "5": "1"}
    assert said["user_name", "5"] == "405"
    assert said["subscr_sip_hs_idx", "5"] == "5"
    assert said["subscr_dect_ac_code", "5"] == "0005"


def test_another_outbound_proxy_is_another_server() -> None:
    merged = Merged((1, 2))
    registered(merged, 1, "pbx.example.com", "edge.example.com")
    registered(merged, 2, "pbx.example.com")
    said = settings(merged)
    assert said["user_outbound", "1"] == "edge.example.com"
    assert said["user_outbound", "2"] == ""


def test_a_registrar_of_one_phone_only_is_a_server_of_its_own() -> None:
    merged = Merged((1, 2))
    registered(merged, 1, Slot(0))
    registered(merged, 2, "pbx.example.com")
    said = settings(merged, ["own.example.com"])
    assert said["srv_sip_server_alias", "1"] == "own.example.com"
    assert said["user_host", "1"] == "own.example.com"
    assert said["user_host", "2"] == "pbx.example.com"


def test_what_a_layer_says_of_bases_goes_to_servers_or_extensions() -> None:
    merged = Merged((1, 3))
    registered(merged, 1, "pbx.example.com")
    registered(merged, 3, "pbx.example.com")
    merged.say(
        [
            Line("srv_srtp_auth", "on"),
            Line("subscr_dect_ac_code", "4711"),
            Line("subscr_dect_ac_code", "9999", 3),
            Line("session_timer", "900"),
            Line("auto_dect_register", "on"),
        ]
    )
    said = settings(merged)
    assert said["srv_srtp_auth", "1"] == "on"
    assert said["subscr_dect_ac_code", "1"] == "4711"
    assert said["subscr_dect_ac_code", "3"] == "9999"
    assert said["session_timer", "1"] == "900"
    assert said["auto_dect_register", None] == "on"
    assert ("session_timer", None) not in said


def test_unused_extensions_are_switched_off_and_have_no_server() -> None:
    merged = Merged((1,))
    merged.say([Line("user_active", "off", 2)])
    registered(merged, 1, "pbx.example.com")
    said = settings(merged)
    assert said["user_active", "2"] == "off"
    assert ("subscr_sip_ua_data_server_id", "2") not in said


def test_a_mailbox_is_told_under_the_names_of_old_and_new_firmware() -> None:
    merged = Merged((1,))
    merged.say([Line("user_mailbox", Slot(0))])
    said = settings(merged, ["8401"])
    assert said["user_mailbox", "1"] == said["user_mailnumber", "1"] == "8401"


def test_what_only_desk_phones_have_is_left_out() -> None:
    merged = Merged()
    merged.say([Line("dim_timer", "10"), Line("firmware_status", "https://x")])
    merged.say_key(0, ToldKey("line", "", "active", "R"))
    assert settings(merged) == {}
