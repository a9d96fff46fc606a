"""Windows and bindings in the store against a small model of them.

Administrators and phones act in any order while time passes, the wall clock jumps and
the machine reboots.  After every step the store and the model agree about who is bound
to what and about what each account's window means to each phone.
"""

import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    rule,
    run_state_machine_as_test,
)

from bootwave.errors import StoreConflict, StoreNotFound
from bootwave.options import PairingOptions
from bootwave.pairing.rules import live_bindings
from bootwave.pairing.windows import WindowState, window_state
from bootwave.store.administration import Administration
from bootwave.store.connection import connect
from bootwave.store.create import create
from bootwave.store.secrets import KeyRing
from bootwave.store.serving.phonewrites import claim_wildcard, consume_window
from bootwave.store.serving.reader import Reader
from tests.store.clock import Clock

ACCOUNTS = ["1@a.test", "2@a.test", "3@b.test"]
MACS = [0x000413000001, 0x000413000002]
SOURCES = ["10.0.0.1", "10.0.0.2"]
WINDOW, PAIRING, TEMPORARY = 600.0, 300.0, 3_600.0

accounts = st.sampled_from(ACCOUNTS)
macs = st.sampled_from(MACS)
sources = st.sampled_from(SOURCES)


@dataclass
class Opened:
    """A window of the model."""

    boot_id: str
    deadline: float
    mac: int = 0
    source: str = ""
    end: float = 0.0
    closed: bool = False


@dataclass
class Account:
    """An account of the model; ``bound`` maps a MAC to identity and end."""

    domain: str
    wildcard: str = ""
    window: Opened | None = None
    bound: dict[int, tuple[int, tuple[float, str] | None]] = field(default_factory=dict)


class Template:
    """A store with the accounts in it, made once."""

    def __init__(self) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="bootwave-test-"))
        self.path = self.directory / "template.db"
        self.keyring = KeyRing({b"test": b"k" * 32})
        create(self.path)
        connection = connect(self.path)
        admin = Administration(
            connection,
            self.keyring,
            PairingOptions(),
            now=Clock(),
            committed=lambda changes: None,
        )
        for account in ACCOUNTS:
            domain = account.split("@")[1]
            if domain not in {row["name"] for row in admin.domain_list()}:
                admin.domain_add(domain)
            admin.account_add(account, password="pw")
        rows = connection.execute("SELECT id FROM accounts ORDER BY id").fetchall()
        self.ids = dict(zip(ACCOUNTS, (number for (number,) in rows), strict=True))
        connection.close()


class StoreMachine(RuleBasedStateMachine):
    """Acts on the store and on the model alike."""

    template: Template

    def __init__(self) -> None:
        super().__init__()
        self.directory = Path(tempfile.mkdtemp(prefix="bootwave-test-"))
        path = self.directory / "bootwave.db"
        shutil.copy(self.template.path, path)
        self.clock = Clock()
        self.connection = connect(path)
        self.reader = Reader(path)
        self.admin = Administration(
            self.connection,
            self.template.keyring,
            PairingOptions(),
            now=self.clock,
            committed=lambda changes: None,
        )
        self.model = {name: Account(name.split("@")[1]) for name in ACCOUNTS}
        self.boots = 0

    def teardown(self) -> None:
        self.reader.close()
        self.connection.close()
        shutil.rmtree(self.directory)

    # What the model says.

    def forget_expired(self) -> None:
        for account in self.model.values():
            account.bound = {
                mac: (identity, end)
                for mac, (identity, end) in account.bound.items()
                if end is None
                or (end[1] == self.clock.at.boot_id and self.clock.at.boottime < end[0])
            }

    def bound_to(self, mac: int) -> dict[str, int]:
        return {
            name: account.bound[mac][0]
            for name, account in self.model.items()
            if mac in account.bound
        }

    def is_free(self, window: Opened | None) -> bool:
        return (
            window is not None
            and not window.closed
            and not window.mac
            and window.boot_id == self.clock.at.boot_id
            and self.clock.at.boottime < window.deadline
        )

    def drop(self, name: str, mac: int) -> None:
        account = self.model[name]
        del account.bound[mac]
        if account.window and account.window.mac == mac:
            account.window.closed = True

    def star_elsewhere(self, name: str) -> bool:
        return any(
            account.wildcard == "*" and account.domain != self.model[name].domain
            for account in self.model.values()
        )

    # What happens.

    @rule(seconds=st.sampled_from([1.0, 299.0, 300.0, 599.0, 600.0, 3_600.0]))
    def time_passes(self, seconds: float) -> None:
        self.clock.pass_seconds(seconds)
        self.forget_expired()

    @rule(wall=st.sampled_from([0.0, 1e9, 4e9]))
    def the_wall_clock_jumps(self, wall: float) -> None:
        self.clock.set_wall(wall)

    @rule()
    def the_machine_reboots(self) -> None:
        self.boots += 1
        self.clock.reboot(f"boot-{self.boots}")
        self.forget_expired()

    @rule(name=accounts)
    def an_account_is_opened(self, name: str) -> None:
        self.admin.window_open([name])
        at = self.clock.at
        self.model[name].window = Opened(at.boot_id, at.boottime + WINDOW)

    @rule(name=accounts)
    def an_account_is_closed(self, name: str) -> None:
        self.admin.window_close([name])
        window = self.model[name].window
        if window:
            window.closed = True

    @rule(name=accounts, mac=macs, add=st.booleans())
    def an_account_is_bound(self, name: str, mac: int, add: bool) -> None:
        account = self.model[name]
        has = self.bound_to(mac)
        try:
            identity = self.admin.account_bind(name, f"{mac:012X}", add=add)["identity"]
        except StoreConflict:
            assert any(self.model[one].domain != account.domain for one in has)
            return
        assert all(self.model[one].domain == account.domain for one in has)
        free = min(set(range(1, 13)) - set(has.values()))
        assert identity == has.get(name, free)
        account.bound[mac] = (identity, None)
        if not add:
            account.wildcard = ""
            for other in [one for one in account.bound if one != mac]:
                self.drop(name, other)

    @rule(name=accounts, wildcard=st.sampled_from("*?"), add=st.booleans())
    def an_account_becomes_a_wildcard(
        self, name: str, wildcard: str, add: bool
    ) -> None:
        try:
            self.admin.account_bind(name, wildcard, add=add)
        except StoreConflict:
            assert wildcard == "*"
            assert self.star_elsewhere(name)
            return
        assert wildcard == "?" or not self.star_elsewhere(name)
        self.model[name].wildcard = wildcard
        if not add:
            for mac in list(self.model[name].bound):
                self.drop(name, mac)

    @rule(name=accounts, one_mac=st.sampled_from([None, *MACS]))
    def an_account_is_unbound(self, name: str, one_mac: int | None) -> None:
        account = self.model[name]
        try:
            self.admin.account_unbind(name, None if not one_mac else f"{one_mac:012X}")
        except StoreNotFound:
            assert one_mac not in account.bound
            assert one_mac or not (account.bound or account.wildcard)
            return
        for mac in [one_mac] if one_mac else list(account.bound):
            self.drop(name, mac)
        if one_mac is None:
            account.wildcard = ""
        if account.window and not account.bound and not account.wildcard:
            account.window.closed = True

    @rule(name=accounts, mac=macs, source=sources)
    def a_phone_takes_a_window(self, name: str, mac: int, source: str) -> None:
        self.take(name, mac, source)

    @rule(
        name=accounts,
        mac=macs,
        source=sources,
        open=st.booleans(),
        wait=st.sampled_from([0.0, 599.0, 600.0]),
        reboot=st.booleans(),
    )
    def a_phone_starts(
        self,
        name: str,
        mac: int,
        source: str,
        open: bool,
        wait: float,
        reboot: bool,
    ) -> None:
        # What mostly happens, and what single rules seldom come to by chance.
        self.an_account_is_bound(name, mac, add=True)
        if open:
            self.an_account_is_opened(name)
        if reboot:
            self.the_machine_reboots()
        self.time_passes(wait)
        self.take(name, mac, source)

    @rule(name=accounts, mac=macs, source=sources, wildcard=st.sampled_from("*?"))
    def an_unknown_phone_starts(
        self, name: str, mac: int, source: str, wildcard: str
    ) -> None:
        self.an_account_becomes_a_wildcard(name, wildcard, add=True)
        self.an_account_is_opened(name)
        self.a_phone_claims_an_account(name, mac, source)

    def take(self, name: str, mac: int, source: str) -> None:
        window = self.model[name].window
        expected = self.is_free(window) and mac in self.model[name].bound
        at = self.clock.at
        taken = consume_window(
            self.connection,
            window_id=self.window_id(name),
            mac=mac,
            source=source,
            now=at,
            pairing_seconds=PAIRING,
        )
        assert taken == expected
        if taken:
            assert window is not None
            window.mac, window.source = mac, source
            window.end = at.boottime + PAIRING

    @rule(name=accounts, mac=macs, source=sources)
    def a_phone_claims_an_account(self, name: str, mac: int, source: str) -> None:
        account = self.model[name]
        held = any(end is not None for _, end in account.bound.values())
        expected = (
            self.is_free(account.window)
            and not self.bound_to(mac)
            and (account.wildcard == "*" or (account.wildcard == "?" and not held))
        )
        at = self.clock.at
        claimed = claim_wildcard(
            self.connection,
            account_id=self.template.ids[name],
            window_id=self.window_id(name),
            mac=mac,
            address=source,
            model="",
            source=source,
            now=at,
            pairing_seconds=PAIRING,
            temporary_seconds=TEMPORARY,
        )
        assert claimed == expected
        if claimed:
            assert account.window is not None
            temporary = account.wildcard == "?"
            end = (at.boottime + TEMPORARY, at.boot_id) if temporary else None
            account.bound[mac] = (1, end)
            account.wildcard = "?" if temporary else ""
            account.window.mac, account.window.source = mac, source
            account.window.end = at.boottime + PAIRING

    def window_id(self, name: str) -> int:
        rows = self.connection.execute(
            "SELECT id FROM windows WHERE account_id = ?", (self.template.ids[name],)
        ).fetchall()
        return int(rows[0][0]) if rows else 0

    # What must hold.

    @invariant()
    def both_agree_who_is_bound_to_what(self) -> None:
        found = self.reader.devices(MACS)
        for mac in MACS:
            device = found.get(mac)
            live = live_bindings(device, self.clock.at)
            assert {
                (binding.account.id, binding.identity, binding.expires)
                for binding in live
            } == {
                (self.template.ids[name], *self.stored(name, mac))
                for name in self.bound_to(mac)
            }
            if live:
                assert device is not None
                assert device.domain is not None
                (domain,) = {self.model[one].domain for one in self.bound_to(mac)}
                assert device.domain.name == domain

    def stored(self, name: str, mac: int) -> tuple[int, float | None]:
        identity, end = self.model[name].bound[mac]
        return identity, None if end is None else end[0]

    @invariant()
    def both_agree_what_each_window_is_to_each_phone(self) -> None:
        at = self.clock.at
        names = {number: name for name, number in self.template.ids.items()}
        for device in self.reader.devices(MACS).values():
            for binding in live_bindings(device, at):
                window = self.model[names[binding.account.id]].window
                for source in SOURCES:
                    assert window_state(
                        binding.account.window, device.mac, source, at
                    ) is self.expected_state(window, device.mac, source)

    def expected_state(
        self, window: Opened | None, mac: int, source: str
    ) -> WindowState:
        if window is None or window.closed:
            return WindowState.CLOSED
        if not window.mac:
            return WindowState.FREE if self.is_free(window) else WindowState.CLOSED
        mine = (window.mac, window.source) == (mac, source)
        at = self.clock.at
        end = max(window.deadline, window.end)
        if window.boot_id != at.boot_id or at.boottime >= end:
            return WindowState.ENDED if mine else WindowState.CLOSED
        return WindowState.MINE if mine else WindowState.ANOTHERS

    @invariant()
    def both_agree_which_accounts_are_wildcards(self) -> None:
        found = {row.account.id: row for row in self.reader.wildcards()}
        assert {number: row.account.wildcard for number, row in found.items()} == {
            self.template.ids[name]: account.wildcard
            for name, account in self.model.items()
            if account.wildcard
        }

    @invariant()
    def every_foreign_key_points_somewhere(self) -> None:
        assert not self.connection.execute("PRAGMA foreign_key_check").fetchall()


def test_windows_and_bindings_are_what_a_small_model_says() -> None:
    template = Template()
    try:
        StoreMachine.template = template
        run_state_machine_as_test(
            StoreMachine,
            settings=settings(
                max_examples=100,
                stateful_step_count=30,
                derandomize=True,
                deadline=None,
                database=None,
            ),
        )
    finally:
        shutil.rmtree(template.directory)
