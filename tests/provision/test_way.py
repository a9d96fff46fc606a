"""Who gets the document, and who is refused for what."""

from dataclasses import replace

import pytest

from bootwave.http.contact import Identity
from bootwave.options import HttpOptions, Options, PairingOptions
from bootwave.sightings import Reason
from bootwave.sip.effects import Endpoint, Local, LookUp
from bootwave.store.changelog import Change
from tests.provision.bench import (
    ELSEWHERE,
    HERE,
    ILLEGAL,
    MAC,
    OTHER_MAC,
    Bench,
    contact,
    request,
)

UNKNOWN = 0x000413FFFFFF
FOREIGN_MAC = 0x0050C2123456
OWN = Identity(MAC)


def lookup(mac: int = MAC, address: str = "192.168.4.1", source: str = HERE) -> LookUp:
    local, phone = Local(address, 2), Endpoint(source, 5060)
    return LookUp(b"key", mac, True, local, phone, "snom370", "8.4.35")


def certified(*, bound: bool = True) -> Bench:
    bench = Bench()
    bench.store.add_account(401)
    if bound:
        bench.store.bind(401, MAC)
    return bench


def test_the_first_phone_that_fetches_under_a_window_gets_its_document(
    bench: Bench,
) -> None:
    bench.open(401)
    answer = bench.get()
    assert answer.status == 200
    assert answer.body.startswith(b"0004132E08B4 ['401'] {401: 'password-of-401'}")
    assert answer.proven
    assert bench.reasons == [Reason.SERVED_WINDOW]
    assert bench.store.windows[401].consumed_mac == MAC


def test_a_second_taker_is_refused_and_recorded(bench: Bench) -> None:
    bench.open(401)
    bench.get()
    assert bench.get(source=ELSEWHERE).status == 401
    assert bench.reasons[-1] is Reason.CONSUMED_BY_OTHER
    assert bench.sightings[-1].source == ELSEWHERE
    assert bench.store.writes == 1


def test_a_phone_on_clear_http_from_outside_uses_up_no_window(bench: Bench) -> None:
    bench.open(401)
    assert bench.get(source="192.0.2.1").status == 401
    assert bench.reasons == [Reason.CLEAR_HTTP_PUBLIC]
    assert bench.store.writes == 0
    assert bench.get().status == 200


def test_an_operator_can_keep_secrets_off_clear_http() -> None:
    never = Bench(Options(http=HttpOptions(secrets="never")))
    never.store.add_account(401)
    never.store.bind(401, MAC)
    never.open(401)
    assert never.get().status == 401
    assert never.reasons == [Reason.CLEAR_HTTP_NEVER]
    assert never.get(secure=True).status == 200


@pytest.mark.parametrize("mac", [MAC, UNKNOWN])
def test_head_uses_no_window_and_claims_nothing(bench: Bench, mac: int) -> None:
    bench.store.add_account(409, wildcard="*")
    refused = bench.get(mac=mac)
    bench.open(401)
    bench.open(409)
    assert bench.get(mac=mac, method=b"HEAD") == refused
    assert bench.reasons[-1] is Reason.HEAD_UNDER_WINDOW
    assert bench.store.writes == 0
    assert bench.get(mac=mac).status == 200


def test_head_is_served_under_a_grant_but_takes_no_later_window(bench: Bench) -> None:
    bench.open(401)
    served = bench.get()
    assert bench.get(method=b"HEAD") == served
    bench.provisioner.apply([Change("device", MAC)])  # not ready any more
    assert bench.get(method=b"HEAD") == served
    assert bench.get(method=b"HEAD", source=ELSEWHERE).status == 401
    assert bench.reasons[-1] is Reason.CONSUMED_BY_OTHER
    bench.open(401)
    assert bench.get(method=b"HEAD").status == 401
    assert bench.store.writes == 1


def test_the_phone_that_asks_for_its_own_list_takes_the_window(bench: Bench) -> None:
    bench.open(401)
    assert bench.get("/snom370-0004132E08B4.htm").status == 200
    assert bench.store.windows[401].consumed_mac == MAC
    assert bench.get(source=ELSEWHERE).status == 401
    assert bench.get().status == 200


def test_a_phone_that_has_its_document_already_takes_the_window_too(
    bench: Bench,
) -> None:
    bench.open(401)
    etag = bench.get().etag
    bench.open(401)
    assert bench.store.windows[401].consumed_mac == 0
    assert bench.get(if_none_match=etag).status == 304
    assert bench.store.windows[401].consumed_mac == MAC
    assert bench.get(source=ELSEWHERE).status == 401


def test_an_account_opened_again_is_taken_again_by_the_pinned_phone(
    bench: Bench,
) -> None:
    bench.open(401)
    bench.get()
    bench.open(401)
    assert bench.get().status == 200
    assert bench.store.writes == 2
    assert bench.get(source=ELSEWHERE).status == 401


def test_endless_revocations_end_in_a_refusal(bench: Bench) -> None:
    bench.open(401)
    looks = bench.store.devices

    def devices(macs: list[int]) -> object:
        found = looks(macs)
        bench.revocations.revoke([Change("device", MAC)])
        return found

    bench.store.devices = devices  # type: ignore[method-assign,assignment]
    assert bench.get().status == 401
    assert bench.reasons == [Reason.NOT_DECIDED]
    assert len(bench.cache) == 0
    assert bench.totals["store_failures"] == 0


def test_the_list_of_files_is_under_the_same_grant(bench: Bench) -> None:
    path = "/snom370-0004132E08B4.htm"
    assert bench.get(path).status == 401
    bench.open(401)
    answer = bench.get(path)
    assert b'"http://192.168.4.1:8080/0004132E08B4.xml"' in answer.body
    assert bench.compiler.made == 0
    assert bench.get().status == 200
    assert bench.store.writes == 1


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("/snom370.htm", b"http://192.168.4.1:8080/general/snom370.xml"),
        ("/general/snom370.xml", b"general snom370 []"),
        ("/general.xml", b"general snom370 []"),  # by its User-Agent
        ("/{mac}.xml", b"general snom370 []"),
        ("/snom370/snom370-firmware.htm", b"<firmware-settings>"),
        ("/snom370/snom370-firmware.htm?mac=0004132E08B4", b"<firmware-settings>"),
    ],
)
def test_a_general_document_needs_no_grant_and_reads_no_device(
    bench: Bench, path: str, content: bytes
) -> None:
    answer = bench.get(path)
    assert answer.status == 200
    assert content in answer.body
    assert not answer.proven
    assert bench.reasons == [Reason.SERVED_GENERAL]
    assert bench.store.reads == []
    assert bench.get(path, if_none_match=answer.etag).status == 304


def test_an_unknown_phone_claims_a_wildcard_account_at_its_get(bench: Bench) -> None:
    bench.store.add_account(409, wildcard="*")
    bench.open(409)
    answer = bench.get(mac=UNKNOWN)
    assert answer.body.startswith(b"000413FFFFFF ['409']")
    assert bench.store.accounts[409].wildcard == ""
    second = bench.get(mac=UNKNOWN + 1 - 0x1000)
    assert second.status == 401
    assert bench.ready(mac=UNKNOWN) is not None


@pytest.mark.parametrize("allowed", [False, True])
def test_a_certificate_claims_an_account_that_is_not_open_if_the_options_say_so(
    allowed: bool,
) -> None:
    bench = Bench(Options(pairing=PairingOptions(wildcard_certificates=allowed)))
    bench.store.add_account(409, wildcard="*")
    proven = {"secure": True, "source": "203.0.113.9", "identity": Identity(UNKNOWN)}
    assert bench.provisioner.pnp_urls([lookup(UNKNOWN)]) == [None]
    for stranger in (
        {"secure": True},
        {"secure": True, "identity": Identity(OTHER_MAC)},
        {"secure": True, "identity": Identity(detail="expired")},
        {**proven, "method": b"HEAD"},
    ):
        assert bench.get(mac=UNKNOWN, **stranger).status == 401
    assert not bench.store.bindings
    answer = bench.get(mac=UNKNOWN, **proven)
    assert answer.status == (200 if allowed else 401)
    assert bool(bench.store.bindings) == allowed
    if allowed:
        assert bench.reasons[-1] is Reason.SERVED_CERTIFICATE
        assert bench.store.told[0].kind == "certificate"
        # What is kept is for whoever proves it.
        assert bench.ready(mac=UNKNOWN, **proven) is not None
        assert bench.get(mac=UNKNOWN, secure=True).status == 401


def test_a_wildcard_is_for_snom_phones_unless_the_options_say_any() -> None:
    for vendors, status in (("snom", 401), ("any", 200)):
        pairing = PairingOptions.model_validate({"wildcard_vendors": vendors})
        bench = Bench(Options(pairing=pairing))
        bench.store.add_account(409, wildcard="*")
        refused = bench.get(mac=FOREIGN_MAC)
        bench.open(409)
        asked = lookup(FOREIGN_MAC)
        (url,) = bench.provisioner.pnp_urls([asked])
        assert (url is None) == (status == 401)
        answer = bench.get(mac=FOREIGN_MAC)
        assert answer.status == status
        if status == 401:
            assert answer == refused
            assert bench.reasons[-1] is Reason.WILDCARD_VENDOR
            assert bench.store.writes == 0


def test_a_phone_that_loses_the_race_for_a_wildcard_is_told_so_in_its_reason(
    bench: Bench,
) -> None:
    bench.store.add_account(409, wildcard="*")
    bench.open(409)
    rival = Bench(store=bench.store, revocations=bench.revocations, clock=bench.clock)

    def come_first() -> None:
        bench.store.before_write = lambda: None
        assert rival.get(mac=OTHER_MAC + 1).status == 200

    bench.store.before_write = come_first
    assert bench.get(mac=UNKNOWN).status == 401
    assert bench.reasons == [Reason.WILDCARD_TAKEN]


def test_a_window_whose_use_cannot_be_stored_gives_nothing(bench: Bench) -> None:
    bench.open(401)
    bench.store.read_only = True
    assert bench.get().status == 401
    assert bench.reasons == [Reason.STORE_AWAY]
    bench.store.read_only = False
    assert bench.get().status == 200


def test_a_document_that_cannot_be_made_is_refused_like_any_other(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    refused = bench.get()
    bench.open(401)
    bench.compiler.fault = ILLEGAL
    assert bench.get() == refused
    assert bench.reasons[-1] is Reason.NOT_MADE
    assert "0004132E08B4" in caplog.text
    assert "password-of-401" not in caplog.text


def test_a_window_is_not_used_up_for_a_document_that_cannot_be_made(
    bench: Bench,
) -> None:
    bench.open(401)
    bench.compiler.fault = ILLEGAL
    assert bench.get().status == 401
    assert bench.reasons == [Reason.NOT_MADE]
    bench.compiler.fault = None
    assert bench.get(source=ELSEWHERE).status == 200


def spoil_password(bench: Bench, account: int) -> None:
    """Seal it for another account, which no key opens here."""
    known = bench.store.accounts[account]
    bench.store.accounts[account] = replace(known, sealed_password=b"password-of-0")


def test_a_password_that_cannot_be_opened_uses_no_window_up(bench: Bench) -> None:
    bench.store.add_account(403)
    bench.store.bind(403, MAC)
    spoil_password(bench, 403)
    bench.open(401)
    assert bench.get().status == 401
    assert bench.reasons == [Reason.NOT_MADE]
    assert not bench.store.windows[401].consumed_mac


def test_a_wildcard_whose_password_cannot_be_opened_is_not_claimed(
    bench: Bench,
) -> None:
    bench.store.add_account(409, wildcard="*")
    bench.open(409)
    spoil_password(bench, 409)
    assert bench.get(mac=UNKNOWN).status == 401
    assert bench.reasons == [Reason.NOT_MADE]
    assert UNKNOWN not in bench.store.bindings


def test_a_blocked_certificate_is_refused_whatever_is_open() -> None:
    bench = certified()
    bench.store.open(401, bench.clock())
    blocked = Identity(denial=Reason.CERTIFICATE_BLOCKED)
    assert bench.get(secure=True, identity=blocked).status == 401
    assert bench.reasons == [Reason.CERTIFICATE_BLOCKED]


@pytest.mark.parametrize("opened", [False, True])
def test_a_certificate_that_is_blocked_while_its_request_waits_is_refused(
    opened: bool,
) -> None:
    bench = certified()
    if opened:
        bench.open(401)
    identities = [OWN, Identity(denial=Reason.CERTIFICATE_BLOCKED)]
    made = bench.compiler.specific

    def block(*args: object, **how: object) -> object:
        if len(identities) == 2:
            del identities[0]
            bench.revocations.revoke([Change("all", 0)])
        return made(*args, **how)  # type: ignore[arg-type]

    bench.compiler.specific = block  # type: ignore[method-assign, assignment]
    caller = contact(secure=True, identity=identities[0])
    caller = replace(caller, again=lambda: identities[0])
    assert bench.provisioner.respond_now(request(), caller).status == 401
    assert bench.reasons == [Reason.CERTIFICATE_BLOCKED]
    assert len(bench.cache) == 0
