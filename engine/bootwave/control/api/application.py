"""The application: every route of every resource, and how each failure is told."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from bootwave.control.api import description
from bootwave.control.api.answers import Answer
from bootwave.control.api.desk import Desk
from bootwave.control.api.invalid import problem_of
from bootwave.control.api.problems import Problem, problem_from
from bootwave.control.api.resources import (
    accounts,
    administrators,
    apitokens,
    audit,
    bindings,
    bulk,
    certificates,
    devices,
    dialplans,
    domains,
    domaintokens,
    firmware,
    groups,
    health,
    languages,
    layers,
    phonebooks,
    profiles,
    redirection,
    rollouts,
    sessions,
    setuppage,
    urltokens,
    watching,
    windows,
)
from bootwave.control.api.routing import DeclaredRoute, Routes
from bootwave.errors import BootwaveError

RESOURCES: Sequence[Routes] = (
    domains.routes,
    accounts.routes,
    windows.routes,
    bindings.routes,
    bulk.routes,
    devices.routes,
    profiles.routes,
    groups.routes,
    layers.routes,
    phonebooks.routes,
    dialplans.routes,
    languages.routes,
    certificates.routes,
    firmware.routes,
    rollouts.routes,
    redirection.routes,
    urltokens.routes,
    domaintokens.routes,
    audit.routes,
    watching.routes,
    administrators.routes,
    apitokens.routes,
    sessions.routes,
    setuppage.routes,
    health.routes,
    description.routes,
)

Handler = Callable[[Request, Any], Awaitable[Response]]


def application(desk: Desk) -> FastAPI:
    """Return the application whose routes work with *desk*."""
    app = FastAPI(
        title=description.TITLE,
        version=description.VERSION,
        description=description.TEXT,
        default_response_class=Answer,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.desk = desk
    app.router.route_class = DeclaredRoute
    for resource in RESOURCES:
        for route in resource.all:
            app.add_api_route(
                route.path,
                route.endpoint,
                methods=[route.method],
                status_code=route.status,
                response_model=route.shows,
                response_class=Response if route.shows is None else Answer,
                include_in_schema=route.described,
                tags=[route.tag],
                operation_id=f"{route.endpoint.__module__.rpartition('.')[2]}_"
                f"{route.endpoint.__name__}",
                summary=description.first_line(route.endpoint).rstrip("."),
                response_description=description.answered(route),
                responses=description.RESPONSES,
                openapi_extra=description.extra(route),
            )
    handlers: dict[type[Exception], Handler] = {
        Problem: _told,
        BootwaveError: _told,
        RequestValidationError: _invalid,
        HTTPException: _refused,
        Exception: _told,
    }
    for kind, handler in handlers.items():
        app.add_exception_handler(kind, handler)
    return app


async def _told(_request: Request, error: Exception) -> Response:
    return problem_from(error).response()


async def _invalid(_request: Request, error: RequestValidationError) -> Response:
    """Tell what is wrong where."""
    return problem_of(error.errors()).response()


async def _refused(request: Request, error: HTTPException) -> Response:
    """Tell what the framework itself refuses."""
    if error.status_code == 404:
        problem = Problem(
            "not-found", "There is nothing at this path: see /openapi.json."
        )
    elif error.status_code == 405:
        allowed = sorted(_methods(request))
        problem = Problem(
            "method-not-allowed",
            f"Here only {', '.join(allowed)} can be done: see /openapi.json.",
            headers={"Allow": ", ".join(allowed)},
        )
    else:
        problem = Problem("bad-request", "The request cannot be understood.")
    return problem.response()


def _methods(request: Request) -> set[str]:
    """Return the methods that the path of *request* knows."""
    found: set[str] = set()
    for route in request.app.routes:
        if isinstance(route, DeclaredRoute) and route.path_regex.match(
            request.scope["path"]
        ):
            found |= route.methods or set()
            if route.answers_head:
                found.add("HEAD")
    return found
