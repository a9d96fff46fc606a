"""A provisioner over a store in memory, with everything around it within reach."""

import re
from collections.abc import Mapping
from dataclasses import replace

from bootwave.directory.records import Device, NamedLayer
from bootwave.errors import SettingError, StoreError
from bootwave.http.contact import NOBODY, Contact, Identity
from bootwave.http.request import Request
from bootwave.http.response import Response
from bootwave.metrics import CounterPage
from bootwave.native.pnp import BoundMacs
from bootwave.options import Options
from bootwave.pairing.instant import Instant
from bootwave.phone.mac import text_from_mac
from bootwave.provision.cache import DocumentCache
from bootwave.provision.documents import entity_tag
from bootwave.provision.revocations import RevocationPage
from bootwave.provision.service import Provisioner
from bootwave.sightings import Reason, Sighting
from bootwave.store.changelog import Change
from tests.provision.memory import MemoryStore

MAC = 0x0004132E08B4
OTHER_MAC = 0x000413A11FA7
HERE = "192.168.4.4"
ELSEWHERE = "192.168.4.5"
LOCAL = ("192.168.4.1", 8080)
AGENT = "Mozilla/4.0 (compatible; snom370-SIP 8.4.35 1.1.3-s)"
MEGABYTE = 1024 * 1024


class PlainPlan:
    """A plan that is all slot."""

    def assemble(self, packed: bytes, /) -> bytes:
        return packed

    def tag(self, packed: bytes, /) -> bytes:
        return entity_tag(packed)


class PlainCompiler:
    """Documents that name what went into them."""

    def __init__(self) -> None:
        self.made = 0
        self.fault: Exception | None = None

    def specific(
        self,
        device: Device,
        *,
        model: str,
        firmware: str = "",
        layers: tuple[NamedLayer, ...],
        passwords: Mapping[int, str] | None,
        base_url: str,
        setting_server: str | None = None,
        credentials: tuple[str, str] | None = None,
        firmware_status: str | None = None,
    ) -> tuple[PlainPlan, bytes]:
        self.made += 1
        if self.fault is not None:
            raise self.fault
        numbers = [binding.account.number for binding in device.bindings]
        told = None if passwords is None else dict(passwords)
        text = f"{text_from_mac(device.mac)} {numbers} {told} {model} "
        text += f"{names_in(layers)} "
        text += setting_server or base_url
        text += f" {credentials}" if credentials else ""
        text += f" {firmware_status}" if firmware_status else ""
        return PlainPlan(), text.encode()

    def phone_book(self, device: Device, *, model: str) -> tuple[PlainPlan, bytes]:
        return PlainPlan(), f"book of {device.mac:012X} for {model}".encode()

    def general(
        self,
        *,
        model: str,
        firmware: str = "",
        layers: tuple[NamedLayer, ...],
        base_url: str,
    ) -> bytes:
        self.made += 1
        return f"general {model} {names_in(layers)} {base_url}".encode()


def names_in(layers: tuple[NamedLayer, ...]) -> list[str]:
    return [row.name for named in layers for row in named.layer.settings]


class PlainKeys:
    """Seals by writing the owner's number into the secret."""

    def __init__(self) -> None:
        self.opened = 0

    def open(self, sealed: bytes, *, owner: str) -> str:
        self.opened += 1
        assert b"/" not in sealed or sealed.endswith(f" of {owner}".encode())
        if b" of " in sealed:
            return sealed.decode().partition(" of ")[0]
        text = sealed.decode()
        if not owner.endswith(text.rpartition("-")[2]):
            raise StoreError(f"The secret of {owner} is another's.")
        return text

    def seal(self, text: str, *, owner: str) -> bytes:
        return f"{text} of {owner}".encode()


class Clock:
    """Time that passes when told to."""

    def __init__(self) -> None:
        self.boottime, self.boot_id, self.wall = 1000.0, "boot-1", 1.7e9

    def pass_seconds(self, seconds: float) -> None:
        self.boottime += seconds
        self.wall += seconds

    def __call__(self) -> Instant:
        return Instant(self.boottime, self.boot_id, self.wall)


class Bench:
    """One provisioner and its surroundings."""

    def __init__(
        self,
        options: Options | None = None,
        cache_bytes: int = MEGABYTE,
        store: MemoryStore | None = None,
        revocations: RevocationPage | None = None,
        clock: Clock | None = None,
        https_port: int = 0,
    ) -> None:
        self.store = store or MemoryStore()
        self.clock = clock or Clock()
        self.compiler = PlainCompiler()
        self.keys = PlainKeys()
        self.cache = DocumentCache(cache_bytes)
        self.revocations = revocations or RevocationPage()
        self.bound = BoundMacs(self.revocations.memory, 64)
        self.sightings: list[Sighting] = []
        self.page = CounterPage(1)
        self.provisioner = Provisioner(
            self.store,
            self.store,
            self.compiler,
            self.keys,
            self.cache,
            self.revocations,
            options or Options(),
            self.clock,
            self.sightings.append,
            self.page.row(0),
            nonce_secret=b"n" * 16,
            http_port=8080,
            https_port=https_port,
            bound=self.bound,
        )

    def open(self, account: int, seconds: float = 600.0) -> None:
        self.store.open(account, self.clock(), seconds)
        self.committed(account)

    def close(self, account: int) -> None:
        self.store.close(account)
        self.committed(account)

    def committed(self, account: int) -> None:
        """Do what the control process does after it changed an account."""
        changes = [Change("account", account)]
        for mac, rows in self.store.bindings.items():
            if any(row[0] == account for row in rows):
                changes.append(Change("device", mac))
        self.revocations.revoke(changes)

    def get(self, path: str = "", **how: object) -> Response:
        return self.provisioner.respond_now(
            request(path, **how),  # type: ignore[arg-type]
            contact(**how),  # type: ignore[arg-type]
        )

    def ready(self, path: str = "", **how: object) -> Response | None:
        return self.provisioner.cached(
            request(path, **how),  # type: ignore[arg-type]
            contact(**how),  # type: ignore[arg-type]
        )

    @property
    def reasons(self) -> list[Reason]:
        return [sighting.reason for sighting in self.sightings]

    @property
    def totals(self) -> dict[str, int]:
        return self.page.totals()


def request(
    path: str = "",
    *,
    mac: int = MAC,
    agent: str = AGENT,
    if_none_match: bytes | None = None,
    host: str = "attacker.example",
    method: bytes = b"GET",
    authorization: bytes | None = None,
    **_how: object,
) -> Request:
    path, _, query = (path or f"/{text_from_mac(mac)}.xml").partition("?")
    return Request(
        method, path, query, b"1.1", host, agent, if_none_match, authorization
    )


def contact(
    *,
    source: str = HERE,
    local: tuple[str, int] = LOCAL,
    secure: bool = False,
    identity: Identity = NOBODY,
    **_how: object,
) -> Contact:
    return Contact(source, local, secure, identity)


def nonceless(response: Response) -> Response:
    """Return *response* without the one thing that differs between refusals."""
    return replace(
        response,
        headers=tuple(
            (name, re.sub(rb'nonce="[^"]{32}"', b"", value))
            for name, value in response.headers
        ),
    )


ILLEGAL = SettingError("the display name holds U+0001")
