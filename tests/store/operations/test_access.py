"""Operations of access: what others are told, and what is undone together."""

import pytest

from bootwave.errors import StoreConflict, StoreNotFound
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


def test_who_proved_who_he_is_is_it_still_when_his_session_is_opened(
    admin: Administration,
) -> None:
    admin.admin_add("anna", password=PASSWORD)
    proved = admin.access_administrator("anna")
    assert proved is not None
    admin.admin_password("anna", password=PASSWORD * 2)
    now = admin.access_administrator("anna")
    with pytest.raises(StoreNotFound, match="sign in again"):
        admin.access_open(proved, b"d" * 32, "")
    assert admin.access_administrator("anna") == now
    admin.admin_remove("anna")
    admin.admin_add("anna", password=PASSWORD)
    assert now is not None
    with pytest.raises(StoreNotFound):
        admin.access_open(now, b"d" * 32, "")


def test_what_is_looked_at_behind_a_write_sees_it_and_is_told_once(
    admin: Administration,
) -> None:
    seen: list[int] = []

    def after(work: Work) -> None:
        sql = "SELECT COUNT(*) FROM administrators"
        seen.append(work.connection.execute(sql).fetchall()[0][0])

    admin.after = after
    assert admin.looked(lambda work: work.actor) == admin.actor
    admin.admin_add("anna", password=PASSWORD)
    admin.admin_add("otto", password=PASSWORD)
    assert seen == [1]


def test_what_is_looked_at_before_a_write_ends_it_once(admin: Administration) -> None:
    def before(work: Work) -> None:
        raise StoreConflict("Not now.")

    admin.before = before
    with pytest.raises(StoreConflict):
        admin.admin_add("anna", password=PASSWORD)
    assert admin.admin_list() == []
    admin.admin_add("anna", password=PASSWORD)
