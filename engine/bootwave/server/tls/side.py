"""What a request over TLS needs beside its bytes, for the acceptor and the server."""

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache, partial
from typing import TYPE_CHECKING, NamedTuple

from bootwave.http.contact import Contact
from bootwave.provision.answering import Answering
from bootwave.server.tls.identity import Identifies, Proof

if TYPE_CHECKING:
    from bootwave.native.http import Lane


# Addresses of this machine, or those that load balancers name.
_MOST_ENDS = 256


class Said(NamedTuple):
    """An answer that the lane gave: counted and told already.

    ``keep_alive`` is what it says, ``proven`` whether it was given on a grant.
    """

    data: bytes
    keep_alive: bool
    proven: bool

    def __repr__(self) -> str:
        """Return nothing of what it says."""
        return f"Said({len(self.data)} bytes, {self.keep_alive}, {self.proven})"


class TlsSide:
    """Knows whose a request is, and what the lane has ready for it.

    *identities* judge certificates; *url_of* gives the base URL of what a phone
    reached; *lane* is asked first where there is one.  *answering* is told before a
    grant is looked at.
    """

    def __init__(
        self,
        identities: Identifies,
        url_of: Callable[[tuple[str, int]], str],
        lane: "Lane | None",
        answering: Answering | None = None,
    ) -> None:
        """Keep the parts."""
        self.identities = identities
        self._url_of = lru_cache(_MOST_ENDS)(url_of)
        self._lane = lane
        self._answering = answering
        self.shaking: Callable[[], int] = int  # how many connections shake hands

    def contact(self, contact: Contact, proof: Proof) -> Contact:
        """Return *contact* with what its certificate proves at the moment."""
        identity = self.identities.now(proof)
        if identity is contact.identity:
            return contact
        again = partial(self.identities.now, proof)
        return replace(contact, identity=identity, again=again)

    def answer(
        self, data: bytes, source: str, local: tuple[str, int], proof: Proof
    ) -> Said | None:
        """Return the answer to *data* from *source*, or None: others must answer it.

        *local* is what the phone reached.

        It must leave at once: nothing asks again whether it may.
        """
        if self._lane is None:
            return None
        if self._answering is not None:
            self._answering.enter()
        identity = self.identities.now(proof)
        if identity.denial is not None or identity.detail:
            return None  # others tell why
        said = self._lane.reply(data, source, self._url_of(local), identity.mac)
        return None if said is None else Said(*said)
