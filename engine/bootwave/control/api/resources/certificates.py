"""Certificates: which are blocked, and whom phones of a domain shall trust."""

import base64
from typing import Annotated, Any, Literal

from fastapi import Path
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from bootwave.certificates.parsed import parsed_from_pem
from bootwave.control.api.answers import Answer, nothing
from bootwave.control.api.declarations import needs
from bootwave.control.api.forms import ONE_LINE, Body
from bootwave.control.api.principals import Need
from bootwave.control.api.problems import Problem
from bootwave.control.api.routing import Asker, Routes, TheDesk
from bootwave.control.api.targets import OF_DOMAIN, OF_ENGINE, Domain
from bootwave.store.settings.trustedcertificates import MAX_CERTIFICATES

routes = Routes("certificates")
BLOCKS = "/api/v1/certificates/blocked"
TRUST = "/api/v1/domains/{domain}/trust"

_MAX_PEM_CHARACTERS = MAX_CERTIFICATES * 8_192

Object = dict[str, Any]
Kind = Annotated[
    Literal["serial", "key"],
    Path(description="By the serial number, or by the SHA-256 of the public key."),
]
Hex = Annotated[
    str,
    Path(
        max_length=128,
        description="In hex, as openssl prints it.",
        examples=["0A1B2C3D4E5F"],
    ),
]
Digest = Annotated[
    str,
    Path(
        max_length=128,
        description="The SHA-256 of the certificate, or its first eight digits.",
        examples=["9f86d081"],
    ),
]


class Block(Body):
    """Why a certificate is blocked."""

    reason: Annotated[str, Field(max_length=128, pattern=ONE_LINE)] = Field(
        "", examples=["stolen in June"]
    )


class Authorities(Body):
    """Certificates of CAs."""

    pem: Annotated[str, Field(max_length=_MAX_PEM_CHARACTERS)] = Field(
        description="One or more, in PEM, as a file of them.",
        examples=["-----BEGIN CERTIFICATE-----\nMII…\n-----END CERTIFICATE-----\n"],
    )


@routes.get(BLOCKS, list[Object])
@needs(Need.READ, OF_ENGINE)
async def list_blocks(asker: Asker, desk: TheDesk) -> Response:
    """List the certificates that are blocked, and the MACs that came with them."""
    return Answer(await desk.read(asker, "certificate.list"))


@routes.put(BLOCKS + "/{kind}/{value}", Object)
@needs(Need.WRITE, OF_ENGINE)
async def block(
    request: Request, kind: Kind, value: Hex, why: Block, asker: Asker, desk: TheDesk
) -> Response:
    """Deny everything to whoever shows a certificate, or one issued by it."""
    args = {kind: value, "reason": why.reason}
    return await desk.write(request, asker, "certificate.block", args, Answer)


@routes.delete(BLOCKS + "/{kind}/{value}")
@needs(Need.WRITE, OF_ENGINE)
async def unblock(
    request: Request, kind: Kind, value: Hex, asker: Asker, desk: TheDesk
) -> Response:
    """End the block of a certificate."""
    return await desk.write(
        request, asker, "certificate.unblock", {kind: value}, lambda _gone: nothing()
    )


@routes.get(TRUST, list[Object])
@needs(Need.READ, OF_DOMAIN)
async def list_trusted(domain: Domain, asker: Asker, desk: TheDesk) -> Response:
    """List the CAs that the phones of a domain are told to trust."""
    return Answer(await desk.read(asker, "trust.list", domain=domain))


@routes.post(TRUST, Object, 200)
@needs(Need.WRITE, OF_DOMAIN)
async def trust(
    request: Request, domain: Domain, whom: Authorities, asker: Asker, desk: TheDesk
) -> Response:
    """Tell the phones of a domain to trust CAs, so that they trust your servers."""
    try:
        found = parsed_from_pem(whom.pem.encode(errors="replace"))
    except ValueError as error:
        raise Problem("invalid", f"The certificates cannot be read: {error}.") from None
    ders = [base64.b64encode(one.der).decode() for one in found]
    args = {"domain": domain, "certificates": ders}
    return await desk.write(request, asker, "trust.add", args, Answer)


@routes.delete(TRUST + "/{digest}", Object, 200)
@needs(Need.WRITE, OF_DOMAIN)
async def distrust(
    request: Request, domain: Domain, digest: Digest, asker: Asker, desk: TheDesk
) -> Response:
    """Tell the phones of a domain of a CA no longer; those that have it keep it."""
    args = {"domain": domain, "digest": digest}
    return await desk.write(request, asker, "trust.remove", args, Answer)
