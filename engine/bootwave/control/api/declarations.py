"""What each route declares: what it needs of whoever calls it, and what it touches.

A route without a declaration is not made (``routing``), so that nothing is reachable
by accident; ``admission`` holds every request against its route's.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from starlette.requests import Request

from bootwave.control.api.principals import Need
from bootwave.limits import MAX_API_BODY_BYTES

if TYPE_CHECKING:
    from bootwave.control.api.desk import Desk

Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])
DomainOf = Callable[[Request, "Desk"], Awaitable[str | None]]


@dataclass(frozen=True, slots=True)
class Nothing:
    """The route touches no domain: the caller's own session, or nobody's secrets."""


@dataclass(frozen=True, slots=True)
class Everywhere:
    """The route is for who reaches all domains, such as adding one."""


@dataclass(frozen=True, slots=True)
class Reached:
    """The route shows only what the caller reaches: it filters by his domains."""


@dataclass(frozen=True, slots=True)
class DomainIn:
    """The route touches the domain that stands in its path as *parameter*."""

    parameter: str = "domain"


@dataclass(frozen=True, slots=True)
class Found:
    """The route touches the domain that *domain_of* finds, None for an unknown one.

    *what* is what stands in the path, such as "device", and *parameter* where; to who
    does not reach its domain it does not exist.
    """

    what: str
    parameter: str
    domain_of: DomainOf


Touches = Nothing | Everywhere | Reached | DomainIn | Found


@dataclass(frozen=True, slots=True)
class Declared:
    """What one route declares.

    ``confirmed`` says that who is signed in must have given his password lately.  The
    body of a request has at most ``body_bytes``; one that ``streams`` is read by the
    route itself, piece by piece, within that bound.
    """

    need: Need
    touches: Touches
    confirmed: bool = False
    body_bytes: int = MAX_API_BODY_BYTES
    streams: bool = False


def needs(
    need: Need,
    touches: Touches,
    *,
    confirmed: bool | None = None,
    body_bytes: int = MAX_API_BODY_BYTES,
    streams: bool = False,
) -> Callable[[Endpoint], Endpoint]:
    """Return the decorator that declares this of an endpoint.

    Revealing secrets needs a password that was given lately, if nothing else is said.
    """
    if confirmed is None:
        confirmed = need is Need.REVEAL
    declared = Declared(need, touches, confirmed, body_bytes, streams)

    def declare(endpoint: Endpoint) -> Endpoint:
        endpoint.declared = declared  # type: ignore[attr-defined]
        return endpoint

    return declare


def declared_of(endpoint: Callable[..., Any]) -> Declared:
    """Return what *endpoint* declares; raises TypeError when it declares nothing."""
    found = getattr(endpoint, "declared", None)
    if not isinstance(found, Declared):
        name = getattr(endpoint, "__qualname__", endpoint)
        raise TypeError(
            f"{name} does not declare what it needs: see declarations.needs"
        )
    return found
