"""bootwave tls check."""

from pathlib import Path

import pytest

from tests.certificates import authorities, encoding, factory
from tests.certificates.authorities import DAY, NOW
from tests.certificates.encoding import pem
from tests.certificates.factory import WORLD, host
from tests.cli.conftest import Command


def configure(options_file: Path, **values: object) -> None:
    lines = [f"{name} = {_toml(value)}" for name, value in values.items()]
    options_file.write_text("[https]\n" + "\n".join(lines) + "\n")


def _toml(value: object) -> str:
    if isinstance(value, tuple | list):
        return "[" + ", ".join(f"'{each}'" for each in value) + "]"
    return f"'{value}'"


def test_what_init_made_is_right(run: Command, options_file: Path) -> None:
    done = run("tls", "check")
    assert done.status == 0
    assert "key: RSA 2048" in done.out
    assert "key: EC P-256" in done.out
    assert "signed by: itself" in done.out
    assert "Note: https.factory_cas names no CA" in done.out
    assert done.out.endswith("Nothing is wrong.\n")


def test_it_is_told_what_each_factory_ca_may_do(
    run: Command, options_file: Path, tmp_path: Path
) -> None:
    configure(options_file, **factory.options(tmp_path / "factory"))
    done = run("tls", "check")
    assert done.status == 0, done.err
    assert "may: prove phones by RSA from 2048 bits, or EC" in done.out
    legacy = "may: prove phones on https.legacy.listen by RSA from 1024 bits, or EC"
    assert legacy in done.out
    assert "proves phones on https.legacy.listen only, which is empty." in done.out
    assert "through: CN=Phone 1 SHA-256,O=factory of tests,C=DE" in done.out
    assert "may: help to find the way to a root" in done.out
    assert "revocation list" in done.out
    found = run("tls", "check", "--json").json
    assert [each["kind"] for each in found["factory_cas"]] == [
        *("root", "root", "issuing")
    ]
    assert found["factory_cas"][1]["key_sha256"] == (
        authorities.key_digest(WORLD.legacy_root).hex()
    )
    assert len(found["crls"]) == 3
    assert found["problems"] == []


def test_everything_that_is_wrong_is_told_at_once(
    run: Command, options_file: Path, tmp_path: Path
) -> None:
    bad_ca, bad_crl = tmp_path / "bad.pem", tmp_path / "bad.crl"
    bad_ca.write_bytes(b"")
    bad_crl.write_bytes(b"")
    good_ca, good_crl = tmp_path / "good.pem", tmp_path / "good.crl"
    good_ca.write_bytes(pem(WORLD.root.der))
    good_crl.write_bytes(WORLD.root.revokes(next_update=NOW - DAY / 2))
    configure(
        options_file,
        certificates=["missing.pem"],
        factory_cas=[bad_ca, good_ca],
        crls=[bad_crl, good_crl],
        factory_issuers=["nobody"],
    )
    done = run("tls", "check", "--json")
    assert done.status == 1
    problems = done.json["problems"]
    assert len(problems) == 5
    for words in ("missing.pem", "bad.pem", "bad.crl", "good.crl", "factory_issuers"):
        assert any(words in problem for problem in problems)
    assert len(done.json["factory_cas"]) == len(done.json["crls"]) == 1
    assert "5 things are wrong" in done.err
    assert "Wrong: " in run("tls", "check").out


def test_a_ca_whose_revocation_list_is_out_of_date_is_told(
    run: Command, options_file: Path, tmp_path: Path
) -> None:
    ca, crl = tmp_path / "ca.pem", tmp_path / "old.crl"
    ca.write_bytes(pem(WORLD.root.der))
    crl.write_bytes(WORLD.root.revokes(next_update=NOW - DAY))
    configure(options_file, factory_cas=[ca], crls=[crl])
    done = run("tls", "check")
    assert done.status == 1
    assert "(out of date)" in done.out
    assert "is out of date: certificates of that CA prove nothing until" in done.out
    assert "of a CA are out of date, its certificates prove nothing." in done.out
    configure(options_file, factory_cas=[ca], crls=[crl], outdated_crls="warn")
    done = run("tls", "check")
    assert done.status == 1
    assert "since then are still trusted" in done.out
    assert "its certificates are trusted all the same." in done.out
    assert run("tls", "check", "--json").json["outdated_crls"] == "warn"


def test_an_expired_certificate_and_a_broken_chain_are_wrong(
    run: Command, options_file: Path
) -> None:
    key = authorities.rsa_key()
    subject = encoding.common_name("localhost")
    leaf = authorities.Authority(b"", key, subject).issue(
        subject, key, since=-2 * DAY, until=-DAY
    )
    path = options_file.parent / "old.pem"
    path.write_bytes(pem(leaf) + pem(WORLD.root.der) + authorities.key_pem(key))
    path.chmod(0o600)
    configure(options_file, certificates=[path])
    done = run("tls", "check")
    assert done.status == 1
    assert f"Wrong: {path} has expired." in done.out
    assert f"Wrong: The chain in {path} is broken" in done.out


def test_an_issuing_ca_without_its_root_is_no_trust(
    run: Command, options_file: Path, tmp_path: Path
) -> None:
    path = tmp_path / "issuing.pem"
    path.write_bytes(pem(WORLD.issuing.der))
    configure(options_file, factory_cas=[path])
    done = run("tls", "check")
    assert done.status == 1
    assert "https.factory_cas names no root, so nothing is trusted." in done.out


def test_certificates_that_nothing_shows_may_be_missing(
    run: Command, options_file: Path
) -> None:
    configure(options_file, certificates=["missing.pem"], listen=[])
    done = run("tls", "check")
    assert done.status == 0
    assert "Note: " in done.out
    assert "missing.pem" in done.out


def test_variables_name_the_files_as_well(
    run: Command,
    options_file: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fields = factory.options(tmp_path / "factory")
    for name in ("factory_cas", "crls", "legacy_roots"):
        value = ",".join(map(str, fields[name]))
        monkeypatch.setenv(f"BOOTWAVE_HTTPS__{name}".upper(), value)
    issuers = "/C=DE/O=factory of tests/CN=Phone 1,/C=DE/O=x/CN=y"
    monkeypatch.setenv("BOOTWAVE_HTTPS__FACTORY_ISSUERS", issuers)
    monkeypatch.setenv("BOOTWAVE_HTTPS__EXPIRED", "accept")
    found = run("tls", "check", "--json").json
    assert len(found["factory_cas"]) == 3
    assert found["factory_cas"][0]["issuers"] == [
        *("CN=Phone 1,O=factory of tests,C=DE", "CN=y,O=x,C=DE")
    ]
    assert found["expired"] == "accept"


def test_a_key_is_never_shown(run: Command, options_file: Path) -> None:
    certificate, key = host("localhost")
    path = options_file.parent / "shown.pem"
    path.write_bytes(certificate + key)
    path.chmod(0o600)
    configure(options_file, certificates=[path])
    secret = key.decode().splitlines()[3]
    for words in ((), ("--json",)):
        done = run("tls", "check", *words)
        assert secret not in done.out + done.err


def test_a_file_of_cas_that_cannot_be_read_is_no_lack_of_one(
    run: Command, options_file: Path
) -> None:
    assert "names no CA" in run("tls", "check").out
    options_file.write_text('[https]\nfactory_cas = ["none.pem"]\n')
    done = run("tls", "check")
    assert "none.pem of https.factory_cas cannot be read" in done.out
    assert "names no CA" not in done.out
