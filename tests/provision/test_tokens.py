"""URLs with tokens, through the provisioner."""

import pytest

from bootwave.directory.records import Token
from bootwave.errors import StoreError
from bootwave.http.response import Response
from bootwave.http.target import DocumentKind, is_token
from bootwave.options import Options
from bootwave.provision.asked import asked_from
from bootwave.provision.cache import DocumentKey, GeneralDocument
from bootwave.provision.steps import Ready
from bootwave.server.tls.side import Said
from bootwave.sightings import Reason
from tests.provision.bench import (
    MAC,
    OTHER_MAC,
    Bench,
    contact,
    nonceless,
    request,
)
from tests.provision.client import digest, nonce_of

FIRST = "t" + "a" * 26
OLDER = "t" + "b" * 26
WRONG = "t" + "c" * 26
UNKNOWN = 0x000413F00000
OWNER = "domain-token/1"


def sealed(token: str, owner: str = OWNER) -> bytes:
    return f"{token} of {owner}".encode()


@pytest.fixture
def bench() -> Bench:
    """Account 401 on the phone MAC, in a domain that requires its token."""
    made = Bench()
    made.store.add_account(401)
    made.store.add_account(402)
    made.store.bind(401, MAC)
    made.store.bind(402, OTHER_MAC)
    made.store.tokens[1] = Token(sealed(FIRST), b"", True, required=True)
    return made


def get(bench: Bench, token: str = "", mac: int = MAC, **how: object) -> Response:
    folder = f"/{token}" if token else ""
    return bench.get(f"{folder}/{mac:012X}.xml", **how)


def ready(bench: Bench, token: str = "", mac: int = MAC) -> Response | None:
    folder = f"/{token}" if token else ""
    return bench.ready(f"{folder}/{mac:012X}.xml")


def steady(bench: Bench, mac: int = MAC) -> str:
    return bench.store.device_tokens[mac].sealed.decode().partition(" ")[0]


@pytest.mark.parametrize("token", ["", WRONG])
def test_without_the_token_of_its_domain_a_phone_is_refused_and_takes_no_window(
    bench: Bench, token: str
) -> None:
    bench.open(401)
    assert get(bench, token).status == 401
    assert bench.reasons == [Reason.TOKEN_WRONG]
    assert bench.store.windows[401].consumed_mac == 0
    assert get(bench, token, UNKNOWN).status == 401


def test_the_token_alone_opens_nothing(bench: Bench) -> None:
    assert get(bench, FIRST).status == 401
    assert bench.reasons == [Reason.CLOSED]
    assert get(bench, FIRST, UNKNOWN).status == 401


def test_what_is_refused_for_its_token_looks_like_any_other_refusal(
    bench: Bench,
) -> None:
    bench.open(401)
    refused, unknown = get(bench, WRONG), get(bench, WRONG, UNKNOWN)
    assert refused.headers[0][0] == unknown.headers[0][0]
    assert len(repr(refused)) == len(repr(unknown))


def test_a_phone_is_told_a_url_with_a_token_of_its_own(bench: Bench) -> None:
    bench.open(401)
    answer = get(bench, FIRST)
    assert answer.status == 200
    own = steady(bench)
    assert is_token(own)
    assert answer.body.endswith(f"http://192.168.4.1:8080/{own}/{{mac}}.xml".encode())
    listed = bench.get(f"/{FIRST}/snom370-{MAC:012X}.htm")
    assert f"http://192.168.4.1:8080/{own}/{MAC:012X}.xml".encode() in listed.body


def test_its_own_token_is_good_and_what_is_kept_is_for_no_other(bench: Bench) -> None:
    bench.open(401)
    first = get(bench, FIRST)
    own = steady(bench)
    # Nobody came with it yet, so nothing is given without a look.
    assert ready(bench, own) is None
    assert ready(bench, FIRST) is None
    assert get(bench, own) == first
    assert bench.store.device_tokens[MAC].used
    assert get(bench, own) == first  # now it is known to be in use
    assert ready(bench, own) == first
    for other in ("", FIRST, WRONG):
        assert ready(bench, other) is None
    assert get(bench, WRONG).status == 401
    assert get(bench, FIRST).status == 200  # after a reset the phone comes so
    assert ready(bench, own) == first


def test_the_token_before_is_good_until_the_new_one_was_used(bench: Bench) -> None:
    bench.open(401)
    get(bench, FIRST)
    old, owner = steady(bench), f"device-token/{MAC}"
    bench.store.device_tokens[MAC] = Token(
        sealed(WRONG, owner), sealed(old, owner), False
    )
    bench.committed(401)
    assert get(bench, old).status == 200
    assert get(bench, WRONG).status == 200
    assert get(bench, old).status == 401
    assert bench.reasons[-1] is Reason.TOKEN_WRONG


def test_a_domains_new_token_is_noted_when_it_is_used_under_a_grant(
    bench: Bench,
) -> None:
    bench.store.tokens[1] = Token(sealed(FIRST), sealed(OLDER), False, required=True)
    get(bench, FIRST)
    assert not bench.store.tokens[1].used  # anybody may have seen the URL
    bench.open(401)
    assert get(bench, OLDER).status == 200
    assert get(bench, FIRST).status == 200
    assert bench.store.tokens[1].used
    assert get(bench, OLDER).status == 401


def test_one_phones_token_is_not_anothers(bench: Bench) -> None:
    for account, mac in ((401, MAC), (402, OTHER_MAC)):
        bench.open(account)
        get(bench, FIRST, mac)
    assert get(bench, steady(bench, OTHER_MAC)).status == 401


def test_where_none_is_required_phones_come_with_and_without(bench: Bench) -> None:
    bench.store.tokens[1] = Token(sealed(FIRST), b"", True, required=False)
    bench.open(401)
    first = get(bench)
    assert first.status == 200
    for token in ("", WRONG, FIRST, steady(bench)):
        assert ready(bench, token) == first


def test_a_wildcard_is_claimed_by_the_domains_url_only(bench: Bench) -> None:
    bench.store.add_account(9, wildcard="*")
    bench.open(9)
    assert get(bench, "", UNKNOWN).status == 401
    assert get(bench, WRONG, UNKNOWN).status == 401
    assert bench.reasons[-1] is Reason.UNKNOWN_MAC
    assert get(bench, FIRST, UNKNOWN).status == 200


def test_a_general_document_keeps_the_phone_on_its_url(bench: Bench) -> None:
    for _ in range(2):
        body = bench.get(f"/{FIRST}/general/snom370.xml").body
        assert body.endswith(f"http://192.168.4.1:8080/{FIRST}".encode())
    assert len(bench.provisioner.general) == 0
    listed = bench.get(f"/{FIRST}/snom370.htm").body
    assert f"8080/{FIRST}/general/snom370.xml".encode() in listed


def test_a_token_that_cannot_be_opened_refuses_bound_phones_only(bench: Bench) -> None:
    def fail(sealed: bytes, *, owner: str) -> str:
        raise StoreError("another key")

    bench.open(401)
    bench.keys.open = fail  # type: ignore[method-assign]
    assert get(bench, FIRST).status == 401
    assert bench.reasons[-1] is Reason.NOT_MADE
    assert get(bench, FIRST, UNKNOWN).status == 401
    assert bench.reasons[-1] is Reason.UNKNOWN_MAC


def test_strangers_take_as_many_keys_as_bound_phones(bench: Bench) -> None:
    bench.open(401)
    get(bench, FIRST)
    bench.close(401)
    opened = []
    for mac in (MAC, UNKNOWN):
        before = bench.keys.opened
        get(bench, FIRST, mac)
        opened.append(bench.keys.opened - before)
    assert opened == [4, 4]


def test_credentials_tell_nobody_that_only_the_token_was_wrong(bench: Bench) -> None:
    answers, opened = [], []
    for seconds in (0, 100):
        for mac in (MAC, UNKNOWN):
            uri = f"/{WRONG}/{mac:012X}.xml"
            shown = digest("401", "guessed", uri, nonce_of(bench.get(uri)))
            bench.clock.pass_seconds(seconds)
            before = bench.keys.opened
            answers.append(nonceless(bench.get(uri, authorization=shown)))
            opened.append(bench.keys.opened - before)
    fresh, stale = answers[:2], answers[2:]
    assert fresh[0] == fresh[1] != stale[0] == stale[1]
    assert opened[0] == opened[1] > opened[2] == opened[3]


def test_no_answer_shows_a_secret_in_its_repr(bench: Bench) -> None:
    bench.open(401)
    answer = get(bench, FIRST)
    assert b"password-of-401" in answer.body
    key = DocumentKey(
        DocumentKind.SETTINGS, "http://192.168.4.1:8080", "snom370", "8.4.35"
    )
    kept = bench.cache.document(MAC, key)
    general = bench.get(f"/{FIRST}/snom370.htm")
    asked = asked_from(request(f"/{FIRST}/snom370.htm"), contact(), Options())
    assert asked is not None
    made = GeneralDocument(1, general.body, b'"tag"')
    assert kept is not None
    ready = Ready(kept, 0.0, Reason.SERVED_WINDOW)
    for shown in (answer, kept, ready, asked.key, made):
        assert "password" not in repr(shown)
        assert FIRST not in repr(shown)
    assert "password" not in repr(Said(answer.body, True, True))


def test_no_detail_of_a_sighting_holds_a_token(bench: Bench) -> None:
    bench.open(401)
    get(bench, FIRST)
    get(bench, WRONG)
    bench.get(f"/{WRONG}/nothing.txt")
    assert not [seen for seen in bench.sightings if "taaa" in repr(seen)]
    assert not [seen for seen in bench.sightings if "tccc" in repr(seen)]


def test_as_many_secrets_are_opened_for_a_stranger_as_for_a_phone(bench: Bench) -> None:
    bench.store.know(0x000413000009)
    opened = set()
    for mac in (MAC, UNKNOWN, 0x000413000009):
        for token in ("", FIRST, WRONG):
            before = bench.keys.opened
            assert get(bench, token, mac).status == 401
            opened.add(bench.keys.opened - before)
    assert len(opened) == 1


def test_the_token_of_a_decoy_lets_no_stranger_claim(bench: Bench) -> None:
    bench.store.add_account(403, wildcard="*")
    bench.open(401)
    bench.open(403)
    assert get(bench, FIRST).status == 200
    assert get(bench, steady(bench), UNKNOWN).status == 401
    assert get(bench, FIRST, UNKNOWN).status == 200
