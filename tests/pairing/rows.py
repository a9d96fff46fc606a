"""Records to decide about, with the fields a test does not care about filled in."""

from bootwave.directory.records import (
    Account,
    Binding,
    Device,
    Domain,
    WildcardAccount,
    Window,
)
from bootwave.pairing.instant import Instant

MAC = 0x0004132E08B4
OTHER_MAC = 0x000413A11FA7
FOREIGN_MAC = 0x0050C2123456  # not of a block of snom's
BOOT = "boot-1"
DOMAIN = Domain(1, "pbx.example.com")


def at(boottime: float, boot_id: str = BOOT, wall: float = 0.0) -> Instant:
    return Instant(boottime, boot_id, wall)


def window(
    id: int = 7,
    *,
    account_id: int = 401,
    opened: float = 100.0,
    deadline: float = 700.0,
    boot_id: str = BOOT,
    mac: int = 0,
    source: str = "",
    pairing_end: float = 0.0,
    closed: bool = False,
) -> Window:
    return Window(
        id, account_id, boot_id, opened, deadline, mac, source, pairing_end, closed
    )


def account(
    id: int = 401,
    its_window: Window | None = None,
    *,
    domain_id: int = 1,
    wildcard: str = "",
) -> Account:
    assert wildcard in ("", "*", "?")
    return Account(
        id,
        domain_id,
        str(id),
        "Anna",
        str(id),
        b"sealed",
        wildcard=wildcard,  # type: ignore[arg-type]
        window=its_window,
    )


def device(
    *accounts: Account, mac: int = MAC, owns_certificate: bool = False, model: str = ""
) -> Device:
    bindings = tuple(
        Binding(identity, row) for identity, row in enumerate(accounts, start=1)
    )
    return Device(mac, DOMAIN, bindings, owns_certificate=owns_certificate, model=model)


def wildcard(
    row: Account, subnet: str = "", *, until: float = 0.0, boot_id: str = ""
) -> WildcardAccount:
    return WildcardAccount(row, f"domain{row.domain_id}", subnet, until, boot_id)
