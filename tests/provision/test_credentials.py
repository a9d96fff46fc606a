"""Right and wrong credentials, in a provisioner over a store in memory."""

from dataclasses import replace

import pytest

from bootwave.directory.records import DeviceCredentials, Token
from bootwave.http.contact import Identity
from bootwave.http.response import Response
from bootwave.options import HttpOptions, LimitsOptions, Options
from bootwave.provision.credentials import REMEMBERED
from bootwave.sightings import Reason
from bootwave.store.changelog import Change
from tests.provision.bench import (
    ELSEWHERE,
    HERE,
    MAC,
    OTHER_MAC,
    Bench,
    nonceless,
)
from tests.provision.client import basic, digest, nonce_of
from tests.provision.memory import pair_of

UNKNOWN = 0x000413FFFFFF
URI = "/0004132E08B4.xml"
HEAD = {"method": b"HEAD"}
USER, PASSWORD = "user1-of-0004132E08B4", "pass1-credentials"


def made(options: Options | None = None) -> Bench:
    bench = Bench(options)
    bench.store.add_account(401)
    bench.store.accounts[401] = replace(bench.store.accounts[401], auth_user="anna")
    bench.store.bind(401, MAC)
    bench.store.credentials[MAC] = pair_of(MAC)
    return bench


@pytest.fixture
def bench() -> Bench:
    """401 on the phone MAC, closed; the phone has a pair of its own."""
    return made()


@pytest.fixture
def readable() -> Bench:
    return made(Options(http=HttpOptions(basic=True)))


def answered(
    bench: Bench,
    user: str = USER,
    password: str = PASSWORD,
    *,
    uri: str = URI,
    source: str = HERE,
    asked: dict[str, object] | None = None,
    **how: object,
) -> Response:
    """Return the answer to the second request, after the challenge of the first."""
    asked = {"source": source, **(asked or {})}
    first = bench.get(uri, **asked)
    assert first.status == 401
    shown = digest(user, password, uri, nonce_of(first), **how)  # type: ignore[arg-type]
    return bench.get(uri, authorization=shown, **asked)


@pytest.mark.parametrize("algorithm", ["MD5", "SHA-256"])
@pytest.mark.parametrize("userhash", [False, True])
@pytest.mark.parametrize(
    ("user", "password"),
    [
        (USER, PASSWORD),
        ("401", "password-of-401"),
        ("401@pbx1.example.com", "password-of-401"),
        ("anna", "password-of-401"),
    ],
)
def test_right_credentials_open_the_document_from_any_private_address(
    bench: Bench, user: str, password: str, algorithm: str, userhash: bool
) -> None:
    answer = answered(
        bench, user, password, source=ELSEWHERE, algorithm=algorithm, userhash=userhash
    )
    assert answer.status == 200
    assert answer.proven
    assert PASSWORD.encode() in answer.body
    assert bench.reasons == [Reason.CLOSED, Reason.SERVED_CREDENTIALS]


@pytest.mark.parametrize(
    ("user", "password"),
    [
        (USER, "password-of-401"),
        ("401", PASSWORD),
        ("401", ""),
        ("", "password-of-401"),
        ("402", "password-of-402"),
        ("401@pbx2.example.com", "password-of-401"),
        (USER.upper(), PASSWORD),
        (USER, PASSWORD.upper()),
        ("user1-of-000413A11FA7", "pass1-credentials"),
    ],
)
def test_wrong_credentials_open_nothing(bench: Bench, user: str, password: str) -> None:
    answer = answered(bench, user, password)
    assert nonceless(answer) == nonceless(bench.get())
    assert bench.reasons[1] is Reason.CREDENTIALS_WRONG
    assert bench.totals["credentials_wrong"] == 1


def test_credentials_of_one_phone_open_no_other(bench: Bench) -> None:
    bench.store.add_account(402)
    bench.store.bind(402, OTHER_MAC)
    path = "/000413A11FA7.xml"
    assert answered(bench, uri=path).status == 401
    assert answered(bench, "402", "password-of-402", uri=path).status == 200


def test_a_refusal_is_the_same_for_a_wrong_proof_of_any_mac(bench: Bench) -> None:
    bench.store.know(0x000413000009)
    answers = {
        nonceless(answered(bench, "401", "wrong", uri=f"/{mac:012X}.xml"))
        for mac in (MAC, UNKNOWN, 0x000413000009)
    }
    answers.add(nonceless(bench.get(mac=UNKNOWN)))
    answers.add(nonceless(bench.get(authorization=b"Basic !")))
    answers.add(nonceless(bench.get(authorization=b"Bearer abc")))
    assert len(answers) == 1
    assert Reason.CREDENTIALS_WRONG in bench.reasons


def test_so_many_secrets_are_opened_whatever_is_asked_for(bench: Bench) -> None:
    bench.store.add_account(403)
    for number in range(12):
        bench.store.add_account(500 + number)
        bench.store.bind(500 + number, OTHER_MAC)
    opened = set()
    for mac, user in (
        (MAC, USER),
        (MAC, "401"),
        (MAC, "nobody"),
        (UNKNOWN, USER),
        (OTHER_MAC, "503"),
    ):
        before = bench.keys.opened
        answered(bench, user, "wrong", uri=f"/{mac:012X}.xml")
        opened.add(bench.keys.opened - before)
    assert opened == {2}


# Digest


def test_a_nonce_is_good_for_the_mac_and_the_source_it_was_given_to(
    bench: Bench,
) -> None:
    bench.store.bind(401, OTHER_MAC)
    for where in ({"mac": OTHER_MAC}, {"source": ELSEWHERE}):
        shown = digest(USER, PASSWORD, URI, nonce_of(bench.get(**where)))
        answer = bench.get(authorization=shown)
        assert answer.status == 401
        assert b"stale" not in b"".join(value for _, value in answer.headers)


def test_a_nonce_that_is_too_old_is_told_as_stale_and_nothing_is_counted(
    bench: Bench,
) -> None:
    shown = digest(USER, PASSWORD, URI, nonce_of(bench.get()))
    for mac in (MAC, UNKNOWN):
        uri = f"/{mac:012X}.xml"
        shown = digest(USER, PASSWORD, uri, nonce_of(bench.get(mac=mac)))
        bench.clock.boottime += 120
        answer = bench.get(mac=mac, authorization=shown)
        assert answer.status == 401
        assert answer.headers[0][1].endswith(b", stale=true")
    assert bench.totals["credentials_wrong"] == 0
    shown = digest(USER, PASSWORD, URI, nonce_of(bench.get(mac=MAC)))
    assert bench.get(authorization=shown).status == 200


def test_a_nonce_that_is_too_old_tells_no_open_window(bench: Bench) -> None:
    bench.open(401)
    answers = []
    for mac in (MAC, UNKNOWN):
        uri = f"/{mac:012X}.xml"
        nonce = nonce_of(bench.get(mac=mac, **HEAD))
        shown = digest("401", "guessed", uri, nonce, method="HEAD")
        bench.clock.pass_seconds(100)
        answers.append(bench.get(mac=mac, authorization=shown, **HEAD))
    assert nonceless(answers[0]) == nonceless(answers[1])
    assert bench.reasons[1] is Reason.HEAD_UNDER_WINDOW


def test_what_was_overheard_is_good_again_for_a_minute_and_not_after_a_revocation() -> (
    None
):
    for ends in ("time", "revocation"):
        bench = made()
        overheard = digest(USER, PASSWORD, URI, nonce_of(bench.get(URI)))
        bench.clock.pass_seconds(55)
        for _ in range(3):  # with the same nc
            assert bench.get(URI, authorization=overheard).status == 200
        assert bench.get(URI, source=ELSEWHERE, authorization=overheard).status == 401
        if ends == "time":
            bench.clock.pass_seconds(15)
        else:
            del bench.store.credentials[MAC]
            bench.revocations.revoke([Change("device", MAC)])
        assert bench.get(URI, authorization=overheard).status == 401


def test_digest_is_good_for_its_own_url_and_method_only(bench: Bench) -> None:
    nonce = nonce_of(bench.get())
    shown = digest(USER, PASSWORD, URI, nonce)
    assert bench.get("/snom370-0004132E08B4.htm", authorization=shown).status == 401
    assert bench.get(f"{URI}?a", authorization=shown).status == 401
    assert bench.get(method=b"HEAD", authorization=shown).status == 401
    assert bench.get(authorization=shown).status == 200
    head = digest(USER, PASSWORD, URI, nonce, method="HEAD")
    assert bench.get(method=b"HEAD", authorization=head).status == 200


def test_the_url_of_digest_may_be_absolute(bench: Bench) -> None:
    uri = f"http://pbx.example.com{URI}"
    shown = digest(USER, PASSWORD, uri, nonce_of(bench.get()))
    assert bench.get(authorization=shown).status == 200


def test_digest_of_another_realm_is_wrong(bench: Bench) -> None:
    assert answered(bench, realm="elsewhere").status == 401


# Basic


def test_basic_is_read_over_tls_only(bench: Bench) -> None:
    shown = basic(USER, PASSWORD)
    assert bench.get(authorization=shown).status == 401
    assert bench.reasons == [Reason.CREDENTIALS_WRONG]
    assert bench.get(authorization=shown, secure=True).status == 200
    assert bench.get(authorization=shown).status == 401


def test_basic_is_read_in_clear_when_an_operator_says_so(readable: Bench) -> None:
    assert readable.get(authorization=basic(USER, PASSWORD)).status == 200
    assert readable.get(authorization=basic(USER, "wrong")).status == 401
    challenge = readable.get().headers
    assert challenge == ((b"WWW-Authenticate", b'Basic realm="bootwave"'),)


def test_a_phone_is_asked_for_what_its_model_knows(bench: Bench) -> None:
    def schemes(**how: object) -> list[bytes]:
        return [value.split()[0] for _, value in bench.get(**how).headers]

    assert schemes() == [b"Digest"]
    assert schemes(secure=True) == [b"Basic"]
    assert schemes(agent="curl/8") == [b"Digest", b"Digest"]
    assert schemes(agent="curl/8", secure=True) == [b"Digest", b"Digest", b"Basic"]
    assert schemes(mac=UNKNOWN) == schemes()


# From where


def test_right_credentials_do_not_make_a_transport_fit(bench: Bench) -> None:
    answered(bench, source="192.0.2.1")
    assert bench.reasons[-1] is Reason.CLEAR_HTTP_PUBLIC
    shown = basic(USER, PASSWORD)
    public = bench.get(authorization=shown, secure=True, source="192.0.2.1")
    assert public.status == 200
    assert answered(bench, source="192.0.2.1").status == 401


def test_what_is_remembered_does_not_make_a_transport_fit(readable: Bench) -> None:
    shown = basic(USER, PASSWORD)
    assert readable.get(authorization=shown).status == 200
    assert readable.get(authorization=shown).status == 200
    assert readable.ready(authorization=shown, source=ELSEWHERE) is not None
    assert readable.ready(authorization=shown, source="192.0.2.1") is None
    assert readable.get(authorization=shown, source="192.0.2.1").status == 401


# What is remembered


@pytest.mark.parametrize("algorithm", ["MD5", "SHA-256"])
def test_the_next_file_needs_no_store(bench: Bench, algorithm: str) -> None:
    for _ in range(2):  # the first use of a pair is written before it is remembered
        assert answered(bench, algorithm=algorithm).status == 200
    reads = len(bench.store.reads)
    nonce = nonce_of(bench.get(mac=UNKNOWN, source=HERE))
    nonce = nonce_of(bench.get())
    shown = digest(USER, PASSWORD, URI, nonce, algorithm=algorithm)
    again = bench.ready(authorization=shown)
    assert again is not None
    assert again.status == 200
    assert bench.reasons[-1] is Reason.SERVED_CREDENTIALS
    assert len(bench.store.reads) == reads + 2  # of the two refusals
    wrong = digest(USER, "wrong", URI, nonce, algorithm=algorithm)
    assert bench.ready(authorization=wrong) is None
    head = digest(USER, PASSWORD, URI, nonce, algorithm=algorithm)
    assert bench.ready(method=b"HEAD", authorization=head) is None


def test_without_its_credentials_a_phone_is_not_answered_by_what_was_right(
    bench: Bench,
) -> None:
    assert answered(bench).status == 200
    assert bench.ready() is None
    assert bench.get().status == 401


def test_what_was_right_ends_with_whatever_is_revoked(bench: Bench) -> None:
    answered(bench)
    answered(bench)
    shown = digest(USER, PASSWORD, URI, nonce_of(bench.get()))
    assert bench.ready(authorization=shown) is not None
    del bench.store.credentials[MAC]
    bench.revocations.revoke([Change("device", MAC)])
    assert bench.ready(authorization=shown) is None
    assert bench.get(authorization=shown).status == 401


def test_what_was_right_ends_with_the_time_of_the_account(bench: Bench) -> None:
    how = {"secure": True, "agent": "curl/8.0"}
    shown = basic(USER, PASSWORD)
    end = bench.clock.boottime + 3600.0
    bench.store.bind(401, OTHER_MAC)
    bench.store.bindings[MAC] = [(401, end, bench.clock.boot_id)]
    for _ in range(2):
        assert bench.get(authorization=shown, **how).status == 200
    # Its time is over, which revokes nothing, and it has another account and pair.
    bench.clock.pass_seconds(3600)
    bench.store.credentials[MAC] = pair_of(MAC, 2)
    bench.store.bindings[MAC] = [(401, end + 3600.0, bench.clock.boot_id)]
    assert bench.get(identity=Identity(MAC), **how).status == 200
    assert bench.ready(authorization=shown, **how) is None
    assert bench.get(authorization=shown, **how).status == 401


def test_a_password_that_was_changed_is_wrong_at_once(bench: Bench) -> None:
    assert answered(bench, "401", "password-of-401").status == 200
    account = replace(bench.store.accounts[401], sealed_password=b"changed-of-401")
    bench.store.accounts[401] = account
    bench.committed(401)
    assert answered(bench, "401", "password-of-401").status == 401
    assert answered(bench, "401", "changed-of-401").status == 200


def test_the_memory_of_what_was_right_is_bounded() -> None:
    bench = made()
    verifier = bench.provisioner._way._verifier
    verifier._most = 3
    for number in range(8):
        mac = MAC + number
        if number:
            bench.store.add_account(500 + number)
            bench.store.bind(500 + number, mac)
            bench.store.credentials[mac] = pair_of(mac)
        user = f"user1-of-{mac:012X}"
        for _ in range(2):
            assert answered(bench, user, uri=f"/{mac:012X}.xml").status == 200
    assert len(verifier) == 3
    assert REMEMBERED > 1000


# The pair of the device


def replaced(bench: Bench) -> None:
    """Give the phone a second pair, as a rotation does."""
    old, new = pair_of(MAC), pair_of(MAC, 2)
    bench.store.credentials[MAC] = DeviceCredentials(
        new.user, new.sealed_password, old.user, old.sealed_password
    )
    bench.revocations.revoke([Change("device", MAC)])


NEW = {"user": "user2-of-0004132E08B4", "password": "pass2-credentials"}


def test_the_pair_before_is_good_until_the_new_one_was_used(bench: Bench) -> None:
    replaced(bench)
    for _ in range(2):
        answer = answered(bench)
        assert answer.status == 200
        assert b"pass2-credentials" in answer.body
    assert answered(bench, **NEW).status == 200
    assert answered(bench).status == 401
    assert answered(bench, **NEW).status == 200


def test_that_a_pair_before_was_right_is_never_remembered(bench: Bench) -> None:
    replaced(bench)
    assert answered(bench).status == 200
    shown = digest(USER, PASSWORD, URI, nonce_of(bench.get()))
    assert bench.ready(authorization=shown) is None
    # Another worker learned that the new one was used.
    pair = pair_of(MAC, 2)
    bench.store.credentials[MAC] = replace(pair, used=True)
    assert bench.get(authorization=shown).status == 401


def test_the_first_use_is_written_once(bench: Bench) -> None:
    writes = bench.store.writes
    for _ in range(3):
        assert answered(bench).status == 200
    assert bench.store.writes == writes + 1
    assert bench.store.credentials[MAC].used


def test_a_phone_is_served_though_its_first_use_cannot_be_written(
    bench: Bench,
) -> None:
    bench.store.read_only = True
    assert answered(bench).status == 200
    assert not bench.store.credentials[MAC].used
    bench.store.read_only = False
    assert answered(bench).status == 200
    assert bench.store.credentials[MAC].used


def test_who_proves_itself_by_its_account_is_given_a_pair(bench: Bench) -> None:
    del bench.store.credentials[MAC]
    answer = answered(bench, "401", "password-of-401")
    assert answer.status == 200
    assert PASSWORD.encode() in answer.body
    assert answered(bench).status == 200


def test_a_head_or_a_list_of_files_makes_no_pair(bench: Bench) -> None:
    del bench.store.credentials[MAC]
    head = digest("401", "password-of-401", URI, nonce_of(bench.get()), method="HEAD")
    assert bench.get(method=b"HEAD", authorization=head).status == 200
    path = "/snom370-0004132E08B4.htm"
    assert answered(bench, "401", "password-of-401", uri=path).status == 200
    assert bench.store.credentials == {}


def test_who_proved_itself_is_served_though_no_pair_can_be_stored(
    bench: Bench,
) -> None:
    del bench.store.credentials[MAC]
    bench.store.read_only = True
    answer = answered(bench, "401", "password-of-401")
    assert answer.status == 200
    assert PASSWORD.encode() not in answer.body


def test_a_phone_that_has_its_settings_is_told_so_only_with_its_proof(
    bench: Bench,
) -> None:
    tag = answered(bench).etag
    assert bench.get(if_none_match=tag).status == 401
    shown = digest(USER, PASSWORD, URI, nonce_of(bench.get()))
    current = bench.get(authorization=shown, if_none_match=tag)
    assert (current.status, current.etag) == (304, tag)
    replaced(bench)
    changed = answered(bench, asked={"if_none_match": tag})
    assert changed.status == 200
    assert changed.etag != tag


def test_the_pair_of_an_unbound_phone_opens_nothing(bench: Bench) -> None:
    bench.store.bindings.clear()
    bench.store.know(MAC)
    assert answered(bench).status == 401
    assert bench.reasons[-1] is Reason.UNBOUND


# Limits


def test_passwords_of_extensions_are_compared_so_often_and_no_more() -> None:
    bench = made(Options(limits=LimitsOptions(guesses=5)))
    for number in range(20):
        answered(bench, "401", f"guess-{number}", source=ELSEWHERE)
    assert answered(bench, "401", "password-of-401", source=ELSEWHERE).status == 401
    assert bench.reasons[-1] is Reason.CREDENTIALS_LIMITED
    assert bench.totals["credentials_wrong"] == 5
    assert bench.totals["credentials_limited"] == 16
    assert answered(bench, "401", "password-of-401").status == 200  # from HERE


def test_the_phones_own_pair_is_compared_whatever_was_guessed() -> None:
    bench = made(Options(limits=LimitsOptions(guesses=5, account_guesses=10)))
    for number in range(200):
        source = f"192.168.7.{number % 20}"
        answered(bench, "401", f"guess-{number}", source=source)
        answered(bench, source=source, password=f"guess-{number}")
    assert answered(bench, "401", "password-of-401").status == 401
    assert answered(bench).status == 200
    assert answered(bench, source="192.168.7.1").status == 200
    # It is known now, by its own address.
    assert answered(bench, "401", "password-of-401").status == 200


@pytest.mark.parametrize("scheme", ["Digest", "Basic"])
def test_what_is_remembered_is_not_compared_either_past_the_limit(scheme: str) -> None:
    http = HttpOptions(basic=scheme == "Basic")
    bench = made(Options(limits=LimitsOptions(guesses=5), http=http))

    def ask(password: str, source: str, user: str = "401") -> Response:
        if scheme == "Digest":
            return answered(bench, user, password, source=source)
        return bench.get(authorization=basic(user, password), source=source)

    assert ask("password-of-401", HERE).status == 200
    assert ask("password-of-401", ELSEWHERE).status == 200
    stranger = "192.168.4.66"
    for number in range(5):
        assert ask(f"guess-{number}", stranger).status == 401
    assert ask("password-of-401", stranger).status == 401
    assert bench.reasons[-1] is Reason.CREDENTIALS_LIMITED
    # Who proved before that it is the phone, and the phone's own pair, are served.
    assert ask("password-of-401", HERE).status == 200
    assert ask(PASSWORD, stranger, USER).status == 200


def test_guesses_for_a_mac_that_does_not_exist_are_limited_alike() -> None:
    bench = made(Options(limits=LimitsOptions(guesses=5)))
    for number in range(5):
        answered(bench, "401", f"guess-{number}", uri=f"/{UNKNOWN + number:012X}.xml")
    answered(bench, "401", "guess")
    assert bench.reasons[-1] is Reason.CREDENTIALS_LIMITED


def test_nothing_shown_is_in_a_repr(bench: Bench) -> None:
    answered(bench)
    answered(bench)
    verifier = bench.provisioner._way._verifier
    ((_stamp, proof),) = verifier._remembered.values()
    assert PASSWORD not in repr(proof)
    assert repr(proof) == "Proof('MD5')"


def test_who_proves_itself_by_its_certificate_is_given_a_pair(bench: Bench) -> None:
    del bench.store.credentials[MAC]
    identity = Identity(mac=MAC)
    answer = bench.get(identity=identity, secure=True)
    assert answer.status == 200
    assert PASSWORD.encode() in answer.body
    assert bench.reasons[-1] is Reason.SERVED_CERTIFICATE
    # Over TLS it may come by them alone.
    shown = basic(USER, PASSWORD)
    assert bench.get(authorization=shown, secure=True, source=ELSEWHERE).status == 200


def test_a_certificate_of_another_phone_denies_right_credentials(bench: Bench) -> None:
    shown = basic(USER, PASSWORD)
    other = Identity(mac=OTHER_MAC)
    answer = bench.get(identity=other, authorization=shown, secure=True)
    assert answer.status == 401
    assert bench.reasons == [Reason.CERTIFICATE_OTHER_MAC]
    # Nor is it served by what is remembered.
    for _ in range(2):
        assert bench.get(authorization=shown, secure=True).status == 200
    assert bench.get(identity=other, authorization=shown, secure=True).status == 401


def test_who_is_refused_for_its_token_has_as_many_secrets_opened(bench: Bench) -> None:
    bench.store.tokens[1] = Token(b"token of nobody-1", b"", False, required=True)
    for mac in (UNKNOWN, MAC):
        opened = []
        for shown in (None, basic("401", "wrong")):
            before = bench.keys.opened
            assert bench.get(mac=mac, authorization=shown, secure=True).status == 401
            opened.append(bench.keys.opened - before)
        assert opened[1] - opened[0] == 2
    assert bench.reasons[-1] is Reason.TOKEN_WRONG


@pytest.mark.parametrize(
    ("user", "password"),
    [
        (USER, PASSWORD),
        ("user0-of-0004132E08B4", "pass0-credentials"),
        ("401", "password-of-401"),
        ("anna", "password-of-401"),
    ],
)
@pytest.mark.parametrize("userhash", [False, True])
def test_what_opens_the_decoy_opens_no_stranger(
    bench: Bench, user: str, password: str, userhash: bool
) -> None:
    present, before = pair_of(MAC), pair_of(MAC, 0)
    bench.store.credentials[MAC] = replace(
        present,
        previous_user=before.user,
        sealed_previous=before.sealed_password,
    )
    bench.store.know(OTHER_MAC)
    for mac in (UNKNOWN, OTHER_MAC):
        decoy = bench.store.decoy(mac)
        assert decoy is not None
        assert decoy.mac == MAC
        path = f"/{mac:012X}.xml"
        answer = answered(bench, user, password, uri=path, userhash=userhash)
        assert answer.status == 401
        assert bench.reasons[-1] in (Reason.UNKNOWN_MAC, Reason.UNBOUND)
        assert bench.totals["credentials_wrong"]
    assert answered(bench, user, password, userhash=userhash).status == 200
