"""Certificates made here are such as the policy and other programs accept."""

import shutil
import subprocess
from pathlib import Path

import pytest

from bootwave.certificates import making
from bootwave.certificates.loading import authorities_from_files
from bootwave.certificates.parsed import Parsed, parsed_from_pem
from bootwave.certificates.policy import TrustPolicy
from bootwave.certificates.revocation import Revocations, lists_from_file
from bootwave.certificates.server import load_server_certificate
from tests.certificates.authorities import DAY, NOW
from tests.certificates.factory import MAC, TEXT


def policy(tmp_path: Path, top: making.Maker, **more: object) -> TrustPolicy:
    path = tmp_path / "cas.pem"
    path.write_bytes(top.pem)
    return TrustPolicy(authorities_from_files([path]), **more)  # type: ignore[arg-type]


def chain(content: bytes) -> list[bytes]:
    return [each.der for each in parsed_from_pem(content)]


@pytest.mark.parametrize(
    ("kind", "words"), [("rsa", "RSA 2048"), ("ecdsa", "EC P-256")]
)
def test_a_self_signed_certificate_is_for_every_name(
    tmp_path: Path, kind: making.Kind, words: str
) -> None:
    path = tmp_path / "server.pem"
    names = ["pbx", "localhost", "192.0.2.7", "2001:db8::7", "\u00fcmlaut"]
    path.write_bytes(making.self_signed(names, kind, NOW))
    path.chmod(0o600)
    made = load_server_certificate(path)
    assert made.kind == words
    assert made.names == ("pbx", "localhost", "192.0.2.7", "2001:db8::7")
    assert made.is_self_signed
    assert list(made.faults(NOW)) == list(made.warnings(NOW)) == []
    assert list(made.faults(NOW + 3600 * DAY)) == []


def test_a_host_name_may_be_too_long_for_a_common_name() -> None:
    assert making.self_signed(["a" * 63 + ".example.com"], "ecdsa", NOW)
    assert making.self_signed([], "ecdsa", NOW)


@pytest.mark.parametrize("weak", [False, True])
def test_a_phone_of_the_development_factory_proves_its_mac(
    tmp_path: Path, weak: bool
) -> None:
    top = making.root("root", NOW, weak=weak)
    issuing = making.issuing("issuing", top, NOW)
    presented = chain(making.phone_certificate(TEXT, issuing, NOW))
    key = Parsed(presented[1]).key, authorities_key(top)
    trusted = policy(tmp_path, top, legacy=frozenset({key[1]} if weak else set()))
    verdict = trusted.judge(presented, NOW)
    assert (verdict.mac, verdict.legacy) == (MAC, weak)
    if weak:
        assert policy(tmp_path, top).judge(presented, NOW).mac == 0


def authorities_key(maker: making.Maker) -> bytes:
    return parsed_from_pem(maker.pem)[0].key


def test_a_maker_is_read_again_and_signs_on(tmp_path: Path) -> None:
    top = making.root("root", NOW)
    issuing = making.issuing("issuing", top, NOW)
    again = making.maker_from_pem(issuing.pem_with_key)
    presented = chain(making.phone_certificate(TEXT, again, NOW))
    assert policy(tmp_path, top).judge(presented, NOW).mac == MAC
    for wrong in (b"", top.pem, b"garbage", making.key_pem(top.key)):
        with pytest.raises(ValueError, match="not a CA that bootwave tls dev made"):
            making.maker_from_pem(wrong)


def test_a_revocation_list_revokes(tmp_path: Path) -> None:
    top = making.root("root", NOW)
    issuing = making.issuing("issuing", top, NOW)
    presented = chain(making.phone_certificate(TEXT, issuing, NOW))
    serial = Parsed(presented[0]).serial
    content = making.revocation_list([serial], issuing, NOW)
    lists = Revocations(lists_from_file(content, "a", [Parsed(presented[1])]))
    trusted = policy(tmp_path, top, revocations=lists)
    assert trusted.judge(presented, NOW).denies


def test_a_server_certificate_leads_to_its_ca(tmp_path: Path) -> None:
    authority = making.root("server CA", NOW)
    for kind in ("rsa", "ecdsa"):
        path = tmp_path / f"{kind}.pem"
        made = making.server_certificate(["localhost"], kind, authority, NOW)  # type: ignore[arg-type]
        path.write_bytes(made)
        path.chmod(0o600)
        found = load_server_certificate(path)
        assert found.names == ("localhost",)
        assert found.leaf.issuer_text == "CN=server CA,O=development only"
        assert not found.is_self_signed


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl")
@pytest.mark.parametrize("weak", [False, True])
def test_openssl_verifies_what_was_made(tmp_path: Path, weak: bool) -> None:
    top = making.root("root", NOW, weak=weak)
    issuing = making.issuing("issuing", top, NOW)
    phone = making.phone_certificate(TEXT, issuing, NOW)
    for name, content in (("root", top.pem), ("ca", issuing.pem), ("phone", phone)):
        (tmp_path / name).write_bytes(content)
    done = subprocess.run(
        [
            *("openssl", "verify", "-auth_level", "0" if weak else "2"),
            *("-purpose", "sslclient", "-CAfile", tmp_path / "root"),
            *("-untrusted", tmp_path / "ca", tmp_path / "phone"),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.endswith(": OK\n"), done.stderr
