import pytest

from bootwave.pairing.tokens import Known, TokenUse, claimable, token_use
from tests.pairing.rows import account, wildcard

DEVICE = Known("steady", "steady-before")
DOMAIN = Known("first", "first-before")


@pytest.mark.parametrize(
    ("asked", "use"),
    [
        ("", TokenUse.WRONG),
        ("nonsense", TokenUse.WRONG),
        ("\u00e9", TokenUse.WRONG),
        ("steady", TokenUse.STEADY),
        ("steady-before", TokenUse.PREVIOUS),
        ("first", TokenUse.FIRST_CONTACT),
        ("first-before", TokenUse.PREVIOUS),
    ],
)
def test_a_token_is_the_phones_or_its_domains_or_wrong(
    asked: str, use: TokenUse
) -> None:
    assert token_use(asked, DEVICE, DOMAIN) is use


def test_where_there_is_no_token_none_is_right() -> None:
    for asked in ("", "steady"):
        assert token_use(asked, None, None) is TokenUse.WRONG
    assert token_use("", Known("steady"), Known("first")) is TokenUse.WRONG
    assert token_use("first", None, DOMAIN) is TokenUse.FIRST_CONTACT


def test_what_is_known_does_not_print() -> None:
    assert "steady" not in repr(DEVICE)


def test_a_wildcard_is_claimed_by_the_url_of_its_domain() -> None:
    one = wildcard(account(1, domain_id=1, wildcard="*"))
    two = wildcard(account(2, domain_id=2, wildcard="*"))
    assert claimable([one, two], {}) == [one, two]
    assert claimable([one, two], {1: False}) == [two]
    assert claimable([one, two], {1: True, 2: False}) == [one]
