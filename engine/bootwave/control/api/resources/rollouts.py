"""Roll-outs: telling live phones to fetch their settings again, stage by stage."""

from typing import Annotated, Any, Literal

from fastapi import Path
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from bootwave.control.api.answers import Answer
from bootwave.control.api.declarations import Reached, needs
from bootwave.control.api.forms import Body
from bootwave.control.api.lists import MacPrefix, Page, Sort, TheRows
from bootwave.control.api.principals import Need
from bootwave.control.api.routing import Asker, Routes, TheDesk
from bootwave.control.api.targets import OF_DOMAIN, OF_ENGINE, OF_ROLLOUT, Domain

routes = Routes("roll-outs")
PATH = "/api/v1/rollouts"
Object = dict[str, Any]
Number = Annotated[int, Path(ge=1, le=2**53, examples=[1])]
Target = Annotated[str, Field(max_length=400)]
Count = Annotated[int, Field(ge=0, le=10_000_000)]


class Pace(Body):
    """How fast phones are told; what is not given is as for commands."""

    shared: bool = Field(
        False, description="Takes in phones that would be told along with others."
    )
    rate: float | None = Field(None, description="Phones told in a second.")
    canary: Count | None = Field(None, description="Phones told first.")
    stages: Annotated[str, Field(max_length=256)] | None = Field(
        None, description="How many were told when each ends.", examples=["10%,50%"]
    )
    hours: Annotated[str, Field(max_length=11)] = Field("", examples=["22:00-05:00"])
    wait_minutes: float | None = None
    share_percent: float | None = None
    at_once: bool = False


class Telling(Pace):
    """What phones are told, and which."""

    action: Literal["resync", "reboot"] = "resync"
    model: Annotated[str, Field(max_length=64)] = ""


class Loading(Pace):
    """A version that phones of a model load."""

    model: Annotated[str, Field(max_length=64, examples=["D785"])]
    version: Annotated[str, Field(max_length=64, examples=["10.1.198.19"])]
    location: Annotated[str, Field(max_length=2_000)] = Field(
        "",
        description="Where its image is, if it was not uploaded.",
        examples=["https://images.example.com/snomD785-10.1.198.19-SIP-r.bin"],
    )


class NewRollout(Telling):
    """A roll-out of the engine or of a domain, group, account or device."""

    scope: Literal["engine", "domain", "group", "account", "device"] = "engine"
    target: Target = ""


class NewFirmwareRollout(Loading):
    """A roll-out of firmware for the engine, or a domain, group or device."""

    scope: Literal["engine", "domain", "group", "device"] = "engine"
    target: Target = ""


@routes.get(PATH, Page)
@needs(Need.READ, Reached())
async def list_all(rows: TheRows) -> Response:
    """List the roll-outs, the newest first; of who has some domains those of them."""
    return Answer(await rows.page("rollouts", descending=True))


@routes.post(PATH, Object)
@needs(Need.WRITE, OF_ENGINE)
async def start(
    request: Request, new: NewRollout, asker: Asker, desk: TheDesk
) -> Response:
    """Start a roll-out."""
    return await _start(request, asker, desk, "rollout.start", new)


@routes.post("/api/v1/domains/{domain}/rollouts", Object)
@needs(Need.WRITE, OF_DOMAIN)
async def start_of_domain(
    request: Request, domain: Domain, telling: Telling, asker: Asker, desk: TheDesk
) -> Response:
    """Start a roll-out of a domain."""
    of = {"scope": "domain", "target": domain}
    return await _start(request, asker, desk, "rollout.start", telling, **of)


@routes.post("/api/v1/firmware/rollouts", Object)
@needs(Need.WRITE, OF_ENGINE)
async def start_firmware(
    request: Request, new: NewFirmwareRollout, asker: Asker, desk: TheDesk
) -> Response:
    """Roll a firmware out: phones load it stage by stage, then it is defined."""
    return await _start(request, asker, desk, "rollout.firmware", new)


@routes.post("/api/v1/domains/{domain}/firmware/rollouts", Object)
@needs(Need.WRITE, OF_DOMAIN)
async def start_firmware_of_domain(
    request: Request, domain: Domain, loading: Loading, asker: Asker, desk: TheDesk
) -> Response:
    """Roll a firmware out to the phones of a domain."""
    of = {"scope": "domain", "target": domain}
    return await _start(request, asker, desk, "rollout.firmware", loading, **of)


async def _start(
    request: Request, asker: Asker, desk: TheDesk, op: str, said: Pace, **of: str
) -> Response:
    return await desk.write(
        request,
        asker,
        op,
        {**said.model_dump(exclude_none=True), **of},
        lambda made: Answer(made, 201, {"Location": f"{PATH}/{made['id']}"}),
    )


@routes.get(PATH + "/{rollout}", Object)
@needs(Need.READ, OF_ROLLOUT)
async def show(rollout: Number, asker: Asker, desk: TheDesk) -> Response:
    """Show a roll-out, its stages, and the phones that something is wrong with."""
    return Answer(await desk.read(asker, "rollout.show", rollout=rollout))


@routes.get(PATH + "/{rollout}/phones", Page)
@needs(Need.READ, OF_ROLLOUT)
async def list_phones(
    rollout: Number, rows: TheRows, mac_prefix: MacPrefix = "", sort: Sort = ""
) -> Response:
    """List the phones of a roll-out in the order in which they are told."""
    return await rows.answer(
        "rollout-phones",
        sort=sort,
        rollout=str(rollout),
        mac_prefix=mac_prefix,
    )


@routes.post(PATH + "/{rollout}/pause", Object, 200)
@needs(Need.WRITE, OF_ROLLOUT)
async def pause(
    request: Request, rollout: Number, asker: Asker, desk: TheDesk
) -> Response:
    """Tell no more phones for now."""
    args = {"rollout": rollout}
    return await desk.write(request, asker, "rollout.pause", args, Answer)


@routes.post(PATH + "/{rollout}/resume", Object, 200)
@needs(Need.WRITE, OF_ROLLOUT)
async def resume(
    request: Request,
    rollout: Number,
    asker: Asker,
    desk: TheDesk,
    skip: bool = False,
) -> Response:
    """Go on with a roll-out that is paused or halted."""
    args = {"rollout": rollout, "skip": skip}
    return await desk.write(request, asker, "rollout.resume", args, Answer)


@routes.post(PATH + "/{rollout}/cancel", Object, 200)
@needs(Need.WRITE, OF_ROLLOUT)
async def cancel(
    request: Request,
    rollout: Number,
    asker: Asker,
    desk: TheDesk,
    withdraw: bool = False,
) -> Response:
    """End a roll-out for good; with withdraw phones go back to what they ran before."""
    args = {"rollout": rollout, "withdraw": withdraw}
    return await desk.write(request, asker, "rollout.cancel", args, Answer)
