"""Who is at the other end of a connection, as the kernel reports it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from ipaddress import IPv6Address

from bootwave.sightings import Reason


@dataclass(frozen=True, slots=True)
class Identity:
    """Whose the client certificate of a connection says it is.

    ``mac`` is 0 when no certificate was shown, or none that proves anything.
    ``denial`` is set when the certificate denies every request, whatever else is open:
    it was revoked or blocked.  ``detail`` says for sightings why a certificate that was
    shown proves nothing.  ``serial`` and ``key``, the SHA-256 of its
    SubjectPublicKeyInfo, name the certificate that proves ``mac``.
    """

    mac: int = 0
    denial: Reason | None = None
    detail: str = ""
    serial: int = 0
    key: bytes = b""


NOBODY = Identity()


@dataclass(frozen=True, slots=True)
class Contact:
    """The two ends of one connection.

    ``source`` is the phone's address without port, ``local`` the address and port it
    connected to; both are plain, never IPv4-mapped.  ``secure`` says whether TLS
    protects the connection, ``identity`` what its client certificate proves.  Where it
    showed one, ``again`` tells that anew: who had to wait asks before a secret leaves.
    """

    source: str
    local: tuple[str, int]
    secure: bool = False
    identity: Identity = NOBODY
    again: Callable[[], Identity] | None = field(
        default=None, repr=False, compare=False
    )


def plain_address(address: str) -> str:
    """Return *address*, an IPv4-mapped IPv6 one (``::ffff:192.0.2.1``) as IPv4.

    One phone must be one source, whichever socket heard it.  The zone of a link-local
    address stays.
    """
    if not address.lower().startswith("::ffff:"):
        return address
    mapped = IPv6Address(address).ipv4_mapped
    return address if mapped is None else str(mapped)
