import sqlite3
from collections.abc import Callable

from bootwave.redirection.addresses import Addresses
from bootwave.store.administration import Administration
from bootwave.store.redirection import rows

BASE = "https://pbx.example.com"
MAC = 0x0004132E08B4


def url(admin: Administration, addresses: Addresses) -> str | None:
    with admin.redirection_look() as work:
        account = rows.required_account(work.connection)
        (one,) = rows.bound_of(work.connection, [MAC])
        return addresses.url(work, account, one)


def has_other_token(admin: Administration, addresses: Addresses, domain: str) -> bool:
    with admin.redirection_look() as work:
        return addresses.has_other_token(work, work.domain_id(domain))


def test_the_token_of_the_domain_is_in_the_url_until_it_is_another(
    admin: Administration, add: Callable[..., None]
) -> None:
    admin.redirection_set(user="reseller", password="swordfish", url=BASE)
    add("401@pbx.example.com", mac=f"{MAC:012X}")
    addresses = Addresses()
    assert not has_other_token(admin, addresses, "pbx.example.com")
    assert url(admin, addresses) == f"{BASE}/{{mac}}.xml"
    assert not has_other_token(admin, addresses, "pbx.example.com")
    token = admin.token_make("pbx.example.com")["token"]
    assert url(admin, addresses) == f"{BASE}/{{mac}}.xml"
    assert has_other_token(admin, addresses, "pbx.example.com")
    assert url(admin, addresses) == f"{BASE}/{token}/{{mac}}.xml"
    admin.token_remove("pbx.example.com")
    addresses.forget()
    assert url(admin, addresses) == f"{BASE}/{{mac}}.xml"


def test_a_token_that_cannot_be_opened_is_told_once_and_makes_no_url(
    admin: Administration,
    add: Callable[..., None],
    connection: sqlite3.Connection,
    noted: list[str],
) -> None:
    admin.redirection_set(user="reseller", password="swordfish", url=BASE)
    add("401@pbx.example.com", mac=f"{MAC:012X}")
    admin.token_make("pbx.example.com")
    connection.execute("UPDATE domain_tokens SET sealed_token = x'00112233'")
    addresses = Addresses()
    assert url(admin, addresses) is None
    assert url(admin, addresses) is None
    assert noted == ["control.redirection_skipped"]
