"""Groups: sets of a domain's devices that are told firmware and roll-outs together."""

from typing import Annotated, Any

from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from bootwave.control.api.answers import Answer, nothing
from bootwave.control.api.declarations import needs
from bootwave.control.api.forms import Body
from bootwave.control.api.lists import Page, Prefix, TheRows
from bootwave.control.api.principals import Need
from bootwave.control.api.resources.profiles import NewMember
from bootwave.control.api.routing import Asker, Routes, TheDesk
from bootwave.control.api.targets import OF_DOMAIN, Domain, Mac, MacText, Member

routes = Routes("groups")
PATH = "/api/v1/domains/{domain}/groups"
Object = dict[str, Any]


class Devices(Body):
    """Which devices of the domain are meant."""

    macs: Annotated[list[MacText], Field(max_length=10_000)] = Field(
        examples=[["0004132E08B4"]]
    )


@routes.get(PATH, Page)
@needs(Need.READ, OF_DOMAIN)
async def list_all(domain: Domain, rows: TheRows, name_prefix: Prefix = "") -> Response:
    """List the groups of a domain by name."""
    return await rows.answer("groups", domain=domain, name_prefix=name_prefix)


@routes.post(PATH, Object)
@needs(Need.WRITE, OF_DOMAIN)
async def add(
    request: Request, domain: Domain, new: NewMember, asker: Asker, desk: TheDesk
) -> Response:
    """Add a group to a domain."""
    args = {"domain": domain, "name": new.name}
    return await desk.write(
        request, asker, "group.add", args, lambda made: Answer(made, 201)
    )


@routes.delete(PATH + "/{group}")
@needs(Need.WRITE, OF_DOMAIN)
async def remove(
    request: Request, domain: Domain, group: Member, asker: Asker, desk: TheDesk
) -> Response:
    """Remove a group; its devices are in none then."""
    args = {"domain": domain, "name": group}
    return await desk.write(
        request, asker, "group.remove", args, lambda _gone: nothing()
    )


@routes.get(PATH + "/{group}/devices", Page)
@needs(Need.READ, OF_DOMAIN)
async def list_devices(domain: Domain, group: Member, rows: TheRows) -> Response:
    """List the devices of a group by MAC."""
    name = f"{group}@{domain}"
    return await rows.answer("devices", group=name)


@routes.post(PATH + "/{group}/devices", Object, 200)
@needs(Need.WRITE, OF_DOMAIN)
async def assign(
    request: Request,
    domain: Domain,
    group: Member,
    devices: Devices,
    asker: Asker,
    desk: TheDesk,
) -> Response:
    """Put devices of the domain into a group, instead of the one they are in."""
    args = {"domain": domain, "name": group, "macs": devices.macs}
    return await desk.write(request, asker, "group.assign", args, Answer)


@routes.delete("/api/v1/domains/{domain}/devices/{mac}/group", Object, 200)
@needs(Need.WRITE, OF_DOMAIN)
async def unassign(
    request: Request, domain: Domain, mac: Mac, asker: Asker, desk: TheDesk
) -> Response:
    """Take a device of the domain out of its group."""
    args = {"domain": domain, "name": "", "macs": [mac]}
    return await desk.write(request, asker, "group.assign", args, Answer)
