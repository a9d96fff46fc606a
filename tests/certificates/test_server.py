"""Files with the server's certificate: what is right, and one sentence for the rest."""

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
)

from bootwave.certificates.server import kind_of, load_server_certificate
from bootwave.errors import OptionError
from tests.certificates.authorities import DAY, NOW, YEAR, key_pem, rsa_key
from tests.certificates.encoding import alternative_names, common_name, pem
from tests.certificates.factory import WORLD, host


def written(tmp_path: Path, *parts: bytes, mode: int = 0o600) -> Path:
    path = tmp_path / "server.pem"
    path.write_bytes(b"".join(parts))
    path.chmod(mode)
    return path


def refused(path: Path) -> str:
    with pytest.raises(OptionError) as raised:
        load_server_certificate(path)
    text = str(raised.value)
    assert text.startswith(f"{path} of https.certificates ")
    return text.removeprefix(f"{path} of https.certificates ")


def test_certificate_and_key_in_either_order_are_loaded(tmp_path: Path) -> None:
    certificate, key = host("PBX.example.com", "localhost")
    for parts in ((certificate, key), (key, certificate)):
        found = load_server_certificate(written(tmp_path, *parts))
        assert found.names == ("pbx.example.com", "localhost")
        assert found.kind == "RSA 2048"
        assert found.is_self_signed
        assert list(found.faults(NOW)) == []


def test_what_is_wrong_with_a_file_is_one_sentence(tmp_path: Path) -> None:
    certificate, key = host("localhost")
    assert refused(tmp_path / "missing").startswith("cannot be read: No such file")
    assert refused(written(tmp_path, certificate, key, mode=0o644)) == (
        "holds a key and can be read by everybody: run chmod 600 on it."
    )
    assert "holds no certificate" in refused(written(tmp_path, key))
    assert "holds no private key" in refused(written(tmp_path, certificate))
    other = key_pem(rsa_key())
    assert "is not its first certificate's" in refused(
        written(tmp_path, certificate, other)
    )
    damaged = key.replace(b"AA", b"BB")
    assert "damaged key" in refused(written(tmp_path, certificate, damaged))
    assert "is damaged" in refused(written(tmp_path, pem(b"garbage"), key))
    assert "damaged key" in refused(written(tmp_path, certificate, key[:200]))


def test_a_key_with_a_password_is_refused(tmp_path: Path) -> None:
    key = rsa_key()
    certificate, _ = host("localhost", key=key)
    for form in (PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL):
        sealed = key.private_bytes(
            Encoding.PEM, form, BestAvailableEncryption(b"secret")
        )
        assert "a key with a password" in refused(
            written(tmp_path, certificate, sealed)
        )


def test_no_error_quotes_the_key(tmp_path: Path) -> None:
    certificate, key = host("localhost")
    damaged = key.replace(b"AA", b"BB")
    path = written(tmp_path, certificate, damaged)
    with pytest.raises(OptionError) as raised:
        load_server_certificate(path)
    assert raised.value.__cause__ is None
    assert damaged[60:80].decode() not in str(raised.value)


def test_a_chain_is_verified_link_by_link(tmp_path: Path) -> None:
    leaf = WORLD.issuing.issue(
        common_name("localhost"),
        WORLD.p256,
        extensions=(alternative_names("localhost"),),
    )
    key = key_pem(WORLD.p256)
    chain = (pem(leaf), pem(WORLD.issuing.der), pem(WORLD.root.der))
    good = load_server_certificate(written(tmp_path, key, *chain))
    assert [ca.der for ca in good.chain[1:]] == [WORLD.issuing.der, WORLD.root.der]
    assert list(good.faults(NOW)) == []
    assert good.kind == "EC P-256"
    gap = load_server_certificate(written(tmp_path, key, chain[0], chain[2]))
    (fault,) = gap.faults(NOW)
    assert fault.startswith(f"The chain in {gap.path} is broken: CN=localhost was not")


def test_dates_are_told_and_do_not_keep_it_from_being_loaded(tmp_path: Path) -> None:
    certificate, key = host("localhost")
    found = load_server_certificate(written(tmp_path, certificate, key))
    assert list(found.warnings(NOW + YEAR - 3.5 * DAY)) == [
        f"{found.path} expires in 3 days."
    ]
    assert list(found.faults(NOW + YEAR + DAY)) == [f"{found.path} has expired."]
    assert list(found.faults(NOW - 3 * DAY)) == [f"{found.path} is not valid yet."]
    old = WORLD.expired_issuing
    leaf = old.issue(common_name("x"), WORLD.p256, extensions=(alternative_names("x"),))
    path = written(tmp_path, pem(leaf), pem(old.der), key_pem(WORLD.p256))
    (told,) = load_server_certificate(path).warnings(NOW)
    assert told.startswith("The CA CN=Phone 0 SHA-256")


def test_a_certificate_without_alternative_names_is_told(tmp_path: Path) -> None:
    leaf = WORLD.issuing.issue(common_name("localhost"), WORLD.p256)
    path = written(tmp_path, pem(leaf), key_pem(WORLD.p256))
    (told,) = load_server_certificate(path).warnings(NOW)
    assert "names no host as alternative name" in told


def test_keys_are_named_as_people_do() -> None:
    assert kind_of(WORLD.rsa_1024.public_key()) == "RSA 1024"
    p384 = ec.generate_private_key(ec.SECP384R1()).public_key()
    assert kind_of(p384) == "EC P-384"
    assert kind_of(ec.generate_private_key(ec.SECP256K1()).public_key()) == (
        "EC secp256k1"
    )
    assert kind_of(ed25519.Ed25519PrivateKey.generate().public_key()) == "Ed25519"
