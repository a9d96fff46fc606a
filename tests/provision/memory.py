"""A store in memory: what pairing and provisioning ask of one, and nothing else."""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace

from bootwave.directory.records import (
    EMPTY,
    Account,
    Binding,
    Contact,
    Device,
    DeviceCredentials,
    Domain,
    Layer,
    Token,
    WildcardAccount,
    Window,
)
from bootwave.errors import StoreUnavailable
from bootwave.pairing.decisions import Claim, Consume
from bootwave.pairing.instant import Instant
from bootwave.phone.firmwarerange import FirmwareRange
from bootwave.store.serving.phonewrites import Taken


class MemoryStore:
    """Rows in dictionaries; it reads, and it writes conditionally like the real one."""

    def __init__(self) -> None:
        self.domains: dict[int, Domain] = {}
        self.accounts: dict[int, Account] = {}
        self.windows: dict[int, Window] = {}  # by account, the latest
        self.bindings: dict[int, list[tuple[int, float | None, str]]] = {}  # by MAC
        self.devices_known: dict[int, Device] = {}
        self.credentials: dict[int, DeviceCredentials] = {}
        self.layers: dict[str, Layer] = {}
        self.ranges: dict[str, list[tuple[FirmwareRange, Layer]]] = {}
        self.away = False
        self.read_only = False
        self.reads: list[tuple[int, ...]] = []
        self.layer_reads = 0
        self.writes = 0
        self.certified: set[int] = set()
        self.told: list[Taken] = []
        self.tokens: dict[int, Token] = {}  # by domain
        self.device_tokens: dict[int, Token] = {}  # by MAC
        self.wall = 1.7e9  # of whatever is written
        self.before_write: Callable[[], None] = lambda: None
        self._window_ids = 0

    # What an administrator does.

    def add_domain(self, id: int = 1, subnet: str = "") -> None:
        self.domains[id] = Domain(id, f"pbx{id}.example.com", wildcard_subnet=subnet)

    def add_account(self, id: int, *, domain: int = 1, wildcard: str = "") -> None:
        assert wildcard in ("", "*", "?")
        if domain not in self.domains:
            self.add_domain(domain)
        self.accounts[id] = Account(
            id,
            domain,
            str(id),
            f"Name {id}",
            str(id),
            f"password-of-{id}".encode(),
            wildcard=wildcard,  # type: ignore[arg-type]
        )

    def bind(
        self, account: int, mac: int, expires: float | None = None, boot_id: str = ""
    ) -> None:
        row = (account, expires, boot_id)
        self.bindings.setdefault(mac, []).append(row)

    def know(
        self, mac: int, *, owns_certificate: bool = False, model: str = ""
    ) -> None:
        self.devices_known[mac] = Device(
            mac, None, owns_certificate=owns_certificate, model=model
        )

    def open(self, account: int, at: Instant, seconds: float = 600.0) -> int:
        self._window_ids += 1
        self.windows[account] = Window(
            self._window_ids, account, at.boot_id, at.boottime, at.boottime + seconds
        )
        return self._window_ids

    def close(self, account: int) -> None:
        if account in self.windows:
            self.windows[account] = replace(self.windows[account], closed=True)

    # What a reader gives.

    def devices(self, macs: Sequence[int]) -> dict[int, Device]:
        self.reads.append(tuple(macs))
        self._reached()
        return {
            mac: self._device(mac)
            for mac in macs
            if mac in self.bindings or mac in self.devices_known
        }

    def account_books(
        self, account_ids: Sequence[int]
    ) -> dict[int, tuple[Contact, ...]]:
        self._reached()
        return {}

    def moment(self) -> AbstractContextManager[None]:
        return nullcontext()

    def decoy(self, mac: int) -> Device | None:
        for other in self.bindings:
            if other != mac:
                device = self._device(other)
                bindings = [
                    replace(binding, account=replace(binding.account, window=None))
                    for binding in device.bindings
                ]
                return replace(device, bindings=tuple(bindings))
        return None

    def bound(self, after: int, most: int) -> list[int]:
        self._reached()
        found = [
            mac
            for mac, rows in self.bindings.items()
            if mac > after and any(expires is None for _, expires, _ in rows)
        ]
        return sorted(found)[:most]

    def wildcards(self) -> list[WildcardAccount]:
        self._reached()
        found = []
        for account in self.accounts.values():
            if account.wildcard:
                until, boot_id = self._claim_of(account.id)
                domain = self.domains[account.domain_id]
                row = WildcardAccount(
                    replace(account, window=self.windows.get(account.id)),
                    domain.name,
                    domain.wildcard_subnet,
                    until,
                    boot_id,
                )
                found.append(row)
        return found

    def engine_layer(self) -> Layer:
        return self.model_layer("")

    def firmware_layers(self, model: str) -> list[tuple[FirmwareRange, Layer]]:
        self._reached()
        return self.ranges.get(model, [])

    def model_layer(self, model: str) -> Layer:
        self.layer_reads += 1
        self._reached()
        return self.layers.get(model, EMPTY)

    # What a phone's request writes.

    def consume(self, decision: Consume, model: str = "") -> Future[bool]:
        return self._written(decision, model, lambda: self.try_consume(decision))

    def claim(self, decision: Claim, model: str = "") -> Future[bool]:
        return self._written(decision, model, lambda: self.try_claim(decision))

    def own_certificate(self, mac: int) -> Future[bool]:
        done: Future[bool] = Future()
        done.set_result(mac not in self.certified)
        self.certified.add(mac)
        known = self.devices_known.get(mac) or Device(mac, None)
        self.devices_known[mac] = replace(known, owns_certificate=True)
        return done

    def taken(self, taken: Taken) -> Future[None]:
        future: Future[None] = Future()
        if self.away or self.read_only:
            future.set_exception(StoreUnavailable("the disk is full"))
            return future
        self.told.append(taken)
        known = self.devices_known.get(taken.mac) or Device(taken.mac, None)
        if known.provisioned_at is None:
            known = replace(known, provisioned_at=self.wall)
        self.devices_known[taken.mac] = known
        future.set_result(None)
        return future

    def domain_tokens(self) -> dict[int, Token]:
        self._reached()
        return self.tokens

    def give_token(self, mac: int, sealed: bytes) -> Future[bool]:
        future: Future[bool] = Future()
        if self.away or self.read_only:
            future.set_exception(StoreUnavailable("the disk is full"))
            return future
        self.device_tokens.setdefault(mac, Token(sealed, b"", False))
        future.set_result(True)
        return future

    def device_token_used(self, mac: int, sealed: bytes) -> Future[None]:
        known = self.device_tokens[mac]
        if known.sealed == sealed:
            self.device_tokens[mac] = Token(sealed, b"", True)
        return self._done()

    def domain_token_used(self, domain_id: int, sealed: bytes) -> Future[None]:
        known = self.tokens[domain_id]
        if known.sealed == sealed:
            self.tokens[domain_id] = Token(sealed, b"", True, known.required)
        return self._done()

    def _done(self) -> Future[None]:
        future: Future[None] = Future()
        future.set_result(None)
        return future

    def issue(self, mac: int) -> Future[bool]:
        def made() -> bool:
            if mac in self.credentials or mac not in self.bindings:
                return False
            self.credentials[mac] = pair_of(mac)
            return True

        return self._tried(made)

    def use(self, mac: int, user: str) -> Future[bool]:
        def used() -> bool:
            pair = self.credentials.get(mac)
            if pair is None or pair.user != user or pair.used:
                return False
            self.credentials[mac] = DeviceCredentials(
                user, pair.sealed_password, used=True
            )
            return True

        return self._tried(used)

    def try_consume(self, decision: Consume) -> bool:
        found = [row for row in self.windows.values() if row.id in decision.windows]
        if len(found) != len(decision.windows) or not all(
            self._is_free(row, decision.at, decision.boot_id) for row in found
        ):
            return False
        self._take(found, decision)
        return True

    def try_claim(self, decision: Claim) -> bool:
        for candidate in decision.candidates:
            window = self.windows.get(candidate.account_id)
            account = self.accounts[candidate.account_id]
            taken = [
                each
                for each in [window]
                if each and self._is_free(each, decision.at, decision.boot_id)
            ]
            free = taken[0].id if taken else None
            if not account.wildcard or candidate.window_id != free:
                continue
            self.bindings.pop(decision.mac, None)
            boot_id = "" if candidate.expires is None else decision.boot_id
            self.bind(account.id, decision.mac, candidate.expires, boot_id)
            if account.wildcard == "*":
                self.accounts[account.id] = replace(account, wildcard="")
            self._take(taken, decision)
            return True
        return False

    def _written(
        self, decision: Consume | Claim, model: str, write: Callable[[], bool]
    ) -> Future[bool]:
        def written() -> bool:
            won = write()
            if won and model:
                known = self.devices_known.get(decision.mac)
                self.devices_known[decision.mac] = replace(
                    known or Device(decision.mac, None), model=model
                )
            return won

        return self._tried(written)

    def _tried(self, write: Callable[[], bool]) -> Future[bool]:
        future: Future[bool] = Future()
        self.before_write()
        if self.away or self.read_only:
            future.set_exception(StoreUnavailable("the disk is full"))
            return future
        self.writes += 1
        future.set_result(write())
        return future

    def _reached(self) -> None:
        if self.away:
            raise StoreUnavailable("the file is gone")

    def _device(self, mac: int) -> Device:
        bindings = []
        domain = None
        rows = self.bindings.get(mac, [])
        for identity, (id, expires, boot_id) in enumerate(rows, start=1):
            account = replace(self.accounts[id], window=self.windows.get(id))
            domain = self.domains[account.domain_id]
            bindings.append(Binding(identity, account, expires, boot_id))
        known = self.devices_known.get(mac) or Device(mac, None)
        token = self.device_tokens.get(mac)
        return replace(
            known,
            domain=domain,
            bindings=tuple(bindings),
            token=token,
            credentials=self.credentials.get(mac),
        )

    def _claim_of(self, account: int) -> tuple[float, str]:
        for rows in self.bindings.values():
            for id, expires, boot_id in rows:
                if id == account and expires is not None:
                    return expires, boot_id
        return 0.0, ""

    def _is_free(self, window: Window, at: float, boot_id: str) -> bool:
        return (
            not window.closed
            and not window.consumed_mac
            and window.boot_id == boot_id
            and window.opened <= at < window.deadline
        )

    def _take(self, windows: Iterable[Window], decision: Consume | Claim) -> None:
        for window in windows:
            self.windows[window.account_id] = replace(
                window,
                consumed_mac=decision.mac,
                consumed_source=decision.source,
                pairing_end=decision.pairing_end,
            )
        known = self.devices_known.get(decision.mac) or Device(decision.mac, None)
        self.devices_known[decision.mac] = replace(known, provisioned_at=self.wall)


def pair_of(mac: int, generation: int = 1) -> DeviceCredentials:
    """The pair that a device is given here; the password is sealed as PlainKeys do."""
    return DeviceCredentials(
        f"user{generation}-of-{mac:012X}", f"pass{generation}-credentials".encode()
    )
