"""One test for each thing that lint finds, and none for what is right."""

from pathlib import Path
from xml.sax.saxutils import escape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bootwave.settings.catalogue import Dialect
from bootwave.settings.lint import Finding, Severity, lint

GOLDEN = Path(__file__).parents[1] / "golden"
MAC = "0004132E08B4"
OTHER = "0004132E08B5"


def settings(*elements: str, more: str = "") -> bytes:
    """Return a document with *elements* in phone-settings and *more* behind."""
    inner = "\n".join(elements)
    return (
        f'<settings><phone-settings e="2">\n{inner}\n</phone-settings>{more}</settings>'
    ).encode()


def said(name: str, value: str, index: int | None = None, perm: str = "R") -> str:
    idx = "" if index is None else f' idx="{index}"'
    return f'<{name}{idx} perm="{perm}">{escape(value)}</{name}>'


def keys(*elements: str) -> str:
    return f"<functionKeys>{''.join(elements)}</functionKeys>"


def identity(index: int = 1) -> tuple[str, ...]:
    return (
        said("user_active", "on", index),
        said("user_name", "401", index),
        said("user_host", "pbx.example.com", index),
    )


def only(found: list[Finding]) -> Finding:
    assert len(found) == 1, found
    return found[0]


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("*.xml")), ids=lambda p: p.name)
def test_what_the_engine_tells_phones_has_nothing_wrong(path: Path) -> None:
    shared = path.stem in ("general", "no-firmware")
    assert lint(path.read_bytes(), shared=shared) == []


def test_a_document_that_cannot_be_read_is_an_error_and_the_rest_is_looked_at() -> None:
    found = lint(settings(said("phone_type", "snom370"))[:-5])
    assert {one.rule for one in found} == {"unreadable", "dangerous"}
    assert found[0].severity is Severity.ERROR
    assert only(lint(b"x")).line == 1


def test_an_empty_document_is_told_of() -> None:
    for document in (b"", b"# nothing\n", b"<html><pre></pre></html>"):
        found = only(lint(document))
        assert (found.rule, found.severity) == ("empty", Severity.NOTE)


@pytest.mark.parametrize(
    ("document", "element", "sentence"),
    [
        (
            settings(
                said("language", "Deutsch"), said("auto_reboot_on_setting_change", "on")
            ),
            "auto_reboot_on_setting_change",
            "unless it is the first element",
        ),
        (
            b"<setting-files><file url='http://pbx/a.xml'/>"
            b"<firmware_status>http://pbx/f</firmware_status></setting-files>",
            "firmware_status",
            "belongs in phone-settings",
        ),
        (
            settings(more=said("language", "Deutsch")),
            "language",
            "outside of phone-settings",
        ),
        (
            settings('<fkey idx="0" context="active" perm="R">line</fkey>'),
            "fkey idx 0",
            "stands in functionKeys",
        ),
        (settings(more=keys("<key/>")), "key", "is not a function key"),
        (b"<config><a/></config>", "config", "No phone knows a document of config"),
        (
            settings(more="<certificates><certificate/></certificates>"),
            "certificates",
            "put first",
        ),
    ],
)
def test_what_stands_in_the_wrong_place(
    document: bytes, element: str, sentence: str
) -> None:
    found = [one for one in lint(document) if one.rule == "misplaced"]
    assert only(found).element == element
    assert sentence in found[0].sentence


def test_a_file_without_url_leads_nowhere() -> None:
    assert "leads nowhere" in only(lint(b"<setting-files><file/></setting-files>"))[4]


@pytest.mark.parametrize(
    ("document", "dialect", "name"),
    [
        (settings(said("zone_id", "343")), Dialect.XML, "zone_id"),
        (settings(said("timezone", "GER+1")), Dialect.M9, "timezone"),
        (settings(said("zone_id", "343")), Dialect.DECT, "zone_id"),
        (b"prov_polling_enabled$: on", None, "prov_polling_enabled"),
    ],
)
def test_settings_of_another_dialect(
    document: bytes, dialect: Dialect | None, name: str
) -> None:
    found = only(lint(document, dialect=dialect))
    assert (found.rule, found.element) == ("other-dialect", name)
    assert found.severity is Severity.WARNING


def test_the_dialect_is_guessed_from_the_names() -> None:
    m9 = settings(
        said("zone_id", "343", perm="RW"),
        said("tones", "3", perm="RW"),
        said("language", "de", perm="RW"),
    )
    assert lint(m9) == []
    assert {one.rule for one in lint(m9, dialect=Dialect.XML)} == {
        "other-dialect",
        "malformed",
    }


def test_a_slip_in_a_name_is_a_warning_and_a_strange_one_a_note() -> None:
    slip = only(lint(settings(said("ntp_sever", "ntp.example.com"))))
    assert (slip.rule, slip.severity) == ("unknown", Severity.WARNING)
    assert slip.sentence.endswith("did you mean ntp_server?")
    assert only(lint(settings(said("qqq", "1")))).severity is Severity.NOTE


@pytest.mark.parametrize(
    ("element", "sentence"),
    [
        (said("user_srtp", "on", 13), "give one of 1 to 12"),
        (said("user_srtp", "on"), "needs the idx of an identity"),
        (said("gui_fkey1", "keyevent F_DND", 1), "has no idx"),
        ('<user_srtp idx="one" perm="R">on</user_srtp>', "is not an idx"),
        (said("vlan_id", "5000"), "a number from 0 to 4095"),
        (said("dkey_hold", "bfl 402"), "did you mean blf?"),
        (said("timezone", "Germany"), "by the phone's own code, GER+1"),
        (said("language", "Deutsch", perm="RO"), "'RO' is not a perm"),
    ],
)
def test_what_no_phone_takes(element: str, sentence: str) -> None:
    found = only(lint(settings(element)))
    assert found.rule == "malformed"
    assert sentence in found.sentence


def test_codes_may_be_written_in_any_case_of_their_type() -> None:
    assert lint(settings(said("dkey_hold", "URL http://pbx/x"))) == []


def test_an_m9_knows_two_permissions_only() -> None:
    document = settings(said("zone_id", "343", perm="!"))
    assert "write R or RW" in only(lint(document, dialect=Dialect.M9)).sentence
    assert lint(document.replace(b"!", b"RW"), dialect=Dialect.M9) == []


def test_missing_permissions_are_told_once() -> None:
    document = settings("<language>Deutsch</language>", "<dhcp>on</dhcp>")
    found = only(lint(document))
    assert (found.rule, found.severity) == ("no-permission", Severity.NOTE)
    assert found.sentence.startswith("2 elements have no perm")
    server = settings("<user_host idx='1'>pbx</user_host>")
    assert lint(server, dialect=Dialect.DECT) == []


@pytest.mark.parametrize(
    ("element", "severity", "sentence"),
    [
        (said("phone_type", ""), Severity.ERROR, "files no server has"),
        (said("setting_server", ""), Severity.ERROR, "forget where they come from"),
        (
            said("setting_server", "https://pbx/%7Bmac%7D.xml"),
            Severity.ERROR,
            "write the braces",
        ),
        (said("admin_mode", "off"), Severity.ERROR, "administrator mode"),
        (said("reset_settings", "on"), Severity.ERROR, "the factory's values"),
        (said("update_policy", "never_update"), Severity.WARNING, "settings as well"),
        (said("filter_registrar", "on"), Severity.WARNING, "check-sync"),
        (said("challenge_checksync", "on"), Severity.WARNING, "ask for a password"),
        (said("tls_server_authentication", "off"), Severity.WARNING, "whoever"),
        (said("http_user", "admin"), Severity.WARNING, "no password"),
        (said("admin_mode_password", "0000"), Severity.WARNING, "come with"),
    ],
)
def test_what_is_dangerous(element: str, severity: Severity, sentence: str) -> None:
    found = only(lint(settings(element)))
    assert (found.rule, found.severity) == ("dangerous", severity)
    assert sentence in found.sentence


def test_what_is_dangerous_in_one_value_is_well_in_another() -> None:
    assert lint(settings(said("admin_mode", "off", perm="RW"))) == []
    assert lint(settings(said("update_policy", "auto_update"))) == []
    assert lint(settings(said("setting_server", "https://pbx/{mac}.xml"))) == []


def test_one_phones_mac_in_what_another_reads() -> None:
    url = f"https://pbx.example.com/{MAC}.xml"
    server = settings(said("setting_server", url))
    assert lint(server, mac=MAC) == []
    assert lint(server, mac=MAC.lower()) == []
    assert only(lint(server, mac=OTHER)).severity is Severity.ERROR
    assert only(lint(server)).severity is Severity.WARNING
    shared = only(lint(server, shared=True))
    assert (shared.rule, shared.severity) == ("literal-mac", Severity.ERROR)
    # FreePBX issue 173: snomD865.htm named one phone's file, so that all became it.
    files = f'<setting-files><file url="{url}"/></setting-files>'.encode()
    assert only(lint(files, shared=True)).rule == "literal-mac"
    assert lint(files, mac=MAC) == []


def test_a_long_hexadecimal_number_is_no_mac() -> None:
    token = f"https://pbx/{'a' * 20}{MAC}{'b' * 20}/x"
    assert lint(settings(said("setting_server", token)), shared=True) == []


def test_two_values_of_one_name_contradict_each_other() -> None:
    found = only(lint(settings(said("vlan_id", "1"), said("vlan_id", "2"))))
    assert (found.rule, found.line) == ("contradiction", 3)
    assert "line 2" in found.sentence
    same = only(lint(settings(said("vlan_id", "1"), said("vlan_id", "1"))))
    assert (same.rule, same.severity) == ("twice", Severity.NOTE)
    assert lint(settings(*identity(1), *identity(2))) == []


def test_an_identity_in_use_needs_a_name_and_a_host() -> None:
    found = lint(settings(said("user_active", "on", 3)))
    assert [one.sentence for one in found] == [
        "It is in use and has no user_name.",
        "It is in use and has no user_host.",
    ]
    assert found[0].element == "user_active idx 3"
    assert lint(settings(said("user_active", "off", 3))) == []
    assert lint(settings(*identity())) == []


def test_keys_of_encrypted_calls_go_through_encrypted_sip() -> None:
    tls = said("user_outbound", "pbx.example.com:5061;transport=tls", 1)
    udp = said("user_outbound", "pbx.example.com:5060", 1)
    on, off = said("user_srtp", "on", 1), said("user_srtp", "off", 1)
    assert lint(settings(*identity(), tls, on)) == []
    assert "RFC 4568" in only(lint(settings(*identity(), udp, on))).sentence
    assert only(lint(settings(*identity(), tls, off))).severity is Severity.NOTE
    savp = said("user_savp", "mandatory", 1)
    assert "mandatory" in only(lint(settings(*identity(), udp, off, savp))).sentence


def test_a_phone_comes_again_by_one_clock() -> None:
    polling = said("prov_polling_enabled", "on")
    timer = said("settings_refresh_timer", "7411")
    assert "switch one off" in only(lint(settings(timer, polling))).sentence
    assert lint(settings(said("settings_refresh_timer", "0"), polling)) == []


def test_a_phone_that_has_a_server_looks_for_no_other() -> None:
    server = said("setting_server", "https://pbx/{mac}.xml")
    on = said("pnp_config", "on")
    assert "for another" in only(lint(settings(server, on))).sentence
    assert lint(settings(on)) == []
    order = said("provisioning_order", "pnp:stop dhcp:stop")
    found = only(lint(settings(said("pnp_config", "off"), order)))
    assert (found.element, found.severity) == ("provisioning_order", Severity.NOTE)
    endless = said("provisioning_order", "pnp:proceed dhcp:proceed")
    assert "Nothing in it stops" in only(lint(settings(endless))).sentence


def test_a_phone_needs_an_address() -> None:
    off = said("dhcp", "off")
    assert len(lint(settings(off))) == 2
    address = said("ip_adr", "10.0.0.9"), said("netmask", "255.0.0.0")
    assert lint(settings(off, *address)) == []


def test_ports_are_in_order() -> None:
    document = settings(said("rtp_port_start", "9000"), said("rtp_port_end", "8000"))
    assert "not above it" in only(lint(document)).sentence


def test_phones_listen_where_they_are_told_to_come_again() -> None:
    for value in ("5062", ""):
        document = settings(said("network_id_port", value))
        assert lint(document) == []
        one = only(lint(document, phone_port=5060))
        assert (one.severity, one.rule) == (Severity.NOTE, "port")
        assert "at the port 5060" in one.sentence
    assert lint(settings(said("network_id_port", "5062")), phone_port=5062) == []
    assert lint(settings(said("dhcp", "on")), phone_port=5062) == []


def test_passwords_are_confirmed_and_complete_and_never_repeated() -> None:
    document = settings(
        said("admin_mode_password", "s3cret"),
        said("admin_mode_password_confirm", "0ther"),
        said("http_client_user", "phone"),
    )
    found = lint(document)
    assert [one.element for one in found] == [
        "admin_mode_password_confirm",
        "http_client_user",
    ]
    assert not any(word in str(found) for word in ("s3cret", "0ther"))


@pytest.mark.parametrize(
    ("key", "rule", "sentence"),
    [
        ('<fkey context="active" perm="R">line</fkey>', "malformed", "needs an idx"),
        ('<fkey idx="900" context="active" perm="R">line</fkey>', "malformed", "227"),
        ('<fkey idx="0" context="13" perm="R">line</fkey>', "malformed", "context"),
        ('<fkey idx="0" context="1" perm="R">blf</fkey>', "malformed", "a number"),
        ('<fkey idx="0" perm="R" lable="x">line</fkey>', "unusual", "mean label"),
        ('<fkey idx="0" perm="R">keyevent F_X</fkey>', "unusual", "F_X"),
        (
            '<fkey idx="0" context="2" perm="R">blf 402</fkey>',
            "contradiction",
            "identity 2, which is not in use",
        ),
    ],
)
def test_keys_that_do_nothing(key: str, rule: str, sentence: str) -> None:
    off = said("user_active", "off", 2)
    found = only(lint(settings(off, more=keys(key))))
    assert found.rule == rule
    assert sentence in found.sentence


def test_good_keys_are_passed_over() -> None:
    good = (
        '<fkey idx="0" context="active" label="" perm="RW">line</fkey>',
        '<fkey idx="2" context="1" label="A" perm="R">'
        "blf &lt;sip:402@pbx;user=phone&gt;|*87</fkey>",
        '<fkey idx="3" context="active" label_mode="icon_text" lp="on" perm="">'
        "none</fkey>",
    )
    assert lint(settings(*identity(), more=keys(*good))) == []


def test_an_extension_of_a_dect_base_has_a_server_and_an_access_code() -> None:
    extension = (
        said("user_active", "on", 7),
        said("user_name", "407", 7),
        said("subscr_sip_ua_data_server_id", "2", 7),
    )
    server = said("srv_sip_server_alias", "PBX", 2), said("user_host", "pbx", 2)
    assert lint(settings(*server, *extension)) == []
    assert "uses server 2" in only(lint(settings(*extension))).sentence
    code = said("subscr_dect_ac_code", "12", 7)
    assert "four digits" in only(lint(settings(*server, *extension, code))).sentence


def test_text_documents_have_the_same_rules() -> None:
    found = lint(
        b"<html><pre>\nphone_type: x\nuser_active1&: on\nuser_name1&: 401\n"
        b"vlan_id: 9999\nfkey0$: bfl 402\n</pre></html>"
    )
    assert [(one.rule, one.line) for one in found] == [
        ("dangerous", 2),
        ("malformed", 5),
        ("malformed", 6),
        ("contradiction", 3),
    ]


def test_the_worst_comes_first() -> None:
    found = lint(
        settings(
            "<language>Deutsch</language>",
            said("filter_registrar", "on"),
            said("phone_type", "x"),
        )
    )
    assert [one.severity for one in found] == list(Severity)


@given(st.binary(max_size=300), st.sampled_from([None, *Dialect]), st.booleans())
def test_any_bytes_are_looked_at(
    document: bytes, dialect: Dialect | None, shared: bool
) -> None:
    for made in (document, settings().replace(b"\n\n", document)):
        for one in lint(made, dialect=dialect, shared=shared, mac=MAC):
            assert one.sentence.endswith((".", "?"))
            assert one.line >= 0


NAMES = st.sampled_from(
    ["user_active", "user_host", "setting_server", "dhcp", "fkey", "phone_type", "x"]
)


@given(
    st.lists(
        st.tuples(
            NAMES, st.none() | st.integers(-1, 14), st.text("on{mac}<&1", max_size=9)
        )
    )
)
def test_any_settings_are_looked_at(told: list[tuple[str, int | None, str]]) -> None:
    elements = [said(name, value, index) for name, index, value in told]
    found = lint(settings(*elements))
    assert [one.severity for one in found] == sorted(
        (one.severity for one in found), key=list(Severity).index
    )
