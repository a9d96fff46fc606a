"""What the API answers: JSON by orjson."""

from typing import Any

import orjson
from starlette.responses import JSONResponse, Response

from bootwave.control.api.entitytags import entity_tag


class Answer(JSONResponse):
    """An answer of what JSON has a form for."""

    def render(self, content: Any) -> bytes:
        """Return *content* as bytes."""
        return orjson.dumps(content)


def shown(content: Any) -> Answer:
    """Return the answer that shows a resource, with its entity tag."""
    return Answer(content, headers={"ETag": entity_tag(content)})


def created(location: str, content: Any) -> Answer:
    """Return the answer to a request that made the resource at *location*."""
    headers = {"ETag": entity_tag(content), "Location": location}
    return Answer(content, 201, headers)


def nothing() -> Response:
    """Return the answer to a request after which there is nothing to show."""
    return Response(status_code=204)
