import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from dataclasses import replace

import pytest

from bootwave.directory.records import Layer, Setting
from bootwave.http.contact import NOBODY, Identity
from bootwave.http.response import Response
from bootwave.options import HttpOptions, Options, PairingOptions, PnpOptions
from bootwave.pairing.decisions import Consume
from bootwave.provision.revocations import RevocationPage
from bootwave.sightings import Reason
from bootwave.sip.effects import Endpoint, Local, LookUp
from bootwave.store.changelog import Change
from bootwave.store.phonewrites import Taken
from tests.provision.bench import (
    ELSEWHERE,
    HERE,
    ILLEGAL,
    MAC,
    OTHER_MAC,
    Bench,
    contact,
    nonceless,
    request,
)

UNKNOWN = 0x000413FFFFFF
FOREIGN_MAC = 0x0050C2123456


@pytest.fixture
def bench() -> Bench:
    """Two accounts of one domain, 401 on the phone MAC, 402 on OTHER_MAC."""
    made = Bench()
    made.store.add_account(401)
    made.store.add_account(402)
    made.store.bind(401, MAC)
    made.store.bind(402, OTHER_MAC)
    return made


# Who gets the document


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


def test_the_same_phone_may_fetch_again_and_is_answered_from_the_cache(
    bench: Bench,
) -> None:
    bench.open(401)
    first = bench.get()
    reads = len(bench.store.reads)
    assert bench.ready() == first
    assert len(bench.store.reads) == reads
    assert bench.compiler.made == 1
    assert bench.keys.opened == 1


def test_a_second_taker_is_refused_and_recorded(bench: Bench) -> None:
    bench.open(401)
    bench.get()
    assert bench.get(source=ELSEWHERE).status == 401
    assert bench.reasons[-1] is Reason.CONSUMED_BY_OTHER
    assert bench.sightings[-1].source == ELSEWHERE
    assert bench.store.writes == 1


def test_a_window_that_nobody_used_is_never_a_grant_of_the_cache(bench: Bench) -> None:
    bench.open(401)
    assert bench.ready() is None
    assert len(bench.cache) == 0


def test_every_refusal_looks_the_same(bench: Bench) -> None:
    bench.store.know(0x000413000009)
    bench.open(402)
    bench.get(mac=OTHER_MAC)
    answers = [
        bench.get(),  # closed
        bench.get(mac=UNKNOWN),
        bench.get(mac=0x000413000009),  # known, unbound
        bench.get(mac=OTHER_MAC, source=ELSEWHERE),  # taken by another
        bench.get(mac=OTHER_MAC, source="192.0.2.1"),  # public
        bench.get("/000000000000.xml"),
        bench.get("/FFFFFFFFFFFF.xml"),
        bench.get("/prov/snom370-000413FFFFFF.htm"),
        bench.get("/anything?mac=000413FFFFFF"),
    ]
    assert len({nonceless(answer) for answer in answers}) == 1
    assert answers[0].status == 401
    assert bench.reasons[1:5] == [
        Reason.CLOSED,
        Reason.UNKNOWN_MAC,
        Reason.UNBOUND,
        Reason.CONSUMED_BY_OTHER,
    ]
    assert bench.totals["documents_refused"] == len(answers)


def test_a_refusal_costs_the_same_reads_whatever_its_reason(bench: Bench) -> None:
    bench.store.know(0x000413000009)
    for mac in (MAC, UNKNOWN, 0x000413000009):
        bench.store.reads.clear()
        bench.get(mac=mac)
        assert bench.store.reads == [(mac,)]


def test_strangers_fill_neither_cache_nor_memory(bench: Bench) -> None:
    for number in range(1000):
        bench.get(mac=0x000413000000 + number)
    assert len(bench.cache) == 0
    assert bench.cache.size == 0


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


def test_what_was_granted_over_tls_is_not_given_over_clear_http(bench: Bench) -> None:
    bench.open(401)
    outside = "192.0.2.1"
    assert bench.get(source=outside, secure=True).status == 200
    assert bench.ready(source=outside, secure=True) is not None
    assert bench.ready(source=outside) is None
    assert bench.get(source=outside).status == 401


def test_one_base_url_for_both_transports_does_not_mix_their_grants() -> None:
    bench = Bench(Options(http=HttpOptions(url="https://prov.example.com")))
    bench.store.add_account(401)
    bench.store.bind(401, MAC)
    bench.open(401)
    outside = "192.0.2.1"
    assert bench.get(source=outside, secure=True).status == 200
    assert bench.ready(source=outside) is None
    assert bench.get(source=outside).status == 401
    assert bench.reasons[-1] is Reason.CLEAR_HTTP_PUBLIC


def test_what_was_granted_over_clear_http_is_given_over_tls(bench: Bench) -> None:
    bench.open(401)
    bench.get()
    # Another scheme is another base URL, hence another document.
    assert bench.ready(secure=True) is None
    assert bench.get(secure=True).status == 200
    assert bench.ready() is not None


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


# When it ends


def test_a_cached_document_is_given_until_the_later_of_both_ends(bench: Bench) -> None:
    bench.open(401)
    bench.clock.boottime += 500  # pairing ends at 500 + 300 seconds
    bench.get()
    bench.clock.boottime += 299.9
    assert bench.ready() is not None
    bench.clock.boottime += 0.1
    assert bench.ready() is None
    assert bench.get().status == 401
    assert bench.reasons[-1] is Reason.WINDOW_ENDED


def test_closing_a_window_closes_it_for_every_process_at_once(bench: Bench) -> None:
    second = Bench(store=bench.store, revocations=bench.revocations, clock=bench.clock)
    bench.open(401)
    assert bench.get().status == 200
    assert second.get().status == 200
    bench.close(401)
    for worker in (bench, second):
        assert worker.ready() is None
        assert worker.get().status == 401


def test_a_window_that_ends_while_the_document_is_made_gives_nothing(
    bench: Bench,
) -> None:
    bench.open(401)
    bench.get()
    bench.provisioner.apply([Change("device", MAC)])  # not ready any more
    make = bench.compiler.specific

    def specific(*args: object, **how: object) -> object:
        bench.clock.boottime += 10_000  # the machine was suspended
        return make(*args, **how)  # type: ignore[arg-type]

    bench.compiler.specific = specific  # type: ignore[method-assign,assignment]
    assert bench.get().status == 401
    assert bench.reasons[-1] is Reason.WINDOW_ENDED


def test_a_wall_clock_that_jumps_changes_nothing(bench: Bench) -> None:
    bench.open(401)
    bench.get()
    for jump in (-1e9, 2e9):
        bench.clock.wall += jump
        assert bench.ready() is not None


def test_an_account_opened_again_is_taken_again_by_the_pinned_phone(
    bench: Bench,
) -> None:
    bench.open(401)
    bench.get()
    bench.open(401)
    assert bench.get().status == 200
    assert bench.store.writes == 2
    assert bench.get(source=ELSEWHERE).status == 401


def test_a_revocation_while_the_look_is_in_hand_makes_it_look_again(
    bench: Bench,
) -> None:
    bench.open(401)
    bench.get()
    bench.provisioner.apply([Change("device", MAC)])  # not ready any more
    looks = bench.store.devices
    closings = iter([lambda: bench.close(401)])

    def devices(macs: list[int]) -> object:
        found = looks(macs)
        next(closings, lambda: None)()  # between the read and the answer
        return found

    bench.store.devices = devices  # type: ignore[method-assign,assignment]
    assert bench.get().status == 401
    assert bench.reasons[-1] is Reason.CLOSED


def test_a_change_told_while_the_look_is_in_hand_makes_it_look_again(
    bench: Bench,
) -> None:
    bench.open(401)
    bench.get()
    bench.provisioner.apply([Change("device", MAC)])
    looks = bench.store.devices
    reads = len(bench.store.reads)

    def close_without_the_engine() -> None:
        bench.store.close(401)
        bench.provisioner.apply([Change("device", MAC)])

    steps = iter([close_without_the_engine])

    def devices(macs: list[int]) -> object:
        found = looks(macs)
        next(steps, lambda: None)()
        return found

    bench.store.devices = devices  # type: ignore[method-assign,assignment]
    assert bench.get().status == 401
    assert len(bench.store.reads) == reads + 2


@pytest.mark.parametrize("kind", ["domain", "model", "all"])
def test_a_change_of_what_devices_share_makes_it_look_again(
    bench: Bench, kind: str
) -> None:
    bench.open(401)
    looks = bench.store.devices
    changes = iter([[], [Change(kind, 1)]])

    def devices(macs: list[int]) -> object:
        found = looks(macs)
        bench.revocations.revoke(next(changes, []))
        return found

    bench.store.devices = devices  # type: ignore[method-assign,assignment]
    assert bench.get().status == 200
    # One look to take the window, one that was overtaken, one more.
    assert len(bench.store.reads) == 3


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


@pytest.mark.parametrize("kind", ["account", "wildcard"])
def test_what_other_phones_take_makes_no_look_be_repeated(
    bench: Bench, kind: str
) -> None:
    bench.open(401)
    looks = bench.store.devices

    def devices(macs: list[int]) -> object:
        found = looks(macs)
        bench.provisioner.apply([Change(kind, 1)])
        return found

    bench.store.devices = devices  # type: ignore[method-assign,assignment]
    assert bench.get().status == 200
    assert len(bench.store.reads) == 2  # to take the window, and to serve


def test_what_the_change_log_names_is_forgotten(bench: Bench) -> None:
    bench.open(401)
    bench.open(402)
    for change, left in [
        (Change("account", 401), 2),
        (Change("wildcard", 1), 2),
        (Change("device", MAC), 1),
        (Change("domain", 2), 2),
        (Change("domain", 1), 0),
        (Change("model", 3), 0),
        (Change("all", 0), 0),
        (Change("of another version", 0), 0),
    ]:
        bench.get()
        bench.get(mac=OTHER_MAC)
        bench.provisioner.apply([change])
        assert len(bench.cache) == left, change


# Which document


def test_the_list_of_files_is_under_the_same_grant(bench: Bench) -> None:
    path = "/snom370-0004132E08B4.htm"
    assert bench.get(path).status == 401
    bench.open(401)
    answer = bench.get(path)
    assert b'"http://192.168.4.1:8080/0004132E08B4.xml"' in answer.body
    assert bench.compiler.made == 0
    assert bench.get().status == 200
    assert bench.store.writes == 1


def test_urls_come_from_the_address_reached_and_never_from_host(bench: Bench) -> None:
    bench.open(401)
    assert bench.get(host="evil.example").body.endswith(b" http://192.168.4.1:8080")
    other = bench.get(local=("10.0.0.1", 80), host="evil.example")
    assert other.body.endswith(b" http://10.0.0.1")


def test_urls_come_from_the_options_where_they_say_one() -> None:
    bench = Bench(Options(http=HttpOptions(url="https://prov.example.com/p/")))
    bench.store.add_account(401)
    bench.store.bind(401, MAC)
    bench.open(401)
    assert bench.get().body.endswith(b" https://prov.example.com/p")


def test_a_phone_says_its_model_and_it_is_remembered(bench: Bench) -> None:
    bench.store.layers["snom370"] = Layer((Setting("contrast", "3"),))
    bench.open(401)
    assert b"} snom370 ['contrast']" in bench.get().body
    assert bench.store.devices_known[MAC].model == "snom370"
    # Asked by something that says nothing, the stored one counts.
    assert b"} snom370 ['contrast']" in bench.get(agent="").body


def test_what_is_set_for_every_phone_stands_below_the_model(bench: Bench) -> None:
    bench.store.layers[""] = Layer((Setting("tone", "x"), Setting("contrast", "1")))
    bench.store.layers["snom370"] = Layer((Setting("contrast", "3"),))
    bench.open(401)
    assert b"['tone', 'contrast']" in bench.get().body


def test_a_known_document_is_not_sent_again_but_only_under_the_grant(
    bench: Bench,
) -> None:
    bench.open(401)
    first = bench.get()
    assert first.etag is not None
    again = bench.get(if_none_match=first.etag)
    assert (again.status, again.etag) == (304, first.etag)
    assert bench.reasons[-1] is Reason.NOT_MODIFIED
    stranger = bench.get(if_none_match=first.etag, source=ELSEWHERE)
    assert stranger.status == 401
    bench.close(401)
    assert bench.get(if_none_match=first.etag).status == 401


def test_a_general_document_that_is_current_says_nothing_of_the_phones_own(
    bench: Bench,
) -> None:
    first = bench.get("/snom370.htm")
    again = bench.get("/snom370.htm", if_none_match=first.etag)
    assert again.status == 304
    assert bench.reasons[-1] is Reason.SERVED_GENERAL


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


def test_a_general_document_is_made_once_until_its_model_changes(bench: Bench) -> None:
    path = "/general/snom370.xml"
    bench.get(path)
    assert bench.ready(path) is not None
    assert bench.compiler.made == 1
    bench.store.layers["snom370"] = Layer((Setting("contrast", "3"),))
    bench.revocations.revoke([Change("model", 1)])
    assert bench.ready(path) is None
    assert b"['contrast']" in bench.get(path).body


def test_asking_for_many_models_drops_no_phones_document(bench: Bench) -> None:
    bench.open(401)
    bench.get()
    for number in range(100, 999):
        bench.get(f"/general/snom{number}.xml", agent="")
    assert bench.ready() is not None


def test_what_no_url_names_is_not_found(bench: Bench) -> None:
    for path in ("/", "/favicon.ico", "/x.xml?mac=nonsense"):
        answer = bench.get(path)
        assert answer.status == 404
        assert b"0004132E08B4" not in answer.body
    assert bench.reasons == [Reason.NO_DOCUMENT] * 3
    assert {sighting.mac for sighting in bench.sightings} == {0}


def test_a_sighting_says_who_asked_from_where_and_when(bench: Bench) -> None:
    bench.get()
    sighting = bench.sightings[0]
    assert sighting.mac == MAC
    assert sighting.source == HERE
    assert sighting.at == bench.clock.wall
    assert sighting.detail == "snom370 8.4.35"


# Wildcards


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


def test_a_temporary_account_leaves_the_cached_document_when_it_ends() -> None:
    bench = Bench(Options())
    bench.store.add_account(401)
    bench.store.add_account(408, wildcard="?")
    bench.store.bind(401, MAC)
    bench.store.bind(408, MAC, expires=1100.0, boot_id="boot-1")
    bench.open(401)
    assert b"['401', '408']" in bench.get().body
    bench.clock.boottime = 1100.0
    assert bench.ready() is None
    assert b"['401']" in bench.get().body


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


# The store away


def test_with_the_store_away_only_what_is_ready_under_a_grant_is_given(
    bench: Bench,
) -> None:
    bench.open(401)
    bench.open(402)
    bench.get()
    refused = nonceless(bench.get(mac=UNKNOWN))
    bench.store.away = True
    assert bench.get().status == 200
    assert nonceless(bench.get(source=ELSEWHERE)) == refused
    assert nonceless(bench.get(mac=OTHER_MAC)) == refused
    assert bench.reasons[-2:] == [Reason.STORE_AWAY] * 2
    assert bench.totals["store_failures"] == 2
    bench.clock.boottime += 600
    assert bench.get().status == 401


def test_a_window_whose_use_cannot_be_stored_gives_nothing(bench: Bench) -> None:
    bench.open(401)
    bench.store.read_only = True
    assert bench.get().status == 401
    assert bench.reasons == [Reason.STORE_AWAY]
    bench.store.read_only = False
    assert bench.get().status == 200


def test_with_the_store_away_general_documents_are_still_given(bench: Bench) -> None:
    bench.store.layers["snom370"] = Layer((Setting("contrast", "3"),))
    bench.store.away = True
    for path in ("/snom370.htm", "/general/snom370.xml", "/snom370-firmware.htm"):
        assert bench.get(path).status == 200
    # Made without its layer, it does not outlive the failure.
    bench.store.away = False
    assert b"['contrast']" in bench.get("/general/snom370.xml").body


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


# On a loop


def together(bench: Bench, *asks: dict[str, object]) -> list[Response]:
    async def ask(how: dict[str, object]) -> Response:
        asked, at = request(**how), contact(**how)  # type: ignore[arg-type]
        ready = bench.provisioner.cached(asked, at)
        return ready or await bench.provisioner.respond(asked, at)

    async def run() -> list[Response]:
        return await asyncio.gather(*(ask(how) for how in asks))

    return asyncio.run(run())


def test_the_misses_of_one_turn_are_one_query(bench: Bench) -> None:
    asks: list[dict[str, object]] = [{"mac": UNKNOWN - n} for n in range(50)]
    asks += [{"mac": MAC}, {"mac": MAC, "source": ELSEWHERE}]
    answers = together(bench, *asks)
    assert {answer.status for answer in answers} == {401}
    assert len(bench.store.reads) == 1
    assert len(bench.store.reads[0]) == 51


def test_of_two_hundred_takers_at_once_exactly_one_is_served(bench: Bench) -> None:
    bench.open(401)
    asks: list[dict[str, object]] = [{"source": f"127.0.1.{n}"} for n in range(200)]
    answers = together(bench, *asks)
    assert [answer.status for answer in answers].count(200) == 1
    assert bench.reasons.count(Reason.CONSUMED_BY_OTHER) == 199


def test_of_two_hundred_strangers_exactly_one_claims_the_wildcard(bench: Bench) -> None:
    bench.store.add_account(409, wildcard="*")
    bench.open(409)
    asks: list[dict[str, object]] = [{"mac": UNKNOWN - n} for n in range(200)]
    answers = together(bench, *asks)
    assert [answer.status for answer in answers].count(200) == 1
    assert bench.reasons.count(Reason.WILDCARD_TAKEN) == 199


def test_one_phone_that_asks_twice_at_once_is_served_twice(bench: Bench) -> None:
    bench.open(401)
    answers = together(bench, {}, {"path": "/snom370-0004132E08B4.htm"})
    assert [answer.status for answer in answers] == [200, 200]


def test_a_phone_that_hangs_up_takes_no_write_back(bench: Bench) -> None:
    bench.open(401)
    written: Future[bool] = Future()
    consume = bench.store.consume
    taken: list[Consume] = []

    def slow(decision: Consume, model: str = "") -> Future[bool]:
        taken.append(decision)
        return written

    async def run() -> None:
        bench.store.consume = slow  # type: ignore[method-assign]
        task = asyncio.ensure_future(bench.provisioner.respond(request(), contact()))
        while not taken:
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert not written.cancelled()
        bench.store.consume = consume  # type: ignore[method-assign]
        written.set_result(bench.store.try_consume(taken[0]))
        again = await bench.provisioner.respond(request(), contact())
        assert again.status == 200

    asyncio.run(run())


def test_a_failing_store_refuses_everyone_of_the_turn(bench: Bench) -> None:
    bench.open(401)
    bench.store.away = True
    answers = together(bench, {}, {"mac": UNKNOWN}, {"path": "/snom370.htm"})
    assert [answer.status for answer in answers] == [401, 401, 200]


def test_a_fault_of_the_program_is_not_dressed_up_as_a_refusal(bench: Bench) -> None:
    def broken(macs: object) -> object:
        raise RuntimeError("a bug")

    bench.store.devices = broken  # type: ignore[method-assign,assignment]
    with pytest.raises(RuntimeError, match="a bug"):
        together(bench, {})
    with pytest.raises(RuntimeError, match="a bug"):
        bench.get()


# Plug and play


def lookup(mac: int = MAC, address: str = "192.168.4.1", source: str = HERE) -> LookUp:
    local, phone = Local(address, 2), Endpoint(source, 5060)
    return LookUp(b"key", mac, True, local, phone, "snom370", "8.4.35")


def test_a_bound_phone_is_told_the_url_of_the_interface_it_was_heard_on(
    bench: Bench,
) -> None:
    urls = bench.provisioner.pnp_urls(
        [lookup(), lookup(UNKNOWN), lookup(OTHER_MAC, "10.0.0.1")]
    )
    assert urls == [
        "http://192.168.4.1:8080/{mac}.xml",
        None,
        "http://10.0.0.1:8080/{mac}.xml",
    ]
    assert bench.store.reads == [(MAC, UNKNOWN, OTHER_MAC)]


@pytest.mark.parametrize(
    "change", [Change("device", MAC), Change("domain", 1), Change("all", 0)]
)
def test_a_bound_phone_may_be_answered_without_asking_until_something_is_revoked(
    bench: Bench, change: Change
) -> None:
    bench.provisioner.pnp_urls([lookup(), lookup(UNKNOWN)])
    assert MAC in bench.bound
    assert UNKNOWN not in bench.bound
    bench.revocations.revoke([change])
    assert MAC not in bench.bound
    bench.provisioner.pnp_urls([lookup()])
    assert MAC in bench.bound
    bench.provisioner.apply([change])  # written without the engine
    assert MAC not in bench.bound


def test_a_fleet_is_met_piece_by_piece_and_answered_without_asking(
    bench: Bench,
) -> None:
    macs = sorted(bench.store.bindings)
    met = 0
    for mac in macs:
        last = bench.provisioner.meet(met, 1)
        assert last == mac
        assert mac in bench.bound
        met = mac
    assert bench.provisioner.meet(met, 1) is None
    bench.revocations.revoke([Change("device", macs[0])])
    assert macs[0] not in bench.bound


def test_a_temporary_binding_is_looked_up_each_time(bench: Bench) -> None:
    device = bench.store.devices([MAC])[MAC]
    until = bench.clock.boottime + 60
    bindings = tuple(
        replace(binding, expires=until, boot_id=bench.clock.boot_id)
        for binding in device.bindings
    )
    temporary = replace(device, bindings=bindings)
    bench.store.devices = lambda macs: {MAC: temporary}  # type: ignore[method-assign]
    assert bench.provisioner.pnp_urls([lookup()]) != [None]
    assert MAC not in bench.bound


def test_nobody_asking_reads_nothing(bench: Bench) -> None:
    assert bench.provisioner.pnp_urls([]) == []
    assert bench.store.reads == []


def test_the_url_of_the_options_goes_before() -> None:
    options = Options(
        pnp=PnpOptions(url="https://p.example.com/{mac}.xml"),
        http=HttpOptions(url="http://other.example.com"),
    )
    bench = Bench(options)
    bench.store.add_account(401)
    bench.store.bind(401, MAC)
    assert bench.provisioner.pnp_urls([lookup()]) == ["https://p.example.com/{mac}.xml"]


def test_a_stranger_is_told_the_url_only_while_a_wildcard_waits(bench: Bench) -> None:
    bench.store.add_account(409, wildcard="*")
    assert bench.provisioner.pnp_urls([lookup(UNKNOWN)]) == [None]
    bench.open(409)
    assert bench.provisioner.pnp_urls([lookup(UNKNOWN)]) != [None]
    assert bench.store.bindings.get(UNKNOWN) is None  # not claimed by asking
    bench.get(mac=UNKNOWN)
    assert bench.provisioner.pnp_urls([lookup(UNKNOWN - 1)]) == [None]


def test_with_the_store_away_phones_with_a_ready_document_hear_of_it(
    bench: Bench,
) -> None:
    bench.open(401)
    bench.get()
    bench.store.away = True
    urls = bench.provisioner.pnp_urls([lookup(), lookup(OTHER_MAC)])
    assert urls == ["http://192.168.4.1:8080/{mac}.xml", None]


# The two ways

Way = Callable[[Bench, str], Response]


async def _awaited(answer: Awaitable[Response]) -> Response:
    return await answer


def on_a_loop(bench: Bench, path: str) -> Response:
    return asyncio.run(_awaited(bench.provisioner.respond(request(path), contact())))


def at_once(bench: Bench, path: str) -> Response:
    return bench.provisioner.respond_now(request(path), contact())


@pytest.mark.parametrize(
    "path",
    [
        "/0004132E08B4.xml",
        "/snom370-0004132E08B4.htm",
        "/000413FFFFFF.xml",
        "/snom370.htm",
        "/general.xml",
        "/nothing",
    ],
)
def test_both_ways_give_the_same_answer_and_the_same_sighting(path: str) -> None:
    outcomes = []
    ways: list[Way] = [on_a_loop, at_once]
    for way in ways:
        bench = Bench()
        bench.store.add_account(401)
        bench.store.bind(401, MAC)
        bench.open(401)
        outcomes.append((way(bench, path), bench.sightings, bench.store.reads))
    assert outcomes[0] == outcomes[1]


# How long passwords are told


HOUR = Options(pairing=PairingOptions(passwords_hours=1))
CERTIFIED = Identity(MAC)


def hourly(**windows: float) -> Bench:
    made = Bench(HOUR)
    made.store.add_account(401)
    made.store.bind(401, MAC)
    return made


def test_passwords_are_left_out_when_their_time_has_passed() -> None:
    bench = hourly()
    bench.open(401, seconds=3 * 3600.0)
    assert b"password-of-401" in bench.get().body
    bench.clock.pass_seconds(3599)
    assert b"password-of-401" in bench.ready().body  # type: ignore[union-attr]
    bench.clock.pass_seconds(1)
    # What is kept is not given any more, and what is made anew has none.
    assert bench.ready() is None
    answer = bench.get()
    assert answer.status == 200
    assert answer.body.startswith(b"0004132E08B4 ['401'] None")
    assert bench.ready() == answer


def test_passwords_are_over_in_every_document_that_is_kept() -> None:
    bench = hourly()
    how = {"secure": True, "identity": CERTIFIED}
    other = ("192.168.5.1", 8443)
    bench.get(**how)
    bench.get(local=other, **how)
    bench.clock.pass_seconds(3600)
    # What is made now may be kept for ever, but not what was kept beside it.
    assert b"password-of-401" not in bench.get(**how).body
    assert bench.ready(local=other, **how) is None
    assert b"password-of-401" not in bench.get(local=other, **how).body


def test_what_is_kept_under_a_window_ends_with_it_whatever_is_kept_beside() -> None:
    bench = certified()
    bench.store.know(MAC, owns_certificate=True)
    bench.open(401, seconds=600.0)
    bench.get(secure=True)
    bench.get(secure=True, identity=CERTIFIED)
    kept = bench.cache.find(MAC)
    assert kept is not None
    assert kept.until == bench.clock.boottime + 600.0


def test_opening_the_account_again_tells_the_passwords_again() -> None:
    bench = hourly()
    bench.open(401)
    bench.get()
    bench.clock.pass_seconds(7200)
    bench.store.wall = bench.clock.wall
    bench.open(401)
    assert b"password-of-401" in bench.get().body


def test_a_certificate_gets_the_passwords_for_an_hour_after_it_first_had_them() -> None:
    bench = hourly()
    how = {"secure": True, "source": "203.0.113.9", "identity": CERTIFIED}
    assert b"password-of-401" in bench.get(**how).body
    bench.clock.pass_seconds(3600)
    assert bench.ready(**how) is None
    assert b"password" not in bench.get(**how).body
    assert b"password" not in bench.ready(**how).body  # type: ignore[union-attr]


def test_a_head_of_a_certificate_keeps_no_passwords_from_the_window_that_is_open() -> (
    None
):
    bench = hourly()
    how = {"secure": True, "source": "203.0.113.9", "identity": CERTIFIED}
    bench.get(**how)
    bench.clock.pass_seconds(3600)
    bench.store.wall = bench.clock.wall
    bench.open(401)
    assert bench.get(method=b"HEAD", **how).status == 200
    assert bench.ready(**how) is None
    assert b"password-of-401" in bench.get(**how).body


# What the audit log is told


def test_the_audit_log_is_told_once_what_was_taken_on_a_certificate(
    bench: Bench,
) -> None:
    how = {"secure": True, "source": "203.0.113.9", "identity": CERTIFIED}
    for _ in range(3):
        bench.get(**how)
        bench.cache.clear()
    (taken,) = bench.store.told
    assert taken == Taken(MAC, "certificate", "203.0.113.9", ("401@pbx1.example.com",))
    bench.committed(401)  # whatever it was, what it is given now may be another
    bench.get(**how)
    assert len(bench.store.told) == 2


def test_another_account_is_told_of_although_nothing_was_revoked() -> None:
    bench = Bench(
        Options(pairing=PairingOptions(wildcard_certificates=True, temporary_hours=1))
    )
    how = {"secure": True, "identity": CERTIFIED}
    for number in (405, 406):
        bench.store.add_account(number, wildcard="?")
        assert bench.get(**how).status == 200
        bench.store.accounts[number] = replace(
            bench.store.accounts[number], wildcard=""
        )
        bench.clock.pass_seconds(3600)
    told = [account for taken in bench.store.told for account in taken.accounts]
    assert told == ["405@pbx1.example.com", "406@pbx1.example.com"]


def test_a_list_of_files_is_nothing_to_tell_of(bench: Bench) -> None:
    how = {"secure": True, "identity": CERTIFIED}
    bench.get(f"/snom370-{MAC:012X}.htm", **how)
    assert bench.store.told == []


def test_a_window_is_told_of_by_its_use_alone(bench: Bench) -> None:
    bench.open(401)
    bench.get()
    assert bench.store.told == []


def test_a_phone_is_served_although_the_audit_log_cannot_be_told(bench: Bench) -> None:
    bench.store.read_only = True
    assert bench.get(secure=True, identity=CERTIFIED).status == 200
    assert bench.totals["audit_lost"] == 1


def test_a_head_of_a_certificate_keeps_nothing_from_the_get_that_takes_the_window(
    bench: Bench,
) -> None:
    bench.open(401)
    how = {"secure": True, "source": "203.0.113.9", "identity": CERTIFIED}
    assert bench.get(method=b"HEAD", **how).status == 200
    assert bench.store.windows[401].consumed_mac == 0
    assert bench.ready(**how) is None
    assert bench.get(**how).status == 200
    assert bench.store.windows[401].consumed_mac == MAC


OWN = Identity(MAC)


def certified(*, bound: bool = True) -> Bench:
    bench = Bench()
    bench.store.add_account(401)
    if bound:
        bench.store.bind(401, MAC)
    return bench


def test_a_certificate_needs_no_window_and_is_kept_for_the_next_request() -> None:
    bench = certified()
    assert bench.ready(secure=True, identity=OWN) is None
    assert bench.get(secure=True, identity=OWN).status == 200
    ready = bench.ready(secure=True, identity=OWN, source=ELSEWHERE)
    assert ready is not None
    assert ready.proven
    assert bench.reasons == [Reason.SERVED_CERTIFICATE] * 2
    # It is for who proves it, and for nobody else.
    for identity in (NOBODY, Identity(OTHER_MAC), Identity(detail="expired")):
        assert bench.ready(secure=True, identity=identity) is None
        assert bench.get(secure=True, identity=identity).status == 401


def test_that_a_phone_owns_a_certificate_is_remembered_without_waiting() -> None:
    bench = certified()
    bench.get(secure=True, identity=Identity(OTHER_MAC))
    assert not bench.store.certified
    bench.get(secure=True, identity=OWN)
    assert bench.store.certified == {MAC}


def test_who_owns_a_certificate_has_nothing_kept_for_clear_http_anywhere() -> None:
    page = RevocationPage()
    workers = [Bench(revocations=page), Bench(revocations=page)]
    for bench in workers:
        bench.store.add_account(401)
        bench.store.bind(401, MAC)
        bench.open(401)
    for bench in workers:
        assert bench.get().status == 200
    assert workers[1].ready() is not None
    assert workers[0].get(secure=True, identity=OWN).status == 200
    assert workers[1].ready() is None


def test_nothing_is_remembered_of_a_mac_that_is_unknown() -> None:
    bench = certified(bound=False)
    assert bench.get(secure=True, identity=OWN).status == 401
    assert not bench.store.certified


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


def test_why_a_certificate_proves_nothing_stands_in_the_sighting() -> None:
    bench = certified()
    bench.store.open(401, bench.clock())
    nothing = Identity(detail="its certificate has expired")
    assert bench.get(secure=True, identity=nothing).status == 200
    assert bench.reasons == [Reason.SERVED_WINDOW]
    assert bench.sightings[0].detail == "snom370 8.4.35; its certificate has expired"
    # It takes nothing away either: what the window gave is kept ready.
    assert bench.ready(secure=True, identity=nothing) is not None
