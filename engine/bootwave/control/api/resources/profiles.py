"""Button profiles and groups: what accounts and devices of a domain have in common."""

from typing import Annotated, Any

from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from bootwave.control.api.answers import Answer, nothing
from bootwave.control.api.declarations import needs
from bootwave.control.api.lists import Page, Prefix, listed
from bootwave.control.api.pages import USUAL_PAGE, Cursor, Limit
from bootwave.control.api.principals import Need
from bootwave.control.api.resources.layers import masked
from bootwave.control.api.resources.windows import Ranges
from bootwave.control.api.routing import Asker, Body, Routes, TheDesk
from bootwave.control.api.targets import OF_DOMAIN, Domain, Mac, Member

routes = Routes("profiles")
PROFILES = "/api/v1/domains/{domain}/profiles"
GROUPS = "/api/v1/domains/{domain}/groups"
Object = dict[str, Any]


class NewMember(Body):
    """A profile or group that is added."""

    name: Annotated[str, Field(pattern=r"^[^@/\x00-\x1f]{1,64}$")] = Field(
        examples=["sales"]
    )


class Accounts(Body):
    """Which accounts of the domain are meant."""

    numbers: Ranges = Field([], description="Numbers or ranges of them.")
    all: bool = Field(False, description="Whether all of the domain are meant.")


class Devices(Body):
    """Which devices of the domain are meant."""

    macs: Annotated[
        list[Annotated[str, Field(max_length=17)]], Field(max_length=10_000)
    ] = Field(examples=[["0004132E08B4"]])


@routes.get(PROFILES, Page)
@needs(Need.READ, OF_DOMAIN)
async def list_profiles(
    domain: Domain,
    asker: Asker,
    desk: TheDesk,
    name_prefix: Prefix = "",
    limit: Limit = USUAL_PAGE,
    cursor: Cursor = "",
) -> Response:
    """List the profiles of a domain by name."""
    return await listed(
        desk, asker, "profiles", limit, cursor, domain=domain, name_prefix=name_prefix
    )


@routes.post(PROFILES, Object)
@needs(Need.WRITE, OF_DOMAIN)
async def add_profile(
    request: Request, domain: Domain, new: NewMember, asker: Asker, desk: TheDesk
) -> Response:
    """Add a profile to a domain; its layer says what its buttons are."""
    args = {"domain": domain, "name": new.name}
    return await desk.write(
        request, asker, "profile.add", args, lambda made: Answer(made, 201)
    )


@routes.get(PROFILES + "/{profile}", Object)
@needs(Need.READ, OF_DOMAIN)
async def show_profile(
    domain: Domain, profile: Member, asker: Asker, desk: TheDesk
) -> Response:
    """Show what a profile says, and who has it."""
    found = await desk.read(asker, "profile.show", domain=domain, name=profile)
    return Answer({**found, "settings": masked(found["settings"])})


@routes.delete(PROFILES + "/{profile}")
@needs(Need.WRITE, OF_DOMAIN)
async def remove_profile(
    request: Request,
    domain: Domain,
    profile: Member,
    asker: Asker,
    desk: TheDesk,
    force: bool = False,
) -> Response:
    """Remove a profile; one that accounts have only by force."""
    args = {"domain": domain, "name": profile, "force": force}
    return await desk.write(
        request, asker, "profile.remove", args, lambda _gone: nothing()
    )


@routes.post(PROFILES + "/{profile}/accounts", Object, 200)
@needs(Need.WRITE, OF_DOMAIN)
async def assign_profile(
    request: Request,
    domain: Domain,
    profile: Member,
    accounts: Accounts,
    asker: Asker,
    desk: TheDesk,
) -> Response:
    """Give accounts of the domain a profile, instead of the one they have."""
    args = {
        "domain": domain,
        "name": profile,
        "numbers": accounts.numbers,
        "everyone": accounts.all,
    }
    return await desk.write(request, asker, "profile.assign", args, Answer)


@routes.get(GROUPS, Page)
@needs(Need.READ, OF_DOMAIN)
async def list_groups(
    domain: Domain,
    asker: Asker,
    desk: TheDesk,
    name_prefix: Prefix = "",
    limit: Limit = USUAL_PAGE,
    cursor: Cursor = "",
) -> Response:
    """List the groups of a domain by name."""
    return await listed(
        desk, asker, "groups", limit, cursor, domain=domain, name_prefix=name_prefix
    )


@routes.post(GROUPS, Object)
@needs(Need.WRITE, OF_DOMAIN)
async def add_group(
    request: Request, domain: Domain, new: NewMember, asker: Asker, desk: TheDesk
) -> Response:
    """Add a group to a domain."""
    args = {"domain": domain, "name": new.name}
    return await desk.write(
        request, asker, "group.add", args, lambda made: Answer(made, 201)
    )


@routes.delete(GROUPS + "/{group}")
@needs(Need.WRITE, OF_DOMAIN)
async def remove_group(
    request: Request, domain: Domain, group: Member, asker: Asker, desk: TheDesk
) -> Response:
    """Remove a group; its devices are in none then."""
    args = {"domain": domain, "name": group}
    return await desk.write(
        request, asker, "group.remove", args, lambda _gone: nothing()
    )


@routes.get(GROUPS + "/{group}/devices", Page)
@needs(Need.READ, OF_DOMAIN)
async def list_devices(
    domain: Domain,
    group: Member,
    asker: Asker,
    desk: TheDesk,
    limit: Limit = USUAL_PAGE,
    cursor: Cursor = "",
) -> Response:
    """List the devices of a group by MAC."""
    name = f"{group}@{domain}"
    return await listed(desk, asker, "devices", limit, cursor, group=name)


@routes.post(GROUPS + "/{group}/devices", Object, 200)
@needs(Need.WRITE, OF_DOMAIN)
async def assign_devices(
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
async def unassign_device(
    request: Request, domain: Domain, mac: Mac, asker: Asker, desk: TheDesk
) -> Response:
    """Take a device of the domain out of its group."""
    args = {"domain": domain, "name": "", "macs": [mac]}
    return await desk.write(request, asker, "group.assign", args, Answer)
