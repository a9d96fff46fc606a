"""Documents that are made, kept, and leave at the last moment or not."""

from bootwave.directory.records import Layer, Setting
from bootwave.http.contact import Identity
from bootwave.options import Options, PairingOptions
from bootwave.sightings import Reason
from bootwave.store.changelog import Change
from tests.provision.bench import (
    MAC,
    Bench,
)

HOUR = Options(pairing=PairingOptions(passwords_hours=1))
CERTIFIED = Identity(MAC)


def hourly(**windows: float) -> Bench:
    made = Bench(HOUR)
    made.store.add_account(401)
    made.store.bind(401, MAC)
    return made


def certified(*, bound: bool = True) -> Bench:
    bench = Bench()
    bench.store.add_account(401)
    if bound:
        bench.store.bind(401, MAC)
    return bench


def test_strangers_fill_neither_cache_nor_memory(bench: Bench) -> None:
    for number in range(1000):
        bench.get(mac=0x000413000000 + number)
    assert len(bench.cache) == 0
    assert bench.cache.size == 0


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
    assert b"['tone', 'contrast', 'contrast']" in bench.get().body


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
