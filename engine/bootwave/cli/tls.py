"""``bootwave tls block``, ``unblock`` and ``blocks``: certificates that are blocked."""

from pathlib import Path
from typing import Annotated, Any

import typer

from bootwave.cli import place
from bootwave.cli.misuse import Misuse
from bootwave.cli.output import Json, hint, moment, print_json, print_line, print_table

Serial = Annotated[
    str,
    typer.Option(
        metavar="HEX", help="The serial number, as openssl x509 -serial prints it."
    ),
]
Key = Annotated[
    str,
    typer.Option(metavar="SHA256", help="SHA-256 of the public key, 64 hex digits."),
]
Certificate = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="A certificate in PEM, for its key."),
]


def block(
    serial: Serial = "",
    key: Key = "",
    certificate: Certificate = None,
    reason: Annotated[
        str, typer.Option(metavar="TEXT", help="What others should know of it.")
    ] = "",
    json: Json = False,
) -> None:
    """Deny every phone's own document to whoever shows a certificate, from now on.

    Name its serial number or its key.  A CA that is blocked blocks all it issued.
    """
    serial, key, mac = _which(serial, key, certificate)
    with place.session() as session:
        done = session.call("certificate.block", serial=serial, key=key, reason=reason)
        if json:
            print_json(done)
        else:
            print_line(f"Blocked {_named(done)}.")
        shown = session.call("device.show", mac=mac) if mac else {}
    if shown.get("credentials"):
        hint(
            f"{mac} has credentials of its own, which open its document without the "
            f"certificate: bootwave device credentials revoke {mac} ends them."
        )


def unblock(
    serial: Serial = "",
    key: Key = "",
    certificate: Certificate = None,
    json: Json = False,
) -> None:
    """End the block of a certificate."""
    serial, key, _ = _which(serial, key, certificate)
    with place.session() as session:
        done = session.call("certificate.unblock", serial=serial, key=key)
    if json:
        print_json(done)
    else:
        print_line(f"Unblocked {_named(done)}.")


def blocks(json: Json = False) -> None:
    """List the certificates that are blocked."""
    with place.session() as session:
        found = session.call("certificate.list")
    if json:
        print_json(found)
        return
    print_table(
        ("kind", "which", "since", "of", "reason"),
        [
            (
                one["kind"],
                one["serial"] or one["key"],
                moment(one["at"]),
                ", ".join(one["macs"]),
                one["reason"],
            )
            for one in found
        ],
        empty="No certificate is blocked: bootwave tls block blocks one.",
    )


def _which(serial: str, key: str, certificate: Path | None) -> tuple[str, str, str]:
    """Return serial number, key, and the MAC of a phone's certificate, or ""."""
    mac = ""
    if bool(serial) + bool(key) + (certificate is not None) != 1:
        raise Misuse("Name one of --serial, --key and --certificate.")
    if certificate is not None:
        key, mac = _key_and_mac(certificate)
    return serial, key, mac


def _key_and_mac(path: Path) -> tuple[str, str]:
    from bootwave.certificates.files import read
    from bootwave.certificates.parsed import parsed_from_pem
    from bootwave.certificates.subject import mac_from_subject
    from bootwave.errors import OptionError
    from bootwave.limits import MAX_CERTIFICATE_FILE_BYTES
    from bootwave.phone.mac import text_from_mac

    content = read(path, MAX_CERTIFICATE_FILE_BYTES, "--certificate")
    try:
        found = parsed_from_pem(content)
    except ValueError:
        found = []
    if not found:
        raise OptionError(f"{path} holds no certificate: it must be in PEM.")
    try:
        mac = mac_from_subject(found[0].subject)
    except ValueError:
        mac = 0
    return found[0].key.hex(), text_from_mac(mac) if mac else ""


def _named(done: dict[str, Any]) -> str:
    if done["kind"] == "key":
        return f"the key {done['key']}"
    return f"the serial number {done['serial']}"
