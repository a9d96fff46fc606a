"""Button profiles: the keys that accounts of a domain have in common."""

from typing import Annotated, Any

from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from bootwave.control.api.answers import Answer, nothing
from bootwave.control.api.declarations import needs
from bootwave.control.api.forms import Body
from bootwave.control.api.lists import Page, Prefix, TheRows
from bootwave.control.api.principals import Need
from bootwave.control.api.resources.accounts import Number
from bootwave.control.api.resources.windows import Ranges
from bootwave.control.api.routing import Asker, Routes, TheDesk
from bootwave.control.api.targets import MEMBER, OF_DOMAIN, Domain, Member

routes = Routes("profiles")
PROFILES = "/api/v1/domains/{domain}/profiles"
Object = dict[str, Any]


class NewMember(Body):
    """A profile or group that is added."""

    name: Annotated[str, Field(pattern=MEMBER)] = Field(examples=["sales"])


class Accounts(Body):
    """Which accounts of the domain are meant."""

    numbers: Ranges = Field([], description="Numbers or ranges of them.")
    all: bool = Field(False, description="Whether all of the domain are meant.")


@routes.get(PROFILES, Page)
@needs(Need.READ, OF_DOMAIN)
async def list_profiles(
    domain: Domain, rows: TheRows, name_prefix: Prefix = ""
) -> Response:
    """List the profiles of a domain by name."""
    return await rows.answer("profiles", domain=domain, name_prefix=name_prefix)


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
    """Show what a profile says, without secrets, and who has it."""
    return Answer(await desk.read(asker, "profile.show", domain=domain, name=profile))


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


@routes.delete("/api/v1/domains/{domain}/accounts/{number}/profile", Object, 200)
@needs(Need.WRITE, OF_DOMAIN)
async def unassign_profile(
    request: Request, domain: Domain, number: Number, asker: Asker, desk: TheDesk
) -> Response:
    """Take its profile from an account."""
    args = {"domain": domain, "name": "", "accounts": [f"{number}@{domain}"]}
    return await desk.write(request, asker, "profile.assign", args, Answer)
