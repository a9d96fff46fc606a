"""Phones with factory certificates, and a server certificate, for the rows of TLS.

The server's key is of P-256, the phones' are RSA of 2048 bits, as factories make them.
"""

import ssl
import time
from pathlib import Path

from bootwave.certificates import making
from perf.contenders.engine import mac_of
from perf.progress import tell


class Factory:
    """Files in *place*: what servers need, and ``phones`` by number."""

    def __init__(self, place: Path, phones: int) -> None:
        """Make what is not there yet."""
        self.phones = place / "phones"
        self.root = place / "root.pem"
        self.server = place / "server.pem"
        if (self.phones / f"{phones - 1}.pem").exists() and self.server.exists():
            return
        self.phones.mkdir(parents=True, exist_ok=True)
        at = time.time() - 3600
        root = making.root("bench CA", at)
        issuing = making.issuing("bench phones", root, at)
        for phone in range(phones):
            tell(f"making keys, {phone} of {phones}")
            content = making.phone_certificate(mac_of(phone), issuing, at)
            (self.phones / f"{phone}.pem").write_bytes(content)
        self.root.write_bytes(root.pem)
        self.server.touch(0o600)
        self.server.write_bytes(
            making.server_certificate(["127.0.0.1"], "ecdsa", root, at)
        )

    def context(self, phone: int) -> ssl.SSLContext:
        """Return what *phone* connects with."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(self.root)
        context.load_cert_chain(self.phones / f"{phone}.pem")
        return context
