"""What is kept, and who may have it without a look."""

from bootwave.directory.records import Layer, Setting
from bootwave.http.contact import NOBODY, Identity
from bootwave.options import HttpOptions, Options
from bootwave.sightings import Reason
from bootwave.store.changelog import Change
from tests.provision.bench import (
    ELSEWHERE,
    MAC,
    OTHER_MAC,
    Bench,
)

OWN = Identity(MAC)


def certified(*, bound: bool = True) -> Bench:
    bench = Bench()
    bench.store.add_account(401)
    if bound:
        bench.store.bind(401, MAC)
    return bench


def test_the_same_phone_may_fetch_again_and_is_answered_from_the_cache(
    bench: Bench,
) -> None:
    bench.open(401)
    first = bench.get()
    reads = len(bench.store.reads)
    assert bench.ready() == first
    assert len(bench.store.reads) == reads
    # Once before the window was used up, to see that it can be made, and once since.
    assert bench.compiler.made == 2
    assert bench.keys.opened == 2


def test_a_window_that_nobody_used_is_never_a_grant_of_the_cache(bench: Bench) -> None:
    bench.open(401)
    assert bench.ready() is None
    assert len(bench.cache) == 0


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


def test_a_wall_clock_that_jumps_changes_nothing(bench: Bench) -> None:
    bench.open(401)
    bench.get()
    for jump in (-1e9, 2e9):
        bench.clock.wall += jump
        assert bench.ready() is not None


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
