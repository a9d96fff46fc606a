"""What is written down of a phone that was served."""

from dataclasses import replace

from bootwave.http.contact import Identity
from bootwave.options import Options, PairingOptions
from bootwave.provision.revocations import RevocationPage
from bootwave.store.serving.phonewrites import Taken
from tests.provision.bench import (
    MAC,
    OTHER_MAC,
    Bench,
)

CERTIFIED = Identity(MAC)
OWN = Identity(MAC)


def certified(*, bound: bool = True) -> Bench:
    bench = Bench()
    bench.store.add_account(401)
    if bound:
        bench.store.bind(401, MAC)
    return bench


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


def test_a_password_changed_under_a_used_window_is_told_of_when_it_is_taken(
    bench: Bench,
) -> None:
    bench.open(401)
    assert bench.get().status == 200
    assert not bench.store.told  # the use of the window tells of it
    known = bench.store.devices_known[MAC]
    bench.store.devices_known[MAC] = replace(known, provisioned_at=None)
    bench.committed(401)
    for _ in range(2):
        bench.cache.clear()
        assert bench.get().status == 200
    (taken,) = bench.store.told
    assert (taken.kind, taken.accounts) == ("window", ("401@pbx1.example.com",))
    assert bench.store.devices_known[MAC].provisioned_at is not None


def test_a_head_takes_nothing_so_the_audit_log_is_told_nothing(bench: Bench) -> None:
    how = {"secure": True, "source": "203.0.113.9", "identity": CERTIFIED}
    assert bench.get(method=b"HEAD", **how).status == 200
    assert not bench.store.told
    bench.get(**how)
    assert len(bench.store.told) == 1


def test_the_audit_log_is_told_which_certificate_it_was(bench: Bench) -> None:
    for serial in (7, 7, 8):  # the second is nothing new, the third another one
        identity = Identity(MAC, serial=serial, key=b"k" * 32)
        bench.get(secure=True, source="203.0.113.9", identity=identity)
        bench.cache.clear()
    assert [(one.serial, one.key) for one in bench.store.told] == [
        (7, b"k" * 32),
        (8, b"k" * 32),
    ]


def test_another_certificate_is_told_of_although_the_document_is_ready(
    bench: Bench,
) -> None:
    for serial in (7, 7, 8, 8):
        identity = Identity(MAC, serial=serial, key=b"k" * 32)
        bench.get(secure=True, source="203.0.113.9", identity=identity)
    assert [one.serial for one in bench.store.told] == [7, 8]
    assert bench.ready(secure=True, identity=identity) is not None


def test_a_certificate_is_told_of_although_a_window_made_the_document_ready(
    bench: Bench,
) -> None:
    bench.open(401)
    assert bench.get(secure=True).status == 200
    for _ in range(2):
        assert bench.get(secure=True, identity=CERTIFIED).status == 200
    assert [one.kind for one in bench.store.told] == ["certificate"]
    assert bench.store.certified == {MAC}


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


def test_what_the_audit_log_was_not_told_it_is_told_when_it_is_taken_again() -> None:
    # Else its time with passwords would begin anew whenever that is over, for ever.
    bench = certified()
    how = {"secure": True, "identity": CERTIFIED}
    bench.store.read_only = True
    bench.get(**how)
    assert bench.store.devices_known[MAC].provisioned_at is None
    bench.store.read_only = False
    for _ in range(2):
        bench.cache.clear()
        bench.get(**how)
    assert len(bench.store.told) == 1
    assert bench.store.devices_known[MAC].provisioned_at is not None


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
