"""curl and openssl as independent clients of the API's TLS, from another address."""

import os
import re
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.end_to_end.program import Program, made_place, wait_until
from tests.namespaces import in_namespace, ip
from tests.peers.peer import require
from tests.server.tls.serving import server_files

HERE = "192.0.2.1"  # documentation's (RFC 5737), of a namespace's own loopback
NAME, OTHER = "console.example.com", "other.example.com"


class Api:
    """The installed program with an API at HERE, asked by others' programs."""

    def __init__(self, directory: Path) -> None:
        """Start it; its certificate is for NAME."""
        self.directory = directory
        self.certificate = server_files(directory, NAME)
        made_place(directory / "site")
        self.program = Program(
            directory / "site",
            CONTROL__LISTEN=f"{HERE}:0",
            CONTROL__CERTIFICATES=str(self.certificate),
            SERVER__WORKERS="1",
        )
        self.program.start()
        (line,) = (line for line in self.program.lines if line.startswith("control "))
        self.port = int(line.rpartition(":")[2])
        made = self.program.command("admin", "token", "add", "t", "--scope", "read")
        self.fields = directory / "fields.txt"
        self.fields.write_text(f"Authorization: Bearer {made['token']}\n")

    def curl(
        self,
        url: str = f"https://{NAME}",
        *arguments: str,
        trusting: Path | None = None,
    ) -> "subprocess.CompletedProcess[str]":
        """Ask as a client at HERE that takes the certificate for good."""
        names = [
            part
            for name in (NAME, OTHER)
            for part in ("--resolve", f"{name}:{self.port}:{HERE}")
        ]
        return subprocess.run(
            [
                *(require("curl"), "-sS", "--max-time", "20", "--noproxy", "*"),
                *("--cacert", str(trusting or self.certificate), *names),
                *("-H", f"@{self.fields}", "-w", "\n%{http_code}", *arguments),
                f"{url}:{self.port}/api/v1/domains",
            ],
            capture_output=True,
            text=True,
            check=False,
        )

    def shake(self, *arguments: str) -> str:
        """Return all that openssl says of a handshake with NAME."""
        done = subprocess.run(
            [
                *(require("openssl"), "s_client", "-connect", f"{HERE}:{self.port}"),
                *("-servername", NAME, *arguments),
            ],
            input="",
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        return done.stdout + done.stderr

    def shown(self) -> str:
        """Return the certificate that is shown, in PEM."""
        begin, end = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"
        return self.shake().partition(begin)[2].partition(end)[0]

    def roll(self) -> None:
        """Have every process be another, which reads its files."""
        before = self.program.control()
        self.program.signal(signal.SIGHUP)
        wait_until(
            lambda: self.program.control() not in (0, before), "another is there"
        )


def reached(play: Callable[[Api], None], directory: Path) -> None:
    """Have *play* use an API that another machine could reach."""

    def inside() -> None:
        ip(f"addr add {HERE}/32 dev lo")
        api = Api(directory)
        try:
            play(api)
            assert api.program.stop() == 0
            assert "Traceback" not in api.program.errors()
        finally:
            api.program.clean_up()

    require("curl")
    require("openssl")
    in_namespace(inside)


def answered(done: "subprocess.CompletedProcess[str]") -> int:
    """Return the status, 0 for none."""
    return int(done.stdout.rpartition("\n")[2] or 0)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    os.environ.pop("SSLKEYLOGFILE", None)
    return tmp_path


def test_only_who_is_asked_by_its_name_over_tls_of_today_is_answered(
    directory: Path,
) -> None:
    def play(api: Api) -> None:
        good = api.curl()
        assert (good.returncode, answered(good)) == (0, 200), good.stderr
        assert '"items":[]' in good.stdout
        # Not by a certificate that is for somebody else, or of nobody known: of curl
        # 60 is that (CURLE_PEER_FAILED_VERIFICATION).
        strange = server_files(api.directory, "stranger.example.com")
        for refused in (
            api.curl(f"https://{OTHER}"),
            api.curl(trusting=strange),
            api.curl(f"https://{HERE}"),
        ):
            assert (refused.returncode, answered(refused)) == (60, 0)
        # Whoever does not look is told, and an address is nobody else's name.
        other = api.curl(f"https://{OTHER}", "-k")
        assert (answered(other), "misdirected" in other.stdout) == (421, True)
        assert answered(api.curl(f"https://{HERE}", "-k")) == 200
        # In clear nothing is answered, and nobody is kept from anything by it.
        clear = api.curl(f"http://{HERE}")
        assert clear.returncode != 0
        assert "HTTP/" not in clear.stdout
        assert answered(clear) == 0
        for version in ("1_2", "1_3"):
            told = api.shake(f"-tls{version}")
            assert f"New, TLSv{version.replace('_', '.')}, Cipher is" in told, told
        for version in ("1", "1_1"):
            # It offers them itself, which Debian's openssl does at no other level.
            told = api.shake(f"-tls{version}", "-cipher", "DEFAULT@SECLEVEL=0")
            assert re.search(r"written [1-9]\d+ bytes", told), told
            assert "no peer certificate available" in told
            assert "Cipher is (NONE)" in told
        assert "ALPN protocol: http/1.1" in api.shake("-alpn", "h2,http/1.1")
        metrics = api.program.run("metrics").stdout
        assert "\nbootwave_api_handshakes_failed_total " in metrics
        assert answered(api.curl()) == 200

    reached(play, directory)


def test_a_certificate_is_renewed_while_it_runs(directory: Path) -> None:
    def play(api: Api) -> None:
        first, shown = api.certificate.read_text(), api.shown()
        assert shown.strip()
        assert shown in first
        new = server_files(api.directory / "new", NAME)
        new.replace(api.certificate)
        # What is on the disk is shown when it was read.
        assert api.shown() == shown
        api.roll()
        assert api.shown() in api.certificate.read_text()
        assert api.shown() != shown
        assert answered(api.curl()) == 200
        # A file that is half there keeps no phone and no command from anything, and
        # the API is there again once it is whole: nobody sends HUP a second time.
        whole = api.certificate.read_text()
        api.certificate.write_text(whole[: len(whole) // 2])
        api.roll()
        wait_until(
            lambda: "API of administrators is not served" in api.program.errors(),
            "it is said",
        )
        assert api.program.command("domain", "list") == []
        api.certificate.write_text(whole)
        assert answered(api.curl()) == 200

    reached(play, directory)
