"""Certificates of the server: which a client is shown, and what is wrong with files."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
)
from OpenSSL import SSL

from bootwave.errors import OptionError
from bootwave.options import HttpsLegacyOptions, HttpsOptions
from bootwave.server.tls.contexts import LEGACY_CIPHERS, make_contexts
from bootwave.server.tls.identity import verified
from tests.certificates import authorities, encoding, factory
from tests.server.tls.serving import (
    Phone,
    Served,
    client_context,
    https_options,
)

P256 = ec.generate_private_key(ec.SECP256R1())
EC_ONLY = b"ECDHE-ECDSA-AES128-GCM-SHA256"
RSA_ONLY = b"ECDHE-RSA-AES128-GCM-SHA256"


def file(path: Path, *hosts: str, key: Any = None) -> Path:
    certificate, pem = factory.host(*hosts, key=key)
    path.write_bytes(certificate + pem)
    path.chmod(0o600)
    return path


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    place = tmp_path_factory.mktemp("contexts")
    options = https_options(
        place,
        certificates=(
            file(place / "a-rsa.pem", "a.example"),
            file(place / "a-ec.pem", "a.example", key=P256),
            file(place / "b.pem", "b.example", "*.b.example"),
        ),
        legacy=HttpsLegacyOptions(
            listen=("127.0.0.1:0",),
            certificates=(file(place / "old.pem", "old.example"),),
        ),
    )
    with Served(options) as served:
        yield served


def shown(
    address: tuple[str, int],
    name: str = "",
    ciphers: bytes = RSA_ONLY,
    version: int = SSL.TLS1_2_VERSION,
) -> tuple[str, str]:
    """The name in the certificate that is shown to who asks for *name*, and its key."""
    context = client_context(version=version)
    context.set_cipher_list(ciphers + b":@SECLEVEL=0")
    with Phone(address, context, server_name=name) as phone:
        phone.shake()
        certificate = phone.tls.get_peer_certificate(as_cryptography=True)
        assert certificate is not None
        (common,) = certificate.subject
        key = type(certificate.public_key()).__name__
        return str(common.value), "rsa" if "RSA" in key else "ec"


@pytest.mark.parametrize(
    ("asked", "given"),
    [
        ("", "a.example"),  # no SNI is normal
        ("a.example", "a.example"),
        ("A.Example", "a.example"),
        ("b.example", "b.example"),
        ("phones.b.example", "b.example"),
        ("deep.phones.b.example", "a.example"),
        ("stranger.example", "a.example"),
    ],
)
def test_a_host_that_is_named_chooses_the_certificate(
    served: Served, asked: str, given: str
) -> None:
    assert shown(served.address, asked)[0] == given


def test_rsa_and_ecdsa_serve_side_by_side(served: Served) -> None:
    assert shown(served.address, ciphers=EC_ONLY) == ("a.example", "ec")
    assert shown(served.address, ciphers=RSA_ONLY) == ("a.example", "rsa")


def test_old_firmware_is_served_where_it_may_be(served: Served) -> None:
    for version in (SSL.TLS1_VERSION, SSL.TLS1_1_VERSION, SSL.TLS1_2_VERSION):
        name = shown(served.legacy_address, ciphers=b"AES128-SHA", version=version)
        assert name == ("old.example", "rsa")
    for version in (SSL.TLS1_VERSION, SSL.TLS1_1_VERSION):
        with pytest.raises(SSL.Error, match="version"):
            shown(served.address, ciphers=b"AES128-SHA", version=version)


def test_nothing_broken_is_among_the_ciphers_for_old_firmware() -> None:
    for word in (b"RC4", b"DES", b"NULL", b"EXP", b"MD5", b"ADH", b"DSS"):
        assert word not in LEGACY_CIPHERS


def encrypted(path: Path) -> None:
    key = rsa.generate_private_key(65_537, 2048)
    certificate, _ = factory.host("a", key=key)
    pem = key.private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret")
    )
    path.write_bytes(certificate + pem)


def mixed(path: Path) -> None:
    path.write_bytes(factory.host("a")[0] + factory.host("a")[1])


def small(path: Path) -> None:
    certificate, pem = factory.host("a", key=authorities.rsa_key(1024))
    path.write_bytes(certificate + pem)
    path.chmod(0o600)


@pytest.mark.parametrize(
    ("write", "words"),
    [
        (lambda path: None, "cannot be read: No such file"),
        (lambda path: path.write_text("nothing"), "holds no certificate"),
        (encrypted, "holds a key with a password"),
        (mixed, "holds a key that is not"),
        (small, "is too weak for TLS 1.2"),
    ],
)
def test_what_is_wrong_with_a_file_is_said_in_one_sentence(
    tmp_path: Path, write: Any, words: str
) -> None:
    path = tmp_path / "server.pem"
    write(path)
    if path.exists():
        path.chmod(0o600)
    options = HttpsOptions(certificates=(path,))
    with pytest.raises(OptionError) as caught:
        make_contexts(options, verified)
    assert words in str(caught.value)
    assert str(caught.value).startswith(f"{path} of https.certificates ")
    assert "\n" not in str(caught.value)
    assert "secret" not in str(caught.value)


def test_without_a_file_there_is_no_tls() -> None:
    with pytest.raises(OptionError, match="must name a file"):
        make_contexts(HttpsOptions(certificates=()), verified)


def test_the_legacy_listener_says_its_own_option(tmp_path: Path) -> None:
    legacy = HttpsLegacyOptions(listen=(":1",), certificates=(tmp_path / "none.pem",))
    options = HttpsOptions(listen=(), legacy=legacy)
    with pytest.raises(OptionError, match=r"https\.legacy\.certificates"):
        make_contexts(options, verified)


def test_a_small_key_is_good_enough_for_old_firmware(tmp_path: Path) -> None:
    small(tmp_path / "server.pem")
    legacy = HttpsLegacyOptions(listen=(":1",), certificates=(tmp_path / "server.pem",))
    contexts = make_contexts(HttpsOptions(listen=(), legacy=legacy), verified)
    assert contexts.modern is None
    assert contexts.legacy is not None


def names_sent(served: Served) -> int:
    context = client_context(version=SSL.TLS1_2_VERSION)
    with Phone(served.address, context) as phone:
        phone.shake()
        return len(phone.tls.get_client_ca_list(as_cryptography=True))


def test_clients_are_told_the_cas_unless_these_are_too_many(
    served: Served, tmp_path: Path
) -> None:
    assert names_sent(served) == 3
    many = [
        authorities.root(
            authorities.ca_name(f"maker {n:03}" + "x" * 50, "CA"), factory.WORLD.p256
        )
        for n in range(60)
    ]
    bundle = tmp_path / "many.pem"
    bundle.write_bytes(b"".join(encoding.pem(ca.der) for ca in many))
    options = https_options(tmp_path, factory_cas=(bundle,), crls=())
    with Served(options) as other:
        assert names_sent(other) == 0


@pytest.mark.parametrize(
    ("version", "cipher"),
    [
        (SSL.TLS1_2_VERSION, "ECDHE-ECDSA-AES128-GCM-SHA256"),
        (SSL.TLS1_3_VERSION, "TLS_AES_128_GCM_SHA256"),
    ],
)
def test_of_the_strong_ciphers_the_cheapest_is_taken(
    served: Served, version: int, cipher: str
) -> None:
    with Phone(served.address, client_context(version=version)) as phone:
        phone.shake()
        assert phone.tls.get_cipher_name() == cipher


@pytest.mark.parametrize(
    "cipher", [b"AES256-GCM-SHA384", b"ECDHE-RSA-CHACHA20-POLY1305"]
)
def test_what_else_is_strong_is_taken_too(served: Served, cipher: bytes) -> None:
    assert shown(served.address, ciphers=cipher) == ("a.example", "rsa")


@pytest.mark.parametrize("cipher", [b"RC4-SHA", b"DES-CBC3-SHA", b"NULL-SHA", b"ADH"])
def test_what_is_weak_is_taken_by_nobody(served: Served, cipher: bytes) -> None:
    for address in (served.address, served.legacy_address):
        with pytest.raises(SSL.Error):
            shown(address, ciphers=cipher)
