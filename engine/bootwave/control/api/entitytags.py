"""Entity tags of resources, and the conditions that requests make of them (RFC 9110).

A tag is a hash of what a resource is, secrets that are not shown included: it changes
with that and with nothing else.  It is keyed, so that nobody tries secrets by it, and
two processes with the same key give the same.  ``If-Match`` is compared within the
transaction of the write that it is for (``Desk.write``): between looking and writing
nobody comes in.
"""

import base64
from collections.abc import Callable
from typing import Annotated, Any

import orjson
from fastapi import Header

from bootwave.control.api.problems import Problem
from bootwave.errors import StoreNotFound
from bootwave.store.secrets import KeyRing
from bootwave.store.work import Work

_DIGEST_BYTES = 15  # 20 characters without padding
_PURPOSE = "entity tag"
MAX_IF_MATCH_CHARACTERS = 1_024

Check = Callable[[Work], None]

State = Callable[[Work], Any]
"""Returns what a resource is, as JSON has it, with secrets; raises StoreNotFound."""

IfMatch = Annotated[
    str | None,
    Header(
        alias="If-Match",
        description="The ETag of what is changed, or * for whatever it is.",
    ),
]
IfNoneMatch = Annotated[
    str | None,
    Header(
        alias="If-None-Match",
        description="* where it is not to be changed if it is there already.",
    ),
]


def entity_tag(state: Any, keyring: KeyRing) -> str:
    """Return the strong entity tag of a *state*, of what JSON has a form for."""
    text = orjson.dumps(state, option=orjson.OPT_SORT_KEYS)
    # Without its beginning, which is the name of the key.
    digest = keyring.tag(text, purpose=_PURPOSE)[-_DIGEST_BYTES:]
    return f'"{base64.urlsafe_b64encode(digest).decode()}"'


def both(first: Check, second: Check | None) -> Check:
    """Return the check that makes two of them, if there is a *second*."""

    def check(work: Work) -> None:
        first(work)
        if second is not None:
            second(work)

    return check


def is_among(tag: str, field_value: str) -> bool:
    """Whether *tag* is one that ``If-Match`` with this *field_value* lets through.

    ``*`` is any; weak tags never match (RFC 9110 section 13.1.1).
    """
    listed = [part.strip() for part in field_value.split(",")]
    return "*" in listed or tag in listed


def matches(field_value: str | None, current: State) -> Check:
    """Return the check that a write requires *current* as ``If-Match`` names it.

    Raises Problem 428 where the field is missing, and the check raises Problem 412
    where the resource is not (any more) as it was seen, and whatever *current* raises.
    """
    if field_value is None:
        raise Problem(
            "precondition-required",
            "Say in If-Match which state is changed: the ETag that a GET of it gave, "
            "or * for whatever it is.",
        )
    wanted = _bounded(field_value)

    def check(work: Work) -> None:
        _require_match(entity_tag(current(work), work.keyring), wanted)

    return check


def conditions(
    if_match: str | None, if_none_match: str | None, current: State
) -> Check | None:
    """Return the check that a write makes of the conditions it carries, None of none.

    *current* raises StoreNotFound for what is not there: that matches no ``If-Match``,
    and it alone passes ``If-None-Match: *``.  The check raises Problem 412.
    """
    if if_match is None and if_none_match is None:
        return None
    wanted, unwanted = _bounded(if_match or ""), _bounded(if_none_match or "")

    def check(work: Work) -> None:
        try:
            tag = entity_tag(current(work), work.keyring)
        except StoreNotFound:
            tag = ""
        if if_match is not None:
            if not tag:
                raise Problem("precondition-failed", "It is not there (any more).")
            _require_match(tag, wanted)
        if tag and if_none_match is not None and is_unchanged(tag, unwanted):
            raise Problem(
                "precondition-failed", "It is there already: GET it, and change that."
            )

    return check


def _bounded(field_value: str) -> str:
    if len(field_value) > MAX_IF_MATCH_CHARACTERS:
        raise Problem("bad-request", "The condition of the request is too long.")
    return field_value


def _require_match(tag: str, wanted: str) -> None:
    if not is_among(tag, wanted):
        raise Problem(
            "precondition-failed",
            "It was changed since it was seen: GET it again, and look whether the "
            "change is still wanted.",
        )


def is_unchanged(tag: str, if_none_match: str | None) -> bool:
    """Whether a GET is answered with 304, by its ``If-None-Match``."""
    if if_none_match is None or len(if_none_match) > MAX_IF_MATCH_CHARACTERS:
        return False
    listed = [part.strip().removeprefix("W/") for part in if_none_match.split(",")]
    return "*" in listed or tag in listed
