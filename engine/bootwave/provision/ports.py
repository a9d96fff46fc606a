"""What provisioning asks of its neighbours, so that tests can stand in for them."""

from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from contextlib import AbstractContextManager
from typing import Protocol

from bootwave.directory.records import (
    Contact,
    Device,
    Layer,
    NamedLayer,
    Token,
    WildcardAccount,
)
from bootwave.pairing.decisions import Claim, Consume
from bootwave.phone.firmwarerange import FirmwareRange
from bootwave.sip.effects import Local
from bootwave.store.serving.phonewrites import Taken


class DocumentPlan(Protocol):
    """Baked bytes with slots (native.xml.Plan)."""

    def assemble(self, packed: bytes, /) -> bytes:
        """Return the document with the slots filled from *packed*."""

    def tag(self, packed: bytes, /) -> bytes:
        """Return the strong entity tag, with quotes, of that document."""


class Reader(Protocol):
    """Reads of the store; every method raises StoreError when it cannot be read."""

    def moment(self) -> AbstractContextManager[object]:
        """Return a context within which all that is read is of one moment."""

    def devices(self, macs: Sequence[int]) -> Mapping[int, Device]:
        """Return the known devices of *macs*, complete, by MAC."""

    def decoy(self, mac: int) -> Device | None:
        """Return another device, its windows closed, that stands in for *mac*.

        Where that is bound to nothing; None while nothing is bound at all.
        """

    def account_books(
        self, account_ids: Sequence[int]
    ) -> Mapping[int, tuple[Contact, ...]]:
        """Return the phone books of those of *account_ids* that have one."""

    def bound(self, after: int, most: int) -> Sequence[int]:
        """Return, in order, the next *most* MACs above *after* bound for good."""

    def wildcards(self) -> Sequence[WildcardAccount]:
        """Return every account with a wildcard."""

    def domain_tokens(self) -> Mapping[int, Token]:
        """Return the token of each domain that has one, by the domain's id."""

    def engine_layer(self) -> Layer:
        """Return what is set for every phone."""

    def model_layer(self, model: str) -> Layer:
        """Return what is set for all phones of *model*."""

    def firmware_layers(self, model: str) -> Sequence[tuple[FirmwareRange, Layer]]:
        """Return what is set for firmware ranges of *model*, the winner last."""


class PhoneWrites(Protocol):
    """The conditional writes that phones cause.

    The future's result, set after the commit, is whether the phone has now what the
    decision was about; it fails with StoreError when that could not be stored.  *model*
    is what the phone says it is, "" when it does not, and remembered with the write.
    """

    def consume(self, decision: Consume, model: str) -> "Future[bool]":
        """Take all windows of *decision*, or none."""

    def claim(self, decision: Claim, model: str) -> "Future[bool]":
        """Bind the first candidate that is still free."""

    def own_certificate(self, mac: int) -> "Future[bool]":
        """Remember that *mac*, a known device, owns a factory certificate."""

    def give_token(self, mac: int, sealed: bytes) -> "Future[bool]":
        """Let the device have the token *sealed*, if it has none."""

    def device_token_used(self, mac: int, sealed: bytes) -> "Future[None]":
        """Write down that the phone came with its token *sealed*."""

    def domain_token_used(self, domain_id: int, sealed: bytes) -> "Future[None]":
        """Write down that a phone came with the token *sealed* of its domain."""

    def taken(self, taken: Taken) -> "Future[None]":
        """Write down that a phone took its secrets without using a window."""

    def issue(self, mac: int) -> "Future[bool]":
        """Give the bound device *mac* credentials, if it has none."""

    def use(self, mac: int, user: str) -> "Future[bool]":
        """Remember that the credentials of *user* were used: those before end."""


class Compiler(Protocol):
    """Documents out of records (settings.compiler)."""

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
    ) -> tuple[DocumentPlan, bytes]:
        """Return the plan of a phone's own document and the bytes that fill it."""

    def phone_book(self, device: Device, *, model: str) -> tuple[DocumentPlan, bytes]:
        """Return the plan of a phone's phone book and the bytes that fill it."""

    def general(
        self,
        *,
        model: str,
        firmware: str = "",
        layers: tuple[NamedLayer, ...],
        base_url: str,
    ) -> bytes:
        """Return the document without secrets."""


class Keys(Protocol):
    """Secrets at rest (store.secrets)."""

    def open(self, sealed: bytes, *, owner: str) -> str:
        """Return the text sealed for *owner*; raises StoreError when it is not."""


class SealingKeys(Keys, Protocol):
    """Secrets at rest, and a way to add some."""

    def seal(self, text: str, *, owner: str) -> bytes:
        """Return *text* sealed for *owner*."""


class PnpLookUp(Protocol):
    """What provisioning reads of a SUBSCRIBE (sip.effects.LookUp)."""

    @property
    def mac(self) -> int:
        """The MAC it names."""

    @property
    def local(self) -> Local:
        """Where it was heard."""

    @property
    def source(self) -> tuple[str, int]:
        """Address and port of the phone."""

    @property
    def model(self) -> str:
        """The model that the phone says it is, "" when it does not."""
