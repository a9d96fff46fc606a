"""For whoever watches: events, metrics, status, and what a phone would be given."""

from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Annotated, Any

from fastapi import Header, Query
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from bootwave.control.api.admission import require_still
from bootwave.control.api.answers import Answer
from bootwave.control.api.declarations import Everywhere, Reached, needs
from bootwave.control.api.principals import Need
from bootwave.control.api.problems import Problem
from bootwave.control.api.routing import Asker, Routes, TheDesk
from bootwave.control.api.targets import OF_DEVICE, Mac
from bootwave.control.metricstext import CONTENT_TYPE
from bootwave.control.outlooks import outlook_for
from bootwave.errors import EngineError, StoreError

routes = Routes("watching")
Object = dict[str, Any]


@routes.get("/api/v1/events", None, 200, gives={"text/event-stream": ""})
@needs(Need.READ, Reached())
async def events(
    request: Request,
    asker: Asker,
    desk: TheDesk,
    last_event_id: Annotated[
        str, Header(max_length=128, description="The number of the last one seen.")
    ] = "",
) -> Response:
    """Tell sightings and roll-outs as they happen (server-sent events).

    Who sends the number of the last event goes on behind it, as far back as the file
    of sightings goes. Who does not reach all domains is told of the devices and
    roll-outs of his. It ends with what let it in: a session or token, or the domains it
    reached.
    """
    feed = desk.room.feed
    sees = follows = None
    if asker.domains is not None:
        domains = asker.domains

        async def sees(macs: Any) -> dict[int, float]:
            return await desk.look(lambda store: store.device_within(macs, domains))

        follows = domains.__contains__

    told = feed.events(last_event_id, sees, follows, whose=asker.whose)
    try:
        first = await anext(told)
    except EngineError as error:
        raise Problem("busy", str(error), headers={"Retry-After": "5"}) from None

    async def pieces() -> AsyncIterator[bytes]:
        async with aclosing(told):
            yield first
            async for piece in told:
                try:
                    await require_still(request, desk)
                except (Problem, StoreError):
                    return  # who may go on comes back
                yield piece

    return StreamingResponse(pieces(), media_type="text/event-stream")


@routes.get("/metrics", None, 200, gives={"text/plain": ""})
@needs(Need.READ, Everywhere())
async def metrics(desk: TheDesk) -> Response:
    """Tell the counters of all processes, in the text format of Prometheus."""
    return Response(await desk.room.metrics(), media_type=CONTENT_TYPE)


@routes.get("/api/v1/status", Object)
@needs(Need.READ, Everywhere())
async def status(asker: Asker, desk: TheDesk) -> Response:
    """Show the version, since when it runs, where it listens, and what it did."""
    return Answer(await desk.carry_out_long(asker, "engine.status"))


@routes.get("/health/would-serve/{mac}", Object)
@needs(Need.READ, OF_DEVICE)
async def would_serve(
    mac: Mac,
    asker: Asker,
    desk: TheDesk,
    source: Annotated[
        str,
        Query(max_length=64, description="The address it asks from; else the last."),
    ] = "",
    model: Annotated[str, Query(max_length=64)] = "",
) -> Response:
    """Say what a phone would be given if it asked now, in each way, and why.

    Nothing happens by it: no window is used up, and nobody is told.
    """
    options = desk.room.options
    found = await desk.see(
        asker,
        lambda store: outlook_for(
            store, options, desk.keyring, mac, source=source, model=model
        ),
    )
    return Answer(found)
