import os

import pytest

from bootwave.provision.revocations import RevocationPage
from bootwave.store.changelog import Change
from tests.provision.bench import MAC, OTHER_MAC


@pytest.fixture
def page() -> RevocationPage:
    return RevocationPage()


@pytest.mark.parametrize(
    ("change", "touched"),
    [
        (Change("device", MAC), {(MAC, 1), (MAC, 2)}),
        (Change("domain", 1), {(MAC, 1), (OTHER_MAC, 1)}),
        (Change("model", 9), {(MAC, 1), (MAC, 2), (OTHER_MAC, 1)}),
        (Change("all", 0), {(MAC, 1), (MAC, 2), (OTHER_MAC, 1)}),
        (Change("of another version", 9), {(MAC, 1), (MAC, 2), (OTHER_MAC, 1)}),
        (Change("account", MAC), set()),
        (Change("wildcard", 1), set()),
    ],
)
def test_a_change_ends_what_it_touched_and_nothing_else(
    page: RevocationPage, change: Change, touched: set[tuple[int, int]]
) -> None:
    held = {(mac, domain) for mac, domain in [(MAC, 1), (MAC, 2), (OTHER_MAC, 1)]}
    before = {what: page.stamp(*what) for what in held}
    page.revoke([change])
    assert {what for what in held if page.stamp(*what) != before[what]} == touched


def test_neighbouring_phones_have_counters_of_their_own(page: RevocationPage) -> None:
    before = [page.stamp(MAC + number, 1) for number in range(1, 4096)]
    page.revoke([Change("device", MAC)])
    assert [page.stamp(MAC + number, 1) for number in range(1, 4096)] == before


def test_blocks_of_snom_do_not_fall_together(page: RevocationPage) -> None:
    before = page.stamp(0x1C712600 << 16, 1)
    page.revoke([Change("device", 0x00041300 << 16)])
    assert page.stamp(0x1C712600 << 16, 1) == before


def test_an_undisturbed_read_has_the_present_stamp(page: RevocationPage) -> None:
    page.revoke([Change("device", MAC), Change("domain", 1), Change("all", 0)])
    (mark,) = page.marks([MAC])
    assert page.stamp_since(mark, 1) == page.stamp(MAC, 1)


@pytest.mark.parametrize("kind", ["device", "all"])
def test_what_is_revoked_during_a_read_makes_an_old_stamp(
    page: RevocationPage, kind: str
) -> None:
    (mark,) = page.marks([MAC])
    page.revoke([Change(kind, MAC)])
    assert page.stamp_since(mark, 1) != page.stamp(MAC, 1)


def test_any_domain_revoked_during_a_read_makes_it_read_again(
    page: RevocationPage,
) -> None:
    for domain in (1, 2):
        (mark,) = page.marks([MAC])
        page.revoke([Change("domain", domain)])
        assert page.stamp_since(mark, 1) is None


@pytest.mark.parametrize("kind", ["device", "domain", "all"])
def test_what_was_read_has_a_stamp_only_while_nothing_of_it_is_revoked(
    page: RevocationPage, kind: str
) -> None:
    other, own = page.marks([MAC + 1, MAC])
    assert page.stamp_if_unrevoked(own, MAC, 1) == page.stamp(MAC, 1)
    page.revoke([Change(kind, 1 if kind == "domain" else MAC)])
    assert page.stamp_if_unrevoked(own, MAC, 1) is None
    if kind == "device":
        assert page.stamp_if_unrevoked(other, MAC + 1, 1) is not None
    (again,) = page.marks([MAC])
    assert page.stamp_if_unrevoked(again, MAC, 1) == page.stamp(MAC, 1)


def test_the_stamp_of_everything_ignores_devices_and_domains(
    page: RevocationPage,
) -> None:
    before = page.everything()
    page.revoke([Change("device", MAC), Change("domain", 1)])
    assert page.everything() == before
    page.revoke([Change("model", 1)])
    assert page.everything() != before


def test_a_revocation_reaches_processes_forked_before_it(page: RevocationPage) -> None:
    before = page.stamp(MAC, 1)
    child = os.fork()
    if child == 0:
        page.revoke([Change("device", MAC)])
        os._exit(0)
    os.waitpid(child, 0)
    assert page.stamp(MAC, 1) != before
