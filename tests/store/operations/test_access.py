"""Operations of access: what others are told, and what is undone together."""

import pytest

from bootwave.errors import StoreConflict
from bootwave.store.administration import Administration
from bootwave.store.changelog import Change
from bootwave.store.work import Work

PASSWORD = "correct horse battery"


def test_no_phone_forgets_anything_because_of_an_administrator(
    admin: Administration, told: list[list[Change]]
) -> None:
    admin.admin_add("anna", password=PASSWORD)
    admin.admin_token_add("pbx", scopes=["read"])
    anna = admin.access_administrator("anna")
    assert anna is not None
    admin.access_open(anna, b"d" * 32, "")
    assert told == []


def test_what_is_looked_at_before_a_write_ends_it_once(admin: Administration) -> None:
    def before(work: Work) -> None:
        raise StoreConflict("Not now.")

    admin.before = before
    with pytest.raises(StoreConflict):
        admin.admin_add("anna", password=PASSWORD)
    assert admin.admin_list() == []
    admin.admin_add("anna", password=PASSWORD)
