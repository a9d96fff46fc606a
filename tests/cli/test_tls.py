"""bootwave tls block, unblock and blocks."""

import time
from contextlib import closing
from pathlib import Path

from bootwave.optionsfile import load
from bootwave.store.connection import connect, transaction
from bootwave.store.proofs import credentials
from bootwave.store.secrets import KeyRing
from tests.certificates.authorities import key_digest
from tests.certificates.encoding import pem
from tests.certificates.factory import MAC, WORLD, phone
from tests.cli.conftest import Command
from tests.cli.test_main import refused


def test_certificates_are_blocked_listed_and_unblocked(store: Command) -> None:
    assert "No certificate is blocked" in store("tls", "blocks").err
    done = store("tls", "block", "--serial", "0A:bc", "--reason", "stolen")
    assert done.out == "Blocked the serial number ABC.\n"
    heading, row = store("tls", "blocks").out.splitlines()
    assert heading.split() == ["kind", "which", "since", "of", "reason"]
    assert row.split()[:2] == ["serial", "ABC"]
    assert row.endswith("stolen")
    ended = store("tls", "unblock", "--serial", "abc")
    assert ended.out == "Unblocked the serial number ABC.\n"
    assert "No block is of serial ABC" in refused(
        store("tls", "unblock", "--serial", "abc")
    )


def test_a_key_is_blocked_by_its_hash_or_by_a_certificate(
    store: Command, tmp_path: Path
) -> None:
    path = tmp_path / "phone.pem"
    path.write_bytes(pem(WORLD.issuing.der))
    key = key_digest(WORLD.issuing).hex()
    by_file = store("tls", "block", "--certificate", path, "--json").json
    assert (by_file["kind"], by_file["key"]) == ("key", key)
    done = store("tls", "unblock", "--key", key.upper())
    assert done.out == f"Unblocked the key {key}.\n"
    assert store("tls", "blocks", "--json").json == []


def test_what_opens_the_phones_document_all_the_same_is_hinted_at(
    store: Command, options_file: Path, tmp_path: Path
) -> None:
    chain, _key = phone(MAC)
    path = tmp_path / "phone.pem"
    path.write_bytes(b"".join(map(pem, chain)))
    unseen = store("tls", "block", "--certificate", path)
    assert unseen.err == ""
    options = load(options_file, {}).options
    keyring = KeyRing.load(options.store.key)
    with closing(connect(options.store.database)) as connection:
        with transaction(connection):
            assert credentials.make(connection, keyring, MAC, time.time())
    for words in ([], ["--json"]):
        done = store("tls", "block", "--certificate", path, *words)
        assert done.err == (
            "0004132E08B4 has credentials of its own, which open its document without "
            "the certificate: bootwave device credentials revoke 0004132E08B4 ends "
            "them.\n"
        )


def test_one_way_of_naming_it_is_asked_for(store: Command, tmp_path: Path) -> None:
    for words in ([], ["--serial", "1", "--key", "ab" * 32]):
        done = store("tls", "block", *words)
        assert done.status == 2
        assert "Name one of --serial, --key and --certificate." in done.err
    path = tmp_path / "phone.pem"
    assert "cannot be read" in refused(store("tls", "block", "--certificate", path))
    path.write_bytes(b"no certificate")
    sentence = refused(store("tls", "block", "--certificate", path))
    assert sentence == f"{path} holds no certificate: it must be in PEM."


def test_a_running_engine_is_told(engine: list[object], store: Command) -> None:
    engine.clear()
    assert store("tls", "block", "--serial", "7").status == 0
    assert len(engine) == 1
