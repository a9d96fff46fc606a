"""``bootwave tls dev DIR``: a factory, a server and phones to try certificates with."""

import os
import time
from collections.abc import Callable
from contextlib import ExitStack
from json import dumps
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Annotated

import typer

from bootwave.cli.newfiles import make_directory, write_new
from bootwave.cli.output import Json, print_json, print_line
from bootwave.cli.progress import Progress
from bootwave.cli.tlsfiles import own_names
from bootwave.errors import OptionError
from bootwave.options import SNOM_ROOT_1_KEY

if TYPE_CHECKING:
    from bootwave.certificates.making import Kind, Maker

DEFAULT_MAC = "0004132E08B4"
FACTORY = "factory-cas.pem"
LEGACY = "legacy-root.pem"
SERVER_CA = "server-ca.pem"
SERVERS: "dict[str, Kind]" = {"server-rsa.pem": "rsa", "server-ecdsa.pem": "ecdsa"}
CRL = "issuing.crl"
PHONES = "phones"
# Certificates of old phones count there only.
LEGACY_LISTEN = ["0.0.0.0:8444", "[::]:8444"]
# A CA's certificate and key: never needed by an engine.
_KEYS = {
    "root": "root-ca-with-key.pem",
    "issuing": "issuing-ca-with-key.pem",
    "legacy_root": "legacy-root-ca-with-key.pem",
    "legacy_issuing": "legacy-issuing-ca-with-key.pem",
    "server": "server-ca-with-key.pem",
}


def dev(
    directory: Annotated[Path, typer.Argument(metavar="DIR", show_default=False)],
    mac: Annotated[
        list[str] | None,
        typer.Option(
            metavar="MAC", help="A phone's; may be repeated.", show_default=False
        ),
    ] = None,
    legacy: Annotated[
        bool,
        typer.Option(
            "--legacy", help="A factory with RSA-1024 and SHA-1 signs these phones."
        ),
    ] = False,
    revoke: Annotated[
        list[str] | None,
        typer.Option(
            metavar="MAC",
            help="Revoke this phone's certificate; may be repeated.",
            show_default=False,
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Make a factory like a phone maker's, with certificates for phones and a server.

    For trying only: its keys lie in DIR, and its names say "development".  Where DIR
    has a factory already, it signs the phones that are new.
    """
    from bootwave.phone.mac import required_mac, text_from_mac

    macs = [text_from_mac(required_mac(text)) for text in mac or ()]
    revoked = [text_from_mac(required_mac(text)) for text in revoke or ()]
    directory = directory.resolve()
    at = time.time()
    with ExitStack() as undo, Progress("Making keys"):
        is_new = _make_directories(directory, undo)
        factory = _Factory(directory, at, undo)
        if is_new:
            factory.begin()
            if not macs and not revoked:
                macs = [DEFAULT_MAC]
        if legacy:
            factory.begin_legacy()
        phones = [factory.phone(text, weak=legacy) for text in macs]
        if is_new or revoked:
            factory.revoke(revoked)
        undo.pop_all()
    _tell(directory, phones, revoked, weak=legacy, json=json)


class _Factory:
    """What is made in one directory."""

    def __init__(self, directory: Path, at: float, undo: ExitStack) -> None:
        self._directory = directory
        self._at = at
        self._undo = undo

    def begin(self) -> None:
        """Make the CAs, the server's certificates and the CAs' files."""
        from bootwave.certificates import making

        root = making.root(making.ROOT_NAME, self._at)
        issuing = making.issuing(making.ISSUING_NAME, root, self._at)
        server = making.root(making.SERVER_CA_NAME, self._at)
        for name, maker in (("root", root), ("issuing", issuing), ("server", server)):
            self._write(_KEYS[name], maker.pem_with_key)
        self._write(FACTORY, root.pem + issuing.pem, 0o644)
        self._write(SERVER_CA, server.pem, 0o644)
        names = own_names()
        for file, kind in SERVERS.items():
            made = making.server_certificate(names, kind, server, self._at)
            self._write(file, made)

    def begin_legacy(self) -> None:
        """Make the CAs of old phones, unless they are there."""
        from bootwave.certificates import making

        if (self._directory / LEGACY).exists():
            return
        root = making.root(making.LEGACY_ROOT_NAME, self._at, weak=True)
        issuing = making.issuing(making.LEGACY_ISSUING_NAME, root, self._at)
        self._write(_KEYS["legacy_root"], root.pem_with_key)
        self._write(_KEYS["legacy_issuing"], issuing.pem_with_key)
        self._write(LEGACY, root.pem, 0o644)

    def phone(self, mac: str, *, weak: bool) -> Path:
        """Return the file of a phone's certificate, which is made."""
        from bootwave.certificates.making import phone_certificate

        issuing = self._maker("legacy_issuing" if weak else "issuing", weak=weak)
        file = f"{PHONES}/{mac}.pem"
        self._write(file, phone_certificate(mac, issuing, self._at))
        return self._directory / file

    def revoke(self, macs: list[str]) -> None:
        """Write the revocation list anew, with the certificates of *macs* added."""
        from bootwave.certificates.making import revocation_list
        from bootwave.certificates.revocation import RevocationList, lists_from_file

        issuing = self._maker("issuing")
        serials: set[int] = set()
        file = self._directory / CRL
        lists: list[RevocationList] = []
        if file.exists():
            lists = lists_from_file(file.read_bytes(), str(file), ())
        for each in lists:
            serials |= each.serials
        for mac in macs:
            serials.add(self._serial_of(mac, issuing))
        content = revocation_list(sorted(serials), issuing, self._at)
        unfinished = self._directory / f".{CRL}.{os.getpid()}"
        self._write(unfinished.name, content, 0o644)
        unfinished.replace(file)

    def _serial_of(self, mac: str, issuing: "Maker") -> int:
        from bootwave.certificates.parsed import parsed_from_pem

        path = self._directory / PHONES / f"{mac}.pem"
        try:
            leaf = parsed_from_pem(path.read_bytes())[0]
        except FileNotFoundError:
            raise OptionError(
                f"There is no certificate of {mac} in {path.parent}: --mac {mac} makes "
                "one."
            ) from None
        if leaf.x509.issuer != issuing.certificate.subject:
            raise OptionError(
                f"The certificate of {mac} is one of the legacy factory, which has no "
                "revocation list: block its key, bootwave tls block --certificate "
                f"{path}."
            )
        return leaf.serial

    def _maker(self, name: str, *, weak: bool = False) -> "Maker":
        from bootwave.certificates.making import maker_from_pem

        path = self._directory / _KEYS[name]
        return _readable(path, lambda content: maker_from_pem(content, weak=weak))

    def _write(self, file: str, content: bytes, mode: int = 0o600) -> None:
        write_new(self._directory / file, content, self._undo, mode)


def _readable(path: Path, use: "Callable[[bytes], Maker]") -> "Maker":
    try:
        return use(path.read_bytes())
    except OSError as error:
        raise OptionError(
            f"{path} cannot be read ({error.strerror}): name another directory."
        ) from None
    except ValueError as error:
        raise OptionError(f"{path} {error}: name another directory.") from None


def _make_directories(directory: Path, undo: ExitStack) -> bool:
    """Make DIR and the one of phones; whether there was no factory in it."""
    for path in (directory, directory / PHONES):
        make_directory(path, undo)
    return not (directory / _KEYS["root"]).exists()


def _tell(
    directory: Path, phones: list[Path], revoked: list[str], *, weak: bool, json: bool
) -> None:
    from bootwave.certificates.parsed import parsed_from_pem

    cas = [directory / FACTORY]
    pinned: list[str] = []
    if (directory / LEGACY).exists():
        cas.append(directory / LEGACY)
        root = parsed_from_pem((directory / LEGACY).read_bytes())[0]
        pinned += [SNOM_ROOT_1_KEY, root.key.hex()]
    options = {
        "certificates": [str(directory / file) for file in SERVERS],
        "factory_cas": [str(path) for path in cas],
        "crls": [str(directory / CRL)],
        **({"legacy_roots": pinned} if pinned else {}),
    }
    legacy = {"listen": LEGACY_LISTEN} if pinned else {}
    server_ca = directory / SERVER_CA
    if json:
        print_json(
            {
                "options": {**options, **({"legacy": legacy} if legacy else {})},
                "server_ca": str(server_ca),
                "phones": [str(path) for path in phones],
                "revoked": revoked,
            }
        )
        return
    for path in phones:
        print_line(f"Made {path}.")
    for mac in revoked:
        print_line(
            f"Revoked {mac} in {directory / CRL}: a running engine reads it on HUP."
        )
    if phones or revoked:
        print_line("")
    # Without the sections themselves: the file of init has them, and TOML has each but
    # once.
    for section, wanted in (("https", options), ("https.legacy", legacy)):
        if wanted:
            print_line(f"In the options file, below its [{section}]:")
        for name, values in wanted.items():
            print_line(f"  {name} = [{', '.join(map(toml, values))}]")
    for path in phones[:1]:
        print_line("")
        print_line("As this phone, once its MAC is bound and the engine runs:")
        target = f"/snom370-{path.stem}.htm"
        ca, file = quote(str(server_ca)), quote(str(path))
        if weak:  # curl reads the key before it is told to take a weak one
            print_line(
                f"  printf 'GET {target} HTTP/1.0\\r\\n\\r\\n' | openssl s_client "
                "-quiet -ign_eof -cipher DEFAULT@SECLEVEL=0 "
                f"-CAfile {ca} -cert {file} -cert_chain {file} -key {file} "
                "-connect localhost:8444"
            )
        else:
            print_line(
                f"  curl --cacert {ca} --cert {file} https://localhost:8443{target}"
            )


def toml(text: str) -> str:
    """Return *text* as TOML spells it."""
    return dumps(text, ensure_ascii=False)
