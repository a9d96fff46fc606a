import pytest

from bootwave.settings.secretnames import is_secret


@pytest.mark.parametrize(
    "name",
    """
    user_pass user_hash http_pass admin_mode_password keyboard_lock_pw base_pin
    http_client_pass subscr_dect_ac_code some_secret_of_later
    """.split(),
)
def test_what_may_hold_a_secret_is_told_by_its_name(name: str) -> None:
    assert is_secret(name)


@pytest.mark.parametrize("name", ["language", "user_name", "user_pname", "http_user"])
def test_other_names_hold_none(name: str) -> None:
    assert not is_secret(name)
