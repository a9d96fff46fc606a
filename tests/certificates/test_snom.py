"""The facts about snom's factory, as the policy uses them."""

from bootwave.certificates.names import name_from_text
from bootwave.certificates.parsed import Parsed
from bootwave.certificates.path import Authorities
from bootwave.certificates.policy import TrustPolicy
from bootwave.certificates.snom import ISSUERS, SNOM_ROOT_2_KEY
from bootwave.options import SNOM_ROOT_1_KEY, HttpsOptions
from tests.certificates.factory import WORLD


class Root:
    """Stands for a root of snom's, whose key nobody here has."""

    def __init__(self, key: str) -> None:
        self.key = bytes.fromhex(key)


def test_the_root_with_weak_algorithms_is_pinned_by_default() -> None:
    assert HttpsOptions().legacy_roots == (SNOM_ROOT_1_KEY,)


def test_below_each_root_its_own_issuing_ca_may_sign_phones() -> None:
    policy = TrustPolicy(Authorities((), ()))
    first, second = Root(SNOM_ROOT_1_KEY), Root(SNOM_ROOT_2_KEY)
    of_first = policy.issuers_below(first)  # type: ignore[arg-type]
    of_second = policy.issuers_below(second)  # type: ignore[arg-type]
    # As those who check the issuer of snom phones write it.
    for text, allowed in (
        ("CN=Snom Phone 1,O=Snom Technology AG,L=Berlin,ST=Berlin,C=DE", of_first),
        (
            "CN=Snom Phone 1 SHA-256,O=snom technology AG,L=Berlin,ST=Berlin,C=DE",
            of_second,
        ),
    ):
        assert name_from_text(text) in allowed
        with_address = f"emailAddress=security@snom.com,{text}"
        assert name_from_text(with_address) in allowed
    assert not of_first & of_second
    assert len(of_first | of_second) == sum(map(len, ISSUERS.values()))


def test_below_other_roots_any_ca_may() -> None:
    policy = TrustPolicy(Authorities((), ()))
    assert policy.issuers_below(Parsed(WORLD.root.der)) == frozenset()
