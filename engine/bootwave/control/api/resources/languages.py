"""Languages: where phones of a domain find those they do not have."""

from typing import Annotated, Any, Literal

from fastapi import Path, Query
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from bootwave.control.api.answers import Answer, nothing
from bootwave.control.api.declarations import needs
from bootwave.control.api.forms import Body
from bootwave.control.api.principals import Need
from bootwave.control.api.routing import Asker, Routes, TheDesk
from bootwave.control.api.targets import OF_DOMAIN, Domain

routes = Routes("languages")
PATH = "/api/v1/domains/{domain}/languages"
Object = dict[str, Any]

Shows = Annotated[
    Literal["gui", "web"], Path(description="The phone's display, or its web page.")
]
Language = Annotated[str, Path(max_length=64, examples=["Deutsch"])]
OfModel = Annotated[
    str, Query(max_length=64, description="Only for phones of this model.")
]


class File(Body):
    """Where a language is."""

    url: Annotated[str, Field(max_length=512)] = Field(
        description="{model} and {firmware} stand for what a phone says it is.",
        examples=["http://pbx.example.com/lang/gui_lang_DE.xml"],
    )


@routes.get(PATH, list[Object])
@needs(Need.READ, OF_DOMAIN)
async def list_all(domain: Domain, asker: Asker, desk: TheDesk) -> Response:
    """List the language files of a domain; credentials in their URLs are masked."""
    return Answer(await desk.read(asker, "language.list", domain=domain))


@routes.put(PATH + "/{kind}/{language}", Object)
@needs(Need.WRITE, OF_DOMAIN)
async def set_file(
    request: Request,
    domain: Domain,
    kind: Shows,
    language: Language,
    file: File,
    asker: Asker,
    desk: TheDesk,
    model: OfModel = "",
) -> Response:
    """Say where phones find a language."""
    args = {"domain": domain, "kind": kind, "name": language}
    args |= {"url": file.url, "model": model}
    return await desk.write(request, asker, "language.set", args, Answer)


@routes.delete(PATH + "/{kind}/{language}")
@needs(Need.WRITE, OF_DOMAIN)
async def unset_file(
    request: Request,
    domain: Domain,
    kind: Shows,
    language: Language,
    asker: Asker,
    desk: TheDesk,
    model: OfModel = "",
) -> Response:
    """Say it no longer."""
    args = {"domain": domain, "kind": kind, "name": language, "model": model}
    return await desk.write(
        request, asker, "language.unset", args, lambda _gone: nothing()
    )
