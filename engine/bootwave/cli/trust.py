"""``bootwave domain trust``: CAs that the phones of a domain shall trust."""

import base64
from pathlib import Path
from typing import Annotated

import typer

from bootwave.cli import place
from bootwave.cli.output import Json, moment, print_json, print_line, print_table
from bootwave.errors import OptionError

Domain = Annotated[str, typer.Argument(metavar="DOMAIN", show_default=False)]


def add(
    domain: Domain,
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="PEM or DER.", show_default=False)
    ],
    json: Json = False,
) -> None:
    """Tell phones to trust the CAs in a file, so that they trust your servers."""
    with place.session() as session:
        done = session.call(
            "trust.add", domain=domain, certificates=_certificates(file)
        )
    if json:
        print_json(done)
        return
    for each in done["added"]:
        print_line(f"Phones of {domain} are told to trust {each['subject']}.")


def remove(
    domain: Domain,
    digest: Annotated[
        str,
        typer.Argument(
            metavar="SHA256", help="Its first eight digits, or all.", show_default=False
        ),
    ],
    json: Json = False,
) -> None:
    """Tell phones of a CA no longer; those that have its certificate keep it."""
    with place.session() as session:
        done = session.call("trust.remove", domain=domain, digest=digest)
    if json:
        print_json(done)
    else:
        print_line(
            f"Phones of {domain} are not told of {done['digest'][:16]} any more."
        )


def list_all(domain: Domain, json: Json = False) -> None:
    """List the CAs that the phones of a domain are told to trust."""
    with place.session() as session:
        found = session.call("trust.list", domain=domain)
    if json:
        print_json(found)
        return
    print_table(
        ("SHA-256", "subject", "until"),
        [
            (each["digest"][:16], each["subject"], moment(each["not_after"]))
            for each in found
        ],
        empty=f"The phones of {domain} trust what their firmware does.",
    )


def _certificates(file: Path) -> list[str]:
    from bootwave.certificates.files import read
    from bootwave.certificates.parsed import parsed_from_pem
    from bootwave.limits import MAX_CERTIFICATE_FILE_BYTES

    content = read(file, MAX_CERTIFICATE_FILE_BYTES, "the command")
    try:
        found = [each.der for each in parsed_from_pem(content)]
    except ValueError as error:
        raise OptionError(f"{file} cannot be used: {error}.") from None
    # What is not PEM may be DER; the store says if it is not.
    return [base64.b64encode(der).decode() for der in found or [content]]
