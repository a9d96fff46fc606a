"""``bootwave document MAC``: what a phone would get."""

import re
import socket
import sys
from enum import StrEnum
from typing import Annotated, NamedTuple

import typer
from pydantic import TypeAdapter

from bootwave.cli import place
from bootwave.cli.leftout import LeftOut, left_out
from bootwave.cli.looking import DEFAULT_PORT, looked_at
from bootwave.cli.misuse import Misuse
from bootwave.cli.output import Json, hint, print_json
from bootwave.cli.revealing import RevealByKeyFile
from bootwave.options import Options, Url, address_from_text
from bootwave.quoting import MASK
from bootwave.settings.credentials import without_credentials
from bootwave.settings.secretnames import PATTERN

_SECRET = re.compile(rf"(<({PATTERN})\b[^>]*>)[^<]+(</\2>)")
# The same in the lines of text that firmware before 7 reads.
_SECRET_LINE = re.compile(rf"^((?:{PATTERN})\d*[&$!]: ).+$", re.MULTILINE)


class Kind(StrEnum):
    """Which of a phone's documents."""

    settings = "settings"
    files = "files"
    general = "general"
    firmware = "firmware"
    phonebook = "phonebook"


def document(
    mac: Annotated[str, typer.Argument(metavar="MAC", show_default=False)],
    kind: Annotated[Kind, typer.Option(help="Which document.")] = Kind.settings,
    reveal: RevealByKeyFile = False,
    model: Annotated[
        str, typer.Option(metavar="MODEL", help="As the phone names itself: snom370.")
    ] = "",
    firmware: Annotated[
        str, typer.Option(metavar="VERSION", help="As it says; else what it said last.")
    ] = "",
    url: Annotated[
        str,
        typer.Option(metavar="URL", help="Where the phone reaches this server."),
    ] = "",
    lint: Annotated[
        bool, typer.Option("--lint", help="Say what is wrong with it instead.")
    ] = False,
    json: Json = False,
) -> None:
    """Print what the phone with this MAC would get, secrets masked.

    Whether the phone may have it now is another question: device show answers it.
    With --lint the exit status is 1 when something is wrong with it.
    """
    base = checked_url(url)
    options = place.loaded().options
    if lint:
        if reveal:
            raise Misuse("--lint shows no password: leave --reveal out.")
        made = _made(mac, kind, model, firmware, base, options, reveal=False)
        _report(made, mac, kind, options.waves.phone_port, json=json)
        return
    made = _made(mac, kind, model, firmware, base, options, reveal=reveal)
    text = made.text
    if not reveal:
        text = masked(text)
    if reveal:
        # What cannot be written down is not shown.
        with place.session() as session:
            session.call("document.revealed", mac=mac)
    said = [one.sentence for one in made.left_out]
    if json:
        print_json({"mac": mac, "kind": kind.value, "document": text, "left_out": said})
        return
    sys.stdout.flush()
    sys.stdout.buffer.write(text.encode())
    sys.stdout.buffer.flush()
    for sentence in said:
        hint(f"bootwave: {sentence}")


def masked(text: str) -> str:
    """Return the document *text*, XML or lines, without what may be a secret."""
    text = _SECRET.sub(rf"\g<1>{MASK}\g<3>", text)
    return without_credentials(_SECRET_LINE.sub(rf"\g<1>{MASK}", text))


class _Made(NamedTuple):
    """A document, and what its phone should have been told in it."""

    text: str
    left_out: list[LeftOut]


def _made(
    mac: str,
    kind: Kind,
    model: str,
    firmware: str,
    url: str,
    options: Options,
    *,
    reveal: bool,
) -> _Made:
    """Return the document; SIP passwords stand in it with *reveal* only."""
    from bootwave.http.target import DocumentKind
    from bootwave.phone.mac import required_mac
    from bootwave.provision.cache import DocumentKey
    from bootwave.provision.firmware import Question

    kinds = {
        Kind.settings: DocumentKind.SETTINGS,
        Kind.files: DocumentKind.FILES,
        Kind.general: DocumentKind.GENERAL_SETTINGS,
        Kind.firmware: DocumentKind.FIRMWARE,
        Kind.phonebook: DocumentKind.PHONE_BOOK,
    }
    with looked_at(
        mac, options, model=model, firmware=firmware, reveal=reveal
    ) as phone:
        base_url = url or default_url(options)
        key = DocumentKey(kinds[kind], base_url, phone.model, phone.firmware)
        if kind is Kind.firmware:
            domain = phone.device.domain if phone.device else None
            handle = phone.answers.handle_of(
                required_mac(mac), domain.id if domain else 0
            )
            question = Question(handle, phone.model, phone.firmware, base_url)
            body = phone.answers.answer(question).content
        elif kind is Kind.general:
            made, _ = phone.maker.general(key, 0)
            body = made.content
        else:
            body = phone.maker.own(key, phone.bound()).body()
        missing = left_out(phone, key) if kind is Kind.settings else []
    return _Made(body.decode(), missing)


def _report(made: _Made, mac: str, kind: Kind, phone_port: int, *, json: bool) -> None:
    from bootwave.cli.lint import report
    from bootwave.phone.mac import required_mac, text_from_mac
    from bootwave.settings.lint import Finding, Severity
    from bootwave.settings.lint import lint as findings

    shared = kind in (Kind.general, Kind.firmware)
    own = "" if shared else text_from_mac(required_mac(mac))
    # No line of the document says these, so that they come first.
    found = [
        Finding(Severity.WARNING, "left-out", one.name, 0, one.sentence)
        for one in made.left_out
    ]
    text = made.text.encode()
    found += findings(text, shared=shared, mac=own, phone_port=phone_port)
    report(found, {"mac": mac, "kind": kind.value}, json=json)


def checked_url(given: str) -> str:
    """Return the --url *given* without a slash at its end, "" for none.

    Raises Misuse for what is no base URL that phones could be told.
    """
    text = given.rstrip("/")
    try:
        TypeAdapter(Url).validate_python(text)
        is_base = not set(text) & set("{}?#")
    except ValueError:
        is_base = False
    if not is_base:
        raise Misuse(
            "--url must be where phones reach this server: its base URL, such as "
            "http://10.1.2.3:8080, without {mac}, user and password."
        )
    return text


def default_url(options: Options) -> str:
    """Return the URL a phone in this network would most likely reach the server by.

    That is http.url, else the first HTTP listener; where it listens on all addresses,
    on the one that multicast leaves from, or the first interface's if none is.
    """
    from bootwave.provision.urls import base_url

    host, port = "", 0
    if options.http.listen:
        host, port = address_from_text(options.http.listen[0])
    if host in ("", "0.0.0.0", "::"):
        host = _own_address(options.pnp.group)
    return base_url(options, (host, port or DEFAULT_PORT), secure=False)


def _own_address(group: str) -> str:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as end:
        try:
            end.connect((group, 9))  # asks the routing table; sends nothing
        except OSError:
            return _first_address()
        address: str = end.getsockname()[0]
    return address


def _first_address() -> str:
    """Return an address where no route leads out, as in a network of phones only."""
    from bootwave.server.interfaces import list_interfaces

    try:
        found = list_interfaces()
    except OSError:
        found = []
    usable = (each for each in found if each.is_up and not each.is_loopback)
    return next((each.ipv4[0] for each in usable if each.ipv4), "127.0.0.1")
