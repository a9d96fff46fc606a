"""The page that a set-up link leads to: a form that makes the first administrator.

It works without its script, which only puts the token of the link into the form.
"""

from html import escape
from importlib.resources import files
from string import Template
from urllib.parse import parse_qs

from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import Response

from bootwave.control.api.declarations import Nothing, needs
from bootwave.control.api.principals import Need
from bootwave.control.api.problems import Problem, problem_from
from bootwave.control.api.resources.sessions import NAME, SetUp, first_operator
from bootwave.control.api.routing import Routes, TheDesk
from bootwave.errors import BootwaveError
from bootwave.store.access.passwordhashes import (
    MAX_PASSWORD_CHARACTERS,
    MIN_PASSWORD_CHARACTERS,
)

routes = Routes("set-up", described=False)
PATH = "/setup"
_BODY_BYTES = 16 * 1024
_FORM = "application/x-www-form-urlencoded"
_POLICY = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; "
    "style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
}
_WRONG = {
    "token": "The set-up token is not complete.",
    "name": "A name has letters, digits and . _ @ + - only, and begins and ends with "
    "a letter or a digit.",
    "password": f"A password has {MIN_PASSWORD_CHARACTERS} to "
    f"{MAX_PASSWORD_CHARACTERS} characters.",
}


def _file(name: str) -> str:
    return (files("bootwave.control.api.setup") / name).read_text("utf-8")


_PAGE, _FIELDS, _DONE = (
    Template(_file(f"{name}.html")) for name in ("page", "form", "done")
)
_STYLE, _SCRIPT = _file("setup.css"), _file("setup.js")


@routes.get(PATH, None, 200)
@needs(Need.NOTHING, Nothing())
async def show(request: Request) -> Response:
    """Show the form."""
    return _page(_fields({}))


@routes.get("/setup.css", None, 200)
@needs(Need.NOTHING, Nothing())
async def style(request: Request) -> Response:
    """Send how it looks."""
    return Response(_STYLE, media_type="text/css")


@routes.get("/setup.js", None, 200)
@needs(Need.NOTHING, Nothing())
async def script(request: Request) -> Response:
    """Send what puts the token of the link into the form."""
    return Response(_SCRIPT, media_type="text/javascript")


@routes.post(PATH, None, 201)
@needs(Need.NOTHING, Nothing(), body_bytes=_BODY_BYTES, streams=True)
async def redeem(request: Request, desk: TheDesk) -> Response:
    """Make the first operator, or show the form again and what is wrong with it."""
    media_type = request.headers.get("content-type", "").partition(";")[0]
    if media_type.strip().lower() != _FORM:
        raise Problem("not-form", f"Send the form as Content-Type: {_FORM}.")
    given = _given(await request.body())
    try:
        if given.get("password") != given.pop("again", None):
            raise Problem("invalid", "The two passwords are not the same.")
        made = await first_operator(request, desk, _wanted(given))
    except BootwaveError as error:
        problem = problem_from(error)
        return _page(
            _fields(given, problem.detail), problem.status, {**problem.headers}
        )
    return _page(_DONE.substitute(name=escape(made["name"])), 201)


def _given(body: bytes) -> dict[str, str]:
    """Return the fields of a form, each once; what is no form has none."""
    try:
        read = parse_qs(body.decode("ascii"), keep_blank_values=True, max_num_fields=8)
    except ValueError:
        return {}
    given = {name: values[-1] for name, values in read.items()}
    # What is copied comes with blanks; of a password they are a part.
    return {
        name: value if name in ("password", "again") else value.strip()
        for name, value in given.items()
    }


def _wanted(given: dict[str, str]) -> SetUp:
    try:
        return SetUp(**given)
    except ValidationError as error:
        where = str(error.errors()[0]["loc"][0])
        raise Problem("invalid", _WRONG.get(where, "Fill in the form.")) from None


def _fields(given: dict[str, str], message: str = "") -> str:
    """Return the form with what was *given*, but for the passwords."""
    told = f'<p class="wrong" role="alert">{escape(message)}</p>' if message else ""
    return _FIELDS.substitute(
        message=told,
        token=escape(given.get("token", "")),
        name=escape(given.get("name", "")),
        pattern=escape(NAME.removeprefix("^").removesuffix("$")),
        least=MIN_PASSWORD_CHARACTERS,
        most=MAX_PASSWORD_CHARACTERS,
    )


def _page(
    content: str, status: int = 200, headers: dict[str, str] | None = None
) -> Response:
    return Response(
        _PAGE.substitute(content=content),
        status,
        {**_POLICY, **(headers or {})},
        media_type="text/html",
    )
