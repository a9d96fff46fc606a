"""The account with the service, and what is told of phones."""

import sqlite3
from collections.abc import Callable
from typing import Any

import pytest

from bootwave.errors import OptionError, StoreNotFound
from bootwave.store.administration import Administration
from bootwave.store.redirection.account import STATES, UNSETTLED
from bootwave.store.redirection.rows import Entry, next_due, save
from bootwave.store.redirection.urls import digest_of
from bootwave.store.secrets import KeyRing, redirection_owner
from tests.store.clock import Clock
from tests.store.listed import notes_of

BASE = "https://pbx.example.com"
MAC = 0x0004132E08B4
GIVEN = {"user": "reseller", "password": "swordfish", "url": BASE}


def test_an_account_is_set_changed_in_parts_and_forgotten(
    admin: Administration, connection: sqlite3.Connection, keyring: KeyRing
) -> None:
    made = admin.redirection_set(**GIVEN)
    assert (made["user"], made["url"], made["state"]) == ("reseller", BASE, "")
    changed = admin.redirection_set(url="https://new.example.com/prov/")
    assert (changed["user"], changed["url"]) == (
        *("reseller", "https://new.example.com/prov"),
    )
    ((number, sealed),) = connection.execute(
        "SELECT id, sealed_password FROM redirection_accounts"
    ).fetchall()
    assert keyring.open(sealed, owner=redirection_owner(number)) == "swordfish"
    admin.redirection_unset()
    for operation in (
        admin.redirection_status,
        admin.redirection_unset,
        admin.redirection_sync,
    ):
        with pytest.raises(StoreNotFound, match="bootwave redirection set makes one"):
            operation()


def test_each_change_is_told_to_the_audit_log_without_the_password(
    admin: Administration,
) -> None:
    admin.actor = "anna"
    admin.redirection_set(**GIVEN)
    admin.redirection_sync()
    admin.redirection_unset()
    rows = notes_of(admin)
    assert [row["action"] for row in reversed(rows)] == [
        *("redirection.set", "redirection.synced", "redirection.unset"),
    ]
    assert all(row["actor"] == "anna" for row in rows)
    assert "swordfish" not in repr(rows)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"user": "reseller"}, "The first time"),
        ({**GIVEN, "user": "re:seller"}, "user name"),
        ({**GIVEN, "user": " "}, "user name"),
        ({**GIVEN, "user": "u" * 129}, "128 characters"),
        ({**GIVEN, "password": ""}, "password"),
        ({**GIVEN, "password": "a\nb"}, "password"),
        ({**GIVEN, "password": "p" * 257}, "256 characters"),
        ({**GIVEN, "url": "pbx.example.com"}, "base URL"),
        ({**GIVEN, "url": "tftp://pbx.example.com"}, "base URL"),
        ({**GIVEN, "url": "https://a:b@pbx.example.com"}, "base URL"),
        ({**GIVEN, "url": "https://pbx.example.com/{mac}.xml"}, "base URL"),
        ({**GIVEN, "url": "https://pbx.example.com/?a=b"}, "base URL"),
        ({**GIVEN, "url": "https://pbx.example.com/" + "x" * 200}, "base URL"),
    ],
)
def test_what_cannot_be_an_account_is_refused(
    admin: Administration, given: dict[str, Any], words: str
) -> None:
    with pytest.raises(OptionError, match=words) as refused:
        admin.redirection_set(**given)
    assert "swordfish" not in str(refused.value)
    with pytest.raises(StoreNotFound):
        admin.redirection_status()


def entry(number: int, **more: Any) -> Entry:
    return Entry(MAC + number, digest_of(BASE), **more)


def test_a_sync_tries_everything_again_and_counts_what_is_outstanding(
    admin: Administration, connection: sqlite3.Connection, clock: Clock
) -> None:
    admin.redirection_set(**GIVEN)
    now = clock().wall
    troubled = {"trouble": "owned", "words": "Error:owned_by_other_user"}
    save(connection, [entry(0, next_at=now + 9e3, tried_at=now, **troubled), entry(1)])
    assert admin.redirection_status()["outstanding"] == 0
    clock.pass_seconds(5)
    shown = admin.redirection_sync()
    assert (shown["outstanding"], shown["listed"]) == (1, False)
    assert next_due(connection) == now + 5
    assert shown["phones"] == dict.fromkeys(STATES, 0) | {"owned": 1, "registered": 1}
    (one,) = shown["troubled"]
    assert (one["mac"], one["words"]) == (f"{MAC:012X}", "Error:owned_by_other_user")
    # It was found elsewhere by a first call, and a second one is to register it.
    elsewhere = {"trouble": "elsewhere", "tried_at": now + 5}
    save(connection, [entry(0, next_at=now + 5, **elsewhere)])
    assert admin.redirection_status()["outstanding"] == 1
    # What is tried at this moment stands there as if it will fail, without words yet.
    save(connection, [entry(0, next_at=now + 20, **elsewhere)])
    assert admin.redirection_status()["outstanding"] == 1
    save(connection, [entry(0, next_at=now + 20, tried_at=now + 5)])
    assert admin.redirection_status()["outstanding"] == 1
    save(connection, [entry(0, next_at=now + 20, words="no answer", **elsewhere)])
    assert admin.redirection_status()["outstanding"] == 0


def test_who_is_unsettled_is_counted_by_what_is_wrong(
    admin: Administration, connection: sqlite3.Connection
) -> None:
    assert admin.watch_counts()["redirection"] == dict.fromkeys(UNSETTLED, 0)
    troubles = ("", "", "owned", "refused", "unreachable", "unreachable", "elsewhere")
    save(
        connection,
        [
            entry(0),
            *(
                entry(number, trouble=trouble, next_at=1e9)
                for number, trouble in enumerate(troubles, 1)
            ),
        ],
    )
    assert admin.watch_counts()["redirection"] == {
        **{"pending": 2, "owned": 1, "refused": 1, "unreachable": 2, "elsewhere": 1}
    }
    # Of an entry in trouble of which nothing is due there is none too few.
    save(connection, [entry(2), entry(1, trouble="elsewhere"), entry(0)])
    assert admin.watch_counts()["redirection"]["pending"] == 0


def test_of_one_phone_it_is_told_why_it_is_not_redirected(
    admin: Administration, add: Callable[..., None], connection: sqlite3.Connection
) -> None:
    admin.redirection_set(**GIVEN)
    add("401@pbx.example.com", mac=f"{MAC:012X}")
    add("402@pbx.example.com", mac="805E0C000001")
    waiting = admin.redirection_status(mac=f"{MAC:012x}")
    assert (waiting["state"], waiting["why"]) == ("waiting", "")
    assert waiting["url"] == f"{BASE}/{{mac}}.xml"
    other = admin.redirection_status(mac="805E0C000001")
    assert (other["state"], other["why"]) == ("none", "its MAC is none of snom's")
    unbound = admin.redirection_status(mac="000413000001")
    assert unbound["why"] == "it is bound to no account"
    connection.execute("UPDATE bindings SET expires = 9e9, boot_id = 'b'")
    claimed = admin.redirection_status(mac=f"{MAC:012X}")
    assert claimed["why"] == "it claimed a ? account, for a time only"
    admin.token_make("pbx.example.com")
    connection.execute("UPDATE bindings SET expires = NULL, boot_id = ''")
    assert admin.redirection_status(mac=f"{MAC:012X}")["url"] == (
        f"{BASE}/TOKEN/{{mac}}.xml"
    )
