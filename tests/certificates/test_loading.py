"""From options and files to a policy, and what an operator is told about it."""

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from bootwave.certificates.loading import (
    authorities_from_files,
    faults,
    policy_from_options,
    warnings,
)
from bootwave.errors import OptionError
from bootwave.options import SNOM_ROOT_1_KEY, HttpsOptions
from tests.certificates import authorities, factory
from tests.certificates.authorities import DAY, NOW, ca_name, root, rsa_key
from tests.certificates.encoding import common_name, pem
from tests.certificates.factory import WORLD


def file(tmp_path: Path, content: bytes, name: str = "file.pem") -> Path:
    path = tmp_path / name
    path.write_bytes(content)
    return path


def policy(tmp_path: Path, content: bytes, **more: object) -> list[str]:
    cas = (file(tmp_path, content),)
    fields = {"factory_cas": cas, **more}
    made = policy_from_options(HttpsOptions.model_validate(fields))
    return [*faults(made, NOW), *warnings(made, NOW)]


def test_without_files_there_is_a_policy_that_trusts_nobody() -> None:
    made = policy_from_options(HttpsOptions())
    assert made.trusted == ()
    assert made.tolerated == frozenset()
    assert list(warnings(made, NOW)) == []


def test_roots_and_issuing_cas_are_told_apart(tmp_path: Path) -> None:
    content = pem(WORLD.issuing.der) + pem(WORLD.root.der) + pem(WORLD.root.der)
    found = authorities_from_files([file(tmp_path, content)])
    assert [ca.der for ca in found.roots] == [WORLD.root.der]
    assert [ca.der for ca in found.issuing] == [WORLD.issuing.der]


def test_a_ca_that_only_claims_to_have_signed_itself_is_no_root(
    tmp_path: Path,
) -> None:
    claims = WORLD.strangers_root.issue(
        WORLD.root.subject,
        rsa_key(),
        issuer=WORLD.root.subject,
        extensions=(authorities.IS_CA,),
    )
    found = authorities_from_files([file(tmp_path, pem(claims))])
    assert found.roots == ()


def test_all_that_options_say_is_in_the_policy(tmp_path: Path) -> None:
    made = factory.policy(tmp_path, expired="accept")
    assert made.accept_expired
    assert len(made.issuers) == len(factory.ISSUERS)
    assert made.legacy == {authorities.key_digest(WORLD.legacy_root)}
    assert len(made.revocations.lists) == 3
    assert made.blocks is factory.BLOCKS
    assert WORLD.root.der in made.trusted
    assert WORLD.second.der in made.trusted


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "holds no certificate: it must be in PEM."),
        (WORLD.root.der, "holds no certificate: it must be in PEM."),
        (pem(b"garbage"), "is damaged: a certificate in it is malformed."),
        (
            pem(WORLD.root.issue(common_name("x"), WORLD.rsa_2048)),
            "holds CN=x, which is no CA: take it out.",
        ),
    ],
)
def test_a_wrong_ca_file_is_one_sentence(
    tmp_path: Path, content: bytes, sentence: str
) -> None:
    with pytest.raises(OptionError) as raised:
        policy(tmp_path, content)
    path = tmp_path / "file.pem"
    assert str(raised.value) == f"{path} of https.factory_cas {sentence}"


def test_a_root_whose_key_is_never_enough_is_refused(tmp_path: Path) -> None:
    key = load_pem_private_key(authorities.RSA_512, None)
    weak = root(ca_name("x", "weak"), key)  # type: ignore[arg-type]
    with pytest.raises(OptionError, match="key is too weak to ever prove anything"):
        policy(tmp_path, pem(weak.der))


def test_wrong_issuers_and_lists_are_one_sentence(tmp_path: Path) -> None:
    good = pem(WORLD.root.der)
    with pytest.raises(OptionError, match=r"^https\.factory_issuers must be names"):
        policy(tmp_path, good, factory_issuers=("Snom Phone 1",))
    crl = file(tmp_path, b"no list", "a.crl")
    with pytest.raises(OptionError, match=r"a\.crl of https\.crls is not a certif"):
        policy(tmp_path, good, crls=(crl,))
    with pytest.raises(OptionError, match="cannot be read"):
        policy(tmp_path, good, crls=(tmp_path / "missing",))


def test_a_good_policy_warns_of_nothing(tmp_path: Path) -> None:
    made = factory.policy(tmp_path, crls=())
    assert list(warnings(made, NOW)) == []


def test_an_operator_is_told_of_cas_that_prove_nothing(tmp_path: Path) -> None:
    late = root(ca_name("x", "late"), until=-DAY / 2)
    assert policy(tmp_path, pem(late.der)) == [
        "The factory CA CN=late,O=x,C=DE has expired."
    ]
    (weak,) = policy(tmp_path, pem(WORLD.legacy_root.der))
    assert "CN=factory CA,O=factory of tests,C=DE proves nothing" in weak
    assert "https.legacy_roots" in weak
    (alone,) = policy(tmp_path, pem(WORLD.issuing.der))
    assert alone.endswith(
        "its issuer, CN=factory SHA-256 CA,O=factory of tests,C=DE, is not in "
        "https.factory_cas."
    )


def test_an_operator_is_told_of_a_pin_that_pins_nothing(tmp_path: Path) -> None:
    good = pem(WORLD.root.der)
    assert policy(tmp_path, good, legacy_roots=(SNOM_ROOT_1_KEY,)) == []
    (told,) = policy(tmp_path, good, legacy_roots=("ab" * 32,))
    assert told.startswith("https.legacy_roots pins abab")


def test_an_operator_is_told_when_a_list_is_due(tmp_path: Path) -> None:
    def told(next_update: float | None, **more: object) -> list[str]:
        crl = WORLD.root.revokes(1, next_update=next_update)
        path = file(tmp_path, crl, "a.crl")
        return policy(tmp_path, pem(WORLD.root.der), crls=(path,), **more)

    assert told(None) == told(NOW + 15 * DAY) == []
    assert told(NOW + 3.5 * DAY)[0].endswith("is due in 3 days.")
    (late,) = told(NOW - 60)
    assert "is out of date: certificates of that CA prove nothing until" in late
    (late,) = told(NOW - 60, outdated_crls="warn")
    assert "is out of date: certificates revoked since then are still trusted" in late


def test_an_operator_is_told_of_a_list_that_another_replaced(tmp_path: Path) -> None:
    new = file(tmp_path, WORLD.root.revokes(1), "new.crl")
    old = file(tmp_path, WORLD.root.revokes(1, next_update=NOW - 60), "old.crl")
    (told,) = policy(tmp_path, pem(WORLD.root.der), crls=(old, new))
    assert "old.crl" in told
    assert told.endswith("is out of date: take it out, there is a newer one.")


def test_an_operator_is_told_of_a_list_whose_ca_is_not_known(tmp_path: Path) -> None:
    path = file(tmp_path, WORLD.issuing.revokes(1), "a.crl")
    (told,) = policy(tmp_path, pem(WORLD.root.der), crls=(path,))
    assert "cannot be verified before a phone shows" in told
