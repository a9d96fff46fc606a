"""Documents made from records: compiled, passwords opened, slots packed, tagged."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from hashlib import blake2b
from typing import TypedDict

from bootwave.directory.records import (
    Contact,
    Device,
    NamedLayer,
    WildcardAccount,
)
from bootwave.errors import StoreError
from bootwave.firmware.answers import nothing
from bootwave.http.target import DocumentKind
from bootwave.pairing.decisions import Claim, Consume
from bootwave.phone.models import document_dialect, model_data, model_of_mac
from bootwave.provision.cache import Document, DocumentKey, GeneralDocument
from bootwave.provision.layers import ModelLayers
from bootwave.provision.ports import Compiler, Keys
from bootwave.provision.urls import (
    files_of_base,
    firmware_url,
    general_url,
    settings_url,
    with_token,
)
from bootwave.settings.files import setting_files, text_redirect
from bootwave.settings.layers import known_model, setting_server
from bootwave.store.proofs.tokens import device_token_owner
from bootwave.store.secrets import credentials_owner, password_owner

_TAG_BYTES = 16

Books = Mapping[int, tuple[Contact, ...]]


class Told(TypedDict):
    """What a compiler makes a phone's own document from, beside its records."""

    model: str
    firmware: str
    layers: tuple[NamedLayer, ...]
    passwords: Mapping[int, str] | None
    base_url: str
    setting_server: str | None
    credentials: tuple[str, str] | None
    firmware_status: str | None


def entity_tag(content: bytes) -> bytes:
    """Return the strong entity tag of *content*, with quotes (RFC 9110 section 8.8.3).

    The same in every worker and after a restart.  It is told only to who may have the
    content, so it need not hide anything.
    """
    return b'"%b"' % blake2b(content, digest_size=_TAG_BYTES).hexdigest().encode()


class DocumentMaker:
    """Makes what is not kept ready."""

    def __init__(
        self,
        compiler: Compiler,
        keyring: Keys,
        layers: ModelLayers,
        bootstrap: Callable[[str], str] = str,
        firmware_scope: Callable[[int, int], str] = lambda _mac, _domain: "",
        books: Callable[[Sequence[int]], Books] = lambda _accounts: {},
    ) -> None:
        """Compile with *compiler*, open passwords with *keyring*.

        *firmware_scope* gives the handle by which a device, of a domain, asks for its
        firmware, and *books* the phone books of accounts by their ids.  *bootstrap*
        gives the base URL to which phones with a certificate are sent by the general
        document told at another one.
        """
        self._bootstrap = bootstrap
        self._firmware_scope = firmware_scope
        self._books = books
        self._compiler = compiler
        self._keyring = keyring
        self._layers = layers

    def own(
        self, key: DocumentKey, device: Device, *, with_passwords: bool = True
    ) -> Document:
        """Return the document *key* of *device*, whose ended bindings are left out.

        Without passwords the phone keeps those that it has.
        Raises StoreError when the model's layer cannot be read or a password not be
        opened, SettingError when something stored cannot be told to a phone.
        """
        model = key.model or device.model
        if key.kind is DocumentKind.FILES:
            base = with_token(key.base_url, self._token(device))
            content = self._files(base, device, model, key.firmware)
            return Document(None, content, entity_tag(content))
        if key.kind is DocumentKind.PHONE_BOOK:
            device = self._with_books(device)
            plan, packed = self._compiler.phone_book(device, model=model)
            return Document(plan, packed, plan.tag(packed))
        if document_dialect(model, key.firmware) == "xml":
            device = self._with_books(device)
        told = self.told(key, device, with_passwords=with_passwords)
        plan, packed = self._compiler.specific(device, **told)
        return Document(plan, packed, plan.tag(packed))

    def told(
        self, key: DocumentKey, device: Device, *, with_passwords: bool = True
    ) -> Told:
        """Return what the settings of *device* are compiled with, passwords opened.

        Raises StoreError as ``own`` does.
        """
        base = with_token(key.base_url, self._token(device))
        model = key.model or device.model
        own_server = None
        if base is not key.base_url:
            dialect = document_dialect(model, key.firmware)
            own_server = setting_server(base, dialect, known_model(model))
        return {
            "model": model,
            "firmware": key.firmware,
            "layers": self._layers.layers(model, key.firmware),
            "passwords": self._passwords(device) if with_passwords else None,
            "base_url": key.base_url,
            "setting_server": own_server,
            "credentials": self._credentials(device),
            "firmware_status": self._firmware_status(key.base_url, model, device),
        }

    def rehearse(
        self,
        key: DocumentKey,
        device: Device | None,
        decision: Consume | Claim,
        wildcards: Sequence[WildcardAccount],
    ) -> None:
        """Raise what making the document *key* would raise once *decision* is stored.

        So that no window is used up, and no account claimed, for a document that nobody
        gets.  *device* has its live bindings only; *wildcards* are all accounts with
        one.
        """
        if isinstance(decision, Consume):
            assert device is not None
            self.own(key, device)
            return
        first = decision.candidates[0].account_id
        for row in wildcards:
            if row.account.id == first:
                sealed = row.account.sealed_password
                self._keyring.open(sealed, owner=password_owner(first))

    def general(self, key: DocumentKey, stamp: int) -> tuple[GeneralDocument, bool]:
        """Return the document *key*, and whether it is complete and may be kept.

        With the store away it is made without what is set for the model: better than
        none, and good for this one answer.
        """
        complete = True
        # Old firmware reads no list of files: it finds the settings in its place.
        reads_text = document_dialect(key.model, key.firmware) == "text"
        if key.kind is DocumentKind.FIRMWARE:
            content = nothing()
        elif key.kind is DocumentKind.GENERAL_FILES and not reads_text:
            content = setting_files([general_url(key.base_url, key.model)])
        else:
            try:
                layers = self._layers.layers(key.model, key.firmware)
            except StoreError:
                layers, complete = (), False
            base_url = key.base_url
            # Old firmware, without one, may not even know the server's TLS.
            if model_data(key.model).certificate:
                base_url = self._bootstrap(base_url)
            content = self._compiler.general(
                model=key.model,
                firmware=key.firmware,
                layers=layers,
                base_url=base_url,
            )
        return GeneralDocument(stamp, content, entity_tag(content)), complete

    def _files(self, base: str, device: Device, model: str, firmware: str) -> bytes:
        """Return what tells *device* which files to fetch in turn.

        Its MAC tells where no *model* does: a request for this list is not asked for
        its model.  Old firmware, which reads no list, is sent to its settings.
        """
        mac = device.mac
        model = known_model(model) or model_of_mac(mac)
        dialect = document_dialect(model, firmware)
        if dialect in ("m9", "dect"):
            scope = self._scope(device)
            with_book = dialect == "m9"
            return setting_files(
                files_of_base(base, model, mac, scope, with_book=with_book)
            )
        url = settings_url(base, mac)
        return text_redirect(url) if dialect == "text" else setting_files([url])

    def _scope(self, device: Device) -> str:
        """Return the handle by which *device* asks for its firmware, "" for none."""
        if device.domain is None:
            return ""
        return self._firmware_scope(device.mac, device.domain.id)

    def _firmware_status(self, base_url: str, model: str, device: Device) -> str | None:
        """Return where the device asks for firmware, None where all of a model do."""
        scope = self._scope(device) if known_model(model) else ""
        return firmware_url(base_url, model, scope) if scope else None

    def _with_books(self, device: Device) -> Device:
        """Return *device* with the phone books of its accounts in their layers.

        They are read for who has a grant only.  Of another moment than *device*, they
        are revoked like it: what is made of both is looked at before it leaves.
        """
        have = [
            binding.account.id
            for binding in device.bindings
            if binding.account.has_book
        ]
        if not have:
            return device
        books = self._books(have)
        bindings = [
            replace(
                binding,
                account=replace(
                    binding.account,
                    layer=replace(
                        binding.account.layer, book=books.get(binding.account.id)
                    ),
                ),
            )
            if binding.account.has_book
            else binding
            for binding in device.bindings
        ]
        return replace(device, bindings=tuple(bindings))

    def _token(self, device: Device) -> str:
        if device.token is None:
            return ""
        owner = device_token_owner(device.mac)
        return self._keyring.open(device.token.sealed, owner=owner)

    def _passwords(self, device: Device) -> Mapping[int, str]:
        opened: dict[int, str] = {}
        for binding in device.bindings:
            account = binding.account
            opened[account.id] = self._keyring.open(
                account.sealed_password, owner=password_owner(account.id)
            )
        return opened

    def _credentials(self, device: Device) -> tuple[str, str] | None:
        """Return what the device authenticates with from now on, if it has some."""
        pair = device.credentials
        if pair is None:
            return None
        owner = credentials_owner(device.mac)
        return pair.user, self._keyring.open(pair.sealed_password, owner=owner)
