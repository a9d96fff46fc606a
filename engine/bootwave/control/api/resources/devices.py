"""Devices: the phones that are known, what they did, and what proves who they are."""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from bootwave.control.api.answers import Answer
from bootwave.control.api.declarations import Everywhere, Reached, needs
from bootwave.control.api.lists import Descending, MacPrefix, Page, TheRows
from bootwave.control.api.principals import Need
from bootwave.control.api.routing import Asker, Routes, TheDesk
from bootwave.control.api.targets import OF_DEVICE, OF_DOMAIN, Domain, Mac

routes = Routes("devices")
PATH = "/api/v1/devices"
Object = dict[str, Any]


@routes.get(PATH, Page)
@needs(Need.READ, Reached())
async def list_all(
    rows: TheRows,
    mac_prefix: MacPrefix = "",
    model: str = "",
    seen: bool = False,
    descending: Descending = False,
) -> Response:
    """List devices by MAC; with seen, when each was heard last, which takes longer."""
    return await rows.answer(
        "devices",
        seen=seen,
        descending=descending,
        mac_prefix=mac_prefix,
        model=model,
    )


@routes.get("/api/v1/domains/{domain}/devices", Page)
@needs(Need.READ, OF_DOMAIN)
async def list_of_domain(
    domain: Domain,
    rows: TheRows,
    mac_prefix: MacPrefix = "",
    model: str = "",
    seen: bool = False,
    descending: Descending = False,
) -> Response:
    """List the devices of a domain by MAC."""
    return await rows.answer(
        "devices",
        seen=seen,
        descending=descending,
        domain=domain,
        mac_prefix=mac_prefix,
        model=model,
    )


@routes.get("/api/v1/unknown-phones", Page)
@needs(Need.READ, Everywhere())
async def list_unknown(rows: TheRows, mac_prefix: MacPrefix = "") -> Response:
    """List the phones that asked and are bound nowhere, the newest first."""
    return await rows.answer("unknown", mac_prefix=mac_prefix)


@routes.get(PATH + "/{mac}", Object)
@needs(Need.READ, OF_DEVICE)
async def show(mac: Mac, asker: Asker, desk: TheDesk) -> Response:
    """Show what is stored and was seen of a phone, and a verdict over it."""
    return Answer(await desk.read(asker, "device.show", mac=mac))


@routes.get(PATH + "/{mac}/check", Object)
@needs(Need.READ, OF_DEVICE)
async def check(mac: Mac, asker: Asker, desk: TheDesk) -> Response:
    """Say what is left to be done to provision a phone."""
    return Answer(await desk.read(asker, "device.check", mac=mac))


@routes.get(PATH + "/{mac}/sightings", Page)
@needs(Need.READ, OF_DEVICE)
async def time_line(mac: Mac, rows: TheRows) -> Response:
    """List what a phone asked and got, and why, the newest first."""
    return await rows.answer("sightings", mac=mac)


@routes.post(PATH + "/{mac}/reset", Object, 200)
@needs(Need.WRITE, OF_DEVICE)
async def reset(request: Request, mac: Mac, asker: Asker, desk: TheDesk) -> Response:
    """Let a phone be told its passwords again, as if it had never had them."""
    return await desk.write(request, asker, "device.reset", {"mac": mac}, Answer)


@routes.post(PATH + "/{mac}/credentials", Object, 200)
@needs(Need.WRITE, OF_DEVICE)
async def rotate_credentials(
    request: Request, mac: Mac, asker: Asker, desk: TheDesk
) -> Response:
    """Give a phone new credentials with its next document; they are not shown."""
    op = "device.credentials.rotate"
    return await desk.write(request, asker, op, {"mac": mac}, Answer)


@routes.delete(PATH + "/{mac}/credentials", Object, 200)
@needs(Need.WRITE, OF_DEVICE)
async def revoke_credentials(
    request: Request, mac: Mac, asker: Asker, desk: TheDesk
) -> Response:
    """End the credentials of a phone, new and old, at once."""
    op = "device.credentials.revoke"
    return await desk.write(request, asker, op, {"mac": mac}, Answer)


@routes.post(PATH + "/{mac}/url-token", Object, 200)
@needs(Need.WRITE, OF_DEVICE)
async def rotate_url_token(
    request: Request, mac: Mac, asker: Asker, desk: TheDesk
) -> Response:
    """Give a phone's URL a new token with its next document; it is not shown."""
    return await desk.write(request, asker, "token.rotate", {"mac": mac}, Answer)
