"""Devices: the phones that are known, what they did, and what proves who they are."""

from typing import Annotated, Any, Literal

from fastapi import Depends, Query
from starlette.requests import Request
from starlette.responses import Response

from bootwave.control.api.answers import Answer
from bootwave.control.api.declarations import Everywhere, Reached, needs
from bootwave.control.api.lists import At, Descending, MacPrefix, Page, TheRows, at_text
from bootwave.control.api.principals import Need
from bootwave.control.api.routing import Asker, Routes, TheDesk
from bootwave.control.api.targets import OF_DEVICE, OF_DOMAIN, Domain, Mac

routes = Routes("devices")
PATH = "/api/v1/devices"
Object = dict[str, Any]


class Chosen:
    """Which devices are listed, and in which order."""

    def __init__(
        self,
        mac_prefix: MacPrefix = "",
        model: Annotated[str, Query(max_length=64)] = "",
        firmware: Annotated[
            str, Query(max_length=49, description="A version, or a range: 8.4-8.7.")
        ] = "",
        older_than: Annotated[
            str, Query(max_length=24, description="Below this version.")
        ] = "",
        heard_since: At = None,
        heard_before: At = None,
        state: Annotated[
            Literal["", "never", "refused"],
            Query(description="Never heard, or refused when it was last decided over."),
        ] = "",
        seen: Annotated[
            bool,
            Query(description="Whether a list by MAC tells when each was heard last."),
        ] = False,
        sort: Annotated[
            str,
            Query(max_length=32, description="mac, last-contact, firmware or refused."),
        ] = "",
        descending: Descending = False,
    ) -> None:
        """Hold what a request says of it."""
        self.asked: Object = {
            **{"sort": sort, "descending": descending, "seen": seen},
            **{"mac_prefix": mac_prefix, "model": model, "state": state},
            **{"firmware": firmware, "older_than": older_than},
            "heard_since": at_text(heard_since),
            "heard_before": at_text(heard_before),
        }


TheChosen = Annotated[Chosen, Depends()]


@routes.get(PATH, Page)
@needs(Need.READ, Reached())
async def list_all(rows: TheRows, chosen: TheChosen) -> Response:
    """List devices by MAC, or by when they were heard, what they run, who was refused.

    A page may be short with more behind it.
    """
    return await rows.answer("devices", **chosen.asked)


@routes.get("/api/v1/domains/{domain}/devices", Page)
@needs(Need.READ, OF_DOMAIN)
async def list_of_domain(domain: Domain, rows: TheRows, chosen: TheChosen) -> Response:
    """List the devices of a domain, as those of all are."""
    return await rows.answer("devices", domain=domain, **chosen.asked)


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
