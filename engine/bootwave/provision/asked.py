"""What a request asks for, told apart from how it asks."""

from functools import lru_cache
from typing import NamedTuple

from bootwave.http.contact import Contact
from bootwave.http.request import Request
from bootwave.http.target import DocumentKind, target_from
from bootwave.options import Options
from bootwave.phone.model import model_from_text
from bootwave.phone.useragent import phone_from_user_agent
from bootwave.provision.cache import DocumentKey
from bootwave.provision.urls import base_url

# A wave has few different ones; the bound is for peers that invent them.
_agent = lru_cache(512)(phone_from_user_agent)

_OWN_KINDS = frozenset({DocumentKind.FILES, DocumentKind.SETTINGS})


class Asked(NamedTuple):
    """One request, as far as its answer depends on it.

    ``mac`` is whose document it is, or in a general one the MAC that the phone mentions
    (0 for none).  ``key`` holds kind, base URL and the model that the phone says it is.
    ``detail`` is model and firmware for the sighting.
    """

    request: Request
    contact: Contact
    mac: int
    key: DocumentKey
    detail: str

    @property
    def is_own(self) -> bool:
        """Whether the document is one phone's own and needs a grant."""
        return self.key.kind in _OWN_KINDS


def asked_from(request: Request, contact: Contact, options: Options) -> Asked | None:
    """Return what *request* asks for, or None when there is no such document."""
    target = target_from(request.path, request.query)
    if target is None:
        return None
    agent = _agent(request.user_agent)
    model = model_from_text(target.model) or agent.model
    own = target.kind in _OWN_KINDS
    url = base_url(options, contact.local, secure=contact.secure)
    # A list of files is the same for every model, and so is "no new firmware".
    named = target.kind in (DocumentKind.FILES, DocumentKind.FIRMWARE)
    return Asked(
        request,
        contact,
        target.mac if own else target.mac or agent.mac,
        DocumentKey(target.kind, url, "" if named else model),
        phone_detail(request),
    )


def phone_detail(request: Request) -> str:
    """Return the model and firmware that the User-Agent of *request* names."""
    agent = _agent(request.user_agent)
    return f"{agent.model} {agent.firmware}".strip()


def phone_model(asked: Asked) -> str:
    """Return the model that the phone says it is, by its User-Agent; "" if it does not.

    This one is remembered: a URL may have been typed in for another phone.
    """
    return _agent(asked.request.user_agent).model
