"""TLS of the API: Python's own, for browsers and programs of today."""

import ssl
from collections.abc import Sequence
from pathlib import Path

from bootwave.certificates.server import load_server_certificate
from bootwave.errors import OptionError

OPTION = "control.certificates"


def certificate_names(certificates: Sequence[Path]) -> list[str]:
    """Return the names that *certificates* are for; raises OptionError."""
    loaded = (load_server_certificate(path, OPTION) for path in certificates)
    return [name for one in loaded for name in one.names]


def tls_context(certificates: Sequence[Path]) -> ssl.SSLContext:
    """Return what shows *certificates*, files as those of https.certificates.

    TLS 1.2 and up, for browsers and programs of today.  Raises OptionError.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION
    context.set_alpn_protocols(["http/1.1"])
    for path in certificates:
        load_server_certificate(path, OPTION)  # which says what is wrong
        try:
            context.load_cert_chain(path)
        except (ssl.SSLError, OSError) as error:
            reason = error.strerror or type(error).__name__
            raise OptionError(f"{path} of {OPTION} cannot be used: {reason}.") from None
    return context
