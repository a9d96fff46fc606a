"""Signing in: sessions of administrators, for browsers, and the first of them."""

from typing import Annotated, Any

from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from bootwave import log
from bootwave.control.api.admission import (
    COOKIE,
    SECURE_COOKIE,
    cookie_name,
    csrf_token,
    source_of,
)
from bootwave.control.api.answers import Answer, nothing
from bootwave.control.api.declarations import Nothing, needs
from bootwave.control.api.desk import Desk
from bootwave.control.api.forms import Body, Shown
from bootwave.control.api.principals import Need, Principal, of_session
from bootwave.control.api.problems import Problem
from bootwave.control.api.routing import Asker, Routes, TheDesk
from bootwave.limits import MAX_API_SIGN_IN_BYTES
from bootwave.store.access.administrators import Administrator
from bootwave.store.access.opaque import SESSION, digest_of, new_secret
from bootwave.store.access.passwordhashes import (
    MAX_PASSWORD_CHARACTERS,
    MIN_PASSWORD_CHARACTERS,
)
from bootwave.store.access.sessions import AdminSession

routes = Routes("access")
PATH = "/api/v1/session"
SETUP_PATH = "/api/v1/setup"

Password = Annotated[
    str,
    Field(
        max_length=MAX_PASSWORD_CHARACTERS, examples=["correct horse battery staple"]
    ),
]
Name = Annotated[str, Field(max_length=64, examples=["anna"])]
# With \- a pattern of forms, too (the flag v of ECMAScript).
NAME = r"^[A-Za-z0-9](?:[A-Za-z0-9._@+\-]{0,62}[A-Za-z0-9])?$"
NewName = Annotated[str, Field(pattern=NAME, examples=["anna"])]
NewWord = Annotated[
    str,
    Field(
        min_length=MIN_PASSWORD_CHARACTERS,
        max_length=MAX_PASSWORD_CHARACTERS,
        examples=["correct horse battery staple"],
    ),
]


class SignIn(Body):
    """Who signs in."""

    name: Name
    password: Password


class Again(Body):
    """The password of who is signed in."""

    password: Password


class Renewal(Body):
    """Another password for who is signed in."""

    password: Password
    new_password: NewWord


class SetUp(Body):
    """The first operator, and the token that makes him, once."""

    token: Annotated[str, Field(max_length=64)]
    name: NewName
    password: NewWord


class Who(Shown):
    """Who asks, and what he may."""

    actor: str = Field(examples=["admin:anna"])
    may: list[str] = Field(examples=[["read", "write"]])
    everywhere: bool
    domains: list[str]
    confirmed: bool = Field(description="Whether secrets are revealed to him now.")
    seconds_left: int | None = Field(description="Of the session, if it is used.")
    csrf_token: str = Field(description="For X-Bootwave-Csrf; empty with a token.")


class Made(Shown):
    """An administrator, as he was made or changed."""

    name: str
    role: str
    domains: list[str]


@routes.post(PATH, Who)
@needs(Need.NOTHING, Nothing(), body_bytes=MAX_API_SIGN_IN_BYTES)
async def sign_in(request: Request, who: SignIn, desk: TheDesk) -> Response:
    """Sign in: a cookie that only this server gets, and proves who asks from now on."""
    source = source_of(request)
    administrator = await _proved(desk, who.name, who.password, source)
    secret = new_secret(SESSION)
    session = await desk.change(
        f"admin:{who.name.strip().lower()}",
        lambda store: store.access_open(administrator, digest_of(secret), source),
    )
    answer = Answer(_who(desk, of_session(session), secret), 201)
    secure = request.url.scheme == "https"
    answer.set_cookie(
        cookie_name(request),
        secret,
        path="/",
        secure=secure,
        httponly=True,
        samesite="strict",
    )
    return answer


@routes.get(PATH, Who)
@needs(Need.SIGNED_IN, Nothing())
async def show(request: Request, asker: Asker, desk: TheDesk) -> Response:
    """Show who asks and what he may."""
    secret = request.cookies.get(cookie_name(request), "") if asker.session else ""
    return Answer(_who(desk, asker, secret))


@routes.delete(PATH)
@needs(Need.SIGNED_IN, Nothing())
async def sign_out(request: Request, asker: Asker, desk: TheDesk) -> Response:
    """Sign out: the session is good no more."""
    session = _required_session(asker)
    await desk.change(asker.actor, lambda store: store.access_close(session))
    answer = nothing()
    for name in (COOKIE, SECURE_COOKIE):
        answer.delete_cookie(
            name,
            path="/",
            secure=name == SECURE_COOKIE,
            httponly=True,
            samesite="strict",
        )
    return answer


@routes.post(PATH + "/confirmation", None, 204)
@needs(Need.SIGNED_IN, Nothing())
async def confirm(
    request: Request, again: Again, asker: Asker, desk: TheDesk
) -> Response:
    """Give the password again: for ten minutes secrets are revealed."""
    session = _required_session(asker)
    name = session.administrator.name
    await _proved(desk, name, again.password, source_of(request))
    await desk.change_still(asker, lambda store: store.access_confirm(session))
    return nothing()


@routes.put(PATH + "/password", None, 204)
@needs(Need.SIGNED_IN, Nothing())
async def renew(
    request: Request, renewal: Renewal, asker: Asker, desk: TheDesk
) -> Response:
    """Change one's own password; every session of it ends, this one, too."""
    session = _required_session(asker)
    name = session.administrator.name
    await _proved(desk, name, renewal.password, source_of(request))
    password = await desk.passwords.hashed(renewal.new_password, name)
    # Where he was given another one meanwhile, his session is over.
    await desk.change_still(
        asker, lambda store: store.admin_password(name, password=password)
    )
    return nothing()


@routes.post(SETUP_PATH, Made)
@needs(Need.NOTHING, Nothing(), body_bytes=MAX_API_SIGN_IN_BYTES)
async def set_up(request: Request, wanted: SetUp, desk: TheDesk) -> Response:
    """Make an operator with a token of bootwave init or bootwave admin link, once."""
    return Answer(await first_operator(request, desk, wanted), 201)


async def first_operator(request: Request, desk: Desk, wanted: SetUp) -> dict[str, Any]:
    """Return the operator that the token of *wanted* made; raises Problem."""
    source = source_of(request)
    # Nobody guesses 256 bits; but each attempt may have a password hashed.  Counted by
    # the address alone: nobody signed in before, whom others could not keep out.
    name = f"{SETUP_PATH} {source}"
    desk.guessing.require_allowed(source, name)
    good = await desk.look(lambda store: store.access_link_is_good(wanted.token))
    if not good:
        desk.guessing.wrong(source, name)
        raise _not_good()
    password_hash = await desk.passwords.hashed(wanted.password, wanted.name)
    return await desk.change(
        f"admin:{wanted.name.strip().lower()}",
        lambda store: store.access_redeem(wanted.token, wanted.name, password_hash),
    )


def _not_good() -> Problem:
    return Problem(
        "not-found",
        "This set-up token is not good, or not any more: make another with bootwave "
        "admin link.",
    )


async def _proved(desk: Desk, name: str, password: str, source: str) -> Administrator:
    """Return the administrator *name*, whose *password* it is.

    Raises Problem 401 or 429; unknown names and wrong passwords look the same.
    """
    desk.guessing.require_allowed(source, name)
    async with desk.passwords.turn():
        # Again, since those that came at the same time may have been wrong.
        desk.guessing.require_allowed(source, name)
        found = await desk.look(lambda store: store.access_administrator(name))
        known = found.password_hash if found is not None else None
        if not await desk.passwords.is_right(password, known) or found is None:
            desk.guessing.wrong(source, name)
            log.note(log.API_SIGN_IN_REFUSED, source=source)
            raise Problem("signed-out", "The name or the password is wrong.")
        desk.guessing.right(source, name)
    return found


def _required_session(asker: Principal) -> AdminSession:
    if asker.session is None:
        raise Problem("forbidden", "This is for who signed in by a password.")
    return asker.session


def _who(desk: Desk, principal: Principal, secret: str) -> dict[str, Any]:
    now = desk.now()
    session = principal.session
    hidden = (Need.NOTHING, Need.SIGNED_IN)
    return {
        "actor": principal.actor,
        "may": [need.value for need in Need if need in principal.may - {*hidden}],
        "everywhere": principal.domains is None,
        "domains": sorted(principal.domains or ()),
        "confirmed": principal.is_confirmed(now),
        "seconds_left": round(session.seconds_left(now)) if session else None,
        "csrf_token": csrf_token(secret) if session else "",
    }
