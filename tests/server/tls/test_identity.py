"""Who a connection's certificate says it is, in full and in resumed handshakes."""

import time
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest
from cryptography.x509 import load_der_x509_certificate
from OpenSSL import SSL

from bootwave.certificates.blocks import Blocks
from bootwave.certificates.verdict import Problem
from bootwave.errors import StoreUnavailable
from tests.certificates import authorities, factory
from tests.certificates.case import Case
from tests.certificates.cases import CASES
from tests.server.tls.serving import (
    STAY,
    Phone,
    Served,
    ask,
    client_context,
    https_options,
)

VERSIONS = {"1.2": SSL.TLS1_2_VERSION, "1.3": SSL.TLS1_3_VERSION}
NOBODY = "000000000000"
# Keys that no signature of that version is allowed to be made with, or that the server
# did not offer to take (RFC 8446 section 4.2.3).
UNUSABLE = {"P-224", "secp256k1", "RSA-512", "RSA-512 below the pinned root"}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with Served(https_options(tmp_path_factory.mktemp("tls"))) as served:
        served.blocks = factory.BLOCKS
        served.stamp += 1
        yield served


def seen(body: bytes) -> tuple[str, str, str]:
    mac, denial, detail, _ = body.decode().split("|")
    return mac, denial, detail


# Where TLS is stricter than the policy: OpenSSL tries one path, the first by name.
STRICTER = {"a same-name CA with another key sent along"}


# What proves something by SHA-1 or RSA-1024, which only the legacy listener takes.
WEAK = {
    "RSA-1024 and SHA-1 below the pinned root",
    "RSA-2048 and SHA-256 below the pinned root",
}


def expected(case: Case, *, legacy: bool = False) -> tuple[str, str, str]:
    if case.denies:
        return NOBODY, "CERTIFICATE_BLOCKED", ""
    if case.name in WEAK and not legacy:
        return NOBODY, "", Problem.LEGACY_ONLY.sentence
    problem = Problem.TLS_REFUSED if case.name in STRICTER else case.problem
    if problem is None:
        return f"{case.mac:012X}", "", ""
    return NOBODY, "", problem.sentence


def tried(
    address: tuple[str, int], case: Case, version: int
) -> list[tuple[str, str, str] | str]:
    """What a full handshake and a resumed one showed, or why there was none."""
    try:
        context = client_context(case.chain, case.key, version)
        body, session, resumed = ask(address, context)
    except SSL.Error as error:
        return [f"no handshake: {error.args[0][-1][-1]}"] * 2
    assert not resumed
    full = seen(body)
    if full == (NOBODY, "", ""):
        return ["the client cannot use its key"] * 2
    body, _, resumed = ask(address, context, session)
    assert resumed
    return [full, seen(body)]


@pytest.mark.parametrize("listener", ["modern", "legacy"])
@pytest.mark.parametrize("version", VERSIONS)
def test_every_certificate_proves_what_it_must_full_and_resumed(
    served: Served, version: str, listener: str
) -> None:
    legacy = listener == "legacy"
    address = served.legacy_address if legacy else served.address
    cases = [case for case in CASES if case.loads and case.chain]
    assert len(cases) >= 60
    table = []
    wrong = []
    for case in cases:
        for kind, got in zip(
            ("full", "resumed"), tried(address, case, VERSIONS[version]), strict=True
        ):
            wanted = expected(case, legacy=legacy)
            row = f"{version} {kind:8}{case.name}: {wanted} {got}"
            table.append(row)
            if isinstance(got, str):
                right = case.name in UNUSABLE
            else:
                mac, denial, detail = wanted
                # Of what proves nothing only that is kept, and not always why.
                right = got[:2] == (mac, denial) and (
                    bool(got[2]) == bool(detail)
                    if kind == "resumed"
                    else got[2] == detail
                )
            if not right:
                wrong.append(row)
    print("\n".join(table))
    assert not wrong, "\n" + "\n".join(wrong)


@pytest.mark.parametrize("version", VERSIONS.values(), ids=VERSIONS)
def test_a_weak_certificate_counts_on_the_legacy_listener_and_nowhere_else(
    served: Served, version: int
) -> None:
    weak = factory.phone(
        issuing=factory.WORLD.legacy_issuing, key=factory.WORLD.rsa_1024
    )
    context = client_context(*weak, version)
    nobody = NOBODY, "", Problem.LEGACY_ONLY.sentence
    sessions: dict[tuple[str, int], SSL.Session] = {}
    # In any order, however much is known of it from the other listener.
    for _ in range(2):
        for address, wanted in (
            (served.address, nobody),
            (served.legacy_address, (factory.TEXT, "", "")),
        ):
            body, sessions[address], _ = ask(address, context)
            assert seen(body) == wanted
            body, _, resumed = ask(address, context, sessions[address])
            assert resumed
            assert seen(body) == wanted
    # A ticket of the one opens nothing at the other.
    body, _, resumed = ask(served.address, context, sessions[served.legacy_address])
    assert not resumed
    assert seen(body) == nobody
    for address, wanted in (
        (served.address, nobody),
        (served.legacy_address, (factory.TEXT, "", "")),
    ):
        with Phone(address, context) as phone:
            phone.shake()
            for _ in range(2):
                phone.send(STAY)
                assert seen(phone.answer()) == wanted
                served.stamp += 1  # everything is looked at anew


def test_a_strong_certificate_counts_on_both_listeners(served: Served) -> None:
    context = phone_context()
    for address in (served.address, served.legacy_address):
        assert seen(ask(address, context)[0])[0] == factory.TEXT


def rogue(version: int) -> SSL.Context:
    """A certificate of a phone's MAC by a CA that took the factory CA's names."""
    root = authorities.root(factory.WORLD.root.subject)
    issuing = root.below(factory.WORLD.issuing.subject)
    chain, key = factory.phone(issuing=issuing)
    return client_context((*chain, root.der), key, version)


@pytest.mark.parametrize("version", VERSIONS.values(), ids=VERSIONS)
def test_a_rogue_has_no_identity_full_or_resumed(served: Served, version: int) -> None:
    context = rogue(version)
    body, session, resumed = ask(served.address, context)
    assert not resumed
    assert seen(body)[0] == NOBODY
    for _ in range(2):
        body, session, resumed = ask(served.address, context, session)
        assert resumed
        assert seen(body)[0] == NOBODY


def phone_context(
    version: int = SSL.TLS1_3_VERSION, mac: int = factory.MAC
) -> SSL.Context:
    return client_context(*factory.phone(mac), version)


@pytest.mark.parametrize("version", VERSIONS.values(), ids=VERSIONS)
def test_without_a_certificate_there_is_nobody(served: Served, version: int) -> None:
    context = client_context(version=version)
    body, session, _ = ask(served.address, context)
    assert seen(body) == (NOBODY, "", "")
    body, _, resumed = ask(served.address, context, session)
    assert resumed
    assert seen(body) == (NOBODY, "", "")


@pytest.mark.parametrize("version", VERSIONS.values(), ids=VERSIONS)
def test_a_session_of_an_unknown_leaf_has_no_identity(
    served: Served, version: int
) -> None:
    chain, key = factory.phone()
    context = client_context(chain, key, version)
    body, session, _ = ask(served.address, context)
    assert seen(body)[0] == factory.TEXT

    def forget() -> None:
        leaf = sha256(chain[0]).digest()
        served.identities._fresh.clear()
        served.identities._verdicts._known.clear()
        served.shared.page._leaves.drop(leaf)

    served.call(forget)
    body, _, resumed = ask(served.address, context, session)
    assert resumed
    assert seen(body) == (NOBODY, "", Problem.NOT_REMEMBERED.sentence)


@pytest.mark.parametrize("version", VERSIONS.values(), ids=VERSIONS)
def test_what_another_worker_found_gives_an_identity(
    served: Served, version: int
) -> None:
    context = phone_context(version)
    body, session, _ = ask(served.address, context)
    assert seen(body)[0] == factory.TEXT

    def be_another() -> None:
        served.identities._fresh.clear()
        served.identities._verdicts._known.clear()

    served.call(be_another)
    body, _, resumed = ask(served.address, context, session)
    assert resumed
    assert seen(body)[0] == factory.TEXT


@pytest.mark.parametrize("version", VERSIONS.values(), ids=VERSIONS)
def test_a_block_holds_for_the_next_request_of_an_open_connection(
    served: Served, version: int
) -> None:
    chain, key = factory.phone()
    serial = load_der_x509_certificate(chain[0]).serial_number
    with Phone(served.address, client_context(chain, key, version)) as phone:
        phone.shake()
        phone.send(STAY)
        assert seen(phone.answer())[0] == factory.TEXT
        before = served.blocks
        try:
            served.blocks = Blocks(before.serials | {serial}, before.keys)
            served.stamp += 1
            phone.send(STAY)
            assert seen(phone.answer()) == (NOBODY, "CERTIFICATE_BLOCKED", "")
        finally:
            served.blocks = before
            served.stamp += 1
        phone.send(STAY)
        assert seen(phone.answer())[0] == factory.TEXT


def test_a_certificate_ends_within_an_open_connection(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Phone(served.address, phone_context()) as phone:
        phone.shake()
        phone.send(STAY)
        assert seen(phone.answer())[0] == factory.TEXT
        later = time.time() + 2 * authorities.YEAR
        monkeypatch.setattr(served.identities, "_clock", lambda: later)
        phone.send(STAY)
        assert seen(phone.answer()) == (NOBODY, "", Problem.EXPIRED.sentence)


@pytest.mark.parametrize("version", VERSIONS.values(), ids=VERSIONS)
def test_a_list_that_ends_ends_its_ca_full_resumed_and_within_a_connection(
    tmp_path: Path, version: int
) -> None:
    crl = tmp_path / "ending.crl"
    crl.write_bytes(
        factory.WORLD.issuing.revokes(1, next_update=time.time() + authorities.DAY)
    )
    nobody = NOBODY, "", Problem.CRL_OUTDATED.sentence
    context = phone_context(version)
    with Served(https_options(tmp_path, crls=(crl,))) as served:
        body, session, _ = ask(served.address, context)
        assert seen(body)[0] == factory.TEXT
        with Phone(served.address, context) as phone:
            phone.shake()
            phone.send(STAY)
            assert seen(phone.answer())[0] == factory.TEXT
            later = time.time() + 2 * authorities.DAY
            served.identities._clock = lambda: later
            phone.send(STAY)
            assert seen(phone.answer()) == nobody
        body, _, resumed = ask(served.address, context, session)
        assert resumed
        assert seen(body) == nobody
        assert seen(ask(served.address, phone_context(version))[0]) == nobody


def test_nobody_has_an_identity_while_blocks_cannot_be_read(served: Served) -> None:
    with Phone(served.address, phone_context()) as phone:
        phone.shake()
        phone.send(STAY)
        assert seen(phone.answer())[0] == factory.TEXT
        served.block_error = StoreUnavailable("the store is away")
        served.stamp += 1
        try:
            phone.send(STAY)
            mac, denial, detail = seen(phone.answer())
            assert (mac, denial) == (NOBODY, "")
            assert "cannot be found out" in detail
        finally:
            served.block_error = None
        served.until(lambda: _asks_as(phone) == factory.TEXT)


def _asks_as(phone: Phone) -> str:
    phone.send(STAY)
    return seen(phone.answer())[0]
