import sqlite3
from collections.abc import Callable

from bootwave.directory.records import NO_EXTRAS, DialTemplate, LanguageFile
from bootwave.store.administration import Administration
from bootwave.store.serving.domainparts import account_books, domain_book, extras_of
from bootwave.store.serving.reader import Reader

DOMAIN = "a.example.com"
MAC = 0x0004132E08B4


def test_who_has_nothing_has_none_of_it(
    connection: sqlite3.Connection, add: Callable[..., None]
) -> None:
    add(f"401@{DOMAIN}")
    assert extras_of(connection, 1) == NO_EXTRAS
    assert domain_book(connection, 1) is None
    assert account_books(connection, [1, 2]) == account_books(connection, []) == {}


def test_a_domain_s_parts_are_read_anew_when_they_change(
    admin: Administration, reader: Reader, add: Callable[..., None]
) -> None:
    add(f"401@{DOMAIN}", mac=f"{MAC:012X}")

    def extras() -> object:
        device = reader.devices([MAC])[MAC]
        assert device.domain is not None
        return device.domain.extras

    assert extras() == NO_EXTRAS
    admin.dialplan_set(DOMAIN, "9*", timeout=5)
    admin.dialplan_set(DOMAIN, "8*", user="IP", rewrite="1")
    admin.language_set(DOMAIN, "web", "Deutsch", "http://x/web_lang_DE.xml")
    found = reader.devices([MAC])[MAC].domain
    assert found is not None
    assert found.extras.dialplan == (
        DialTemplate("8*", 0, "IP", "1"),
        DialTemplate("9*", 5),
    )
    assert found.extras.languages == (
        LanguageFile("web", "Deutsch", "http://x/web_lang_DE.xml"),
    )
    admin.dialplan_clear(DOMAIN)
    found = reader.devices([MAC])[MAC].domain
    assert found is not None
    assert found.extras.dialplan == ()
