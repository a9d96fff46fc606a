"""What is looked up, how often, and what overtakes it."""

import pytest

from bootwave.sightings import Reason
from bootwave.store.changelog import Change
from tests.provision.bench import (
    MAC,
    Bench,
)

UNKNOWN = 0x000413FFFFFF


def test_a_refusal_costs_the_same_reads_whatever_its_reason(bench: Bench) -> None:
    bench.store.know(0x000413000009)
    for mac in (MAC, UNKNOWN, 0x000413000009):
        bench.store.reads.clear()
        bench.get(mac=mac)
        assert bench.store.reads == [(mac,)]


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
