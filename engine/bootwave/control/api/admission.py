"""The one place where a request is let through or not.

    Authorization or cookie ──► principal ──► verdict by what the route declares

What belongs to a domain that the principal does not reach does not exist for him: the
answer is the same as to a name that nobody has, and is given before anything is looked
up.  Tokens and sessions are looked up with each request, so that revoking one is true
for the next, once more where a request takes long (``require_still``), and in the
transaction of a write (``Desk``).
"""

import base64
import hashlib
import hmac
from urllib.parse import urlsplit

from starlette.requests import Request

from bootwave.control.api.declarations import (
    Declared,
    DomainIn,
    Everywhere,
    Found,
)
from bootwave.control.api.desk import Desk
from bootwave.control.api.principals import (
    NOBODY,
    Need,
    Principal,
    of_session,
    of_token,
)
from bootwave.control.api.problems import Problem
from bootwave.errors import OperatorError
from bootwave.pairing.instant import Instant
from bootwave.store.access.opaque import MAX_CHARACTERS, SESSION, TOKEN, digest_of
from bootwave.store.names import required_domain

COOKIE = "bootwave"
SECURE_COOKIE = "__Host-bootwave"  # a name that browsers keep to this host and to TLS
CSRF_HEADER = "X-Bootwave-Csrf"
SAFE = frozenset({"GET", "HEAD"})
_OWN_SITES = frozenset({"same-origin", "none"})  # of Sec-Fetch-Site, none: typed in


async def admit(request: Request, declared: Declared, desk: Desk) -> Principal:
    """Return who asks; raises Problem when he may not ask for this."""
    if declared.need is Need.NOTHING:
        return NOBODY
    principal = await principal_of(request, desk)
    if principal is None:
        raise _signed_out(request)
    judge(principal, declared, desk.now())
    await _require_reach(request, principal, declared, desk)
    return principal


def _signed_out(request: Request) -> Problem:
    """Return the problem of who is nobody, which says what is wrong with his token."""
    field_value = request.headers.get("authorization")
    challenge = "Bearer"
    if field_value is None:
        detail = "Send a token as Authorization: Bearer, or sign in with POST "
        detail += "/api/v1/session."
    elif field_value.partition(" ")[0].lower() != "bearer":
        detail = "Send the token as Authorization: Bearer, not in another way."
    else:
        challenge = 'Bearer error="invalid_token"'  # RFC 6750 section 3.1
        detail = "This token is not good, or not any more: it was revoked, it expired, "
        detail += "or it is no token. bootwave admin token add makes one."
    return Problem("signed-out", detail, headers={"WWW-Authenticate": challenge})


async def require_still(request: Request, desk: Desk) -> None:
    """Raise Problem when *request*, which takes long, would not be let through now.

    Neither when its principal reaches other domains by now, or may other things: what
    is under way was begun for those of then.  Being asked is no use of a session.
    """
    before: Principal = request.state.principal
    declared: Declared = request.state.declared
    now = await principal_of(request, desk, is_use=False)
    before.require_still(now)
    await _require_reach(request, before, declared, desk)


def judge(principal: Principal, declared: Declared, now: Instant) -> None:
    """Raise Problem when *principal* may not do what *declared* needs anywhere."""
    if isinstance(declared.touches, Everywhere) and principal.domains is not None:
        raise Problem(
            "forbidden",
            "Only who administers all domains may do this: ask an operator.",
        )
    if declared.need not in principal.may:
        lacking = "scope" if principal.token is not None else "role"
        raise Problem(
            "forbidden",
            f"This needs a {lacking} that allows to {_WORDS[declared.need]}.",
        )
    if declared.confirmed and not principal.is_confirmed(now):
        raise Problem(
            "confirmation-required",
            "Give the password again with POST /api/v1/session/confirmation: it is "
            "good for ten minutes.",
        )


_WORDS = {
    Need.NOTHING: "do nothing",
    Need.SIGNED_IN: "sign in",
    Need.READ: "read",
    Need.WRITE: "write",
    Need.REVEAL: "reveal secrets",
    Need.TOKENS: "make tokens",
    Need.ACCESS: "administer access",
}


async def _require_reach(
    request: Request, principal: Principal, declared: Declared, desk: Desk
) -> None:
    """Raise Problem 404 when the route touches a domain of others."""
    touches = declared.touches
    if principal.domains is None:
        return
    if isinstance(touches, DomainIn):
        text = request.path_params[touches.parameter]
        try:
            name = required_domain(text)
        except OperatorError:
            name = None
        if name is None or not principal.reaches(name):
            raise Problem("not-found", "There is no such domain, or it is not yours.")
    elif isinstance(touches, Found):
        found = await touches.domain_of(request, desk)
        if found is None or not principal.reaches(found):
            raise Problem(
                "not-found", f"There is no such {touches.what}, or it is not yours."
            )


async def principal_of(
    request: Request, desk: Desk, *, is_use: bool = True
) -> Principal | None:
    """Return who asks, None for nobody; *is_use* is whether that is written down.

    Who sends ``Authorization`` is known by that alone.  Raises Problem when a request
    with a cookie comes from a page of elsewhere, or changes something without the proof
    of ``csrf_token``.
    """
    field_value = request.headers.get("authorization")
    if field_value is not None:
        return await _by_token(field_value, request, desk, is_use=is_use)
    secret = request.cookies.get(cookie_name(request), "")
    if not is_opaque(secret, SESSION):
        return None
    session = await desk.look(lambda store: store.access_session(digest_of(secret)))
    if session is None:
        return None
    _require_own_origin(request)
    if request.method not in SAFE:
        _require_own_page(request, secret)
    if is_use:
        desk.acquaintances.note(source_of(request))
        desk.note_use(source_of(request), session=session)
    return of_session(session)


async def _by_token(
    field_value: str, request: Request, desk: Desk, *, is_use: bool
) -> Principal | None:
    scheme, _, secret = field_value.partition(" ")
    secret = secret.strip()
    if scheme.lower() != "bearer" or not is_opaque(secret, TOKEN):
        return None
    token = await desk.look(lambda store: store.access_token(digest_of(secret)))
    if token is None:
        return None
    if is_use:
        desk.acquaintances.note(source_of(request))
        desk.note_use(source_of(request), token=token)
    return of_token(token)


def is_opaque(secret: str, prefix: str) -> bool:
    """Whether *secret* may be one of those with *prefix*, which is worth a look."""
    return secret.startswith(prefix) and len(secret) <= MAX_CHARACTERS


def cookie_name(request: Request) -> str:
    """Return the name of the session's cookie on the way that the request came."""
    return SECURE_COOKIE if request.url.scheme == "https" else COOKIE


def source_of(request: Request) -> str:
    """Return the address that the request came from."""
    return request.client.host if request.client is not None else ""


def csrf_token(secret: str) -> str:
    """Return what a page proves by that it was told the session, not only sends it.

    Another site's page can have the cookie sent, and cannot read this.
    """
    digest = hashlib.sha256(b"csrf/" + secret.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _require_own_origin(request: Request) -> None:
    """Raise Problem when a browser says that a page of another origin asks.

    That of another port of this host is sent the cookie, too: cookies know no ports,
    and no SameSite keeps them apart.
    """
    origin = request.headers.get("origin")
    own = origin is None or _is_own(origin, request)
    if not own or request.headers.get("sec-fetch-site", "none") not in _OWN_SITES:
        raise _not_own()


def _is_own(origin: str, request: Request) -> bool:
    """Whether *origin* is what *request* was sent to.

    What came over TLS is asked by pages that did.  What did not may be: behind a proxy
    that ends TLS.
    """
    try:
        page = urlsplit(origin)
    except ValueError:
        return False
    if request.url.scheme == "https" and page.scheme != "https":
        return False
    return page.netloc == request.headers.get("host", "")


def _require_own_page(request: Request, secret: str) -> None:
    given = request.headers.get(CSRF_HEADER, "")
    if not hmac.compare_digest(
        given.encode(errors="replace"), csrf_token(secret).encode()
    ):
        raise _not_own()


def _not_own() -> Problem:
    return Problem(
        "csrf",
        f"Send the csrf_token of GET /api/v1/session as {CSRF_HEADER}, from a page of "
        "this server.",
    )
