"""The description of the API for programs: OpenAPI, at /openapi.json."""

import asyncio
import inspect
import re
from collections.abc import Mapping
from typing import Any, get_origin

import orjson
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response

from bootwave.control.api.declarations import Nothing, needs
from bootwave.control.api.examples import add_examples
from bootwave.control.api.forms import Shown
from bootwave.control.api.idempotencykeys import HEADER as KEY
from bootwave.control.api.principals import Need
from bootwave.control.api.problems import KINDS, MEDIA_TYPE, TYPE_PREFIX
from bootwave.control.api.resources.health import READY
from bootwave.control.api.routing import Route, Routes
from bootwave.store.access.idempotency import MAX_KEY_CHARACTERS

routes = Routes("description")
PATH = "/openapi.json"
_PARAMETER = re.compile(r"\{(\w+)\}")
TITLE = "Bootwave"
VERSION = "1"  # of the API
TEXT = (
    "Domains, accounts and windows of a provisioning engine for snom phones. Send a "
    "token as Authorization: Bearer, or sign in. Errors are problem+json (RFC 9457) "
    "whose detail says what to do."
)


class PlaceProblem(BaseModel):
    """What is wrong at one place of a request."""

    at: str = Field(examples=["body/name"])
    detail: str


class ProblemDocument(BaseModel):
    """Why a request failed (RFC 9457)."""

    type: str = Field(examples=[TYPE_PREFIX + "not-found"])
    title: str
    status: int
    detail: str = Field(description="One sentence that says what to do.")
    errors: list[PlaceProblem] = []


_PROBLEM = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemDocument"}}}
RESPONSES: dict[int | str, dict[str, Any]] = {
    "default": {"description": "What failed, and what to do.", "content": _PROBLEM}
}
_SECURITY: list[dict[str, list[str]]] = [{"token": []}, {"session": []}]
_OF_SESSIONS = (Need.NOTHING, Need.SIGNED_IN)
_TEXT = {"type": "string"}
_KEY = {**_TEXT, "maxLength": MAX_KEY_CHARACTERS, "pattern": "^[ -~]*$"}
_ETAG = {"ETag": {"description": "Which state this is (RFC 9110).", "schema": _TEXT}}
_LOCATION = {"Location": {"description": "Where it is now.", "schema": _TEXT}}
# Members of an answer that stand for a parameter of a path of another name.
_NAMED = {"domain": "name", "profile": "name", "group": "name", "rollout": "id"}


def answered(route: Route) -> str:
    """Return the sentence that says what *route* answers when it did what it is for."""
    if route.status == 204:
        return "It is done, and there is nothing to show."
    shows = route.shows
    if isinstance(shows, type) and issubclass(shows, Shown):
        return first_line(shows)
    if route.gives:
        return "A text that comes piece by piece."
    if get_origin(shows) is list:
        return "All of it, one after the other."
    if route.method == "GET":
        return "What was asked for, as it is now."
    if route.status == 201:
        return "What was made."
    return "What was done, or would be, and how it is now."


def first_line(described: Any) -> str:
    """Return the first line of the docstring of what is *described*."""
    return (described.__doc__ or "").strip().partition("\n")[0]


def extra(route: Route) -> dict[str, Any]:
    """Return what the description says of *route* beyond its parameters."""
    said: dict[str, Any] = {
        "parameters": _fields(route),
        "responses": _responses(route),
        "security": [],
    }
    if route.takes:
        said["requestBody"] = {"required": True, "content": _content(route.takes)}
    need = route.declared.need
    if need is not Need.NOTHING:
        said |= {"security": _SECURITY, "x-bootwave-needs": need.value}
    return said


def _fields(route: Route) -> list[dict[str, Any]]:
    """Return the header fields that requests of *route* may have, whatever it takes."""
    fields: dict[str, tuple[str, dict[str, Any]]] = {}
    is_repeatable = not _is_of_sessions(route) and not route.declared.streams
    if route.method == "POST" and is_repeatable:
        fields[KEY] = "Names the request: sent again it is carried out once.", _KEY
    if route.method == "GET" and route.tagged:
        words = "The ETag that is known: 304 while nothing changed."
        fields["If-None-Match"] = words, _TEXT
    return [
        {"name": name, "in": "header", "description": words, "schema": schema}
        for name, (words, schema) in fields.items()
    ]


def _is_of_sessions(route: Route) -> bool:
    """Whether *route* changes who is signed in, for which passwords may be guessed."""
    return route.method != "GET" and route.declared.need in _OF_SESSIONS


def _responses(route: Route) -> dict[str, Any]:
    said: dict[str, Any] = {}
    done = str(route.status)
    if route.gives:
        said[done] = {"content": _content(route.gives)}
    if route.tells_tag:
        said[done] = {"headers": _ETAG}
    if route.tagged:
        fields = _ETAG | (_LOCATION if route.status == 201 else {})
        said[done] = {"headers": fields}
        if route.method == "GET":
            said["304"] = {"description": "It is as it is known.", "headers": _ETAG}
    for status in sorted(_refusals(route)):
        said[str(status)] = {"$ref": f"#/components/responses/{status}"}
    return said


def _content(bodies: Mapping[str, str]) -> dict[str, Any]:
    return {
        type_: {"schema": _TEXT, **({"example": example} if example else {})}
        for type_, example in bodies.items()
    }


def _refusals(route: Route) -> set[int]:
    """Return the statuses by which *route* can refuse a request."""
    given = inspect.signature(route.endpoint).parameters
    found = {400}
    is_somebodys = route.declared.need is not Need.NOTHING
    if is_somebodys:
        found |= {401, 403, 422, 503}
    if route.method != "GET":
        found |= {404, 409, 413, 415, 422, 503, 507}
    if "{" in route.path or route.tag == "redirection":
        found.add(404)
    if "if_match" in given:
        found |= {412, 428}
    if _is_of_sessions(route):
        found |= {401, 403, 429}
    if route.tag == "redirection" and route.method == "POST":
        found.add(502)
    if route.path == READY:
        found.add(503)
    return found


@routes.get(PATH, dict[str, Any])
@needs(Need.NOTHING, Nothing())
async def show(request: Request) -> Response:
    """Describe the API (OpenAPI 3.1)."""
    # For anybody, so once, and in a thread: it takes half a second.
    state = request.app.state
    if not hasattr(state, "described"):
        state.described = asyncio.ensure_future(
            asyncio.to_thread(_encoded, request.app)
        )
    content = await asyncio.shield(state.described)
    return Response(content, media_type="application/json")


def _encoded(app: Any) -> bytes:
    return orjson.dumps(made(app))


def made(app: Any) -> dict[str, Any]:
    """Return the description of the application *app*."""
    schema = get_openapi(
        title=app.title,
        version=app.version,
        description=app.description,
        routes=app.routes,
    )
    components = schema.setdefault("components", {})
    components["securitySchemes"] = {
        "token": {"type": "http", "scheme": "bearer"},
        "session": {"type": "apiKey", "in": "cookie", "name": "bootwave"},
    }
    components["responses"] = {
        str(status): {"description": " or ".join(titles), "content": _PROBLEM}
        for status, titles in _titles().items()
    }
    _link(schema["paths"], components.get("schemas", {}))
    add_examples(schema["paths"])
    problem = ProblemDocument.model_json_schema(
        ref_template="#/components/schemas/{model}"
    )
    components.setdefault("schemas", {}).update(problem.pop("$defs", {}))
    components["schemas"]["ProblemDocument"] = problem
    return schema


def _titles() -> dict[int, list[str]]:
    """Return what each status of a failure says."""
    found: dict[int, list[str]] = {}
    for kind in KINDS.values():
        found.setdefault(kind.status, []).append(kind.title)
    return found


def _link(paths: dict[str, Any], schemas: Mapping[str, Any]) -> None:
    """Have what adds something say where that is shown, changed and removed.

    Links are from an answer of 201 to the operations one part further, whose parameter
    is the name that the answer gives; not of several things, which have none.
    """
    for path, methods in paths.items():
        answer = methods.get("post", {}).get("responses", {}).get("201")
        if answer is None:
            continue
        links = {}
        for further, operations in paths.items():
            parent, _, last = further.rpartition("/")
            if parent != path or not last.startswith("{"):
                continue
            parameter = last.strip("{}")
            member = _NAMED.get(parameter, parameter)
            if not _may_have(answer, member, schemas):
                continue
            given = {
                each: f"$request.path.{each}" for each in _PARAMETER.findall(path)
            } | {parameter: f"$response.body#/{member}"}
            for operation in operations.values():
                links[operation["operationId"]] = {
                    "operationId": operation["operationId"],
                    "parameters": given,
                }
        if links:
            answer["links"] = links


def _may_have(
    answer: Mapping[str, Any], member: str, schemas: Mapping[str, Any]
) -> bool:
    """Whether an *answer* has a *member*, as far as it is described."""
    shown = answer["content"]["application/json"]["schema"]
    named = schemas.get(str(shown.get("$ref", "")).rpartition("/")[2], shown)
    return "properties" not in named or member in named["properties"]
