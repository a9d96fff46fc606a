"""Firmware: which version phones of a model shall run, and the images they load.

What is said for a scope has one ETag, whatever part of it a change is of.  Credentials
in URLs of images are shown as those of settings are.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from functools import partial
from typing import Annotated, Any, BinaryIO, NamedTuple, cast

from fastapi import Depends, Header, Path, Query
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from bootwave.control.api import targets
from bootwave.control.api.answers import Answer, Changing, nothing, shown
from bootwave.control.api.declarations import Touches, needs
from bootwave.control.api.entitytags import Check, IfMatch, State, conditions, matches
from bootwave.control.api.forms import Body
from bootwave.control.api.principals import Need
from bootwave.control.api.problems import Problem
from bootwave.control.api.routing import Asker, Routes, TheDesk
from bootwave.control.api.targets import OF_DEVICE, OF_DOMAIN, OF_ENGINE, Model
from bootwave.errors import BootwaveError
from bootwave.firmware.definitions import required_image_name
from bootwave.firmware.document import MAX_DOCUMENT_BYTES
from bootwave.limits import MAX_API_IMAGE_BYTES
from bootwave.store.firmware import firmware as definitions
from bootwave.store.firmware.imagefolder import ImageFolder, is_sha256

routes = Routes("firmware")
_DOMAIN = "/api/v1/domains/{domain}"
IMAGES = "/api/v1/firmware/images"
MAX_UPLOADS = 2  # at once; each holds a thread
_CONTENT = "the bytes of the image, as the vendor gives them\n"

Object = dict[str, Any]
Version = Annotated[str, Path(max_length=24, examples=["10.1.198.19"])]
ImageName = Annotated[
    str, Path(max_length=100, examples=["snomD785-10.1.198.19-SIP-r.bin"])
]
IfSame = Annotated[
    str | None,
    Header(
        alias="If-Match",
        description="The ETag of what is said for the scope (its /firmware), or *.",
    ),
]


class _Scope(NamedTuple):
    scope: str
    path: str
    touches: Touches
    target: Callable[..., str]


_SCOPES = (
    _Scope("engine", "/api/v1", OF_ENGINE, targets.engine),
    _Scope("domain", _DOMAIN, OF_DOMAIN, targets.domain),
    _Scope("group", _DOMAIN + "/groups/{group}", OF_DOMAIN, targets.group),
    _Scope("device", "/api/v1/devices/{mac}", OF_DEVICE, targets.device),
)


class Defined(Body):
    """Where a version is, and what it is for."""

    location: Annotated[str, Field(max_length=255)] = Field(
        "",
        description="A URL or the name of an image; else the one uploaded for it.",
        examples=["https://images.example.com/snomD785-10.1.198.19-SIP-r.bin"],
    )
    step: bool = Field(False, description="Only loaded on the way to another.")
    part: Annotated[str, Field(max_length=8)] = ""


class Document(Body):
    """What a scope defines, as the document known as snom_3xx_fs.xml."""

    document: Annotated[str, Field(max_length=MAX_DOCUMENT_BYTES)] = Field(
        examples=['<?xml version="1.0"?><firmware-settings></firmware-settings>']
    )


class Forbidden(Body):
    """Why a version is forbidden."""

    reason: Annotated[str, Field(max_length=256)] = ""


def _add(scope: _Scope) -> None:
    """Add the routes of one kind of scope."""
    named = Depends(scope.target)

    def said(target: str) -> State:
        return lambda work: definitions.said(work, scope.scope, target)

    def exported(target: str) -> State:
        return lambda work: definitions.exported(work, scope.scope, target)

    def if_same(target: str, if_match: str | None) -> Check | None:
        return conditions(if_match, None, said(target))

    async def show(
        target: Annotated[str, named], asker: Asker, desk: TheDesk
    ) -> Response:
        """Show what is defined, pinned and forbidden there.

        Its ETag is of that, and not of what became of images.
        """
        found, tag = await desk.read_tagged(
            asker, said(target), "firmware.list", scope=scope.scope, target=target
        )
        return Changing(found, headers={"ETag": tag})

    async def define(
        request: Request,
        model: Model,
        version: Version,
        defined: Defined,
        target: Annotated[str, named],
        asker: Asker,
        desk: TheDesk,
        if_match: IfSame = None,
    ) -> Response:
        """Define the version that phones of a model shall run."""
        args = {"scope": scope.scope, "target": target, "model": model}
        args |= {"version": version, **defined.model_dump()}
        check = if_same(target, if_match)
        return await desk.write(
            request, asker, "firmware.set", args, Answer, check=check
        )

    async def undefine(
        request: Request,
        model: Model,
        version: Version,
        target: Annotated[str, named],
        asker: Asker,
        desk: TheDesk,
        if_match: IfSame = None,
    ) -> Response:
        """Define a version no longer."""
        args = {"scope": scope.scope, "target": target, "model": model}
        args["version"] = version
        check = if_same(target, if_match)
        return await desk.write(
            request, asker, "firmware.unset", args, _nothing, check=check
        )

    async def undefine_all(
        request: Request,
        model: Model,
        target: Annotated[str, named],
        asker: Asker,
        desk: TheDesk,
        if_match: IfSame = None,
    ) -> Response:
        """Define no version of a model any more."""
        args = {"scope": scope.scope, "target": target, "model": model}
        check = if_same(target, if_match)
        return await desk.write(
            request, asker, "firmware.unset", args, _nothing, check=check
        )

    async def export(
        target: Annotated[str, named], asker: Asker, desk: TheDesk
    ) -> Response:
        """Show what is defined there as a document, such as others keep theirs."""
        found, tag = await desk.read_tagged(
            asker,
            exported(target),
            "firmware.export",
            scope=scope.scope,
            target=target,
        )
        return shown(found, tag)

    async def bring_in(
        request: Request,
        wanted: Document,
        target: Annotated[str, named],
        asker: Asker,
        desk: TheDesk,
        if_match: IfMatch = None,
        dry_run: bool = False,
    ) -> Response:
        """Define what a document says, and nothing else; says what that changes."""
        args: Object = {"scope": scope.scope, "target": target}
        args |= {"document": wanted.document, "dry_run": dry_run}
        return await desk.write(
            request,
            asker,
            "firmware.import",
            args,
            Answer,
            check=matches(if_match, exported(target)),
        )

    async def explain(
        target: Annotated[str, named],
        asker: Asker,
        desk: TheDesk,
        version: Annotated[
            str,
            Query(max_length=24, description="What it runs.", examples=["10.1.198.19"]),
        ],
        model: Annotated[
            str,
            Query(
                max_length=64,
                description="Which; else what the phone is.",
                examples=["D785"],
            ),
        ] = "",
        user_agent: Annotated[
            str,
            Query(
                max_length=512,
                description="Of a phone of version 6: what it boots from.",
            ),
        ] = "",
    ) -> Response:
        """Say what a phone that runs a version would be told, why, and the way."""
        return Answer(
            await desk.read(
                asker,
                "firmware.explain",
                scope=scope.scope,
                target=target,
                version=version,
                model=model,
                user_agent=user_agent,
            )
        )

    async def pin(
        request: Request,
        model: Model,
        version: Version,
        target: Annotated[str, named],
        asker: Asker,
        desk: TheDesk,
        if_match: IfSame = None,
    ) -> Response:
        """Let phones of a model run a version whatever is defined, or "keep" theirs."""
        args = {"scope": scope.scope, "target": target, "model": model}
        args["version"] = version
        check = if_same(target, if_match)
        return await desk.write(
            request, asker, "firmware.pin", args, Answer, check=check
        )

    async def unpin(
        request: Request,
        model: Model,
        target: Annotated[str, named],
        asker: Asker,
        desk: TheDesk,
        if_match: IfSame = None,
    ) -> Response:
        """Let phones of a model run what is defined."""
        args = {"scope": scope.scope, "target": target, "model": model}
        check = if_same(target, if_match)
        return await desk.write(
            request, asker, "firmware.unpin", args, _nothing, check=check
        )

    async def forbid(
        request: Request,
        model: Model,
        version: Version,
        forbidden: Forbidden,
        target: Annotated[str, named],
        asker: Asker,
        desk: TheDesk,
        if_match: IfSame = None,
    ) -> Response:
        """Let no phone of a model be told a version."""
        args = {"scope": scope.scope, "target": target, "model": model}
        args |= {"version": version, **forbidden.model_dump()}
        check = if_same(target, if_match)
        return await desk.write(
            request, asker, "firmware.forbid", args, Answer, check=check
        )

    async def permit(
        request: Request,
        model: Model,
        version: Version,
        target: Annotated[str, named],
        asker: Asker,
        desk: TheDesk,
        if_match: IfSame = None,
    ) -> Response:
        """Let phones of a model be told a version again."""
        args = {"scope": scope.scope, "target": target, "model": model}
        args["version"] = version
        check = if_same(target, if_match)
        return await desk.write(
            request, asker, "firmware.permit", args, _nothing, check=check
        )

    path = f"{scope.path}/firmware"
    reads = needs(Need.READ, scope.touches)
    writes = needs(Need.WRITE, scope.touches)
    model = path + "/{model}"
    tells_tag = partial(routes.get, tells_tag=True)
    tagged = partial(routes.get, tagged=True)
    for add, place, shows, need, endpoint in (
        (tells_tag, path, Object, reads, show),
        (tagged, path + "/document", Object, reads, export),
        (routes.put, path + "/document", Object, writes, bring_in),
        (routes.get, path + "/explanation", Object, reads, explain),
        (routes.put, model + "/versions/{version}", Object, writes, define),
        (routes.delete, model + "/versions/{version}", None, writes, undefine),
        (routes.delete, model + "/versions", None, writes, undefine_all),
        (routes.put, model + "/pin/{version}", Object, writes, pin),
        (routes.delete, model + "/pin", None, writes, unpin),
        (routes.put, model + "/forbidden/{version}", Object, writes, forbid),
        (routes.delete, model + "/forbidden/{version}", None, writes, permit),
    ):
        endpoint.__name__ = f"{endpoint.__name__}_of_{scope.scope}"
        add(place, shows)(need(endpoint))


def _nothing(_found: Any) -> Response:
    return nothing()


@routes.get(IMAGES, list[Object])
@needs(Need.READ, OF_ENGINE)
async def list_images(asker: Asker, desk: TheDesk) -> Response:
    """List the images that were uploaded."""
    return Answer(await desk.read(asker, "firmware.images"))


@routes.put(IMAGES + "/{image}", Object, takes={"application/octet-stream": _CONTENT})
@needs(Need.WRITE, OF_ENGINE, streams=True, body_bytes=MAX_API_IMAGE_BYTES)
async def upload(
    request: Request,
    image: ImageName,
    asker: Asker,
    desk: TheDesk,
    sha256: Annotated[
        str, Query(max_length=64, description="What the image must have.")
    ] = "",
    model: Annotated[str, Query(max_length=64)] = "",
    version: Annotated[str, Query(max_length=24)] = "",
) -> Response:
    """Add an image for phones to load from here: the body is its content."""
    name = required_image_name(image)
    wanted = sha256.strip().lower()
    if wanted and not is_sha256(wanted):
        raise Problem("invalid", "sha256 is 64 hex digits, as sha256sum prints them.")
    room = desk.room
    if room.uploads >= MAX_UPLOADS:
        raise Problem("busy", f"{MAX_UPLOADS} images are uploaded at once: try again.")
    room.uploads += 1
    try:
        options = room.options
        folder = ImageFolder(options.store.images)
        source = _Body(request.stream(), asyncio.get_running_loop())
        taken = await asyncio.to_thread(
            folder.take, cast(BinaryIO, source), options.firmware.image_bytes
        )
        try:
            if wanted and wanted != taken.sha256:
                raise Problem(
                    "invalid",
                    f"The image has the SHA-256 {taken.sha256}, not the one it should "
                    "have: send it again.",
                )
            return await desk.write(
                request,
                asker,
                "firmware.upload",
                {
                    "sha256": taken.sha256,
                    "size": taken.size,
                    "name": name,
                    "model": model,
                    "version": version,
                },
                Answer,
            )
        except BaseException:
            if taken.fresh:
                # Also for who may do nothing any more.  What failed is told, not that
                # its file stays.
                with suppress(BootwaveError):
                    await desk.change(
                        asker.actor, lambda store: store.firmware_discard(taken.sha256)
                    )
            raise
    finally:
        room.uploads -= 1


@routes.delete(IMAGES + "/{image}")
@needs(Need.WRITE, OF_ENGINE)
async def remove_image(
    request: Request, image: ImageName, asker: Asker, desk: TheDesk
) -> Response:
    """Remove an image that is not defined any more."""
    return await desk.write(
        request, asker, "firmware.remove", {"name": image}, lambda _gone: nothing()
    )


class _Body:
    """The body of a request for a thread that reads files; the loop brings it."""

    def __init__(
        self, stream: AsyncIterator[bytes], loop: asyncio.AbstractEventLoop
    ) -> None:
        self._stream = stream
        self._loop = loop
        self._rest = b""

    def read(self, size: int) -> bytes:
        """Return at most *size* bytes, b"" at the end; raises what the way raises."""
        if not self._rest:
            self._rest = asyncio.run_coroutine_threadsafe(
                self._next(), self._loop
            ).result()
        some, self._rest = self._rest[:size], self._rest[size:]
        return some

    async def _next(self) -> bytes:
        async for piece in self._stream:
            if piece:
                return piece
        return b""


for _scope in _SCOPES:
    _add(_scope)
