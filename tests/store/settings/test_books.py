from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from bootwave.errors import OptionError, SettingError, StoreNotFound
from bootwave.settings.books.contacts import MAX_ENTRIES
from bootwave.store.administration import Administration
from bootwave.store.changelog import Change
from bootwave.store.connection import connect, transaction
from bootwave.store.serving.reader import Reader
from bootwave.store.settings.books import MAX_ROWS

MAC = 0x0004132E08B4
ACCOUNT = "401@a.example.com"
TARGETS = [("domain", "a.example.com"), ("account", ACCOUNT)]


def entry(name: str, number: str, kind: str = "") -> dict[str, str]:
    return {"name": name, "number": number, "type": kind, "category": ""}


@pytest.fixture
def account(add: Callable[..., None]) -> None:
    add(ACCOUNT, mac=f"{MAC:012X}")


def names(admin: Administration, scope: str, target: str) -> list[Any]:
    found = admin.phonebook_list(scope, target)["entries"]
    return [(each["name"], each["number"], each["type"]) for each in found]


@pytest.mark.parametrize(("scope", "target"), TARGETS)
def test_entries_come_in_in_order_and_go_again(
    account: None, admin: Administration, scope: str, target: str
) -> None:
    assert not admin.phonebook_list(scope, target)["told"]
    rows = [entry("Zoe", "+49 (30) 1"), entry("Anna", "402", "mobile")]
    done = admin.phonebook_import(scope, target, rows)
    assert (done["entries"], done["added"], done["removed"]) == (2, 2, 0)
    assert done["stored"]
    more = [entry("Anna", "402", "home"), entry("Bob", "403")]
    done = admin.phonebook_import(scope, target, more)
    assert (done["entries"], done["added"], done["removed"]) == (3, 1, 0)
    assert names(admin, scope, target) == [
        ("Anna", "402", "home"),
        ("Bob", "403", ""),
        ("Zoe", "+49301", ""),
    ]
    done = admin.phonebook_import(scope, target, more[1:], replace=True)
    assert (done["entries"], done["added"], done["removed"]) == (1, 0, 2)
    assert admin.phonebook_clear(scope, target) == {"entries": 1, "told": True}
    assert admin.phonebook_list(scope, target)["told"]
    admin.phonebook_clear(scope, target, forget=True)
    assert not admin.phonebook_list(scope, target)["told"]
    with pytest.raises(StoreNotFound, match="phonebook import"):
        admin.phonebook_clear(scope, target)


def test_a_file_that_is_no_phone_book_is_not_read_to_its_end(
    account: None, admin: Administration, path: Path
) -> None:
    taken = 0
    other = connect(path, busy_seconds=0.0)

    def rows() -> Iterator[dict[str, str]]:
        nonlocal taken
        with transaction(other):  # phones can write meanwhile
            pass
        for _ in range(10**5):
            taken += 1
            yield entry("A", "1")

    with pytest.raises(SettingError, match=f"more than {MAX_ROWS:,} rows"):
        admin.phonebook_import("domain", "a.example.com", rows())
    assert taken == MAX_ROWS + 1
    other.close()


def test_a_wrong_row_is_named_and_the_right_ones_are_stored_unless_all_are_wanted(
    account: None, admin: Administration, told: list[list[Change]]
) -> None:
    rows: list[dict[str, Any]] = [
        entry("Anna", "402"),
        entry("Bob", "no number"),
        {"name": "Zoe", "number": "1", "fax": "2"},
        {"name": "Zoe", "number": 1},
    ]
    told.clear()
    for how in ({"all_or_nothing": True}, {"replace": True}):
        done = admin.phonebook_import("account", ACCOUNT, rows, **how)
        assert not done["stored"]
        assert [error["row"] for error in done["errors"]] == [2, 3, 4]
    assert "no number" in done["errors"][0]["error"]
    for some, dry_run in ((rows[:1], True), (rows[1:], False)):
        done = admin.phonebook_import("account", ACCOUNT, some, dry_run=dry_run)
        assert not done["stored"]
    assert not told
    assert not admin.phonebook_list("account", ACCOUNT)["told"]
    done = admin.phonebook_import("account", ACCOUNT, rows)
    assert (done["stored"], done["entries"], done["error_count"]) == (True, 1, 3)


def test_phones_that_show_a_book_are_told_that_it_changed(
    account: None, admin: Administration, told: list[list[Change]]
) -> None:
    told.clear()
    admin.phonebook_import("account", ACCOUNT, [entry("Anna", "402")])
    assert {change.kind for change in told[-1]} == {"account", "device"}
    admin.phonebook_import("domain", "a.example.com", [entry("Anna", "402")])
    assert [change.kind for change in told[-1]] == ["domain"]


def test_a_book_has_a_bound_and_models_with_less_room_are_named(
    account: None, admin: Administration
) -> None:
    rows = [entry("A", str(n)) for n in range(MAX_ENTRIES + 1)]
    with pytest.raises(SettingError, match=f"{MAX_ENTRIES:,} is the most"):
        admin.phonebook_import("domain", "a.example.com", rows)
    done = admin.phonebook_import("domain", "a.example.com", rows[:101])
    assert {"model": "snom300", "entries": 100} in done["shortened"]
    assert "snom370" not in {each["model"] for each in done["shortened"]}


@pytest.mark.parametrize(
    ("scope", "target", "error"),
    [
        ("domain", "b.example.com", StoreNotFound),
        ("account", "409@a.example.com", StoreNotFound),
        ("device", "0004132E08B4", OptionError),
    ],
)
def test_a_book_is_of_a_domain_or_an_account_that_there_is(
    account: None, admin: Administration, scope: str, target: str, error: Any
) -> None:
    with pytest.raises(error):
        admin.phonebook_import(scope, target, [])


def test_who_asks_for_a_phone_has_no_book_of_an_account_read(
    account: None, admin: Administration, reader: Reader
) -> None:
    # Anybody may ask, for phones and for MACs that are nobody's: a thousand entries
    # read each time would let few of them keep a worker busy.
    admin.phonebook_import("account", ACCOUNT, [entry("A", "1")])
    reader.devices([MAC])
    statements: list[str] = []
    with reader.moment() as connection:
        connection.set_trace_callback(statements.append)
        found = reader.devices([MAC, MAC + 1])
    assert found[MAC].bindings[0].account.has_book
    assert statements
    assert not [text for text in statements if "phone_book_entries" in text]


def test_the_reader_has_the_books_of_domain_and_account(
    account: None, admin: Administration, reader: Reader
) -> None:
    def books() -> tuple[Any, Any]:
        device = reader.devices([MAC])[MAC]
        assert device.domain is not None
        account = device.bindings[0].account
        shared, own = device.domain.layer.book, reader.account_books([account.id])
        assert account.layer.book is None
        assert account.has_book == bool(own)
        return tuple(
            None if book is None else [each.name for each in book]
            for book in (shared, own.get(account.id))
        )  # type: ignore[return-value]

    assert books() == (None, None)
    admin.phonebook_import("domain", "a.example.com", [entry("Zoe", "1")])
    admin.phonebook_import("account", ACCOUNT, [entry("B", "2"), entry("A", "1")])
    assert books() == (["Zoe"], ["A", "B"])
    admin.settings_set("account", ACCOUNT, "language", "x")
    assert books() == (["Zoe"], ["A", "B"])
    admin.phonebook_clear("domain", "a.example.com")
    admin.phonebook_clear("account", ACCOUNT)
    assert books() == ([], [])
    admin.phonebook_clear("account", ACCOUNT, forget=True)
    assert books() == ([], None)
