"""curl and openssl as independent clients of the TLS listeners."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from bootwave.metrics import Counter
from tests.certificates import authorities, factory
from tests.peers.peer import require
from tests.server.tls.serving import Served, files, https_options

OTHER = f"{factory.OTHER_MAC:012X}"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("peers")


@pytest.fixture(scope="module")
def served(place: Path) -> Iterator[Served]:
    with Served(https_options(place)) as served:
        yield served


@pytest.fixture(scope="module")
def phone(place: Path) -> str:
    return str(files(*factory.phone(), place / "phone.pem"))


def curl(served: Served, *arguments: str) -> str:
    host, port = served.address
    command = [require("curl"), "-sSk", "--max-time", "10", "--noproxy", "*"]
    done = subprocess.run(
        [*command, *arguments, f"https://{host}:{port}/a"],
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode()


def s_client(
    address: tuple[str, int], *arguments: str, stdin: str = ""
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [
            *(require("openssl"), "s_client", "-connect", f"{address[0]}:{address[1]}"),
            *arguments,
        ],
        input=stdin,
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )


REQUEST = "GET /a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_curl_shows_its_certificate(served: Served, phone: str, version: str) -> None:
    versions = ["--tlsv" + version, "--tls-max", version]
    assert curl(served, *versions, "--cert", phone).startswith(factory.TEXT)
    assert curl(served, *versions).startswith("000000000000||")


def test_curl_verifies_the_server_with_its_file(served: Served, place: Path) -> None:
    host, port = served.address
    done = subprocess.run(
        [
            *(require("curl"), "-sS", "--max-time", "10", "--noproxy", "*"),
            *("--cacert", str(place / "server.pem")),
            *("--resolve", f"localhost:{port}:{host}", f"https://localhost:{port}/a"),
        ],
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()


def test_curl_uses_one_connection_for_several_documents(
    served: Served, phone: str
) -> None:
    url = "https://{}:{}/a".format(*served.address)
    out = ("-o", "/dev/null")
    got = curl(
        served, "--cert", phone, "-w", "%{num_connects} ", *out, url, *out, url, *out
    )
    assert got == "1 0 0 "


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_openssl_sees_what_was_meant(served: Served, phone: str, version: str) -> None:
    shown = ("-cert", phone, "-cert_chain", phone, "-tlsextdebug")
    done = s_client(served.address, version, *shown, "-ign_eof", stdin=REQUEST)
    assert done.returncode == 0, done.stderr
    assert factory.TEXT + "|" in done.stdout
    assert re.search(r"Compression: NONE", done.stdout)
    # The names of the CAs are told: there are few.
    assert "factory of tests" in done.stdout
    if version == "-tls1_2":
        assert "Secure Renegotiation IS supported" in done.stdout


def test_openssl_reconnects_with_its_session(served: Served, phone: str) -> None:
    before = served.count(Counter.TLS_RESUMED)
    done = s_client(
        served.address,
        "-tls1_2",
        "-cert",
        phone,
        "-cert_chain",
        phone,
        "-reconnect",
        stdin="Q\n",
    )
    assert done.stdout.count("Reused, TLSv1.2") == 5, done.stderr
    served.until(lambda: served.count(Counter.TLS_RESUMED) == before + 5)


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_openssl_resumes_from_a_file(
    served: Served, phone: str, version: str, tmp_path: Path
) -> None:
    session = str(tmp_path / "session.pem")
    options = (version, "-cert", phone, "-cert_chain", phone, "-ign_eof")
    first = s_client(served.address, *options, "-sess_out", session, stdin=REQUEST)
    assert "New, TLS" in first.stdout
    again = s_client(served.address, *options, "-sess_in", session, stdin=REQUEST)
    assert "Reused, TLS" in again.stdout
    assert factory.TEXT + "|" in again.stdout


def test_openssl_cannot_renegotiate(served: Served) -> None:
    done = s_client(served.address, "-tls1_2", stdin="R\n" + REQUEST)
    assert "no renegotiation" in done.stderr + done.stdout or done.returncode != 0
    assert curl(served).startswith("000000000000|")


@pytest.mark.parametrize("version", ["-tls1", "-tls1_1"])
def test_openssl_as_old_firmware(served: Served, place: Path, version: str) -> None:
    chain, key = factory.phone(
        issuing=factory.WORLD.legacy_issuing, key=factory.WORLD.rsa_1024
    )
    old = str(files(chain, key, place / "old.pem"))
    options = (
        version,
        "-cipher",
        "ALL:@SECLEVEL=0",
        "-cert",
        old,
        "-cert_chain",
        old,
        "-ign_eof",
    )
    done = s_client(served.legacy_address, *options, stdin=REQUEST)
    assert done.returncode == 0, done.stderr
    assert factory.TEXT + "|" in done.stdout
    refused = s_client(served.address, *options, stdin=REQUEST)
    assert refused.returncode != 0
    assert "protocol version" in refused.stderr


def test_a_stolen_certificate_without_its_key_proves_nothing(
    served: Served, place: Path
) -> None:
    chain, _ = factory.phone()
    _, other = factory.phone(key=authorities.rsa_key())
    stolen = files(chain, other, place / "stolen.pem")
    done = s_client(served.address, "-cert", str(stolen), stdin=REQUEST)
    # openssl itself will not do it.
    assert done.returncode != 0
    assert factory.TEXT not in done.stdout
    assert OTHER not in done.stdout
