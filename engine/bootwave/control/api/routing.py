"""Routes that are not made without a declaration, and never run without a verdict."""

from collections.abc import Callable, Collection, Coroutine, Mapping, Sequence
from types import MappingProxyType
from typing import Annotated, Any, NamedTuple

from fastapi import Depends
from fastapi.dependencies.utils import get_flat_params
from fastapi.params import Header, Query
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from bootwave.control.api.admission import admit, require_still
from bootwave.control.api.answers import Changing
from bootwave.control.api.boundedbody import BoundedRequest
from bootwave.control.api.declarations import Declared, Endpoint, declared_of
from bootwave.control.api.desk import Desk
from bootwave.control.api.entitytags import is_unchanged
from bootwave.control.api.principals import Need, Principal
from bootwave.control.api.problems import Problem
from bootwave.limits import MAX_API_DOMAIN_IMPORT_BYTES

HEAD_ONLY = "bootwave.head_only"  # in the scope of a GET that is a HEAD


class DeclaredRoute(APIRoute):
    """A route that lets a request through by what its endpoint declares."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **values: Any) -> None:
        """Make it; raises TypeError when *endpoint* declares nothing."""
        self.declared = declared_of(endpoint)
        super().__init__(path, endpoint, **values)
        # Nothing would be revealed, and the audit log would say that it was.
        self.answers_head = (
            "GET" in (self.methods or ()) and self.declared.need is not Need.REVEAL
        )
        params = get_flat_params(self.dependant)
        self._parameters = [
            each.alias for each in params if isinstance(each.field_info, Query)
        ]
        self._conditions = {
            each.alias.lower() for each in params if isinstance(each.field_info, Header)
        }

    def get_route_handler(
        self,
    ) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return what answers a request: nothing is read before the verdict."""
        handle = super().get_route_handler()
        declared = self.declared

        async def admitted(request: Request) -> Response:
            if HEAD_ONLY in request.scope and not self.answers_head:
                raise HTTPException(405)
            desk: Desk = request.app.state.desk
            request.state.principal = await admit(request, declared, desk)
            request.state.declared = declared
            if declared.need is not Need.NOTHING or request.method != "GET":
                _require_understood(request, self._parameters, self._conditions)
            bounded = BoundedRequest(request, _most(request.state.principal, declared))
            if not declared.streams:
                body = await bounded.body()
                if (
                    request.method == "GET"
                    and declared.need is not Need.NOTHING
                    and _has_body(request)
                ):
                    # It may have been held back, and reads look at nobody any more.
                    await require_still(request, desk)
                # Behind the last wait: many of them are parsed one after the other,
                # and what they become takes a multiple of their bytes.
                bounded.parse(body)
            response = await handle(bounded)
            return _unless_known(request, response)

        return admitted


def _has_body(request: Request) -> bool:
    """Whether a body comes behind the head (RFC 9112 section 6.3), be it empty."""
    return not {"content-length", "transfer-encoding"}.isdisjoint(request.headers)


def _require_understood(
    request: Request, parameters: Sequence[str], conditions: Collection[str]
) -> None:
    """Raise Problem when *request* says something that would not be heeded.

    A misspelt ``dry_run`` must not delete what it was to try, nor a condition that
    nobody looks at let a change through.
    """
    names = [name for name, _ in request.query_params.multi_items()]
    for place, name in enumerate(names):
        if name in parameters and name not in names[:place]:
            continue
        known = ", ".join(parameters) or "none"
        what = "twice" if name in parameters else "and not known"
        at = f"query/{name[:40]}"
        detail = f"The parameter is there {what}: here are {known}."
        raise Problem(
            "invalid", f"{at}: {detail}", errors=[{"at": at, "detail": detail}]
        )
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if encoding != "identity":
        raise Problem("encoded", "Send the body as it is, without a Content-Encoding.")
    if request.method == "GET":
        return
    condition = request.headers.get("if-match", "*").strip()
    if "if-match" not in conditions and condition != "*":
        raise Problem(
            "precondition-failed",
            "What is changed here has no ETag, so that none can match: leave If-Match "
            "out.",
        )
    for name in ("if-none-match", "if-unmodified-since"):
        if name in request.headers and name not in conditions:
            raise Problem(
                "bad-request", f"{name.title()} is not for this request: leave it out."
            )


def _most(principal: Principal, declared: Declared) -> int:
    """Return how many bytes a body of *principal* may have.

    Imports are kept on a disk that the store may be on, which one domain must not fill.
    """
    if principal.domains is None:
        return declared.body_bytes
    return min(declared.body_bytes, MAX_API_DOMAIN_IMPORT_BYTES)


def _unless_known(request: Request, response: Response) -> Response:
    """Return *response*, or 304 when a GET says that it knows what that shows."""
    tag = response.headers.get("etag")
    if request.method != "GET" or response.status_code != 200 or tag is None:
        return response
    if isinstance(response, Changing):
        return response
    if not is_unchanged(tag, request.headers.get("if-none-match")):
        return response
    return Response(status_code=304, headers={"ETag": tag})


# Of a body that is no JSON: media types, with an example if ``examples`` has none.
Content = Mapping[str, str]


class Route(NamedTuple):
    """One route, before it is made."""

    method: str
    path: str
    endpoint: Callable[..., Any]
    shows: Any
    status: int
    tag: str
    described: bool
    takes: Content = MappingProxyType({})
    gives: Content = MappingProxyType({})
    tagged: bool = False
    tells_tag: bool = False

    @property
    def declared(self) -> Declared:
        """What its endpoint declares."""
        return declared_of(self.endpoint)


class Routes:
    """The routes of one resource; *tag* is what the description puts them under.

    What a method is given beside its path and status is for the description alone.
    *shows* is the model of the answer, None for one without content, or for one that
    *gives* what is no JSON; *takes* is the body of a request that is none.  What is
    *tagged* has an ETag, and what *tells_tag* one of what was said alone, which changes
    answer to.  Pages for people are not *described* to programs.
    """

    def __init__(self, tag: str, *, described: bool = True) -> None:
        """Begin with none."""
        self._tag = tag
        self._described = described
        self.all: list[Route] = []

    def get(
        self, path: str, shows: Any, status: int = 200, **details: Any
    ) -> Callable[[Endpoint], Endpoint]:
        """Return the decorator of an endpoint that shows something."""
        return self._method("GET", path, shows, status, **details)

    def post(
        self, path: str, shows: Any, status: int = 201, **details: Any
    ) -> Callable[[Endpoint], Endpoint]:
        """Return the decorator of an endpoint that makes something."""
        return self._method("POST", path, shows, status, **details)

    def put(
        self, path: str, shows: Any, status: int = 200, **details: Any
    ) -> Callable[[Endpoint], Endpoint]:
        """Return the decorator of an endpoint that says how something shall be."""
        return self._method("PUT", path, shows, status, **details)

    def patch(
        self, path: str, shows: Any, status: int = 200, **details: Any
    ) -> Callable[[Endpoint], Endpoint]:
        """Return the decorator of an endpoint that changes what is given of it."""
        return self._method("PATCH", path, shows, status, **details)

    def delete(
        self, path: str, shows: Any = None, status: int = 204
    ) -> Callable[[Endpoint], Endpoint]:
        """Return the decorator of an endpoint that ends something."""
        return self._method("DELETE", path, shows, status)

    def _method(
        self, method: str, path: str, shows: Any, status: int, **details: Any
    ) -> Callable[[Endpoint], Endpoint]:
        def collect(endpoint: Endpoint) -> Endpoint:
            route = Route(
                *(method, path, endpoint, shows, status, self._tag, self._described),
                **details,
            )
            declared_of(endpoint)
            self.all.append(route)
            return endpoint

        return collect


async def _principal(request: Request) -> Principal:
    found: Principal = request.state.principal
    return found


async def _desk(request: Request) -> Desk:
    found: Desk = request.app.state.desk
    return found


Asker = Annotated[Principal, Depends(_principal)]
TheDesk = Annotated[Desk, Depends(_desk)]
