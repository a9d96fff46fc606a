"""The one thing of OpenSSL that pyOpenSSL does not show: whether a session resumed."""

from cryptography.hazmat.bindings.openssl.binding import Binding
from OpenSSL import SSL

_SESSION_REUSED = Binding().lib.SSL_session_reused


def is_resumed(connection: SSL.Connection) -> bool:
    """Whether the handshake of *connection*, which is complete, resumed a session."""
    return bool(_SESSION_REUSED(connection._ssl))
