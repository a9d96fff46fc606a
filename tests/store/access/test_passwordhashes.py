import pytest

from bootwave.errors import SettingError
from bootwave.store.access.passwordhashes import hashed, is_right, nobodys_hash

PASSWORD = "correct horse battery"


def test_a_hash_is_argon2id_and_of_one_password() -> None:
    made = hashed(PASSWORD)
    assert made.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    assert made != hashed(PASSWORD)
    assert is_right(PASSWORD, made)
    for other in (PASSWORD + " ", "", "\ud800", "x" * 10_000):
        assert not is_right(other, made)
    assert not is_right(PASSWORD, "no hash")
    assert not is_right("", nobodys_hash())


@pytest.mark.parametrize(
    "wrong", ["x" * 11, "x" * 257, "\ud800" * 12, " Administrator"]
)
def test_one_that_is_not_good_enough_is_not_quoted(wrong: str) -> None:
    with pytest.raises(SettingError) as refused:
        hashed(wrong, name="administrator")
    assert wrong not in str(refused.value)
