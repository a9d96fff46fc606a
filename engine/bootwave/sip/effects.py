"""What the SIP core wants done: its effects, and the ends of a datagram's way."""

from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from bootwave.sightings import Reason


class Endpoint(NamedTuple):
    """Address and UDP port of a peer."""

    host: str
    port: int


class Local(NamedTuple):
    """Where a datagram was heard: our unicast address there, and the ifindex."""

    address: str
    interface: int


@dataclass(frozen=True, slots=True)
class SendDatagram:
    """Send *data* to *destination*, from *local* and the PnP port."""

    data: bytes
    destination: Endpoint
    local: Local


@dataclass(frozen=True, slots=True)
class LookUp:
    """Find out whether *mac* is to have a settings URL; PnpCore.answer() takes it back.

    ``model`` and ``firmware`` are what the phone says, made safe to store and print.
    """

    key: bytes
    mac: int
    is_snom: bool
    local: Local
    source: Endpoint
    model: str
    firmware: str


@dataclass(frozen=True, slots=True)
class Sight:
    """Record one contact; ``mac`` is 0 when none was named."""

    reason: Reason
    mac: int
    source: str
    detail: str


Effect: TypeAlias = SendDatagram | LookUp | Sight
