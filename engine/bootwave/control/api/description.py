"""The description of the API for programs: OpenAPI, at /openapi.json."""

import asyncio
from typing import Any

import orjson
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response

from bootwave.control.api.declarations import Nothing, needs
from bootwave.control.api.principals import Need
from bootwave.control.api.problems import MEDIA_TYPE, TYPE_PREFIX
from bootwave.control.api.routing import Route, Routes

routes = Routes("description")
PATH = "/openapi.json"
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


RESPONSES: dict[int | str, dict[str, Any]] = {
    "default": {
        "description": "What failed, and what to do.",
        "content": {
            MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemDocument"}}
        },
    }
}
_SECURITY: list[dict[str, list[str]]] = [{"token": []}, {"session": []}]


def extra(route: Route) -> dict[str, Any]:
    """Return what the description says of *route* beyond its parameters."""
    need = route.declared.need
    if need is Need.NOTHING:
        return {"security": []}
    return {"security": _SECURITY, "x-bootwave-needs": need.value}


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
    problem = ProblemDocument.model_json_schema(
        ref_template="#/components/schemas/{model}"
    )
    components.setdefault("schemas", {}).update(problem.pop("$defs", {}))
    components["schemas"]["ProblemDocument"] = problem
    return schema
