import pytest

from bootwave.errors import StoreNotFound
from bootwave.store.access import sessions
from bootwave.store.access.administrators import Administrator
from bootwave.store.administration import Administration
from tests.store.clock import Clock

PASSWORD = "correct horse battery"
DIGEST = b"d" * 32


@pytest.fixture
def anna(admin: Administration) -> Administrator:
    admin.admin_add("anna", password=PASSWORD)
    found = admin.access_administrator(" ANNA")
    assert found is not None
    return found


def test_a_session_ends_when_it_is_not_used(
    admin: Administration, anna: Administrator, clock: Clock
) -> None:
    opened = admin.access_open(anna, DIGEST, "192.0.2.1")
    assert opened.administrator.name == "anna"
    assert opened.is_confirmed(clock())
    clock.pass_seconds(sessions.IDLE_SECONDS - 1)
    assert admin.access_session(DIGEST) is not None
    admin.access_used(session=opened.id)
    clock.pass_seconds(sessions.IDLE_SECONDS - 1)
    found = admin.access_session(DIGEST)
    assert found is not None
    assert not found.is_confirmed(clock())
    admin.access_confirm(found)
    again = admin.access_session(DIGEST)
    assert again is not None
    assert again.is_confirmed(clock())
    clock.pass_seconds(2)
    assert admin.access_session(DIGEST) is None


def test_a_session_ends_after_a_day_of_work_and_with_a_reboot(
    admin: Administration, anna: Administrator, clock: Clock
) -> None:
    opened = admin.access_open(anna, DIGEST, "192.0.2.1")
    begun = clock().boottime
    while clock().boottime < begun + sessions.SESSION_SECONDS - 2_000:
        clock.pass_seconds(2_000)
        admin.access_used(session=opened.id)
    assert admin.access_session(DIGEST) is not None
    clock.pass_seconds(begun + sessions.SESSION_SECONDS - clock().boottime)
    assert admin.access_session(DIGEST) is None
    admin.access_open(anna, b"e" * 32, "192.0.2.1")
    clock.reboot()
    assert admin.access_session(b"e" * 32) is None


def test_one_administrator_has_so_many_sessions(
    admin: Administration, anna: Administrator
) -> None:
    for number in range(sessions.MAX_SESSIONS + 1):
        admin.access_open(anna, bytes([number]) * 32, "192.0.2.1")
    assert admin.access_session(bytes(32)) is None
    assert admin.access_session(bytes([1]) * 32) is not None


def test_a_session_is_closed(admin: Administration, anna: Administrator) -> None:
    session = admin.access_open(anna, DIGEST, "192.0.2.1")
    admin.access_close(session)
    assert admin.access_session(DIGEST) is None
    admin.admin_remove("anna")
    with pytest.raises(StoreNotFound):
        admin.access_open(anna, DIGEST, "192.0.2.1")


def test_who_has_another_password_by_now_is_not_let_in_by_the_old_one(
    admin: Administration, anna: Administrator
) -> None:
    admin.admin_password("anna", password="another good password")
    with pytest.raises(StoreNotFound, match="sign in again"):
        admin.access_open(anna, DIGEST, "192.0.2.1")
    assert admin.access_session(DIGEST) is None


def test_a_set_up_token_is_good_once_and_for_an_hour(
    admin: Administration, clock: Clock
) -> None:
    old = admin.admin_link()["token"]
    made = admin.admin_link()
    assert made["expires_at"] == clock().wall + sessions.LINK_SECONDS
    token = made["token"]
    assert not admin.access_link_is_good(old)
    assert admin.access_link_is_good(token)
    done = admin.access_redeem(token, "anna", "$argon2id$hash")
    assert done["role"] == "operator"
    with pytest.raises(StoreNotFound, match="bootwave admin link"):
        admin.access_redeem(token, "otto", "$argon2id$hash")
    late = admin.admin_link()["token"]
    clock.pass_seconds(sessions.LINK_SECONDS)
    assert not admin.access_link_is_good(late)
    assert [row["name"] for row in admin.admin_list()] == ["anna"]


def test_a_set_up_token_is_not_used_up_by_a_name_that_is_taken(
    admin: Administration, anna: Administrator
) -> None:
    token = admin.admin_link()["token"]
    with pytest.raises(Exception, match="already"):
        admin.access_redeem(token, "anna", "$argon2id$hash")
    assert admin.access_link_is_good(token)
