"""What the API answers: JSON by orjson."""

from typing import Any

import orjson
from starlette.responses import JSONResponse, Response


class Answer(JSONResponse):
    """An answer of what JSON has a form for."""

    def render(self, content: Any) -> bytes:
        """Return *content* as bytes."""
        return orjson.dumps(content)


class Changing(Answer):
    """An answer whose entity tag is of what was said, and not of how that goes.

    It is given each time, also to who knows the tag.
    """


def shown(content: Any, tag: str) -> Answer:
    """Return the answer that shows a resource, with its entity *tag*."""
    return Answer(content, headers={"ETag": tag})


def created(location: str, content: Any) -> Answer:
    """Return the answer to a request that made the resource at *location*."""
    return Answer(content, 201, {"Location": location})


def nothing() -> Response:
    """Return the answer to a request after which there is nothing to show."""
    return Response(status_code=204)
