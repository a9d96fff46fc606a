"""A simulated phone over TLS, against a server that is not ours."""

import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from bootwave.wave.secure import Secured, context_of
from tests.certificates import encoding, factory
from tests.server.tls.serving import files, server_files


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[tuple[str, int], list[str]]]:
    """A server of the standard library that answers with what it was told."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(server_files(tmp_path))
    cas = tmp_path / "cas.pem"
    cas.write_bytes(encoding.pem(factory.WORLD.root.der))
    context.load_verify_locations(cas)
    context.verify_mode = ssl.CERT_OPTIONAL
    shown: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            while True:
                try:
                    sock, _ = listener.accept()
                except OSError:
                    return
                with sock, context.wrap_socket(sock, server_side=True) as tls:
                    certificate = tls.getpeercert() or {}
                    subject = certificate.get("subject", ())
                    shown.append(f"{subject[0][0][1] if subject else ''}")
                    tls.sendall(tls.recv(100))
                    shown[-1] += " resumed" if tls.session_reused else ""

        thread = threading.Thread(target=serve)
        thread.start()
        yield listener.getsockname(), shown
        listener.shutdown(socket.SHUT_RDWR)
    thread.join(10)


def exchange(
    address: tuple[str, int], certificate: str, session: ssl.SSLSession | None = None
) -> ssl.SSLSession | None:
    sock = socket.socket()
    sock.settimeout(10)
    sock.connect(address)
    secured = Secured(sock, certificate, session)
    assert not secured.shaken
    with pytest.raises(BlockingIOError):
        secured.send(b"too early")
    secured.shake()
    assert secured.send(b"hello") == 5
    assert secured.recv(100) == b"hello"
    assert secured.recv(100) == b""
    found = secured.session
    secured.close()
    return found


def test_it_shows_its_certificate_when_it_has_one_and_resumes(
    server: tuple[tuple[str, int], list[str]], tmp_path: Path
) -> None:
    address, shown = server
    exchange(address, "")
    certificate = str(files(*factory.phone(), tmp_path / "phone.pem"))
    session = exchange(address, certificate)
    assert session is not None
    exchange(address, certificate, session)
    assert shown[:2] == ["", factory.TEXT]
    assert shown[2].startswith(factory.TEXT)


def test_a_file_that_is_no_certificate_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        context_of(str(tmp_path / "none.pem"))
    (tmp_path / "bad.pem").write_text("bad")
    with pytest.raises(ssl.SSLError):
        context_of(str(tmp_path / "bad.pem"))
