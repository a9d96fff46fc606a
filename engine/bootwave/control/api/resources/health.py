"""Whether the engine lives and can work, for whoever watches it."""

from typing import Literal

from starlette.responses import Response

from bootwave.control.api.answers import Answer
from bootwave.control.api.declarations import Nothing, needs
from bootwave.control.api.forms import Shown
from bootwave.control.api.principals import Need
from bootwave.control.api.routing import Routes, TheDesk

routes = Routes("health")
READY = "/health/ready"


class Live(Shown):
    """The control process runs."""

    status: Literal["live"]


class Ready(Shown):
    """The store can be read."""

    status: Literal["ready"]


@routes.get("/health/live", Live)
@needs(Need.NOTHING, Nothing())
async def live() -> Response:
    """Say that the control process runs; nothing is looked at."""
    return Answer({"status": "live"})


@routes.get(READY, Ready)
@needs(Need.NOTHING, Nothing())
async def ready(desk: TheDesk) -> Response:
    """Say that the store can be read; 503 when it cannot."""
    await desk.look(lambda store: store.access_session(b""))
    return Answer({"status": "ready"})
