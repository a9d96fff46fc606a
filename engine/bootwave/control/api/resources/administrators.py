"""Who may use the API: administrators with their roles and domains."""

from typing import Annotated, Any, Literal

from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from bootwave.control.api.answers import Answer, nothing, shown
from bootwave.control.api.declarations import Everywhere, needs
from bootwave.control.api.entitytags import Check, IfMatch, State, both, conditions
from bootwave.control.api.forms import Body, Shown, not_given
from bootwave.control.api.pages import USUAL_PAGE, Cursor, Limit, named_page
from bootwave.control.api.principals import Need, Principal, role_may
from bootwave.control.api.problems import Problem
from bootwave.control.api.resources.sessions import Made, NewName, NewWord
from bootwave.control.api.routing import Asker, Routes, TheDesk
from bootwave.store.access import administrators
from bootwave.store.work import Work

routes = Routes("access")
PATH = "/api/v1/administrators"

Role = Literal["operator", "domain", "read-only"]
Domains = Annotated[
    list[Annotated[str, Field(max_length=253)]],
    Field(max_length=1_000, examples=[["pbx.example.com"]]),
]


class NewAdministrator(Body):
    """An administrator who is added."""

    name: NewName
    password: NewWord
    role: Role
    domains: Domains = Field([], description="Those he reaches; none: all.")


class AdministratorChange(Body):
    """What is changed of an administrator; what is not given stays."""

    role: Role = not_given()
    domains: Domains = not_given()


class NewPassword(Body):
    """Another password."""

    password: NewWord


class Administrator(Shown):
    """An administrator."""

    name: str
    role: Role
    everywhere: bool
    domains: list[str]
    made_at: float
    made_by: str
    password_at: float


class Administrators(Shown):
    """Some administrators, and where the list goes on."""

    items: list[Administrator]
    next: str


@routes.get(PATH, Administrators)
@needs(Need.ACCESS, Everywhere())
async def list_all(
    asker: Asker, desk: TheDesk, limit: Limit = USUAL_PAGE, cursor: Cursor = ""
) -> Response:
    """List the administrators by name."""
    return named_page(
        desk.cursors, PATH, await desk.read(asker, "admin.list"), limit, cursor
    )


@routes.post(PATH, Made)
@needs(Need.ACCESS, Everywhere(), confirmed=True)
async def add(
    request: Request, new: NewAdministrator, asker: Asker, desk: TheDesk
) -> Response:
    """Add an administrator; a token adds none who may more than it."""
    _require_no_more(asker, new.role)
    _require_no_end(asker)
    # Not where changes are made one after the other, for which it takes too long.
    password = await desk.passwords.hashed(new.password, new.name)
    fields: dict[str, Any] = {**new.model_dump(), "password": password}
    return await desk.write(
        request, asker, "admin.add", fields, lambda made: Answer(made, 201)
    )


@routes.get(PATH + "/{name}", Administrator, tagged=True)
@needs(Need.ACCESS, Everywhere())
async def show(name: str, asker: Asker, desk: TheDesk) -> Response:
    """Show an administrator."""
    found = await desk.see(asker, lambda store: store.looked(_state_of(name)))
    return shown(found, desk.tag(found))


@routes.patch(PATH + "/{name}", Made)
@needs(Need.ACCESS, Everywhere(), confirmed=True)
async def change(
    request: Request,
    name: str,
    wanted: AdministratorChange,
    asker: Asker,
    desk: TheDesk,
    if_match: IfMatch = None,
) -> Response:
    """Change role and domains; it holds at once for who is signed in."""
    given = wanted.model_dump(exclude_unset=True)
    if "role" in given:
        _require_no_more(asker, wanted.role)
    if given:
        _require_no_end(asker)
    return await desk.write(
        request,
        asker,
        "admin.set",
        {"name": name, **given},
        Answer,
        check=_check(asker, name, if_match),
    )


@routes.put(PATH + "/{name}/password", None, 204)
@needs(Need.ACCESS, Everywhere(), confirmed=True)
async def set_password(
    request: Request,
    name: str,
    wanted: NewPassword,
    asker: Asker,
    desk: TheDesk,
    if_match: IfMatch = None,
) -> Response:
    """Give an administrator another password; his sessions end."""
    _require_no_end(asker)
    password = await desk.passwords.hashed(wanted.password, name)
    return await desk.write(
        request,
        asker,
        "admin.password",
        {"name": name, "password": password},
        lambda _done: nothing(),
        check=_check(asker, name, if_match),
    )


@routes.delete(PATH + "/{name}")
@needs(Need.ACCESS, Everywhere(), confirmed=True)
async def remove(
    request: Request,
    name: str,
    asker: Asker,
    desk: TheDesk,
    if_match: IfMatch = None,
) -> Response:
    """Remove an administrator with his sessions and tokens."""
    return await desk.write(
        request,
        asker,
        "admin.remove",
        {"name": name},
        lambda _gone: nothing(),
        check=_check(asker, name, if_match),
    )


def _state_of(name: str) -> State:
    return lambda work: administrators.shown(work, name)


def _check(asker: Principal, name: str, if_match: str | None) -> Check:
    """Return the check of a change of *name*, with the condition that it carries."""
    condition = conditions(if_match, None, _state_of(name))
    return both(_is_no_more(asker, name), condition)


def _require_no_more(asker: Principal, role: str) -> None:
    """Raise Problem 403 when *asker* is a token that may less than the *role*."""
    if asker.token is not None and not role_may(role) <= asker.may:
        raise Problem(
            "forbidden",
            f"The role {role} may more than this token: take one with all the scopes "
            "that it stands for, or sign in.",
        )


def _require_no_end(asker: Principal) -> None:
    """Raise Problem 403 when *asker* is a token that ends.

    What an administrator is given, a password, a role or domains, does not.
    """
    if asker.token is not None and asker.token.expires_at is not None:
        raise Problem(
            "forbidden",
            "This token ends some day, and what an administrator is given would "
            "outlive it: take one that is good until it is revoked, or sign in.",
        )


def _is_no_more(asker: Principal, name: str) -> Check:
    """Return the check that *name* may no more than *asker*, where that is a token."""

    def check(work: Work) -> None:
        found = administrators.named(work.connection, name.strip().lower())
        if found is not None:  # who is not there the operation tells
            _require_no_more(asker, found.role)

    return check
