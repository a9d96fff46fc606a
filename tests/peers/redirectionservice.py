"""A stand-in for the vendor's redirection service, which tests cannot reach.

    python -m tests.peers.redirectionservice DIRECTORY [wrong-host|other-ca|expired]

It behaves as what is public says: XML-RPC over HTTPS at ``/xmlrpc/``, with the slash at
the end; Basic authentication; ``Content-Type: text/xml``; compact answers whose
booleans are 0 and 1; verdicts ``[bool, words]``, targets ``[true, company, url]`` and
lists of MACs in small letters.  Its CA is ``DIRECTORY/ca.pem``.  By a second port, in
clear and on loopback, tests put entries into it, take them out and have it fail.
"""

import base64
import json
import re
import socket
import ssl
import struct
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from xmlrpc import client as codec

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from bootwave.phone.models import model_of_mac

USERS = {"reseller": "swordfish", "rival": "mackerel"}
COMPANY = {"reseller": "Example Reseller", "rival": "Rival Ltd"}
HUGE_BYTES = 64 * 1024 * 1024
SLOW_SECONDS = 30.0
PATIENCE = 30.0
ROOT = Path(__file__).parents[2]
MODULE = "tests.peers.redirectionservice"

_OK = (True, "Ok")


class Registry:
    """Who has which MAC, and where it is sent; what was called, and what shall fail."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.entries: dict[str, tuple[str, str]] = {}  # MAC: user, URL
        self.calls: list[tuple[float, str, str]] = []
        self.faults: list[dict[str, Any]] = []
        self.failed = 0
        self.told_anew = threading.Event()  # set where other calls shall fail

    def fault(self, method: str, argument: str) -> str:
        """Return how this call shall fail, "" for not at all."""
        for fault in self.faults:
            if fault.get("method", method) != method:
                continue
            if fault.get("mac", argument) != argument:
                continue
            if fault.get("times", 1) <= 0:
                continue
            fault["seen"] = fault.get("seen", 0) + 1
            if fault["seen"] % fault.get("every", 1):
                continue
            if "times" in fault:
                fault["times"] -= 1
            self.failed += 1
            kind: str = fault["kind"]
            return kind
        return ""

    def call(self, user: str, method: str, values: Sequence[Any]) -> Any:
        """Return the result of *method*."""
        if method == "network.echo":
            return values[0]
        if method == "redirect.listPhones":
            return self._list(user, values[0], values[1] if len(values) > 1 else None)
        mac = str(values[0]).upper()
        if not re.fullmatch("(000413|00087B|1C7126)[0-9A-F]{6}", mac):
            return False, "Error:malformed_mac"
        owner, url = self.entries.get(mac, ("", ""))
        if owner and owner != user:
            return False, "Error:owned_by_other_user"
        if method == "redirect.registerPhone":
            if not re.fullmatch(r"https?://[!-~]{1,240}", values[1]):
                return False, "Error:malformed_url"
            self.entries[mac] = user, values[1]
            return _OK
        if not owner:
            return False, "Error:no_such_mac"
        if method == "redirect.deregisterPhone":
            del self.entries[mac]
            return _OK
        if method == "redirect.checkPhone":
            return _OK
        if method == "redirect.getPhoneRedirection":
            return True, COMPANY[user], url
        raise codec.Fault(1, f"no method {method}")

    def _list(self, user: str, type_: str, url: str | None) -> list[str]:
        return [
            mac.lower()
            for mac, (owner, target) in self.entries.items()
            if owner == user
            and url in (None, target)
            and model_of_mac(int(mac, 16)).lower() == type_.lower()
        ]


class _Quiet(ThreadingHTTPServer):
    daemon_threads = True
    registry: Registry

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass  # clients that hang up


class _Secure(_Quiet):
    context: ssl.SSLContext

    def finish_request(self, request: Any, client_address: Any) -> None:
        request.settimeout(PATIENCE)
        with self.context.wrap_socket(request, server_side=True) as secured:
            super().finish_request(secured, client_address)


class _Answering(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # head and body are two writes
    server: _Secure
    connection: ssl.SSLSocket

    def log_message(self, *_: Any) -> None:
        pass

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        user = self._user()
        if not user:
            self._send(401, b"", "WWW-Authenticate: Basic realm=XMLRPC")
        elif self.path != "/xmlrpc/":
            self._send(404, b"not found")
        elif self.headers["Content-Type"] != "text/xml":
            self._send(400, b"text/xml is wanted")
        else:
            self._answer(user, body)

    def _user(self) -> str:
        scheme, _, encoded = self.headers.get("Authorization", "").partition(" ")
        if scheme != "Basic":
            return ""
        user, _, password = base64.b64decode(encoded).decode().partition(":")
        return user if USERS.get(user) == password else ""

    def _answer(self, user: str, body: bytes) -> None:
        values, method = codec.loads(body)
        assert method is not None
        registry = self.server.registry
        argument = str(values[0])
        with registry.lock:
            registry.calls.append((time.time(), method, argument))
            kind = registry.fault(method, argument)
            told_anew = registry.told_anew
            result: Any = None
            # "lost" does what it is asked for, and nobody hears of it.
            if kind in ("", "lost", "slow", "held", "partial"):
                try:
                    result = registry.call(user, method, values)
                except codec.Fault as fault:
                    kind, result = "fault", fault
        if kind == "held":
            told_anew.wait(PATIENCE)
        self._fail_or_send(kind, result)

    def _fail_or_send(self, kind: str, result: Any) -> None:
        if kind == "slow":
            time.sleep(SLOW_SECONDS)
        if kind in ("reset", "lost"):
            self._reset()
        elif kind == "500":
            self._send(500, b"<html>Internal Server Error</html>")
        elif kind == "too-many":
            self._send(429, b"", "Retry-After: 40")
        elif kind == "401":
            self._send(401, b"", "WWW-Authenticate: Basic realm=XMLRPC")
        elif kind == "moved":
            self._send(302, b"", "Location: https://127.0.0.1:1/xmlrpc/")
        elif kind == "garbage":
            self._send(200, b"\x00\xff<<methodResponse>")
        elif kind == "page":
            self._send(200, b"<html><body>Maintenance</body></html>")
        elif kind == "bomb":
            self._send(200, b'<!DOCTYPE a [<!ENTITY b "cc">]>' + compact("&b;"))
        elif kind == "huge":
            self._send_huge()
        elif kind == "partial":
            self._send(200, compact(result), cut=True)
        elif kind == "babble":
            given = self.headers["Authorization"].partition(" ")[2]
            said = f"{base64.b64decode(given).decode()} of {given} is out of luck"
            fault = codec.Fault(500, said)
            self._send(200, codec.dumps(fault, methodresponse=True).encode())
        elif kind == "fault":
            fault = result or codec.Fault(500, "java.lang.NullPointerException")
            self._send(200, codec.dumps(fault, methodresponse=True).encode())
        else:
            self._send(200, compact(result))

    def _send(self, status: int, body: bytes, *fields: str, cut: bool = False) -> None:
        self.send_response(status)
        for field in fields:
            self.send_header(*field.split(": ", 1))
        self.send_header("Content-Type", "text/xml")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if cut:
            self.wfile.write(body[: len(body) // 2])
            self.wfile.flush()
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
        else:
            self.wfile.write(body)

    def _send_huge(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(HUGE_BYTES))
        self.end_headers()
        with suppress(OSError):
            for _ in range(HUGE_BYTES >> 16):
                self.wfile.write(b" " * 65_536)
        self.close_connection = True

    def _reset(self) -> None:
        linger = struct.pack("ii", 1, 0)
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.close_connection = True
        # Without TLS's goodbye: the kernel sends the RST.
        socket.socket(fileno=self.connection.detach()).close()


class _Steering(BaseHTTPRequestHandler):
    """What tests read and change, as JSON."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Quiet

    def log_message(self, *_: Any) -> None:
        pass

    def do_POST(self) -> None:
        given = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        registry = self.server.registry
        with registry.lock:
            for name, value in given.items():
                if name == "put":
                    for mac, user, url in value:
                        registry.entries[mac] = user, url
                elif name == "take":
                    for mac in value:
                        registry.entries.pop(mac, None)
                elif name == "faults":
                    registry.faults[:] = value
                    registry.told_anew.set()
                    registry.told_anew = threading.Event()
                elif name == "forget_calls":
                    registry.calls.clear()
            found = {
                "entries": registry.entries,
                "calls": registry.calls,
                "failed": registry.failed,
            }
            body = json.dumps(found).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def compact(result: Any) -> bytes:
    """Return a response without any blank between tags, as the service writes it."""
    return (
        '<?xml version="1.0"?><methodResponse><params><param>'
        f"{_value(result)}</param></params></methodResponse>"
    ).encode()


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return f"<value><boolean>{int(value)}</boolean></value>"
    if isinstance(value, str):
        return f"<value><string>{value}</string></value>"
    inner = "".join(map(_value, value))
    return f"<value><array><data>{inner}</data></array></value>"


def make_certificates(directory: Path, wrong: str = "") -> None:
    """Write ``ca.pem`` and ``service.pem``, which is *wrong* in one way if at all."""
    now = datetime.now(UTC)
    ca_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    ca_name, name = _name("Stand-in CA"), _name("stand-in")
    ca = (
        x509.CertificateBuilder()
        .subject_name(ca_name)
        .issuer_name(ca_name)
        .public_key(ca_key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=2))
        .not_valid_after(now + timedelta(days=2))
        .add_extension(x509.BasicConstraints(True, None), critical=True)
        .sign(ca_key, hashes.SHA256())
    )
    host: x509.GeneralName = x509.IPAddress(ip_address("127.0.0.1"))
    if wrong == "wrong-host":
        host = x509.DNSName("provisioning.example.com")
    signer = ec.generate_private_key(ec.SECP256R1()) if wrong == "other-ca" else ca_key
    ends = now + timedelta(days=-1 if wrong == "expired" else 1)
    leaf = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(ca_name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=2))
        .not_valid_after(ends)
        .add_extension(x509.SubjectAlternativeName([host]), critical=False)
        .sign(signer, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    (directory / "ca.pem").write_bytes(ca.public_bytes(pem))
    (directory / "service.pem").write_bytes(
        leaf.public_bytes(pem)
        + key.private_bytes(
            pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def serve(directory: Path, wrong: str) -> None:
    """Serve until killed; the first line of standard output is both ports."""
    directory.mkdir(parents=True, exist_ok=True)
    make_certificates(directory, wrong)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(directory / "service.pem")
    registry = Registry()
    service, steering = (
        _Secure(("127.0.0.1", 0), _Answering),
        _Quiet(("127.0.0.1", 0), _Steering),
    )
    service.context = context
    service.registry = steering.registry = registry
    threading.Thread(target=steering.serve_forever, daemon=True).start()
    print(service.server_port, steering.server_port, flush=True)
    service.serve_forever()


class Service:
    """The stand-in as a process of its own, from ``with`` to its end."""

    def __init__(self, directory: Path, wrong: str = "") -> None:
        """Start it, with a CA and a certificate made anew in *directory*."""
        self.ca = directory / "ca.pem"
        self._process = subprocess.Popen(
            [sys.executable, "-m", MODULE, str(directory), wrong],
            stdout=subprocess.PIPE,
            cwd=ROOT,
        )
        assert self._process.stdout is not None
        port, steering = self._process.stdout.readline().split()
        self.url = f"https://127.0.0.1:{int(port)}/xmlrpc/"
        self._steering = f"http://127.0.0.1:{int(steering)}/"

    def __enter__(self) -> "Service":
        """Return the service."""
        return self

    def __exit__(self, *_: object) -> None:
        """End it."""
        self._process.kill()
        self._process.wait(PATIENCE)
        assert self._process.stdout is not None
        self._process.stdout.close()

    @property
    def entries(self) -> dict[str, str]:
        """The MACs of the account that tests use, and where they are sent."""
        found = self.steer()["entries"]
        return {mac: url for mac, (user, url) in found.items() if user == "reseller"}

    @property
    def calls(self) -> list[tuple[float, str, str]]:
        """When which method was called, and its first argument."""
        return [(at, method, mac) for at, method, mac in self.steer()["calls"]]

    @property
    def failed(self) -> int:
        """How many calls failed as they were told to."""
        found: int = self.steer()["failed"]
        return found

    def put(self, *entries: tuple[str, str, str]) -> None:
        """Have it hold *entries* of MAC, user and URL, whatever it held."""
        self.steer(put=entries)

    def take(self, *macs: str) -> None:
        """Have it forget *macs*."""
        self.steer(take=macs)

    def fail(self, kind: str = "", **how: Any) -> None:
        """Have calls fail from now on: all, those of a *method* or *mac*, *every* n-th.

        Only so many *times* if that is given; without *kind* none any more.  One that
        is ``held`` is answered as ever, at the next call of this.
        """
        self.steer(faults=[{"kind": kind, **how}] if kind else [])

    def steer(self, **what: Any) -> dict[str, Any]:
        """Change *what*, and return what it holds and what was called."""
        request = urllib.request.Request(self._steering, json.dumps(what).encode())
        with urllib.request.urlopen(request, timeout=PATIENCE) as response:
            found: dict[str, Any] = json.load(response)
        return found


if __name__ == "__main__":
    serve(Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else "")
