"""The forms of what is sent and shown: names in paths, members of bodies, answers."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

from fastapi import Path
from pydantic import BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError

from bootwave.errors import OperatorError

# Of a domain (RFC 1123 section 2.1), in any letter case.  The store says what is wrong
# with one of these in words; the description says it to programs.
_LABEL = "[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
DOMAIN_NAME = rf"^{_LABEL}(?:\.{_LABEL})*$"
MAX_DOMAIN_CHARACTERS = 253
# Without what ends a line or has no form in XML; a little less than the store takes.
ONE_LINE = r"^[^\x00-\x1f\x7f-\x9f\u2028\u2029\ufffe\uffff]*$"
DomainName = Annotated[
    str,
    Path(
        pattern=DOMAIN_NAME,
        max_length=MAX_DOMAIN_CHARACTERS,
        examples=["pbx.example.com"],
    ),
]


class Body(BaseModel):
    """The body of a request: JSON of exactly these members and types."""

    model_config = ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True)


@contextmanager
def refused_in_place() -> Iterator[None]:
    """Have a validator refuse a value, by its place, where the body does."""
    try:
        yield
    except OperatorError as error:
        raise PydanticCustomError("refused", "{why}", {"why": str(error)}) from None


def not_given(**described: Any) -> Any:
    """Return the field of a PATCH that need not be given; null is not how to say so.

    Only ``model_dump(exclude_unset=True)`` says what was given.
    """
    return Field(default_factory=lambda: None, **described)


class Shown(BaseModel):
    """What an answer shows, for the description alone: no answer is copied into it."""

    model_config = ConfigDict(extra="forbid")
