"""HTTPS of the installed program: certificates, sessions of all workers, reloads."""

import json
import re
import shutil
import signal
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from OpenSSL import SSL

from bootwave.server.tls.openssl import is_resumed
from tests.certificates import authorities, factory
from tests.certificates.case import Case
from tests.certificates.cases import CASES
from tests.end_to_end.conftest import Serving
from tests.end_to_end.crowd import counted, meanwhile
from tests.end_to_end.program import Program, wait_until
from tests.server.tls.serving import (
    Phone,
    client_context,
    files,
    server_files,
)

VERSIONS = {"1.2": SSL.TLS1_2_VERSION, "1.3": SSL.TLS1_3_VERSION}
OTHER = f"{factory.OTHER_MAC:012X}"


@pytest.fixture(scope="session")
def trusted(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Options of the factory's CAs as variables."""
    fields = factory.options(tmp_path_factory.mktemp("factory"))
    return {
        "HTTPS__FACTORY_CAS": ",".join(map(str, fields["factory_cas"])),
        "HTTPS__CRLS": ",".join(map(str, fields["crls"])),
        "HTTPS__LEGACY_ROOTS": ",".join(fields["legacy_roots"]),
    }


@pytest.fixture
def program(serving: Serving, trusted: dict[str, str]) -> Program:
    """Two workers, and two phones whose accounts are not open."""
    program = serving(**trusted)
    program.import_accounts({"401": factory.TEXT, "402": OTHER})
    return program


def request(path: str, *fields: str) -> bytes:
    return "\r\n".join([f"GET {path} HTTP/1.1", "Host: x", *fields, "", ""]).encode()


def fetch(
    program: Program,
    path: str,
    context: SSL.Context,
    session: SSL.Session | None = None,
    *,
    legacy: bool = False,
) -> tuple[int, bytes, SSL.Session, bool]:
    """Status and body of *path*, the session, and whether it was resumed."""
    address = program.https_legacy if legacy else program.https
    with Phone(address, context, session) as phone:
        phone.shake()
        phone.send(request(path, "Connection: close"))
        head, _, body = phone.rest().partition(b"\r\n\r\n")
        got = phone.tls.get_session()
        assert got is not None
        resumed = is_resumed(phone.tls)
        phone.tls.shutdown()
        return int(head.split(b" ", 2)[1]), body, got, resumed


def own(version: int = SSL.TLS1_3_VERSION, mac: int = factory.MAC) -> SSL.Context:
    return client_context(*factory.phone(mac), version)


@pytest.mark.parametrize("version", VERSIONS.values(), ids=VERSIONS)
def test_a_certificate_opens_its_own_document_in_every_worker(
    program: Program, version: int
) -> None:
    context = own(version)
    status, body, session, _ = fetch(program, f"/{factory.TEXT}.xml", context)
    assert status == 200
    assert b"secret-401" in body
    # Connections are spread over the workers; both resume, and both know whose it is.
    for _ in range(24):
        status, again, session, resumed = fetch(
            program, f"/{factory.TEXT}.xml", context, session
        )
        assert (status, again, resumed) == (200, body, True)
        assert fetch(program, f"/{OTHER}.xml", context, session)[0] == 401
        assert fetch(program, "/general.xml", context, session)[0] == 200
    wait_until(
        lambda: "SERVED_CERTIFICATE" in program.reasons(factory.TEXT), "it is told why"
    )
    wait_until(lambda: program.reasons(OTHER), "it is told who was refused")
    assert program.reasons(OTHER)[0] == "CERTIFICATE_OTHER_MAC"


def test_a_weak_certificate_opens_its_document_on_the_legacy_port_only(
    serving: Serving, trusted: dict[str, str]
) -> None:
    program = serving(**trusted, HTTPS__LEGACY__LISTEN="127.0.0.1:0")
    program.import_accounts({"401": factory.TEXT})
    weak = factory.phone(
        issuing=factory.WORLD.legacy_issuing, key=factory.WORLD.rsa_1024
    )
    path = f"/{factory.TEXT}.xml"
    for version in VERSIONS.values():
        context = client_context(*weak, version)
        session: SSL.Session | None = None
        modern: SSL.Session | None = None
        for _ in range(6):
            status, body, session, _ = fetch(
                program, path, context, session, legacy=True
            )
            assert status == 200
            assert b"secret-401" in body
            status, body, modern, _ = fetch(program, path, context, modern)
            assert status == 401
            assert b"secret" not in body

    def is_told() -> bool:
        shown = program.command("device", "show", factory.TEXT)["time_line"]
        return any("https.legacy.listen" in seen["detail"] for seen in shown)

    wait_until(is_told, "it is told why")


def test_simulated_phones_boot_over_tls(
    serving: Serving, trusted: dict[str, str], tmp_path: Path
) -> None:
    program = serving(**trusted)
    macs = [f"{factory.MAC + n:012X}" for n in range(12)]
    program.import_accounts({f"{401 + n}": mac for n, mac in enumerate(macs)})
    for mac in macs:
        files(*factory.phone(int(mac, 16)), tmp_path / f"{mac}.pem")
    url = "https://{}:{}/{{mac}}.xml".format(*program.https)
    told = ["--url", url, "--mac", macs[0]]
    shown = program.boot(*told)
    assert shown["outcome"] != "booted", shown
    shown = program.boot(*told, "--certificate", str(tmp_path / f"{macs[0]}.pem"))
    assert shown["outcome"] == "booted", shown
    each = ["--certificate", str(tmp_path / "{mac}.pem"), "--count", str(len(macs))]
    assert program.boot(*told, *each)["booted"] == len(macs)
    missing = str(tmp_path / "none.pem")
    assert "none.pem" in str(program.boot(*told, "--certificate", missing))
    assert counted(program, "tls_resumed") > 0


@pytest.mark.parametrize("version", VERSIONS.values(), ids=VERSIONS)
def test_a_rogue_gets_nothing_full_or_resumed(program: Program, version: int) -> None:
    root = authorities.root(factory.WORLD.root.subject)
    issuing = root.below(factory.WORLD.issuing.subject)
    chain, key = factory.phone(issuing=issuing)
    context = client_context((*chain, root.der), key, version)
    path = f"/{factory.TEXT}.xml"
    status, body, session, _ = fetch(program, path, context)
    assert status == 401
    for _ in range(8):
        status, body, session, resumed = fetch(program, path, context, session)
        assert (status, resumed) == (401, True)
        assert b"secret" not in body
    # It looks as if it had shown none.
    bare = client_context(version=version)
    assert fetch(program, path, bare)[:2] == (status, body)

    def is_told() -> bool:
        shown = program.command("device", "show", factory.TEXT)["time_line"]
        return any("certificate" in seen["detail"] for seen in shown)

    wait_until(is_told, "it is told why")


def test_who_owns_a_certificate_gets_no_secrets_over_clear_http(
    program: Program,
) -> None:
    assert not program.command("device", "show", factory.TEXT)["owns_certificate"]
    assert fetch(program, f"/{factory.TEXT}.xml", own())[0] == 200
    wait_until(
        lambda: program.command("device", "show", factory.TEXT)["owns_certificate"],
        "it is remembered",
    )
    program.command("window", "open", "401@pbx.example.com")
    assert program.get(f"/{factory.TEXT}.xml").status == 401
    wait_until(
        lambda: "CLEAR_HTTP_CERTIFICATE" in program.reasons(factory.TEXT), "it says why"
    )
    assert fetch(program, f"/{factory.TEXT}.xml", own())[0] == 200


def test_multicast_serves_phones_with_certificates_beside_phones_without(
    program: Program, tmp_path: Path
) -> None:
    files(*factory.phone(), tmp_path / "phone.pem")
    certificate = ("--mac", factory.TEXT, "--certificate", str(tmp_path / "phone.pem"))
    program.command("window", "open", "402@pbx.example.com")
    url = "https://{}:{}/{{mac}}.xml".format(*program.https)
    server = ("--server", "{}:{}".format(*program.pnp))
    shown = program.boot(*server, *certificate)
    assert shown["outcome"] == "refused", shown  # clear HTTP, and no window is open
    shown = program.boot(*certificate, "--url", url)
    assert shown["outcome"] == "booted", shown
    wait_until(
        lambda: program.command("device", "show", factory.TEXT)["owns_certificate"],
        "it is remembered",
    )
    for _ in range(2):  # the core, then the lane
        shown = program.boot(*server, *certificate)
        assert shown["outcome"] == "booted", shown
        shown = program.boot(*server, "--mac", OTHER)
        assert shown["outcome"] == "booted", shown


def test_a_block_holds_for_connections_that_are_open(program: Program) -> None:
    chain, key = factory.phone()
    context = client_context(chain, key)
    path = f"/{factory.TEXT}.xml"
    _, _, session, _ = fetch(program, path, context)
    phones = [Phone(program.https, context) for _ in range(6)]
    for phone in phones:
        phone.shake()
        phone.send(request(path))
        assert b"secret-401" in phone.answer()
    wait_until(
        lambda: program.command("device", "show", factory.TEXT)["certificate"],
        "its certificate is known",
    )
    serial = program.command("device", "show", factory.TEXT)["certificate"]["serial"]
    assert serial == _serial(chain[0])
    program.command("tls", "block", "--serial", serial, "--reason", "lost")
    (blocked,) = program.command("tls", "blocks")
    assert blocked["macs"] == [factory.TEXT]
    for phone in phones:
        phone.send(request(path))
        assert b"secret" not in phone.answer()
        phone.close()
    for version in VERSIONS.values():
        again = client_context(chain, key, version)
        assert fetch(program, path, again)[0] == 401
    assert fetch(program, path, context, session)[0] == 401
    program.command("window", "open", "401@pbx.example.com")
    assert fetch(program, path, context)[0] == 401
    wait_until(
        lambda: program.reasons(factory.TEXT)[:1] == ["CERTIFICATE_BLOCKED"], "why"
    )
    program.command("tls", "unblock", "--serial", _serial(chain[0]))
    assert fetch(program, path, context, session)[0] == 200


def _serial(leaf: bytes) -> str:
    from cryptography.x509 import load_der_x509_certificate

    return f"{load_der_x509_certificate(leaf).serial_number:X}"


def shown_to(program: Program) -> str:
    """The serial number of the certificate that the server shows."""
    with Phone(program.https, client_context()) as phone:
        phone.shake()
        certificate = phone.tls.get_peer_certificate(as_cryptography=True)
        assert certificate is not None
        phone.tls.shutdown()
        phone.flush()
        return f"{certificate.serial_number:X}"


def roll(program: Program) -> None:
    before = program.children()
    program.signal(signal.SIGHUP)
    wait_until(
        lambda: len(program.children()) == 3 and not before & program.children(),
        "every process is new",
    )


def test_a_reload_shows_the_new_certificate_and_drops_nobody(
    serving: Serving, trusted: dict[str, str], tmp_path: Path
) -> None:
    certificate = server_files(tmp_path, "one.example")
    program = serving(**trusted, HTTPS__CERTIFICATES=str(certificate))
    program.import_accounts({"401": factory.TEXT})
    path = f"/{factory.TEXT}.xml"
    context = own()
    done = [0]

    def fetch_always() -> None:
        assert fetch(program, path, context)[0] == 200
        done[0] += 1

    first = shown_to(program)
    _, _, session, _ = fetch(program, path, context)
    with meanwhile(fetch_always), meanwhile(fetch_always):
        for number in range(2):
            shutil.copy(server_files(tmp_path, f"new{number}.example"), certificate)
            roll(program)
            assert shown_to(program) != first
    assert done[0] > 5
    # Tickets were for the contexts of before: lost once, and counted.
    status, _, session, resumed = fetch(program, path, context, session)
    assert (status, resumed) == (200, False)
    assert fetch(program, path, context, session)[3]
    wait_until(lambda: counted(program, "tls_tickets_lost") >= 1, "it is counted")
    assert program.stop() == 0


def test_a_broken_file_keeps_the_old_certificate_and_says_so(
    serving: Serving, trusted: dict[str, str], tmp_path: Path
) -> None:
    certificate = server_files(tmp_path, "one.example")
    program = serving(**trusted, HTTPS__CERTIFICATES=str(certificate))
    program.import_accounts({"401": factory.TEXT})
    first = shown_to(program)
    context = own()
    _, _, session, _ = fetch(program, f"/{factory.TEXT}.xml", context)
    certificate.write_text("broken")
    roll(program)
    wait_until(lambda: "stay as they were" in program.errors(), "it is said")
    assert str(certificate) in program.errors()
    assert shown_to(program) == first
    # Nothing was lost either: the contexts are the same.
    status, _, _, resumed = fetch(program, f"/{factory.TEXT}.xml", context, session)
    assert (status, resumed) == (200, True)
    shutil.copy(server_files(tmp_path, "two.example"), certificate)
    roll(program)
    assert shown_to(program) != first
    assert program.stop() == 0
    assert "Traceback" not in program.errors()


def test_a_crl_that_is_read_anew_ends_a_phone(
    serving: Serving, trusted: dict[str, str], tmp_path: Path
) -> None:
    crl = tmp_path / "phones.crl"
    crl.write_bytes(factory.WORLD.issuing.revokes(1))
    program = serving(**{**trusted, "HTTPS__CRLS": str(crl)})
    program.import_accounts({"401": factory.TEXT})
    chain, key = factory.phone()
    path, context = f"/{factory.TEXT}.xml", client_context(chain, key)
    assert fetch(program, path, context)[0] == 200
    crl.write_bytes(factory.WORLD.issuing.revokes(int(_serial(chain[0]), 16)))
    roll(program)
    assert fetch(program, path, context)[0] == 401
    program.command("window", "open", "401@pbx.example.com")
    assert fetch(program, path, context)[0] == 401
    crl.write_text("broken")
    roll(program)
    assert fetch(program, path, context)[0] == 401


def test_while_a_crl_is_out_of_date_a_phone_is_one_without_certificate(
    serving: Serving, trusted: dict[str, str], tmp_path: Path
) -> None:
    crl = tmp_path / "phones.crl"
    old = authorities.NOW - authorities.DAY / 2
    crl.write_bytes(factory.WORLD.issuing.revokes(1))
    program = serving(**{**trusted, "HTTPS__CRLS": str(crl)})
    program.import_accounts({"401": factory.TEXT})
    chain, key = factory.phone()
    path, context = f"/{factory.TEXT}.xml", client_context(chain, key)
    _, _, session, _ = fetch(program, path, context)
    crl.write_bytes(factory.WORLD.issuing.revokes(1, next_update=old))
    roll(program)
    assert "prove nothing until you fetch the new one" in program.errors()
    assert fetch(program, path, context, session)[0] == 401
    status, _, session, _ = fetch(program, path, context)
    assert status == 401
    status, _, session, resumed = fetch(program, path, context, session)
    assert (status, resumed) == (401, True)

    def is_told() -> bool:
        shown = program.command("device", "show", factory.TEXT)["time_line"]
        return any("revocation list" in seen["detail"] for seen in shown)

    wait_until(is_told, "it is told why")
    program.command("window", "open", "401@pbx.example.com")
    assert fetch(program, path, context)[0] == 200
    program.command("window", "close", "401@pbx.example.com")
    assert fetch(program, path, context)[0] == 401
    # A fresh list brings the phone back.
    crl.write_bytes(factory.WORLD.issuing.revokes(1))
    roll(program)
    status, body, session, _ = fetch(program, path, context)
    assert status == 200
    assert b"secret-401" in body
    assert fetch(program, path, context, session)[::3] == (200, True)


def test_every_certificate_gets_what_it_proves(
    programs: Serving, trusted: dict[str, str], lane: str
) -> None:
    program = programs(**trusted)
    options = program.directory / "bootwave.toml"
    issuers = f"\nfactory_issuers = {json.dumps(factory.ISSUERS)}\n"
    options.write_text(
        re.sub(r"(?m)^\[https\].*$", r"\g<0>" + issuers, options.read_text(), count=1)
    )
    with sqlite3.connect(program.directory / "bootwave.db") as store:
        rows = [("serial", str(serial)) for serial in factory.BLOCKS.serials]
        rows += [("key", key.hex()) for key in factory.BLOCKS.keys]
        store.executemany(
            "INSERT INTO certificate_blocks (kind, value, why, made_at, made_by) "
            "VALUES (?, ?, 'lost', 0, 'test')",
            rows,
        )
    program.start()
    program.import_accounts({"401": factory.TEXT, "402": OTHER})
    table = []
    wrong = []
    for case in CASES:
        if not case.loads or not case.chain:
            continue
        for name, version in VERSIONS.items():
            for kind, seen in _tried(program, case, version):
                proves = case.mac and case.name not in {*STRICTER, *WEAK}
                expected = 200 if proves else 401
                table.append(f"{case.name:60} {name} {kind:8} {expected} {seen}")
                if seen != (expected, expected == 200) and case.name not in UNUSABLE:
                    wrong.append(table[-1])
                elif case.name in UNUSABLE and seen[1]:
                    wrong.append(table[-1])
    print("\n".join(table))
    assert len(table) >= 200
    assert not wrong, "\n" + "\n".join(wrong)


# As in tests/server/tls/test_identity.py.
WEAK = {
    "RSA-1024 and SHA-1 below the pinned root",
    "RSA-2048 and SHA-256 below the pinned root",
}
STRICTER = {"a same-name CA with another key sent along"}
UNUSABLE = {"P-224", "secp256k1", "RSA-512", "RSA-512 below the pinned root"}


def _tried(
    program: Program, case: Case, version: int
) -> Iterator[tuple[str, tuple[int, bool]]]:
    """Status, and whether the phone's password came, full and resumed."""
    path = f"/{case.mac or factory.MAC:012X}.xml"
    session: SSL.Session | None = None
    try:
        context = client_context(case.chain, case.key, version)
        for kind in ("full", "resumed"):
            status, body, session, resumed = fetch(program, path, context, session)
            assert resumed == (kind == "resumed")
            yield kind, (status, b"secret-" in body)
    except SSL.Error:
        yield "neither", (0, False)
