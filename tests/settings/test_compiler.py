import re
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from bootwave.directory.records import (
    Account,
    Binding,
    Contact,
    Device,
    DialTemplate,
    Domain,
    Extras,
    FunctionKey,
    LanguageFile,
    Layer,
    NamedLayer,
    Profile,
    Setting,
)
from bootwave.errors import SettingError
from bootwave.settings import compiler as compiler_module
from bootwave.settings.compiler import SettingsCompiler
from bootwave.settings.files import setting_files
from bootwave.settings.functionkeys import free_keys
from bootwave.settings.lint import lint
from bootwave.settings.pacing import USUAL, pace_for
from tests.oracle.settings import read, told

GOLDEN = Path(__file__).parents[1] / "golden"
BASE_URL = "https://pbx.example.com/prov"
DISPLAY_NAME = 'Ann & <Bob> "C" äöü 😀'
DOMAIN = Domain(
    1,
    "pbx.example.com",
    outbound_proxy="pbx.example.com:5061;transport=tls",
    language="Deutsch",
    timezone="GER+1",
    tone_scheme="GER",
    layer=Layer((Setting("ntp_server", "ntp.example.com"), Setting("user_srtp", "on"))),
)
ANN = Account(1, 1, "401", DISPLAY_NAME, "", b"", "8401")
DESK = Account(2, 1, "402", "Reception & Sales", "auth-402", b"")
PASSWORDS = {1: "p<1>&\"'", 2: "]]>"}
MAC = 0x0004132E08B4
DEVICE = Device(MAC, DOMAIN, (Binding(1, ANN), Binding(2, DESK)))
KEYS = (
    FunctionKey(0, "line", permission="RW"),
    FunctionKey(1, "line", context="2", permission="RW"),
    FunctionKey(2, "blf 402|*87", 'Anna & <Bob> "C"'),
    FunctionKey(3, "blf <sip:403@pbx.example.com;user=phone>|*87", "Büro 😀"),
    FunctionKey(4, "dest 404", context="1"),
    FunctionKey(5, "speed 0049301234567", "Town\nhall"),
    FunctionKey(6, "orbit 701"),
    FunctionKey(7, "keyevent F_REDIAL"),
    FunctionKey(8, "url http://pbx.example.com/x?user=$user_name1&a=b"),
    FunctionKey(9, "xml <initialization><state value='off'/></initialization>"),
    FunctionKey(10, "icom 405"),
    FunctionKey(11, "none", permission="!"),
)


def document(
    device: Device = DEVICE, compiler: SettingsCompiler | None = None, **changes: Any
) -> bytes:
    given: dict[str, Any] = {
        "model": "snom370",
        "layers": (),
        "passwords": PASSWORDS,
        "base_url": BASE_URL,
    } | changes
    plan, packed = (compiler or SettingsCompiler()).specific(device, **given)
    assert plan.size(packed) == len(plan.assemble(packed))
    return plan.assemble(packed)


def of_model(layer: Layer) -> tuple[NamedLayer, ...]:
    return (NamedLayer("model snom370", layer),)


def settings_of(device: Device, **changes: Any) -> dict[tuple[str, int | None], str]:
    settings, _keys = read(document(device, **changes))
    return {place: value for place, (value, _permission) in settings.items()}


def test_two_accounts_and_twelve_keys_parse_to_exactly_what_is_stored() -> None:
    device = replace(DEVICE, layer=Layer(keys=KEYS))
    settings, keys = read(document(device))
    assert settings["user_realname", 1] == (DISPLAY_NAME, "R")
    assert settings["user_realname", 2] == ("Reception & Sales", "R")
    assert settings["user_pass", 1] == (PASSWORDS[1], "R")
    assert settings["user_pass", 2] == (PASSWORDS[2], "R")
    assert settings["user_pname", 1] == ("401", "R")
    assert settings["user_pname", 2] == ("auth-402", "R")
    assert settings["user_mailbox", 1] == ("8401", "R")
    assert settings["user_mailbox", 2] == ("", "R")
    assert [settings["user_active", n][0] for n in range(1, 13)] == ["on"] * 2 + [
        "off"
    ] * 10
    assert len(keys) == 12
    blf = "blf <sip:402@pbx.example.com;user=phone>|*87"
    assert keys[2] == ("active", 'Anna & <Bob> "C"', "R", blf)
    assert keys[5][1] == "Town\nhall"
    assert keys[11] == ("active", "", "!", "none")
    assert (settings, keys) == told(device, "snom370", (), PASSWORDS, BASE_URL)


@pytest.mark.parametrize(
    ("name", "made"),
    [
        ("specific.xml", lambda: document(replace(DEVICE, layer=Layer(keys=KEYS)))),
        (
            "general.xml",
            lambda: SettingsCompiler().general(
                model="snom370",
                layers=of_model(Layer((Setting("language", "Deutsch"),))),
                base_url=BASE_URL,
            ),
        ),
        ("files.xml", lambda: setting_files([BASE_URL + "/general.xml?a=1&b=2"])),
    ],
)
def test_documents_are_those_reviewed(name: str, made: Any) -> None:
    assert made().decode() == (GOLDEN / name).read_text(encoding="utf-8")


def test_the_narrower_layer_wins() -> None:
    def layer(value: str) -> Layer:
        return Layer((Setting("language", value),), (FunctionKey(0, f"speed {value}"),))

    def language(**layers: Layer) -> tuple[str, str]:
        account = replace(
            ANN,
            layer=layers.get("account", Layer()),
            profile=Profile(1, "sales", layers.get("profile", Layer())),
        )
        device = Device(
            MAC,
            Domain(1, "d.example", layer=layers.get("domain", Layer())),
            (Binding(1, account),),
            layers.get("device", Layer()),
        )
        compiler = SettingsCompiler(layer("0"))
        settings, keys = read(
            document(
                device,
                compiler,
                layers=tuple(
                    NamedLayer(name, layers[name])
                    for name in ("engine", "model", "firmware")
                    if name in layers
                ),
            )
        )
        return settings["language", None][0], keys[0][3]

    said = {}
    assert language() == ("0", "speed 0")
    order = "engine model firmware domain profile account device"
    for place, name in enumerate(order.split(), 1):
        said[name] = layer(str(place))
        assert language(**said) == (str(place), f"speed {place}")


def test_the_fields_of_a_domain_lose_to_its_layer() -> None:
    layer = Layer((Setting("language", "English"),))
    device = replace(DEVICE, domain=replace(DOMAIN, layer=layer))
    assert settings_of(device)["language", None] == "English"


def test_a_setting_of_an_account_takes_the_identity_it_is_bound_under() -> None:
    account = replace(ANN, layer=Layer((Setting("user_ringer", "Ringer3"),)))
    settings = settings_of(Device(MAC, DOMAIN, (Binding(7, account),)))
    assert settings["user_ringer", 7] == "Ringer3"
    assert ("user_ringer", None) not in settings
    assert settings["user_srtp", 7] == "on"


def test_of_two_accounts_the_lower_identity_owns_the_phone() -> None:
    first = replace(ANN, layer=Layer((Setting("language", "Deutsch"),)))
    second = replace(DESK, layer=Layer((Setting("language", "English"),)))
    for bindings in (
        (Binding(1, first), Binding(2, second)),
        (Binding(2, second), Binding(1, first)),
    ):
        settings = settings_of(Device(MAC, DOMAIN, bindings))
        assert settings["language", None] == "Deutsch"


def test_a_device_may_replace_what_comes_from_its_account() -> None:
    layer = Layer((Setting("user_realname", "Door", 1), Setting("user_idle_text", "x")))
    settings = settings_of(replace(DEVICE, layer=layer))
    assert settings["user_realname", 1] == "Door"
    assert settings["user_idle_text", 1] == settings["user_idle_text", 2] == "x"


def test_a_device_may_use_an_identity_that_no_account_has() -> None:
    layer = Layer((Setting("user_active", "on", 3), Setting("user_name", "door", 3)))
    settings = settings_of(replace(DEVICE, layer=layer))
    assert settings["user_active", 3] == "on"
    assert settings["user_active", 4] == "off"


def test_of_a_phone_whose_model_is_unknown_no_key_is_freed() -> None:
    device = replace(DEVICE, layer=Layer(keys=(FunctionKey(3, "line"),)))
    assert list(read(document(device, model=""))[1]) == [3]


def test_keys_that_only_the_model_tells_are_freed() -> None:
    device = replace(DEVICE, layer=Layer(keys=(FunctionKey(3, "blf 402"),)))
    _settings, keys = read(
        document(device, model="", layers=of_model(Layer(keys=free_keys(6))))
    )
    assert [keys[index][3][:4] for index in range(6)] == [
        "line",
        "line",
        "line",
        "blf ",
        "line",
        "line",
    ]


def test_a_password_in_a_layer_and_the_phone_s_type_never_leave() -> None:
    layer = Layer((Setting("user_pass", "stolen", 1), Setting("phone_type", "")))
    settings = settings_of(replace(DEVICE, layer=layer), layers=of_model(layer))
    assert settings["user_pass", 1] == PASSWORDS[1]
    assert ("phone_type", None) not in settings


def test_phones_of_one_shape_share_a_plan() -> None:
    compiler = SettingsCompiler()
    plans = set()
    for number in range(50):
        account = Account(number, 1, str(400 + number), f"N {number}", "", b"")
        device = Device(MAC + number, replace(DOMAIN), (Binding(1, account),))
        plan, packed = compiler.specific(
            device,
            model="snom370",
            layers=(),
            passwords={number: "x" * 16},
            base_url=BASE_URL,
        )
        settings, _keys = read(plan.assemble(packed))
        assert settings["user_name", 1] == (str(400 + number), "R")
        assert len(packed) < 64
        plans.add(plan)
    assert len(plans) == compiler.plans == 1


def test_phones_of_one_profile_with_variables_share_a_plan() -> None:
    compiler = SettingsCompiler()
    keys = (
        FunctionKey(0, "speed *{{number}}", "{{display_name}}"),
        FunctionKey(1, "blf 499", "Boss"),
    )
    sizes = set()
    for number in range(50):
        profile = Profile(1, "sales", Layer(keys=keys))
        account = Account(
            number, 1, str(400 + number), f"N {number}", "", b"", profile=profile
        )
        device = Device(MAC + number, DOMAIN, (Binding(1, account),))
        plan, packed = compiler.specific(
            device,
            model="snom370",
            layers=(),
            passwords={number: "x" * 16},
            base_url=BASE_URL,
        )
        _settings, told_keys = read(plan.assemble(packed))
        assert told_keys[0] == ("active", f"N {number}", "R", f"speed *{400 + number}")
        assert told_keys[1][1] == "Boss"
        sizes.add(len(packed))
    assert compiler.plans == 1
    assert max(sizes) < 80  # only what is each phone's own
    # What it says is part of the plan: another content is another plan.
    changed = replace(account, profile=Profile(1, "sales", Layer(keys=keys[:1])))
    document(Device(MAC, DOMAIN, (Binding(1, changed),)), compiler, passwords={49: ""})
    assert compiler.plans == 2


def test_phones_of_two_firmware_ranges_keep_the_plans_of_both() -> None:
    compiler = SettingsCompiler()
    old = (NamedLayer("firmware -7 of snom370", Layer((Setting("language", "a"),))),)
    new = (NamedLayer("firmware 8- of snom370", Layer((Setting("language", "b"),))),)
    for _ in range(3):
        for layers in (old, new, ()):
            document(compiler=compiler, layers=layers)
    assert compiler.plans == 3


@pytest.mark.parametrize(
    ("device", "changes"),
    [
        (replace(DEVICE, layer=Layer((Setting("language", "{{mac}}"),))), {}),
        (replace(DEVICE, bindings=DEVICE.bindings[:1]), {}),
        (replace(DEVICE, bindings=(Binding(3, ANN),)), {}),
        (replace(DEVICE, domain=replace(DOMAIN, registrar="sip.example.com")), {}),
        (replace(DEVICE, domain=replace(DOMAIN, layer=Layer())), {}),
        (replace(DEVICE, layer=Layer((Setting("dhcp", "on"),))), {}),
        (replace(DEVICE, layer=Layer(keys=KEYS[:1])), {}),
        (DEVICE, {"model": "snom360"}),
        (DEVICE, {"layers": of_model(Layer((Setting("dhcp", "on"),)))}),
        (DEVICE, {"base_url": "http://127.0.0.1:8080"}),
    ],
)
def test_what_decides_the_markup_makes_another_plan(
    device: Device, changes: dict[str, Any]
) -> None:
    compiler = SettingsCompiler()
    document(DEVICE, compiler)
    made = document(device, compiler, **changes)
    assert compiler.plans == 2
    assert made == document(device, **changes)
    assert document(DEVICE, compiler) == document(DEVICE)


def test_a_changed_domain_is_seen_without_being_told() -> None:
    compiler = SettingsCompiler()
    for language in ("Deutsch", "English", "Deutsch"):
        device = replace(DEVICE, domain=replace(DOMAIN, language=language))
        settings, _keys = read(document(device, compiler))
        assert settings["language", None] == (language, "RW")


def test_kept_plans_are_bounded_and_the_latest_stay() -> None:
    compiler = SettingsCompiler(plan_bytes=20_000)
    for number in range(20):
        document(compiler=compiler, base_url=f"http://pbx{number}")
    assert 2 <= compiler.plans <= 8
    assert compiler.plans == compiler.plans
    assert document(compiler=SettingsCompiler(plan_bytes=0)) == document()


def test_models_that_no_phone_has_share_a_plan() -> None:
    compiler = SettingsCompiler()
    for number in range(20):
        document(compiler=compiler, model=f"../{number}")
    assert compiler.plans == 1


def test_the_general_document_holds_no_secret_and_no_identity() -> None:
    secrets = Layer(
        (
            Setting("admin_mode_password", "topsecret"),
            Setting("my_token", "topsecret"),
            Setting("ldap_password", "topsecret"),
            Setting("user_active", "off"),
            Setting("user_name", "401", 1),
            Setting("language", "Deutsch"),
        ),
        (FunctionKey(0, "url http://u:topsecret@pbx/"),),
    )
    general = SettingsCompiler().general(
        model="snom370", layers=of_model(secrets), base_url="http://192.0.2.1:8080/"
    )
    settings, keys = read(general)
    assert b"topsecret" not in general
    assert keys == {}
    assert all(index is None for _name, index in settings)
    assert settings["setting_server", None] == (
        "http://192.0.2.1:8080/{mac}.xml",
        "RW",
    )
    assert settings["language", None] == ("Deutsch", "R")
    assert ("auto_reboot_on_setting_change", None) not in settings


def test_what_has_variables_is_not_for_anybody() -> None:
    layers = of_model(Layer((Setting("language", "{{number}} {{domain}}"),)))
    general = SettingsCompiler().general(
        model="snom370", layers=layers, base_url=BASE_URL
    )
    assert b"<language" not in general


def test_text_that_xml_cannot_carry_stops_at_the_last_wall() -> None:
    with pytest.raises(SettingError):
        document(passwords={1: "\0", 2: ""})
    with pytest.raises(SettingError):
        document(replace(DEVICE, domain=replace(DOMAIN, name="\ufffe")))


def test_a_device_that_cannot_be_told_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match="without domain"):
        document(Device(MAC, None))
    for identities in ((0,), (13,), (1, 1)):
        bindings = tuple(Binding(identity, ANN) for identity in identities)
        with pytest.raises(ValueError, match="identities are 1 to 12"):
            document(replace(DEVICE, bindings=bindings))
    with pytest.raises(KeyError):
        document(passwords={1: ""})


def test_a_device_without_bindings_has_every_identity_switched_off() -> None:
    settings = settings_of(Device(MAC, DOMAIN))
    assert {settings["user_active", n] for n in range(1, 13)} == {"off"}
    assert ("user_srtp", 1) not in settings


# What a phone authenticates with

PAIR = ("user<1>", "pass&1")


def test_a_phone_is_told_what_it_authenticates_with() -> None:
    made = document(credentials=PAIR)
    assert b'<http_client_user perm="R">user&lt;1></http_client_user>' in made.replace(
        b"&gt;", b">"
    )
    assert b'<http_client_pass perm="R">pass&amp;1</http_client_pass>' in made
    assert b"http_client" not in document()


def test_no_layer_says_what_a_phone_authenticates_with() -> None:
    layer = Layer((Setting("http_client_pass", "of another server"),))
    device = replace(DEVICE, layer=layer)
    assert b"another server" not in document(device, credentials=PAIR)
    assert b"another server" not in document(device)


def test_phones_with_credentials_share_a_plan_and_those_without_another() -> None:
    compiler = SettingsCompiler()
    for number in range(3):
        document(compiler=compiler, credentials=(f"user{number}", "password"))
    assert compiler.plans == 1
    document(compiler=compiler)
    assert compiler.plans == 2


def test_the_document_for_anybody_has_no_credentials() -> None:
    made = SettingsCompiler().general(model="snom370", layers=(), base_url=BASE_URL)
    assert b"http_client" not in made


def test_phones_whose_keys_have_other_attributes_share_no_plan() -> None:
    compiler = SettingsCompiler()

    def shown(*attributes: tuple[str, str]) -> dict[str, str]:
        key = FunctionKey(0, "line", attributes=attributes)
        device = replace(DEVICE, layer=Layer(keys=(key,)))
        root = ElementTree.fromstring(document(device, compiler))
        return root[1][0].attrib

    assert "icon_type" not in shown()
    assert shown(("icon_type", "bell"))["icon_type"] == "bell"
    assert shown(("icon_type", "star"))["icon_type"] == "star"
    assert compiler.plans == 3


ODD = Contact('Ann & <Bob> "C"', "402", "mobile", "vip")
BOOK = tuple(Contact(f"Name {n:03}", str(n)) for n in range(300))


def entries(document: bytes) -> list[tuple[str | None, str | None]]:
    root = ElementTree.fromstring(document)
    items = root.findall("tbook/item") or root.findall("item")
    assert [each.get("index") for each in items] == [
        str(int(items[0].get("index", "")) + n) for n in range(len(items))
    ]
    return [(each.findtext("name"), each.findtext("number")) for each in items]


def with_books(
    shared: tuple[Contact, ...] | None, *own: tuple[Contact, ...] | None
) -> Device:
    accounts = [
        replace(account, layer=Layer(book=book))
        for account, book in zip((ANN, DESK), own, strict=False)
    ]
    return Device(
        MAC,
        replace(DOMAIN, layer=Layer(book=shared)),
        tuple(Binding(n, account) for n, account in enumerate(accounts, 1)),
    )


def test_phones_without_a_book_keep_theirs_and_an_empty_one_takes_it_away() -> None:
    assert b"<tbook" not in document(with_books(None, None))
    assert b'<tbook e="2" complete="true">\n </tbook>' in document(with_books(()))


def test_the_books_of_domain_and_accounts_are_one() -> None:
    shown = entries(document(with_books((ODD,), (BOOK[1],), (BOOK[2],))))
    assert shown == [(ODD.name, "402"), ("Name 001", "1"), ("Name 002", "2")]


def test_the_room_of_a_model_bounds_its_book() -> None:
    device = with_books(BOOK, (ODD,))
    for model, room in (("snom300", 100), ("snom370", 250)):
        shown = entries(document(device, model=model))
        assert shown[: room - 1] == [(c.name, c.number) for c in BOOK[: room - 1]]
        assert shown[room - 1 :] == [(ODD.name, "402")]


def test_domains_with_books_are_remembered_up_to_a_bound(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(compiler_module, "_MOST_ENTRIES", 3)
    compiler = SettingsCompiler()

    def made(number: int) -> bytes:
        device = with_books(BOOK[:2])
        assert device.domain is not None
        domain = replace(device.domain, id=number)
        return document(replace(device, domain=domain), compiler)

    assert made(1) == made(1)
    assert compiler.plans == 1
    assert made(2) == made(2) == made(1)  # forgotten by now, and made anew
    assert compiler.plans == 3


def test_phones_with_other_books_of_their_own_share_a_plan() -> None:
    compiler = SettingsCompiler()
    for own in ((ODD,), BOOK[:7], BOOK[:5]):
        document(with_books(BOOK, own), compiler, model="snom370")
    assert compiler.plans == 1 + 2  # seven and five leave less room for the domain's
    compiler = SettingsCompiler()
    for own in ((ODD,), BOOK[:7], BOOK[:5]):
        document(with_books(BOOK[:9], own), compiler, model="snom370")
    assert compiler.plans == 1


def test_an_m9_has_its_book_in_a_file_of_its_own() -> None:
    device = with_books(BOOK[:1], (ODD,))
    assert b"tbook" not in document(device, model="snomm9")
    plan, packed = SettingsCompiler().phone_book(device, model="snomm9")
    book = plan.assemble(packed)
    assert entries(book) == [("Name 000", "0"), (ODD.name, "402")]
    contexts = [item.get("context") for item in ElementTree.fromstring(book)]
    assert contexts == ["<global>", "identity1"]


def test_a_phone_without_a_book_may_ask_for_it() -> None:
    plan, packed = SettingsCompiler().phone_book(with_books(None), model="snomm9")
    assert len(ElementTree.fromstring(plan.assemble(packed))) == 0


def test_nothing_of_a_domain_s_extras_is_in_the_document_for_anybody() -> None:
    general = SettingsCompiler().general(
        model="snom370", layers=of_model(Layer(book=(ODD,))), base_url=BASE_URL
    )
    assert [child.tag for child in ElementTree.fromstring(general)] == [
        "phone-settings"
    ]


def test_the_extras_of_a_domain_reach_desk_phones_alone() -> None:
    extras = Extras(
        ("MIIB",),
        (DialTemplate("*", 15),),
        (LanguageFile("gui", "Deutsch", "http://x/{firmware}/gui_lang_DE.xml"),),
    )
    device = replace(DEVICE, domain=replace(DOMAIN, extras=extras))
    compiler = SettingsCompiler()

    def tags(model: str, firmware: str) -> set[str]:
        root = ElementTree.fromstring(
            document(device, compiler, model=model, firmware=firmware)
        )
        return {child.tag for child in root}

    assert {"certificates", "dialplan", "gui-languages"} <= tags("snom370", "8.7.5")
    assert "gui-languages" not in tags("snom370", "")
    assert tags("snomm9", "9.6.2") == tags("snomM700", "5.20") == {"phone-settings"}
    text = document(device, compiler, model="snom320", firmware="6.5.20")
    assert text.startswith(b"<html>")
    assert b"MIIB" not in text


def test_an_m9_comes_back_to_its_list_of_files() -> None:
    assert b">https://pbx.example.com/prov/snomm9-{mac}.htm<" in document(
        model="snomm9"
    )


def test_old_firmware_is_told_all_but_what_is_of_several_lines() -> None:
    compiler = SettingsCompiler()
    old = {"model": "snom320", "firmware": "6.5.20"}
    for idle_text, contrast in (("a\nb", "8"), ("a", "9"), ("a\r", "7")):
        own = f"speed {{{{mac}}}}{idle_text}"
        layer = Layer(
            (Setting("user_idle_text", idle_text, 1), Setting("contrast", contrast)),
            (FunctionKey(0, "speed 1"), FunctionKey(1, own)),
        )
        device = replace(DEVICE, layer=layer)
        text = document(device, compiler, **old).decode()
        assert f"\ncontrast&: {contrast}\n" in text
        assert ("user_idle_text" in text) is (idle_text == "a")
        assert "\nfkey0&: speed 1\n" in text
        assert ("\nfkey1&: " in text) is (idle_text == "a")
        assert "\nfkey1$: " not in text
        # Newer firmware reads it all.
        assert b"user_idle_text" in document(device, compiler, model="snom320")
        shared = replace(DEVICE, domain=replace(DOMAIN, layer=layer))
        text = document(shared, compiler, **old).decode()
        assert ("user_idle_text" in text) is (idle_text == "a")


def test_phones_of_other_dialects_have_other_plans() -> None:
    compiler = SettingsCompiler()
    for firmware in ("6.5.20", "7.3.30", "8.7.5.35", "", "nonsense"):
        document(DEVICE, compiler, firmware=firmware)
    assert compiler.plans == 2


def test_a_phone_may_be_told_where_it_alone_asks_for_firmware() -> None:
    compiler = SettingsCompiler()
    url = "http://h/snom370-firmware.htm?mac={mac}&scope=abc"
    own = read(
        document(
            compiler=compiler,
            firmware_status=url,
            setting_server="http://h/{mac}.xml",
            credentials=("user", "pass"),
        )
    )[0]
    assert own["firmware_status", None][0] == url
    assert own["setting_server", None][0] == "http://h/{mac}.xml"
    assert own["http_client_user", None][0] == "user"
    plain = read(document(compiler=compiler))[0]
    assert plain["firmware_status", None][0] == (
        f"{BASE_URL}/snom370/snom370-firmware.htm?mac={{mac}}"
    )
    assert compiler.plans == 2


@pytest.mark.parametrize("firmware", ["6.5.20", "8.7.5.35", "10.1.33.33"])
def test_the_phones_of_a_large_fleet_are_kept_apart(firmware: str) -> None:
    pace = pace_for(100_000, 2_000)
    compiler = SettingsCompiler(pace=pace)
    texts = []
    for mac in (MAC, MAC + 1):
        device = replace(DEVICE, mac=mac)
        texts.append(document(device, compiler, firmware=firmware).decode())
        begin, end = pace.polling(mac)
        told = {
            "settings_refresh_timer": str(pace.refresh(mac)),
            "max_boot_delay": str(pace.boot_delay),
            "prov_back_off_timer": pace.back_off,
            "prov_polling_mode": "random",
            "prov_polling_time": begin,
            "prov_polling_time_rand_end": end,
        }
        if firmware.startswith("6"):
            known = ("settings_refresh_timer", "max_boot_delay")
            lines = dict(re.findall(r"(?m)^(\w+)[&!$]?: (.*?)\r?$", texts[-1]))
            assert {name: lines.get(name) for name in known} == {
                name: told[name] for name in known
            }
            assert "prov_back_off_timer" not in lines
            continue
        assert not lint(texts[-1].encode(), mac=f"{mac:012X}")
        found, _keys = read(document(device, compiler, firmware=firmware))
        assert {name: found[name, None][0] for name in told} == told
    assert compiler.plans == 1
    assert texts[0] != texts[1]
    _merged, values = compiler.remembered(
        DEVICE, model="snom370", layers=(), passwords=PASSWORDS, base_url=BASE_URL
    )
    assert values[:3] == [str(pace.refresh(MAC)), *pace.polling(MAC)]


def test_a_layer_may_say_otherwise_to_the_phones_of_a_large_fleet() -> None:
    compiler = SettingsCompiler(pace=pace_for(100_000, 2_000))
    said = {"max_boot_delay": "7", "prov_polling_time": "04:00"}
    layer = Layer(tuple(Setting(*each) for each in said.items()))
    settings, _keys = read(document(replace(DEVICE, layer=layer), compiler))
    assert settings["max_boot_delay", None][0] == "7"
    assert settings["prov_polling_time", None][0] == "04:00"


def test_phones_are_kept_apart_anew_when_it_is_said() -> None:
    compiler = SettingsCompiler()
    before = document(compiler=compiler)
    assert compiler.plans == 1
    assert not compiler.keep_apart(USUAL)
    assert compiler.plans == 1
    assert compiler.keep_apart(pace_for(100_000, 2_000))
    assert compiler.plans == 0
    assert b"max_boot_delay" in document(compiler=compiler)
    compiler.keep_apart(USUAL)
    assert document(compiler=compiler) == before
