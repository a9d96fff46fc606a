"""bootwave tls dev: a factory whose phones prove their MACs by what it prints."""

import stat
from pathlib import Path
from typing import Any

import pytest

from bootwave.certificates.loading import policy_from_options
from bootwave.certificates.parsed import parsed_from_pem
from bootwave.certificates.policy import TrustPolicy
from bootwave.certificates.server import load_server_certificate
from bootwave.options import HttpsOptions
from tests.certificates.authorities import NOW
from tests.certificates.factory import MAC, OTHER_MAC
from tests.cli.conftest import Command
from tests.cli.test_main import refused


def policy(made: dict[str, Any]) -> TrustPolicy:
    return policy_from_options(HttpsOptions.model_validate(made["options"]))


def chain(path: str) -> list[bytes]:
    return [each.der for each in parsed_from_pem(Path(path).read_bytes())]


def test_phones_of_the_factory_prove_their_macs(run: Command, tmp_path: Path) -> None:
    made = run(
        *("tls", "dev", tmp_path / "dev", "--json"),
        *("--mac", "00:04:13:2e:08:b4", "--mac", "000413AABBCC"),
    ).json
    trusted = policy(made)
    verdicts = [trusted.judge(chain(path), NOW + 5) for path in made["phones"]]
    assert [each.mac for each in verdicts] == [MAC, OTHER_MAC]
    for path in made["options"]["certificates"]:
        found = load_server_certificate(Path(path))
        assert "localhost" in found.names
        (ca,) = parsed_from_pem(Path(made["server_ca"]).read_bytes())
        assert found.leaf.issuer == ca.subject


def test_keys_are_the_owners_alone_and_nothing_looks_real(
    run: Command, tmp_path: Path
) -> None:
    run("tls", "dev", tmp_path / "dev", "--legacy")
    for path in (tmp_path / "dev").rglob("*"):
        if path.is_dir():
            assert stat.S_IMODE(path.stat().st_mode) == 0o700
            continue
        content = path.read_bytes()
        if b"PRIVATE KEY" in content:
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
        for each in parsed_from_pem(content):
            assert "development" in each.issuer_text
            assert "snom" not in each.issuer_text.lower()


def test_what_it_prints_can_be_put_into_the_options_file(
    run: Command, tmp_path: Path, options_file: Path
) -> None:
    done = run("tls", "dev", tmp_path / "with space", "--legacy")
    lines = [line.strip() for line in done.out.splitlines()]
    end = lines.index("", lines.index("In the options file, below its [https]:"))
    given = options_file.read_text()  # where both sections are already
    section = ""
    for line in lines[:end]:
        if line.startswith("In the options file, below its ["):
            section = line.removeprefix("In the options file, below its ")[:-1]
        elif section:
            given = given.replace(f"\n{section}", f"\n{section}\n{line}", 1)
    options_file.write_text(given)
    found = run("tls", "check", "--json")
    assert found.status == 0, found.out
    assert [each["kind"] for each in found.json["factory_cas"]] == [
        *("root", "root", "issuing")
    ]
    assert found.json["warnings"] == []
    (listen,) = (
        line.split()
        for line in run("options", "check").out.splitlines()
        if line.startswith("https.legacy.listen ")
    )
    assert "0.0.0.0:8444" in " ".join(listen)
    assert "localhost:8444" in done.out


def test_the_same_factory_signs_more_phones_and_revokes_some(
    run: Command, tmp_path: Path
) -> None:
    directory = tmp_path / "dev"
    first = run("tls", "dev", directory, "--json").json
    (phone,) = first["phones"]
    assert policy(first).judge(chain(phone), NOW + 5).mac == MAC
    more = run("tls", "dev", directory, "--mac", "000413AABBCC", "--json").json
    assert policy(more).judge(chain(more["phones"][0]), NOW + 5).mac == OTHER_MAC
    revoked = run("tls", "dev", directory, "--revoke", "0004132E08B4", "--json").json
    assert revoked["phones"] == []
    trusted = policy(revoked)
    assert trusted.judge(chain(phone), NOW + 5).denies
    assert trusted.judge(chain(more["phones"][0]), NOW + 5).mac == OTHER_MAC
    both = run("tls", "dev", directory, "--revoke", "000413AABBCC", "--json").json
    assert policy(both).judge(chain(phone), NOW + 5).denies
    assert policy(both).judge(chain(more["phones"][0]), NOW + 5).denies


def test_what_was_revoked_is_told(run: Command, tmp_path: Path) -> None:
    directory = tmp_path / "dev"
    run("tls", "dev", directory)
    lines = run("tls", "dev", directory, "--revoke", "0004132e08b4").out.splitlines()
    assert lines[0] == (
        f"Revoked 0004132E08B4 in {directory / 'issuing.crl'}: a running engine reads "
        "it on HUP."
    )
    revoked = run("tls", "dev", directory, "--revoke", "0004132E08B4", "--json").json
    assert revoked["revoked"] == ["0004132E08B4"]
    assert run("tls", "dev", directory).out.startswith("In the options file")


def test_old_phones_are_trusted_below_their_pinned_root(
    run: Command, tmp_path: Path
) -> None:
    made = run("tls", "dev", tmp_path / "dev", "--legacy", "--json").json
    verdict = policy(made).judge(chain(made["phones"][0]), NOW + 5)
    assert (verdict.mac, verdict.legacy) == (MAC, True)
    sentence = refused(run("tls", "dev", tmp_path / "dev", "--revoke", "0004132E08B4"))
    assert "bootwave tls block --certificate" in sentence


def test_nothing_is_left_behind_when_it_fails(run: Command, tmp_path: Path) -> None:
    directory = tmp_path / "dev"
    assert "is not a MAC" in refused(run("tls", "dev", directory, "--mac", "x"))
    assert not directory.exists()
    sentence = refused(run("tls", "dev", directory, "--revoke", "0004132E08B4"))
    assert "There is no certificate of 0004132E08B4" in sentence
    assert "--mac 0004132E08B4 makes one" in sentence
    assert not directory.exists()
    run("tls", "dev", directory)
    before = sorted(directory.rglob("*"))
    twice = refused(run("tls", "dev", directory, "--mac", "0004132E08B4"))
    assert "exists already: nothing was made; move it away first" in twice
    assert sorted(directory.rglob("*")) == before


@pytest.mark.parametrize("content", [b"", b"garbage"])
def test_a_directory_with_something_else_is_left_alone(
    run: Command, tmp_path: Path, content: bytes
) -> None:
    directory = tmp_path / "dev"
    run("tls", "dev", directory)
    (directory / "issuing-ca-with-key.pem").write_bytes(content)
    sentence = refused(run("tls", "dev", directory, "--mac", "000413AABBCC"))
    assert "is not a CA that bootwave tls dev made: name another directory" in sentence
