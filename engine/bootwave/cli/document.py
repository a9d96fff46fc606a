"""``bootwave document MAC``: what a phone would get."""

import re
import socket
import sys
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from bootwave.cli import place
from bootwave.cli.misuse import Misuse
from bootwave.cli.output import Json, print_json
from bootwave.errors import StoreNotFound
from bootwave.options import Options, address_from_text

if TYPE_CHECKING:
    from bootwave.directory.records import Device
    from bootwave.store.reader import Reader

MASK = "********"
_DEFAULT_PORT = 8080  # where http.listen leaves the choice to the kernel

# Settings that hold secrets, whichever layer says them: user_pass, user_hash,
# http_pass, admin_mode_password, keyboard_lock_pw, base_pin, subscr_dect_ac_code, …
_NAMES = r"[a-z0-9_]*(?:pass|secret|hash)[a-z0-9_]*|[a-z0-9_]*(?:_p(?:in|w)|ac_code)"
_SECRET = re.compile(rf"(<({_NAMES})\b[^>]*>)[^<]+(</\2>)")
# The same in the lines of text that firmware before 7 reads.
_SECRET_LINE = re.compile(rf"^((?:{_NAMES})\d*[&$!]: ).+$", re.MULTILINE)


class Kind(StrEnum):
    """Which of a phone's documents."""

    settings = "settings"
    files = "files"
    general = "general"
    firmware = "firmware"
    phonebook = "phonebook"


class _Masked:
    """Opens nothing: the passwords of a document that is only looked at."""

    def open(self, sealed: bytes, *, owner: str) -> str:
        """Return what stands for every password."""
        return MASK


def document(
    mac: Annotated[str, typer.Argument(metavar="MAC", show_default=False)],
    kind: Annotated[Kind, typer.Option(help="Which document.")] = Kind.settings,
    reveal: Annotated[
        bool,
        typer.Option("--reveal", help="Show passwords: needs to read the key file."),
    ] = False,
    model: Annotated[
        str, typer.Option(metavar="MODEL", help="As the phone names itself: snom370.")
    ] = "",
    url: Annotated[
        str,
        typer.Option(metavar="URL", help="Where the phone reaches this server."),
    ] = "",
    firmware: Annotated[
        str,
        typer.Option(
            metavar="VERSION", help="What it runs, for --kind firmware: 8.4.35."
        ),
    ] = "",
    lint: Annotated[
        bool, typer.Option("--lint", help="Say what is wrong with it instead.")
    ] = False,
    json: Json = False,
) -> None:
    """Print what the phone with this MAC would get, passwords masked.

    Whether the phone may have it now is another question: device show answers it.
    With --lint the exit status is 1 when something is wrong with it.
    """
    options = place.loaded().options
    if lint:
        if reveal:
            raise Misuse("--lint shows no password: leave --reveal out.")
        text = _text(mac, kind, model, firmware, url.rstrip("/"), options, reveal=False)
        _report(text, mac, kind, json=json)
        return
    text = _text(mac, kind, model, firmware, url.rstrip("/"), options, reveal=reveal)
    if not reveal:
        text = masked(text)
    if reveal:
        # What cannot be written down is not shown.
        with place.session() as session:
            session.call("document.revealed", mac=mac)
    if json:
        print_json({"mac": mac, "kind": kind.value, "document": text})
    else:
        sys.stdout.flush()
        sys.stdout.buffer.write(text.encode())
        sys.stdout.buffer.flush()


def masked(text: str) -> str:
    """Return the document *text*, XML or lines, without what may be a secret."""
    text = _SECRET.sub(rf"\g<1>{MASK}\g<3>", text)
    return _SECRET_LINE.sub(rf"\g<1>{MASK}", text)


def _text(
    mac: str,
    kind: Kind,
    model: str,
    firmware: str,
    url: str,
    options: Options,
    *,
    reveal: bool,
) -> str:
    """Return the document; SIP passwords stand in it with *reveal* only."""
    from bootwave.http.target import DocumentKind
    from bootwave.phone.mac import required_mac
    from bootwave.phone.model import required_model
    from bootwave.provision.cache import DocumentKey
    from bootwave.provision.documents import DocumentMaker
    from bootwave.provision.firmware import FirmwareAnswers, Question
    from bootwave.provision.layers import ModelLayers
    from bootwave.provision.revocations import RevocationPage
    from bootwave.settings.compiler import SettingsCompiler
    from bootwave.store.connection import open_file
    from bootwave.store.firmwarereader import FirmwareReader
    from bootwave.store.imagefolder import ImageFolder
    from bootwave.store.reader import Reader
    from bootwave.store.secrets import KeyRing

    number = required_mac(mac)
    open_file(options.store.database).close()  # says what to do when there is none
    reader = Reader(options.store.database)
    pages = RevocationPage()
    port = clear_port(options)
    answers = FirmwareAnswers(
        FirmwareReader(options.store.database),
        ImageFolder(options.store.images),
        pages,
        options,
        port,
    )
    try:
        # The key is read from its file, never asked of the engine: who may not read
        # it gets no password, whatever the control socket would allow.
        keys = KeyRing.load(options.store.key) if reveal else _Masked()
        maker = DocumentMaker(
            SettingsCompiler(),
            keys,
            ModelLayers(reader, pages),
            firmware_scope=answers.handle_of,
        )
        device = _live_device(reader, number)
        own = required_model(model) if model else device.model if device else ""
        kinds = {
            Kind.settings: DocumentKind.SETTINGS,
            Kind.files: DocumentKind.FILES,
            Kind.general: DocumentKind.GENERAL_SETTINGS,
            Kind.firmware: DocumentKind.FIRMWARE,
            Kind.phonebook: DocumentKind.PHONE_BOOK,
        }
        key = DocumentKey(kinds[kind], url or default_url(options), own)
        if kind is Kind.firmware:
            domain = device.domain.id if device and device.domain else 0
            handle = answers.handle_of(number, domain)
            question = Question(handle, own, firmware, key.base_url)
            body = answers.answer(question).content
        elif kind is Kind.general:
            made, _ = maker.general(key, pages.everything())
            body = made.content
        elif device is None:
            raise StoreNotFound(
                f"{mac} is bound to no account, so its phone is refused: bind it with "
                "bootwave account bind ACCOUNT MAC."
            )
        else:
            body = maker.own(key, device).body()
    finally:
        reader.close()
        answers.close()
    return body.decode()


def _report(text: str, mac: str, kind: Kind, *, json: bool) -> None:
    from bootwave.cli.lint import report
    from bootwave.phone.mac import required_mac, text_from_mac
    from bootwave.settings.lint import lint as findings

    shared = kind in (Kind.general, Kind.firmware)
    own = "" if shared else text_from_mac(required_mac(mac))
    found = findings(text.encode(), shared=shared, mac=own)
    report(found, {"mac": mac, "kind": kind.value}, json=json)


def _live_device(reader: "Reader", mac: int) -> "Device | None":
    """Return the device with the bindings that hold now, None when it has none."""
    from bootwave.pairing.rules import live_device
    from bootwave.store.boot import instant

    device = reader.devices([mac]).get(mac)
    if device is None:
        return None
    device = live_device(device, instant())
    return device if device.bindings and device.domain is not None else None


def clear_port(options: Options) -> int:
    """Return the port of clear HTTP, 0 where it is not served."""
    if not options.http.listen:
        return 0
    return address_from_text(options.http.listen[0])[1] or _DEFAULT_PORT


def default_url(options: Options) -> str:
    """Return the URL a phone in this network would most likely reach the server by.

    That is http.url, else the first HTTP listener; where it listens on all addresses,
    on the one that multicast leaves from.
    """
    from bootwave.provision.urls import base_url

    host, port = "", 0
    if options.http.listen:
        host, port = address_from_text(options.http.listen[0])
    if host in ("", "0.0.0.0", "::"):
        host = _own_address(options.pnp.group)
    return base_url(options, (host, port or _DEFAULT_PORT), secure=False)


def _own_address(group: str) -> str:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as end:
        try:
            end.connect((group, 9))  # asks the routing table; sends nothing
        except OSError:
            return "127.0.0.1"
        address: str = end.getsockname()[0]
    return address
