import sqlite3
from collections.abc import Callable

import pytest

from bootwave.errors import SettingError, StoreConflict, StoreNotFound
from bootwave.store.administration import Administration
from bootwave.store.changelog import Change
from bootwave.store.names import MAX_MAILBOX_CHARACTERS
from bootwave.store.secrets import KeyRing, password_owner
from bootwave.store.serving.reader import Reader
from tests.store.listed import accounts_of, notes_of

MAC = 0x0004132E08B4
ACCOUNT = "401@a.example.com"


@pytest.fixture
def domain(admin: Administration) -> None:
    admin.domain_add("a.example.com")


def test_an_account_is_shown_without_its_password(
    domain: None, admin: Administration
) -> None:
    added = admin.account_add(
        ACCOUNT, name="Anna & <B>", password="hunter2", mac="00:04:13:2e:08:b4"
    )
    assert added == {
        "account": ACCOUNT,
        "name": "Anna & <B>",
        "auth_user": "",
        "mailbox": "",
        "wildcard": "",
        "profile": "",
        "bound": [{"mac": "0004132E08B4", "identity": 1, "temporary": False}],
        "window": {
            "state": "closed",
            "seconds_left": 0,
            "until": None,
            "mac": "",
            "source": "",
            "opened_at": None,
            "opened_by": "",
            "most": None,
            "claims": 0,
            "ouis": [],
            "subnet": "",
            "models": [],
            "closed_by": "",
        },
    }
    assert admin.account_show(ACCOUNT) == added
    assert "hunter2" not in repr(accounts_of(admin))


def test_the_password_is_stored_sealed_for_its_account(
    domain: None,
    admin: Administration,
    reader: Reader,
    keyring: KeyRing,
    connection: sqlite3.Connection,
) -> None:
    admin.account_add(ACCOUNT, password="hunter2-grüße", mac=f"{MAC:012X}")
    account = reader.devices([MAC])[MAC].bindings[0].account
    opened = keyring.open(account.sealed_password, owner=password_owner(account.id))
    assert opened == "hunter2-grüße"
    admin.account_set(ACCOUNT, password="changed")
    account = reader.devices([MAC])[MAC].bindings[0].account
    opened = keyring.open(account.sealed_password, owner=password_owner(account.id))
    assert opened == "changed"
    assert b"hunter2" not in connection.serialize()


def test_changing_an_account_leaves_what_is_not_given(
    domain: None, admin: Administration, told: list[list[Change]]
) -> None:
    admin.account_add(
        ACCOUNT, name="Anna", password="pw", mailbox="900", mac=f"{MAC:012X}"
    )
    told.clear()
    shown = admin.account_set(ACCOUNT, name="Berta")
    assert (shown["name"], shown["mailbox"]) == ("Berta", "900")
    assert Change("device", MAC) in told[0]
    assert admin.account_set(ACCOUNT, mailbox="")["mailbox"] == ""


def test_an_account_exists_once_in_its_domain(
    domain: None, admin: Administration
) -> None:
    admin.account_add(ACCOUNT, password="pw")
    with pytest.raises(StoreConflict, match="exists already"):
        admin.account_add(ACCOUNT, password="pw")
    admin.domain_add("b.example.com")
    admin.account_add("401@b.example.com", password="pw")
    listed = accounts_of(admin)
    assert [row["account"] for row in listed] == [ACCOUNT, "401@b.example.com"]
    assert len(accounts_of(admin, domain="b.example.com")) == 1


def test_a_refused_account_leaves_nothing_behind(
    domain: None, admin: Administration, told: list[list[Change]]
) -> None:
    told.clear()
    for wrong in (
        {"password": ""},
        {"password": "pw", "name": "a\x00b"},
        {"password": "pw", "mac": "nonsense"},
    ):
        with pytest.raises(SettingError):
            admin.account_add(ACCOUNT, **wrong)
    with pytest.raises(StoreNotFound, match="domain add"):
        admin.account_add("401@nowhere.example.com", password="pw")
    assert accounts_of(admin) == []
    assert told == []


def test_a_removed_account_takes_everything_with_it(
    domain: None,
    admin: Administration,
    reader: Reader,
    told: list[list[Change]],
    connection: sqlite3.Connection,
) -> None:
    admin.account_add(ACCOUNT, password="pw", mac=f"{MAC:012X}")
    admin.window_open([ACCOUNT])
    admin.settings_set("account", ACCOUNT, "user_srtp", "on")
    admin.keys_set("account", ACCOUNT, 0, "line")
    told.clear()
    admin.account_remove(ACCOUNT)
    assert Change("device", MAC) in told[0]
    device = reader.devices([MAC])[MAC]
    assert (device.domain, device.bindings) == (None, ())
    for table in ("windows", "settings", "function_keys", "accounts", "bindings"):
        count = connection.execute(f"SELECT COUNT(*) FROM {table}").fetchone()[0]
        assert (table, count) == (table, 0)
    with pytest.raises(StoreNotFound):
        admin.account_remove(ACCOUNT)


def test_an_id_is_never_given_twice(
    domain: None, admin: Administration, add: Callable[..., None], reader: Reader
) -> None:
    # A sealed password names its account's id.
    admin.account_add(ACCOUNT, password="pw", mac=f"{MAC:012X}")
    before = reader.devices([MAC])[MAC].bindings[0].account.id
    admin.account_remove(ACCOUNT)
    admin.account_add(ACCOUNT, password="pw", mac=f"{MAC:012X}")
    assert reader.devices([MAC])[MAC].bindings[0].account.id != before


def test_what_an_account_is_already_touches_nothing(
    admin: Administration, add: Callable[..., None], told: list[list[Change]]
) -> None:
    add("401@a.example.com", mac=f"{MAC:012X}")
    admin.account_set("401@a.example.com", name="Anna", mailbox="8401")
    told.clear()
    notes = notes_of(admin)
    admin.account_set("401@a.example.com", name=" Anna ")
    admin.account_set("401@a.example.com")
    assert (told, notes_of(admin)) == ([], notes)
    # A password is told anew, also one that it had.
    admin.account_set("401@a.example.com", password="s3cret-word")
    admin.account_set("401@a.example.com", mailbox="")
    assert (len(told), len(notes_of(admin))) == (2, len(notes) + 2)


def test_a_mailbox_that_is_too_long_is_refused_and_not_cut(
    admin: Administration, add: Callable[..., None]
) -> None:
    add(ACCOUNT)
    long = "8" * (MAX_MAILBOX_CHARACTERS + 1)
    sentence = "The mailbox must be one line of at most 64"
    with pytest.raises(SettingError, match=sentence):
        admin.account_set(ACCOUNT, mailbox=long)
    with pytest.raises(SettingError, match=sentence):
        admin.account_add("402@a.example.com", password="s3cret-word", mailbox=long)
    row = {"extension": "402", "password": "s3cret-word", "mailbox": long}
    done = admin.account_import([row], domain="a.example.com")
    assert sentence in done["errors"][0]["error"]
    assert admin.account_set(ACCOUNT, mailbox=long[1:])["mailbox"] == long[1:]
