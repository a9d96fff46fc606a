"""``bootwave tls block``, ``unblock`` and ``blocks``: certificates that are blocked."""

from pathlib import Path
from typing import Annotated, Any

import typer

from bootwave.cli import place
from bootwave.cli.misuse import Misuse
from bootwave.cli.output import Json, moment, print_json, print_line, print_table

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
    """Deny everything to whoever shows a certificate, from now on.

    Name its serial number or its key.  A CA that is blocked blocks all it issued.
    """
    serial, key = _which(serial, key, certificate)
    with place.session() as session:
        done = session.call("certificate.block", serial=serial, key=key, reason=reason)
    if json:
        print_json(done)
    else:
        print_line(f"Blocked {_named(done)}.")


def unblock(
    serial: Serial = "",
    key: Key = "",
    certificate: Certificate = None,
    json: Json = False,
) -> None:
    """End the block of a certificate."""
    serial, key = _which(serial, key, certificate)
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
        ("kind", "which", "since", "reason"),
        [
            (one["kind"], one["serial"] or one["key"], moment(one["at"]), one["reason"])
            for one in found
        ],
        empty="No certificate is blocked: bootwave tls block blocks one.",
    )


def _which(serial: str, key: str, certificate: Path | None) -> tuple[str, str]:
    if bool(serial) + bool(key) + (certificate is not None) != 1:
        raise Misuse("Name one of --serial, --key and --certificate.")
    if certificate is not None:
        key = _key_of(certificate)
    return serial, key


def _key_of(path: Path) -> str:
    from bootwave.certificates.files import read
    from bootwave.certificates.parsed import parsed_from_pem
    from bootwave.errors import OptionError
    from bootwave.limits import MAX_CERTIFICATE_FILE_BYTES

    content = read(path, MAX_CERTIFICATE_FILE_BYTES, "--certificate")
    try:
        found = parsed_from_pem(content)
    except ValueError:
        found = []
    if not found:
        raise OptionError(f"{path} holds no certificate: it must be in PEM.")
    return found[0].key.hex()


def _named(done: dict[str, Any]) -> str:
    if done["kind"] == "key":
        return f"the key {done['key']}"
    return f"the serial number {done['serial']}"
