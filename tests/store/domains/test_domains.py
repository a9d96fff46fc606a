import sqlite3
from collections.abc import Callable

import pytest

from bootwave.errors import SettingError, StoreConflict, StoreNotFound
from bootwave.store.administration import Administration
from bootwave.store.changelog import Change
from bootwave.store.serving.reader import Reader
from tests.store.counted import counting
from tests.store.listed import notes_of

MAC = 0x0004132E08B4


def test_a_domain_is_added_changed_and_listed(admin: Administration) -> None:
    admin.domain_add("B.example.com", registrar="sip.example.com:5061", language="fr")
    admin.domain_add("a.example.com")
    admin.domain_set("b.example.com", language="Deutsch", tone_scheme="GER")
    first, second = admin.domain_list()
    assert first["name"] == "a.example.com"
    assert second == {
        "name": "b.example.com",
        "registrar": "sip.example.com:5061",
        "outbound_proxy": "",
        "reach": "",
        "language": "Deutsch",
        "timezone": "",
        "tone_scheme": "GER",
        "wildcard_subnet": "",
        "accounts": 0,
        "devices": 0,
        "token": "",
    }
    admin.domain_set("b.example.com", registrar="")
    assert admin.domain_list()[1]["registrar"] == ""


def test_a_domain_takes_the_names_people_use(admin: Administration) -> None:
    names = {"language": "German", "timezone": "Europe/Berlin", "tone_scheme": "DE"}
    made = admin.domain_add("a.example.com", **names)
    codes = {"language": "Deutsch", "timezone": "GER+1", "tone_scheme": "GER"}
    assert {name: made[name] for name in codes} == codes
    with pytest.raises(SettingError, match=r"did you mean Germany\?"):
        admin.domain_set("a.example.com", timezone="Germny")


def test_how_its_phones_are_reached_is_one_of_three(admin: Administration) -> None:
    assert admin.domain_add("a.example.com", reach="Proxy")["reach"] == "proxy"
    assert admin.domain_set("a.example.com", reach="direct")["reach"] == "direct"
    assert admin.domain_set("a.example.com", language="de")["reach"] == "direct"
    assert admin.domain_set("a.example.com", reach="auto")["reach"] == ""
    with pytest.raises(SettingError, match="write auto, direct or proxy"):
        admin.domain_set("a.example.com", reach="pigeon")


def test_a_domain_exists_once(admin: Administration) -> None:
    admin.domain_add("a.example.com")
    with pytest.raises(StoreConflict, match="exists already"):
        admin.domain_add("A.Example.com")


@pytest.mark.parametrize(
    "field", ["registrar", "outbound_proxy", "language", "wildcard_subnet"]
)
def test_values_that_mean_nothing_are_refused_where_they_enter(
    admin: Administration, field: str
) -> None:
    with pytest.raises(SettingError):
        admin.domain_add("a.example.com", **{field: "a\x00b"})
    assert admin.domain_list() == []


def test_a_domain_with_accounts_is_removed_by_force_only(
    admin: Administration,
    add: Callable[..., None],
    reader: Reader,
    told: list[list[Change]],
) -> None:
    add("401@a.example.com", mac=f"{MAC:012X}")
    add("402@a.example.com", mac="*")
    add("401@b.example.com", mac="0004132E08B5")
    admin.window_open(["401@a.example.com"])
    admin.settings_set("account", "401@a.example.com", "user_srtp", "on")
    admin.settings_set("device", f"{MAC:012X}", "language", "Deutsch")
    admin.keys_set("domain", "a.example.com", 0, "line")
    with pytest.raises(StoreConflict, match="--force"):
        admin.domain_remove("a.example.com")
    told.clear()
    assert admin.domain_remove("a.example.com", force=True)["accounts"] == 2
    assert Change("device", MAC) in told[0]
    assert [row["name"] for row in admin.domain_list()] == ["b.example.com"]
    device = reader.devices([MAC])[MAC]
    assert (device.domain, device.bindings) == (None, ())
    assert device.layer.settings == ()
    add("401@c.example.com", mac="*")
    with pytest.raises(StoreNotFound):
        admin.domain_remove("a.example.com")


def test_removing_a_domain_costs_no_more_where_another_has_many_phones(
    admin: Administration, add: Callable[..., None], connection: sqlite3.Connection
) -> None:
    add("401@b.example.com", mac="0004132E08B5")

    def steps(macs: range) -> int:
        connection.executemany(
            "INSERT INTO devices (mac, domain_id, last_domain_id, model, "
            "owns_certificate) SELECT ?, id, id, '', 0 FROM domains "
            "WHERE name = 'b.example.com'",
            [(mac,) for mac in macs],
        )
        connection.executemany(
            "INSERT INTO bindings (mac, identity, account_id, domain_id, boot_id) "
            "SELECT ?, 1, id, domain_id, '' FROM accounts WHERE number = '401' "
            "AND domain_id = (SELECT id FROM domains WHERE name = 'b.example.com')",
            [(mac,) for mac in macs],
        )
        add("402@a.example.com", mac="0004132E08B4")
        with counting(connection) as taken:
            admin.domain_remove("a.example.com", force=True)
            return taken()

    few, many = steps(range(1, 3)), steps(range(3, 1_000))
    assert many < few + 500


def test_one_star_domain_to_a_subnet(
    admin: Administration, add: Callable[..., None]
) -> None:
    add("401@a.example.com", mac="*")
    add("401@b.example.com")
    with pytest.raises(StoreConflict, match=r"a\.example\.com has '\*' accounts"):
        admin.account_bind("401@b.example.com", "*")
    admin.domain_set("b.example.com", wildcard_subnet="10.0.0.0/8")
    admin.account_bind("401@b.example.com", "*")
    with pytest.raises(StoreConflict, match="--wildcard-subnet"):
        admin.domain_set("b.example.com", wildcard_subnet="")
    admin.account_unbind("401@a.example.com", "*")
    admin.domain_set("b.example.com", wildcard_subnet="")


def test_temporary_wildcards_of_two_domains_may_share_a_subnet(
    add: Callable[..., None],
) -> None:
    # Which of them an unknown phone could claim is ambiguous, and pairing says so.
    add("401@a.example.com", mac="?")
    add("401@b.example.com", mac="?")


def test_what_a_domain_is_already_touches_nothing(
    admin: Administration, told: list[list[Change]]
) -> None:
    admin.domain_add("a.example.com", language="de")
    told.clear()
    notes = notes_of(admin)
    same = admin.domain_set("a.example.com", language="Deutsch", registrar="")
    assert same["language"] == "Deutsch"
    assert (told, notes_of(admin)) == ([], notes)
    admin.domain_set("a.example.com", language="")
    assert (len(told), len(notes_of(admin))) == (1, len(notes) + 1)
