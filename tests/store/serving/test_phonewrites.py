import sqlite3
from collections.abc import Callable

import pytest

from bootwave.pairing.decisions import Candidate, Claim, Consume
from bootwave.store.administration import Administration
from bootwave.store.changelog import Change
from bootwave.store.serving.phonewrites import (
    START_SECONDS,
    Taken,
    claim,
    claim_wildcard,
    consume,
    consume_window,
    note_taken,
    own_certificate,
    remember_model,
)
from bootwave.store.serving.reader import Reader
from tests.store.clock import Clock
from tests.store.listed import notes_of, windows_of

MAC = 0x0004132E08B4
OTHER = 0x0004132E08B5
SOURCE = "10.0.0.7"
ACCOUNT = "401@a.example.com"


class Phones:
    """Does what phones cause, at the clock's instant."""

    def __init__(self, connection: sqlite3.Connection, clock: Clock, reader: Reader):
        self.connection = connection
        self.clock = clock
        self.reader = reader

    def window_of(self, mac: int) -> int:
        window = self.reader.devices([mac])[mac].bindings[0].account.window
        assert window is not None
        return window.id

    def consume(self, window_id: int, mac: int = MAC, source: str = SOURCE) -> bool:
        return consume_window(
            self.connection,
            window_id=window_id,
            mac=mac,
            source=source,
            now=self.clock.at,
            pairing_seconds=300.0,
        )

    def claim(
        self,
        mac: int = MAC,
        number: str = "401",
        address: str = SOURCE,
        model: str = "",
    ) -> bool:
        found = [row for row in self.reader.wildcards() if row.account.number == number]
        if not found or found[0].account.window is None:
            return False
        return claim_wildcard(
            self.connection,
            account_id=found[0].account.id,
            window_id=found[0].account.window.id,
            mac=mac,
            address=address,
            model=model,
            source=SOURCE,
            now=self.clock.at,
            pairing_seconds=300.0,
            temporary_seconds=3_600.0,
        )

    def claim_by_certificate(self, mac: int = MAC) -> bool:
        ((account_id,),) = self.connection.execute(
            "SELECT id FROM accounts WHERE number = '401'"
        ).fetchall()
        return claim_wildcard(
            self.connection,
            account_id=account_id,
            window_id=None,
            mac=mac,
            address=SOURCE,
            model="",
            source=SOURCE,
            now=self.clock.at,
            pairing_seconds=300.0,
            temporary_seconds=3_600.0,
        )


@pytest.fixture
def phones(connection: sqlite3.Connection, clock: Clock, reader: Reader) -> Phones:
    reader.changed()
    return Phones(connection, clock, reader)


@pytest.fixture
def bound(admin: Administration, add: Callable[..., None]) -> Administration:
    add(ACCOUNT, mac=f"{MAC:012X}")
    admin.window_open([ACCOUNT])
    return admin


@pytest.fixture
def star(admin: Administration, add: Callable[..., None]) -> Administration:
    add(ACCOUNT, mac="*")
    admin.window_open([ACCOUNT])
    return admin


@pytest.fixture
def question(admin: Administration, add: Callable[..., None]) -> Administration:
    add(ACCOUNT, mac="?")
    admin.window_open([ACCOUNT])
    return admin


def test_the_first_phone_takes_the_window_and_it_is_written_down(
    bound: Administration, phones: Phones, reader: Reader, clock: Clock
) -> None:
    clock.pass_seconds(60)
    window_id = phones.window_of(MAC)
    assert phones.consume(window_id)
    window = reader.devices([MAC])[MAC].bindings[0].account.window
    assert window is not None
    assert (window.consumed_mac, window.consumed_source) == (MAC, SOURCE)
    assert window.pairing_end == clock.at.boottime + 300
    # Nobody keeps a document of a phone while a window waits for it.
    assert {change.kind for change in reader.changed() or []} == {"account"}


def test_nobody_takes_a_window_twice(bound: Administration, phones: Phones) -> None:
    window_id = phones.window_of(MAC)
    assert phones.consume(window_id)
    assert not phones.consume(window_id)
    assert not phones.consume(window_id, source="10.0.0.8")


def test_a_window_is_only_for_phones_its_account_is_bound_to(
    bound: Administration, phones: Phones, add: Callable[..., None]
) -> None:
    window_id = phones.window_of(MAC)
    assert not phones.consume(window_id, mac=OTHER)
    add("402@a.example.com", mac=f"{OTHER:012X}")
    assert not phones.consume(window_id, mac=OTHER)
    assert phones.consume(window_id)


def test_a_window_ends_at_its_deadline(
    bound: Administration, phones: Phones, clock: Clock
) -> None:
    window_id = phones.window_of(MAC)
    clock.pass_seconds(600)
    assert not phones.consume(window_id)


def test_a_window_is_open_until_just_before_its_deadline(
    bound: Administration, phones: Phones, clock: Clock
) -> None:
    window_id = phones.window_of(MAC)
    clock.pass_seconds(599.9)
    assert phones.consume(window_id)


@pytest.mark.parametrize("wall", [0.0, 4_000_000_000.0])
def test_a_wall_clock_that_jumps_neither_stretches_nor_ends_a_window(
    bound: Administration, phones: Phones, clock: Clock, wall: float
) -> None:
    window_id = phones.window_of(MAC)
    clock.set_wall(wall)
    clock.pass_seconds(601)
    clock.set_wall(wall)
    assert not phones.consume(window_id)
    bound.window_open([ACCOUNT])
    clock.set_wall(1_700_000_000.0 - wall)
    assert phones.consume(phones.window_of(MAC))


def test_after_a_reboot_no_window_is_open(
    bound: Administration, phones: Phones, clock: Clock
) -> None:
    window_id = phones.window_of(MAC)
    clock.reboot()
    assert not phones.consume(window_id)
    clock.pass_seconds(1_000)  # the same reading of the clock as when it was opened
    assert not phones.consume(window_id)


def test_a_closed_window_and_the_one_before_a_new_one_are_over(
    bound: Administration, phones: Phones
) -> None:
    first = phones.window_of(MAC)
    bound.window_open([ACCOUNT])
    second = phones.window_of(MAC)
    assert second != first
    assert not phones.consume(first)
    bound.window_close([ACCOUNT])
    assert not phones.consume(second)


def test_all_windows_of_a_phone_are_taken_or_none(
    bound: Administration,
    phones: Phones,
    add: Callable[..., None],
    connection: sqlite3.Connection,
    clock: Clock,
    reader: Reader,
) -> None:
    add("402@a.example.com", mac=f"{MAC:012X}")
    bound.window_open(["402@a.example.com"])
    windows = tuple(
        binding.account.window.id
        for binding in reader.devices([MAC])[MAC].bindings
        if binding.account.window
    )
    at = clock.at.boottime

    def decision(ids: tuple[int, ...]) -> Consume:
        return Consume(ids, MAC, SOURCE, at, clock.at.boot_id, at + 300)

    reader.changed()
    assert not consume(connection, decision((*windows, 9999)), clock.at)
    assert reader.changed() is None
    assert not consume(connection, decision(()), clock.at)
    assert consume(connection, decision(windows), clock.at)
    assert not consume(connection, decision(windows), clock.at)


def test_the_audit_log_is_told_of_accounts_that_were_not_open(
    admin: Administration,
    add: Callable[..., None],
    connection: sqlite3.Connection,
    reader: Reader,
    clock: Clock,
) -> None:
    text = f"{MAC:012X}"
    add("401@a.example.com", "402@a.example.com", "403@a.example.com", mac=text)
    admin.window_open(["401@a.example.com", "403@a.example.com"])
    windows = tuple(
        binding.account.window.id
        for binding in reader.devices([MAC])[MAC].bindings
        if binding.account.window is not None
    )
    at = clock.at.boottime
    decision = Consume(windows, MAC, SOURCE, at, clock.at.boot_id, at + 300)
    assert consume(connection, decision, clock.at)
    rows = [
        (row["action"], row["subject"], row["detail"])
        for row in notes_of(admin, limit=3)
    ]
    assert rows == [
        (
            "document.taken",
            text,
            {"from": SOURCE, "grant": "window", "passwords_of": ["402@a.example.com"]},
        ),
        ("window.used", "403@a.example.com", {"from": SOURCE}),
        ("window.used", "401@a.example.com", {"from": SOURCE}),
    ]


def test_a_star_account_remembers_the_phone_that_claimed_it(
    star: Administration, phones: Phones, reader: Reader, clock: Clock
) -> None:
    assert phones.claim()
    device = reader.devices([MAC])[MAC]
    (binding,) = device.bindings
    assert (binding.identity, binding.expires) == (1, None)
    assert device.domain is not None
    assert binding.account.window is not None
    assert binding.account.window.consumed_mac == MAC
    assert reader.wildcards() == []
    told = reader.changed() or []
    assert Change("device", MAC) in told
    assert "wildcard" in {change.kind for change in told}
    clock.reboot()
    assert reader.devices([MAC])[MAC].bindings


def test_the_start_that_led_to_a_claim_is_told_to_its_domain(
    star: Administration, phones: Phones, clock: Clock
) -> None:
    star.account_add("402@a.example.com", password="x-word-x", mac="0004132E08B5")
    assert phones.claim()
    since = star.device_within([MAC, OTHER], ["a.example.com"])
    now = clock().wall
    # That of who was bound by an administrator begins with that.
    assert since == {MAC: now - START_SECONDS, OTHER: now}
    clock.pass_seconds(600.0)
    star.account_bind("402@a.example.com", "0004132E08B4", add=True)
    assert star.device_within([MAC], ["a.example.com"]) == {MAC: now - START_SECONDS}


@pytest.mark.parametrize("removed", [False, True])
def test_a_claim_tells_nothing_of_when_another_domain_had_the_phone(
    star: Administration, phones: Phones, clock: Clock, removed: bool
) -> None:
    star.domain_add("b.example.com")
    star.account_add("500@b.example.com", password="x-word-x", mac=f"{MAC:012X}")
    clock.pass_seconds(100.0)
    star.account_unbind("500@b.example.com")
    if removed:
        star.domain_remove("b.example.com", force=True)
    clock.pass_seconds(START_SECONDS / 2)
    assert phones.claim()
    assert star.device_within([MAC], ["a.example.com"]) == {MAC: clock().wall}


def test_a_star_account_is_claimed_once(star: Administration, phones: Phones) -> None:
    found = phones.reader.wildcards()[0]
    assert phones.claim()
    assert found.account.window is not None
    assert not claim_wildcard(
        phones.connection,
        account_id=found.account.id,
        window_id=found.account.window.id,
        mac=OTHER,
        address=SOURCE,
        model="",
        source=SOURCE,
        now=phones.clock.at,
        pairing_seconds=300.0,
        temporary_seconds=3_600.0,
    )


def test_a_certificate_claims_an_account_that_is_not_open(
    star: Administration, phones: Phones, reader: Reader, clock: Clock
) -> None:
    # It was opened in the meantime: then its window says for whom it is.
    assert not phones.claim_by_certificate()
    star.window_close([ACCOUNT])
    assert phones.claim_by_certificate()
    assert not phones.claim_by_certificate(OTHER)
    device = reader.devices([MAC])[MAC]
    assert device.provisioned_at == clock.at.wall
    (binding,) = device.bindings
    assert binding.expires is None
    assert binding.account.window is not None
    assert binding.account.window.consumed_mac == 0
    (row,) = notes_of(star, limit=1)
    assert row["action"] == "account.claimed"
    assert row["detail"]["by"] == "certificate"


def test_a_claimed_star_gives_its_subnet_back(
    star: Administration, phones: Phones, add: Callable[..., None]
) -> None:
    assert phones.claim()
    add("401@b.example.com", mac="*")


def test_a_question_account_is_free_again_when_its_time_is_over(
    question: Administration, phones: Phones, reader: Reader, clock: Clock
) -> None:
    assert phones.claim()
    binding = reader.devices([MAC])[MAC].bindings[0]
    assert binding.expires == clock.at.boottime + 3_600
    held = reader.wildcards()[0]
    assert held.claimed_until == binding.expires
    assert held.claimed_boot_id == clock.at.boot_id
    question.window_open([ACCOUNT])
    assert not phones.claim(OTHER)
    clock.pass_seconds(3_600)
    question.window_open([ACCOUNT])
    assert phones.claim(OTHER)
    assert reader.devices([MAC])[MAC].bindings == ()
    assert reader.devices([MAC])[MAC].domain is None


def test_a_question_account_is_free_again_after_a_reboot(
    question: Administration, phones: Phones, clock: Clock
) -> None:
    assert phones.claim()
    clock.reboot()
    question.window_open([ACCOUNT])
    assert phones.claim(OTHER)


def test_a_phone_whose_time_is_over_claims_again(
    question: Administration, phones: Phones, clock: Clock
) -> None:
    assert phones.claim()
    clock.pass_seconds(3_600)
    question.window_open([ACCOUNT])
    assert phones.claim()


def test_a_bound_phone_claims_nothing(
    star: Administration, phones: Phones, add: Callable[..., None]
) -> None:
    add("402@a.example.com", mac=f"{MAC:012X}")
    assert not phones.claim()
    assert phones.claim(OTHER)


def test_a_wildcard_is_claimed_under_its_open_window_only(
    star: Administration, phones: Phones, clock: Clock
) -> None:
    clock.pass_seconds(600)
    assert not phones.claim()
    star.window_open([ACCOUNT])
    star.window_close([ACCOUNT])
    assert not phones.claim()


def test_the_first_free_candidate_is_claimed(
    star: Administration,
    add: Callable[..., None],
    connection: sqlite3.Connection,
    clock: Clock,
    reader: Reader,
) -> None:
    add("402@a.example.com", mac="*")
    star.window_open(["402@a.example.com"])
    at = clock.at
    candidates = tuple(
        Candidate(row.account.id, row.account.window.id, row.account.domain_id, None)
        for row in reader.wildcards()
        if row.account.window
    )

    def decision(mac: int) -> Claim:
        end = at.boottime + 300
        return Claim(candidates, mac, SOURCE, "", SOURCE, at.boottime, at.boot_id, end)

    assert claim(connection, decision(MAC), at)
    assert claim(connection, decision(OTHER), at)
    assert not claim(connection, decision(OTHER + 1), at)
    numbers = [
        reader.devices([mac])[mac].bindings[0].account.number for mac in (MAC, OTHER)
    ]
    assert numbers == ["401", "402"]


def test_a_model_is_remembered_when_it_is_news(
    bound: Administration, connection: sqlite3.Connection, reader: Reader
) -> None:
    reader.changed()
    assert remember_model(connection, mac=MAC, model="snom370")
    assert reader.devices([MAC])[MAC].model == "snom370"
    assert reader.changed() is None
    assert not remember_model(connection, mac=MAC, model="snom370")
    assert not remember_model(connection, mac=OTHER, model="snom370")


@pytest.fixture
def stars(admin: Administration, add: Callable[..., None]) -> Administration:
    add(*(f"40{number}@a.example.com" for number in range(1, 6)), mac="*")
    return admin


def test_no_more_phones_claim_than_an_opening_is_for(
    stars: Administration, phones: Phones, clock: Clock
) -> None:
    stars.window_open([], domain="a.example.com", most=2)
    won = [phones.claim(MAC + n, f"40{n + 1}") for n in range(5)]
    assert won == [True, True, False, False, False]
    assert windows_of(stars)[0]["claims"] == 2
    # Opened again they are counted anew.
    stars.window_open([], domain="a.example.com", most=2)
    assert phones.claim(MAC + 2, "403")


@pytest.mark.parametrize(
    ("bounds", "wins"),
    [
        ({"ouis": ["000413"]}, True),
        ({"ouis": ["00087B"]}, False),
        ({"subnet": "10.0.0.0/24"}, True),
        ({"subnet": "10.0.1.0/24"}, False),
        ({"models": ["snomD785"]}, True),
        ({"models": ["snom370"]}, False),
    ],
)
def test_a_claim_looks_at_the_bounds_again(
    stars: Administration, phones: Phones, bounds: dict[str, list[str]], wins: bool
) -> None:
    stars.window_open([ACCOUNT], most=1, **bounds)  # type: ignore[arg-type]
    assert phones.claim(model="snomd785") is wins
    # One who is not admitted uses nothing up.
    (shown,) = windows_of(stars)
    assert shown["claims"] == int(wins)
    assert (shown["state"] == "used") is wins


def test_taking_and_claiming_is_in_the_audit_log(
    stars: Administration, phones: Phones, clock: Clock
) -> None:
    stars.window_open([ACCOUNT])
    assert phones.claim()
    used, claimed = notes_of(stars, limit=2)
    assert (used["action"], used["subject"]) == ("window.used", ACCOUNT)
    assert used["actor"] == claimed["actor"] == "phone:0004132E08B4"
    assert used["detail"] == {"from": SOURCE}
    assert used["at"] == clock.at.wall
    assert claimed["action"] == "account.claimed"
    assert claimed["detail"] == {
        "from": SOURCE,
        "mac": "0004132E08B4",
        "wildcard": "*",
    }
    assert not phones.claim(OTHER)
    assert len(notes_of(stars, actor="phone:0004132E08B5")) == 0


def test_a_phone_is_provisioned_from_the_moment_it_took_a_window(
    bound: Administration, phones: Phones, reader: Reader, clock: Clock
) -> None:
    assert reader.devices([MAC])[MAC].provisioned_at is None
    assert phones.consume(phones.window_of(MAC))
    assert reader.devices([MAC])[MAC].provisioned_at == clock.at.wall
    bound.account_set(ACCOUNT, name="Anna")
    assert reader.devices([MAC])[MAC].provisioned_at == clock.at.wall


def test_another_password_or_binding_is_news_to_the_phone(
    bound: Administration,
    phones: Phones,
    reader: Reader,
    clock: Clock,
    add: Callable[..., None],
) -> None:
    assert phones.consume(phones.window_of(MAC))
    bound.account_set(ACCOUNT, password="another")
    assert reader.devices([MAC])[MAC].provisioned_at is None
    bound.window_open([ACCOUNT])
    assert phones.consume(phones.window_of(MAC))
    add("402@a.example.com", mac=f"{MAC:012X}")
    assert reader.devices([MAC])[MAC].provisioned_at is None


def test_what_was_taken_on_a_proof_is_written_down_once_as_the_first(
    bound: Administration,
    connection: sqlite3.Connection,
    reader: Reader,
    clock: Clock,
) -> None:
    taken = Taken(MAC, "certificate", "203.0.113.9", (ACCOUNT,))
    first = clock.at.wall
    note_taken(connection, taken, clock.at)
    clock.pass_seconds(50)
    note_taken(connection, taken, clock.at)
    assert reader.devices([MAC])[MAC].provisioned_at == first
    row = notes_of(bound, limit=1)[0]
    assert (row["action"], row["subject"]) == ("document.taken", "0004132E08B4")
    assert row["detail"] == {
        "grant": "certificate",
        "from": "203.0.113.9",
        "passwords_of": [ACCOUNT],
    }


def test_the_certificate_of_a_grant_is_named_as_a_block_takes_it(
    bound: Administration, connection: sqlite3.Connection, clock: Clock
) -> None:
    text = "0004132E08B4"
    assert bound.device_show(text)["certificate"] is None
    for serial, key in ((0xABC, b"\x11" * 32), (0xABD, b"\x22" * 32)):
        taken = Taken(MAC, "certificate", "203.0.113.9", (), serial, key)
        note_taken(connection, taken, clock.at)
        named = {"serial": f"{serial:X}", "key": key.hex()}
        assert notes_of(bound, limit=1)[0]["detail"].items() >= named.items()
        assert bound.device_show(text)["certificate"] == named
    # A grant by credentials says nothing of the certificate, and forgets none.
    note_taken(connection, Taken(MAC, "credentials", "203.0.113.9", ()), clock.at)
    assert bound.device_show(text)["certificate"] == named
    assert not {"serial", "key"} & notes_of(bound, limit=1)[0]["detail"].keys()
    bound.certificate_block(serial=named["serial"])
    bound.certificate_block(key=named["key"])
    bound.certificate_block(serial="ABC")
    macs = [(one["kind"], one["macs"]) for one in bound.certificate_list()]
    assert macs == [("key", [text]), ("serial", []), ("serial", [text])]


def test_a_certificate_is_remembered_once_and_told(
    bound: Administration, connection: sqlite3.Connection, reader: Reader
) -> None:
    reader.changed()
    assert not reader.devices([MAC])[MAC].owns_certificate
    assert own_certificate(connection, mac=MAC)
    assert reader.devices([MAC])[MAC].owns_certificate
    # What a window gave over clear HTTP is over, for whoever kept it.
    assert reader.changed() == [Change("device", MAC)]
    assert not own_certificate(connection, mac=MAC)
    assert not own_certificate(connection, mac=OTHER)
    assert reader.changed() is None
