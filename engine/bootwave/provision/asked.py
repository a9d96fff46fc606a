"""What a request asks for, told apart from how it asks."""

from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from bootwave.firmware.loader import Loader, loader_from_user_agent
from bootwave.http.authorization import (
    Authorization,
    Digest,
    authorization_from,
)
from bootwave.http.contact import NOBODY, Contact, Identity
from bootwave.http.request import Request, is_target_of
from bootwave.http.target import DocumentKind, target_from, token_from
from bootwave.options import Options
from bootwave.pairing.decisions import NO_PROOFS, Proofs
from bootwave.phone.mac import text_from_mac
from bootwave.phone.model import model_from_text
from bootwave.phone.useragent import phone_from_user_agent
from bootwave.provision.cache import DocumentKey
from bootwave.provision.urls import base_url

if TYPE_CHECKING:
    from bootwave.native.http import Miss

# A wave has few different ones; the bound is for peers that invent them.
_agent = lru_cache(512)(phone_from_user_agent)


class Unreadable:
    """Stands for credentials that cannot be read, or are for another resource."""


UNREADABLE = Unreadable()
Shown = Authorization | Unreadable

_OWN_KINDS = frozenset(
    {DocumentKind.FILES, DocumentKind.SETTINGS, DocumentKind.PHONE_BOOK}
)


@lru_cache(512)
def _key(kind: int, url: str, model: str, firmware: str) -> DocumentKey:
    return DocumentKey(DocumentKind(kind), url, model, firmware)


class Asked(NamedTuple):
    """One request, as far as its answer depends on it.

    ``mac`` is whose document it is, or in a general one the MAC that the phone mentions
    (0 for none).  ``key`` holds kind, base URL, and the model and firmware that the
    phone says it is.
    ``is_own`` is whether the document is one phone's own and needs a grant.
    ``agent_model`` is the model that the User-Agent names, and the one remembered: a
    URL may have been typed in for another phone.  ``detail`` is model and firmware for
    the sighting.  ``proofs`` are what the request shows; of user name and password
    nothing is known before the store was asked: ``shown`` is what was sent of them,
    None for nothing.  ``token`` is the one in the URL; the key of a general document
    holds it, too, for that tells the phone where to go on.  ``again``, where a
    certificate was shown, tells what it proves now, and ``identity`` names it.
    ``agent_firmware`` is the version in the User-Agent, ``loader`` what else it tells
    of an old phone (None where it was not read as a whole), and ``scope`` the handle of
    who asks for firmware.
    """

    mac: int
    key: DocumentKey
    is_own: bool
    source: str
    secure: bool
    is_head: bool
    if_none_match: bytes | None
    agent_model: str
    detail: str
    proofs: Proofs = NO_PROOFS
    token: str = ""
    shown: Shown | None = None
    again: Callable[[], Identity] | None = None
    agent_firmware: str = ""
    scope: str = ""
    loader: Loader | None = None
    identity: Identity = NOBODY

    def __repr__(self) -> str:
        """Return whose what it is, without the token."""
        return f"Asked({text_from_mac(self.mac)}, {self.key.kind.name})"


def asked_from(request: Request, contact: Contact, options: Options) -> Asked | None:
    """Return what *request* asks for, or None when there is no such document."""
    target = target_from(request.path, request.query)
    if target is None:
        return None
    agent = _agent(request.user_agent)
    model = model_from_text(target.model) or agent.model
    own = target.kind in _OWN_KINDS
    url = base_url(options, contact.local, secure=contact.secure)
    token = token_from(request.path)
    if token and not own:
        url = f"{url}/{token}"
    # A list of files is the same for every model, and so is "no new firmware".
    named = target.kind in (DocumentKind.FILES, DocumentKind.FIRMWARE)
    return Asked(
        mac=target.mac if own else target.mac or agent.mac,
        key=DocumentKey(target.kind, url, "" if named else model, agent.firmware),
        is_own=own,
        source=contact.source,
        secure=contact.secure,
        is_head=request.method == b"HEAD",
        if_none_match=request.if_none_match,
        agent_model=agent.model,
        detail=_with_certificate(
            phone_detail(request), contact, target.mac if own else 0
        ),
        proofs=proofs_of(contact.identity),
        token=token,
        shown=_shown(request) if own else None,
        again=contact.again,
        agent_firmware=agent.firmware,
        scope=target.scope,
        loader=loader_from_user_agent(request.user_agent)
        if target.kind is DocumentKind.FIRMWARE
        else None,
        identity=contact.identity,
    )


def _shown(request: Request) -> Shown | None:
    if request.authorization is None:
        return None
    shown = authorization_from(request.authorization)
    if shown is None or (
        isinstance(shown, Digest) and not is_target_of(shown.uri, request)
    ):
        return UNREADABLE
    return shown


def proofs_of(identity: Identity) -> Proofs:
    """Return what the certificate of *identity* proves, or denies."""
    if identity is NOBODY or not (identity.mac or identity.denial):
        return NO_PROOFS
    return Proofs(identity.mac, identity.denial)


def _with_certificate(detail: str, contact: Contact, mac: int) -> str:
    """Return *detail* and what is wrong with the certificate shown, if anything is.

    It proves nothing, or another MAC than *mac*, whose own document is asked for; 0 is
    for what names no phone.
    """
    identity = contact.identity
    why = identity.detail
    if mac and identity.mac not in (0, mac):
        why = f"its certificate is of {text_from_mac(identity.mac)}"
    return "; ".join(filter(None, (detail, why))) if why else detail


def asked_by(miss: "Miss") -> Asked:
    """Return what a request asks for that the lane read."""
    key = _key(miss.kind, miss.base_url, miss.model, miss.firmware)
    return Asked(
        miss.mac,
        key,
        key.kind in _OWN_KINDS,
        miss.source,
        False,
        miss.head,
        miss.if_none_match,
        miss.agent_model,
        miss.detail,
        token=miss.token.decode() if miss.token else "",
        agent_firmware=miss.detail.partition(" ")[2],  # see phone_detail
    )


def phone_detail(request: Request) -> str:
    """Return the model and firmware that the User-Agent of *request* names."""
    agent = _agent(request.user_agent)
    return f"{agent.model} {agent.firmware}".strip()
