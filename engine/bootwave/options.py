"""The server's own options: one table, each with default, unit and help.

Plain pydantic and not pydantic-settings, although the sources are the ones it knows
(file, environment): it takes 200 ms to import, which is most of what a command may
take, and it ignores unknown variables silently.  ``optionsfile`` merges the sources.

Addresses stay text here, checked when the options are made, so that they print as
they were written; ``address_from_text`` splits them for whoever binds.
"""

import re
import socket
from collections.abc import Iterator
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)

from bootwave.limits import MAX_PROXY_NETWORKS
from bootwave.pnprules import Rules, checked_list, rules_from_texts

MAX_URL_CHARACTERS = 255  # snom phones cut longer ones
# SHA-256 of the SubjectPublicKeyInfo of "Snom Technology AG CA" (RSA-1024, SHA-1; 2008
# to 2037), whose certificate has the SHA-256 fingerprint C2:10:60:CC:...:44:31:1C.
SNOM_ROOT_1_KEY = "d4ed46977a9fc96c112208692bda36dcdde3a1ce0a18e8bab1759771564fe914"


# What stands behind the scheme of a URL without user and password (RFC 3986 section
# 3.2).  "u:80/s@pbx" is host, port and path, but whoever wrote it may mean a password:
# where there is a port, an @ may follow only behind an address in brackets.
_WITHOUT_USERINFO = re.compile(
    r"\[[^]@/?#]+\](?::[0-9]*)?(?:[/?#].*)?"
    r"|[^]\[:@/?#]+(?:/.*|(?::[0-9]*)?(?:[/?#][^@]*)?)"
)
_HOST_NAME = re.compile(r"[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?|\[[0-9a-f:.]{2,45}\]")


class Address(NamedTuple):
    """An address to listen on: a numeric host without brackets ("" is any), a port."""

    host: str
    port: int


def address_from_text(text: str) -> Address:
    """Return the address that ``0.0.0.0:8080``, ``[::]:8080`` or ``:8080`` spells.

    ``*`` is any address too, ``localhost`` is 127.0.0.1, and other names are refused,
    because what they resolve to may differ between two starts.  Port 0 lets the
    kernel choose.  Raises ValueError with one clause that says what is expected.
    """
    host, colon, port = text.rpartition(":")
    if host in ("", "*"):
        host = ""
    elif host == "localhost":
        host = "127.0.0.1"
    elif not _is_numeric(host):
        colon = ""
    if not colon or not port.isascii() or not port.isdecimal() or int(port) > 65535:
        raise ValueError(
            "must be a numeric address and a port, such as 0.0.0.0:8080 or [::]:8080"
        )
    return Address(host.strip("[]"), int(port))


def _is_numeric(host: str) -> bool:
    try:
        if host.startswith("[") and host.endswith("]"):
            socket.inet_pton(socket.AF_INET6, host[1:-1].partition("%")[0])
        else:
            socket.inet_pton(socket.AF_INET, host)
    except OSError:
        return False
    return True


def _listen(text: str) -> str:
    address_from_text(text)
    return text


def _listen_ipv4(text: str) -> str:
    if ":" in address_from_text(text).host:
        raise ValueError("must be an IPv4 address and a port, such as 0.0.0.0:5060")
    return text


def _multicast(text: str) -> str:
    try:
        first = socket.inet_pton(socket.AF_INET, text)[0]
    except OSError:
        first = 0
    if first >> 4 != 14:
        raise ValueError("must be an IPv4 multicast group, such as 224.0.1.75")
    return text


def _url(text: str) -> str:
    # The text goes into SIP bodies and XML: what could end a line or an attribute has
    # no place in it, and neither has a password, since NOTIFY is not encrypted.
    if not text:
        return text
    scheme, _, rest = text.partition("://")
    if (
        scheme not in ("http", "https")
        or not _WITHOUT_USERINFO.fullmatch(rest)
        or len(text) > MAX_URL_CHARACTERS
        or not text.isascii()
        or any(character in " <>\"'\\^`|" or character < "!" for character in text)
        or "\x7f" in text
    ):
        raise ValueError(
            "must be an http:// or https:// URL of at most 255 plain characters "
            "without user and password, and so with no @ behind a port, nor behind a "
            "host that no path follows"
        )
    return text


def _service(text: str) -> str:
    """Return the URL of a redirection service, whose passwords go nowhere in clear."""
    if text and (not _url(text).startswith("https://") or not text.endswith("/")):
        raise ValueError("must begin with https:// and end with a slash")
    return text


def _name(text: str) -> str:
    if not text or text != text.strip():
        raise ValueError("must name interfaces or their addresses, such as eth0")
    return text


def network_from_text(text: str) -> IPv4Network | IPv6Network:
    """Return the network that ``192.0.2.1``, ``192.0.2.0/24`` or ``fd00::/64`` spells.

    An address alone is the network of that address.  Raises ValueError with one clause
    that says what is expected.
    """
    try:
        network = ip_network(text)
    except ValueError:
        network = None
    if network is None or "%" in text:
        raise ValueError(
            "must be addresses or subnets, such as 192.0.2.1 or 192.0.2.0/24, with no "
            "bit set behind the length"
        )
    if isinstance(network, IPv6Network) and network.network_address.ipv4_mapped:
        raise ValueError("must have IPv4 addresses as IPv4, without ::ffff:")
    if not network.prefixlen:
        raise ValueError("must not be everybody: then anybody could forge an address")
    return network


def _network(text: str) -> str:
    network_from_text(text)
    return text


def _host(text: str) -> str:
    """Return the name of a host *text* in small letters."""
    name = text.strip().lower()
    if not _HOST_NAME.fullmatch(name):
        raise ValueError("must be names of hosts, such as downloads.snom.com")
    return name


def _sha256(text: str) -> str:
    """Return *text* as 64 hex digits in lower case; colons may separate them."""
    digits = text.replace(":", "").lower()
    if len(digits) != 64 or digits.strip("0123456789abcdef"):
        raise ValueError(
            "must be SHA-256 in hex, 64 digits, as bootwave tls check says"
        )
    return digits


def _networks(texts: tuple[str, ...]) -> tuple[str, ...]:
    if len(texts) > MAX_PROXY_NETWORKS:
        raise ValueError(f"must be at most {MAX_PROXY_NETWORKS} addresses or subnets")
    return texts


def _rule_lists(texts: tuple[str, ...]) -> tuple[str, ...]:
    names = [text.split()[0] for text in texts]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"must have one list of each name, not two of {name!r}")
    return texts


def _name_server(text: str) -> str:
    address = address_from_text(text)
    if not address.host or not address.port:
        raise ValueError("must be a numeric address and a port, such as 192.0.2.53:53")
    return text


Listen = Annotated[str, AfterValidator(_listen)]
NameServer = Annotated[str, AfterValidator(_name_server)]
Url = Annotated[str, AfterValidator(_url)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ServerOptions(_Section):
    """Processes."""

    workers: int = Field(
        2, ge=0, le=64, description="Worker processes; 0 runs everything in one."
    )
    dumpable: bool = Field(
        False,
        description="Whether the processes may be traced and leave a core, for whoever "
        "looks for a fault: secrets are in their memory.",
    )


class StoreOptions(_Section):
    """Files, relative to the directory of the options file."""

    database: Path = Field(Path("bootwave.db"), description="The SQLite database.")
    sightings: Path = Field(
        Path("sightings.db"),
        description="The file of what phones asked and got.",
    )
    key: Path = Field(
        Path("bootwave.key"),
        description="The key of secrets at rest: a file of mode 0600, credential:NAME "
        "of systemd, or env:BOOTWAVE_KEY.",
    )
    control_socket: Path = Field(
        Path("control.sock"), description="Where commands reach a running engine."
    )
    images: Path = Field(
        Path("images"),
        description="The directory of uploaded firmware images; it is made with the "
        "first.",
    )


class PnpOptions(_Section):
    """Multicast SIP plug and play."""

    enabled: bool = Field(True, description="Answer the SUBSCRIBEs of booting phones.")
    listen: Annotated[str, AfterValidator(_listen_ipv4)] = Field(
        "0.0.0.0:5060", description="Address and UDP port."
    )
    group: Annotated[str, AfterValidator(_multicast)] = Field(
        "224.0.1.75", description="The multicast group phones ask on."
    )
    interfaces: tuple[Annotated[str, AfterValidator(_name)], ...] = Field(
        (),
        description="Names or addresses of the interfaces to join on; empty: all but "
        "loopback.",
    )
    bind: Literal["any", "group"] = Field(
        "any",
        description="Bind the listen address, or the group so that a PBX keeps 5060.",
    )
    off_subnet: bool = Field(
        False, description="Answer sources outside this server's own subnets too."
    )
    url: Url = Field(
        "",
        description="The settings URL told by NOTIFY to all phones, {mac} for the "
        "phone's MAC; empty: http.url, else the HTTP listener on the interface where "
        "the phone was heard, and for phones known to own a certificate HTTPS, where "
        "that is served.",
    )
    lists: Annotated[
        tuple[Annotated[str, AfterValidator(checked_list)], ...],
        AfterValidator(_rule_lists),
    ] = Field(
        (),
        description="Lists of MACs for rules, each a name and MACs: other-pbx "
        "0004132E08B4 0004132E08B5.",
    )
    rules: tuple[str, ...] = Field(
        (),
        description="Who gets an answer, the first rule that holds: answer or ignore, "
        "then conditions of oui=000413, vendor=snom, subnet=10.1.0.0/16, "
        "mac=0004132E08B4 and list=NAME (of pnp.lists), all of which must hold.  Where "
        "none holds, as without rules.",
    )

    @field_validator("rules")
    @classmethod
    def _rules_are_rules(
        cls, rules: tuple[str, ...], others: ValidationInfo
    ) -> tuple[str, ...]:
        lists = others.data.get("lists")
        if lists is not None:  # else they are what is wrong
            rules_from_texts(rules, lists)
        return rules

    @property
    def judging(self) -> Rules:
        """The rules, made from their texts: keep them."""
        return rules_from_texts(self.rules, self.lists)


class HttpOptions(_Section):
    """The settings server over clear HTTP."""

    listen: tuple[Listen, ...] = Field(
        ("0.0.0.0:8080", "[::]:8080"), description="Addresses and TCP ports."
    )
    url: Url = Field(
        "",
        description="The base URL phones reach this server by; empty: the address "
        "the phone connected to.",
    )
    secrets: Literal["window", "never"] = Field(
        "window", description="Whether secrets may leave over clear HTTP."
    )
    basic: bool = Field(
        False,
        description="Whether user name and password may be sent readable over clear "
        "HTTP, for phones that cannot do Digest.",
    )
    connections: int = Field(
        10_000,
        ge=16,
        le=1_000_000,
        description="Connections one worker holds at most.",
    )
    proxy_protocol: Annotated[
        tuple[Annotated[str, AfterValidator(_network)], ...], AfterValidator(_networks)
    ] = Field(
        (),
        description="Addresses and subnets of load balancers, whose connections must "
        "begin with a PROXY protocol header of version 2 that tells the phone's "
        "address; empty: none.",
    )
    lane: Literal["on", "off"] = Field(
        "on",
        description="Whether what is ready is answered by compiled code; off: all by "
        "h11.",
    )


class HttpsLegacyOptions(_Section):
    """HTTPS for old firmware: TLS 1.0 and weak ciphers."""

    listen: tuple[Listen, ...] = Field(
        (),
        description="Addresses and TCP ports, others than https.listen; empty: old "
        "firmware is not served over TLS.",
    )
    certificates: tuple[Path, ...] = Field(
        (),
        description="PEM files with key and chain, RSA of 2048 bits for the oldest "
        "phones; empty: those of https.certificates.",
    )


class HttpsOptions(_Section):
    """The settings server over TLS."""

    listen: tuple[Listen, ...] = Field(
        ("0.0.0.0:8443", "[::]:8443"), description="Addresses and TCP ports."
    )
    factory_cas: tuple[Path, ...] = Field(
        (),
        description="PEM files with the CAs of phones' factory certificates: roots, "
        "and issuing CAs that phones do not send along.  Without any no certificate "
        "proves anything.",
    )
    factory_issuers: tuple[str, ...] = Field(
        (),
        description="The only CAs that may issue phones' certificates, such as "
        "/C=DE/O=Maker/CN=Phones or (not in the variable, which commas separate) "
        "CN=Phones,O=Maker,C=DE; empty: snom's issuing CAs below snom's roots, any CA "
        "below others.",
    )
    crls: tuple[Path, ...] = Field(
        (),
        description="Files of certificate revocation lists, in PEM or DER; what one of "
        "them names opens no phone's own document, whatever else is open.",
    )
    outdated_crls: Literal["refuse", "warn"] = Field(
        "refuse",
        description="What is to be when all lists of a CA are past their next update; "
        "refuse: certificates of that CA prove nothing until a new one is read; warn: "
        "the log says so.",
    )
    expired: Literal["refuse", "accept"] = Field(
        "refuse",
        description="Whether a factory certificate proves a phone after its time has "
        "passed; accept: it does, and each is logged.",
    )
    legacy_roots: tuple[Annotated[str, AfterValidator(_sha256)], ...] = Field(
        (SNOM_ROOT_1_KEY,),
        description="SHA-256 of the public keys of roots below which SHA-1 and RSA of "
        "1024 bits are accepted on https.legacy.listen, in hex; the default is snom's "
        "root of 2008.  Empty: nowhere.",
    )
    certificates: tuple[Path, ...] = Field(
        (Path("bootwave-server.pem"), Path("bootwave-server-ecdsa.pem")),
        description="PEM files, each with a certificate of this server, its chain and "
        "its key.  RSA and ECDSA for the same names serve side by side; a phone that "
        "names a host is shown the certificate for it, others the first.",
    )
    url: Url = Field(
        "",
        description="The base URL phones reach this server by over TLS; empty: "
        "http.url if that is https, else the address the phone connected to.",
    )
    bootstrap: bool = Field(
        False,
        description="Whether the general document sends phones that own a factory "
        "certificate from clear HTTP to HTTPS; they must accept the server's "
        "certificate.",
    )
    handshakes: int = Field(
        512,
        ge=8,
        le=65_536,
        description="TLS handshakes one worker has under way at most; more wait.",
    )
    legacy: HttpsLegacyOptions = HttpsLegacyOptions()


class ControlOptions(_Section):
    """The administrators' API."""

    listen: Annotated[str, AfterValidator(lambda text: text and _listen(text))] = Field(
        "127.0.0.1:8095",
        description="Address and TCP port; empty: there is no API.  Without the "
        "libraries of bootwave[control] there is none by default.",
    )
    certificates: tuple[Path, ...] = Field(
        (),
        description="PEM files, each with a certificate, its chain and its key, for "
        "the API over TLS; without any it is clear, which is for 127.0.0.1 and [::1] "
        "only.",
    )
    hosts: tuple[Annotated[str, AfterValidator(_host)], ...] = Field(
        (),
        description="Names by which the API is asked, beside localhost, addresses and "
        "those in its certificates, such as that of a proxy in front of it.  Requests "
        "for another name are refused: they may come from a page of somebody else.",
    )

    @model_validator(mode="after")
    def _is_private(self) -> "ControlOptions":
        if self.listen and not self.certificates and not self.is_loopback:
            raise ValueError(
                f"control.listen = {self.listen} is reached from other machines: name "
                "a certificate in control.certificates, or listen on 127.0.0.1"
            )
        return self

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine reaches it."""
        host = address_from_text(self.listen).host
        return bool(host) and ip_address(host.partition("%")[0]).is_loopback


class PairingOptions(_Section):
    """How long an account stays open, and whom a wildcard is for."""

    window_minutes: float = Field(
        10,
        gt=0,
        le=24 * 60,
        allow_inf_nan=False,
        description="How long a window stays open, in minutes.",
    )
    pairing_minutes: float = Field(
        5,
        ge=0,
        le=24 * 60,
        allow_inf_nan=False,
        description="How long the phone of a used window may fetch again, in minutes.",
    )
    passwords_hours: float = Field(
        0,
        ge=0,
        le=24 * 366,
        allow_inf_nan=False,
        description="How long after a phone was provisioned its document still holds "
        "the SIP passwords, in hours; 0: for ever.",
    )
    temporary_hours: float = Field(
        8,
        gt=0,
        le=24 * 366,
        allow_inf_nan=False,
        description="How long a phone keeps a '?' account, in hours.",
    )
    wildcard_vendors: Literal["snom", "any"] = Field(
        "snom", description="Whose MACs may claim a '*' or '?' account."
    )
    wildcard_certificates: bool = Field(
        False,
        description="Let a phone's factory certificate claim a '*' or '?' account that "
        "is not open. Whoever buys a used phone has one, so this is for networks that "
        "strangers do not reach.",
    )


class LimitsOptions(_Section):
    """What one address may guess, counted by all workers together."""

    guesses: int = Field(
        20,
        ge=1,
        le=1_000_000,
        description="Wrong passwords of extensions from one address before no more "
        "are compared.",
    )
    guesses_per_minute: float = Field(
        2,
        gt=0,
        le=1_000_000,
        allow_inf_nan=False,
        description="How many of them come back each minute.",
    )
    account_guesses: int = Field(
        100,
        ge=1,
        le=1_000_000,
        description="Wrong passwords for one phone, from all addresses that never "
        "proved themselves, before no more are compared.",
    )
    account_guesses_per_minute: float = Field(
        10,
        gt=0,
        le=1_000_000,
        allow_inf_nan=False,
        description="How many of them come back each minute.",
    )
    misses: int = Field(
        100,
        ge=1,
        le=1_000_000,
        description="MACs one address may ask for without proving to be any of them "
        "before its refusals are slowed.",
    )
    misses_per_minute: float = Field(
        20,
        gt=0,
        le=1_000_000,
        allow_inf_nan=False,
        description="How many of them come back each minute.",
    )
    run_misses: int = Field(
        200,
        ge=1,
        le=1_000_000,
        description="The same for one run of 4096 neighbouring MACs, from all "
        "addresses.",
    )
    run_misses_per_minute: float = Field(
        20,
        gt=0,
        le=1_000_000,
        allow_inf_nan=False,
        description="How many of them come back each minute.",
    )
    delay_seconds: float = Field(
        2,
        ge=0,
        le=20,
        allow_inf_nan=False,
        description="How long a slowed refusal is held back, in seconds.",
    )
    delayed: int = Field(
        256,
        ge=0,
        le=100_000,
        description="Refusals one worker holds back at once; the rest is told to come "
        "back later.",
    )


class FirmwareOptions(_Section):
    """Firmware of phones, and its images."""

    hosts: tuple[Annotated[str, AfterValidator(_host)], ...] = Field(
        ("provisioning.snom.com", "downloads.snom.com", "dect.snom.com"),
        description="Hosts whose URLs may be told to phones as those of images; the "
        "engine itself never fetches them.  Empty: only uploaded images.",
    )
    image_bytes: int = Field(
        256 * 1024 * 1024,
        ge=1024,
        le=1 << 32,
        description="The largest image that may be uploaded, in bytes.",
    )
    store_bytes: int = Field(
        16 * 1024 * 1024 * 1024,
        ge=1024,
        le=1 << 44,
        description="All uploaded images together, in bytes, at most.",
    )
    downloads: int = Field(
        1024,
        ge=1,
        le=100_000,
        description="Phones that fetch an image at once, of all workers together; "
        "others are told to come back later.",
    )
    bytes_per_second: int = Field(
        40_000_000,
        ge=10_000,
        le=1 << 40,
        description="What all images together are sent with, in bytes per second, by "
        "all workers together.",
    )
    finish_seconds: int = Field(
        900,
        ge=0,
        le=86_400,
        description="How long a worker that HUP replaced goes on sending the images "
        "that phones were fetching from it; 0: five seconds.",
    )


class WavesOptions(_Section):
    """Many phones that are told something, or come back, together."""

    phone_port: int = Field(
        5060,
        ge=1,
        le=65_535,
        description="UDP port on which phones listen for SIP: their setting "
        "network_id_port.",
    )
    proxy_cas: tuple[Path, ...] = Field(
        (),
        description="PEM files with the CAs of SIP proxies that NOTIFYs go to by TLS; "
        "none: those of the system.",
    )
    name_servers: tuple[NameServer, ...] = Field(
        (),
        description="DNS servers that are asked for SIP proxies, as 192.0.2.53:53; "
        "none: those of the system (/etc/resolv.conf).",
    )
    requests_per_second: float = Field(
        0,
        ge=0,
        le=1_000_000,
        allow_inf_nan=False,
        description="What this server answers; for a fleet that takes it ten seconds "
        "and more, phones are told to wait.  0: what was measured, and 2,000 until "
        "that is enough.",
    )


class RedirectionOptions(_Section):
    """How the vendor's redirection service is called."""

    service: Annotated[str, AfterValidator(_service)] = Field(
        "",
        description="The https URL of the service, with a slash at its end; empty: the "
        "vendor's.",
    )
    cas: tuple[Path, ...] = Field(
        (),
        description="PEM files with the CAs that the service's certificate must come "
        "from; empty: those that this system trusts.",
    )
    calls_per_second: float = Field(
        5,
        gt=0,
        le=1_000,
        allow_inf_nan=False,
        description="Calls of the service in a second at most, one after another.",
    )
    timeout_seconds: float = Field(
        20,
        gt=0,
        le=600,
        allow_inf_nan=False,
        description="How long one call may take, in seconds.",
    )
    list_hours: float = Field(
        24,
        ge=0.01,
        le=8_784,
        allow_inf_nan=False,
        description="Hours between two looks at what the service holds.",
    )


class CacheOptions(_Section):
    """Documents kept ready in each worker."""

    bytes: int = Field(
        256 * 1024 * 1024,
        ge=0,
        le=1 << 40,
        description="Upper bound of the cache, in bytes.",
    )


class SightingsOptions(_Section):
    """What is remembered of phones' contacts."""

    keep_days: float = Field(
        30,
        gt=0,
        le=36_600,
        allow_inf_nan=False,
        description="Age of the oldest kept, in days.",
    )
    keep_rows: int = Field(
        2_000_000,
        ge=1000,
        le=1 << 40,
        description="Sightings of bound phones kept at most; each takes 152 bytes.",
    )
    unknown_rows: int = Field(
        100_000,
        ge=1,
        le=10_000_000,
        description="Sightings of MACs that are bound nowhere kept at most, and as "
        "many more of what names no MAC.",
    )


class AuditOptions(_Section):
    """The log of who did what, and which phone took which secret."""

    keep_days: float = Field(
        0,
        ge=0,
        le=36_600,
        allow_inf_nan=False,
        description="Age of the oldest row kept, in days; 0: for ever.",
    )


class LogOptions(_Section):
    """The log on standard error."""

    level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="The least severe event written."
    )
    format: Literal["console", "json"] = Field(
        "console", description="Lines for people, or one JSON object per line."
    )


class Options(_Section):
    """All options; a frozen tree, safe to share with every process."""

    server: ServerOptions = ServerOptions()
    store: StoreOptions = StoreOptions()
    pnp: PnpOptions = PnpOptions()
    http: HttpOptions = HttpOptions()
    https: HttpsOptions = HttpsOptions()
    control: ControlOptions = ControlOptions()
    pairing: PairingOptions = PairingOptions()
    limits: LimitsOptions = LimitsOptions()
    firmware: FirmwareOptions = FirmwareOptions()
    waves: WavesOptions = WavesOptions()
    redirection: RedirectionOptions = RedirectionOptions()
    cache: CacheOptions = CacheOptions()
    sightings: SightingsOptions = SightingsOptions()
    audit: AuditOptions = AuditOptions()
    log: LogOptions = LogOptions()

    @model_validator(mode="after")
    def _files_are_apart(self) -> "Options":
        seen: dict[Path, str] = {}
        for name in StoreOptions.model_fields:
            path = getattr(self.store, name)
            other = seen.setdefault(path, name)
            if other != name:
                raise ValueError(f"store.{other} and store.{name} are the same file")
        return self


class Key(NamedTuple):
    """One option of the table, as the manual and ``options check`` show it.

    ``name`` is dotted, ``variable`` is its environment variable, ``kind`` says in
    words what a value may be, ``annotation`` is its type.
    """

    name: str
    variable: str
    kind: str
    default: Any
    help: str
    annotation: Any

    @property
    def is_list(self) -> bool:
        """Whether it is a list, whose members a variable separates by commas."""
        return self.kind.startswith("a list of ")


def keys() -> Iterator[Key]:
    """Yield every option in the order of the table, sections within others last."""
    for section, field in Options.model_fields.items():
        yield from _keys_of(section, section_of(field.annotation))


def section_of(annotation: Any) -> "type[_Section] | None":
    """Return *annotation* when it is a section of options, or None."""
    if isinstance(annotation, type) and issubclass(annotation, _Section):
        return annotation
    return None


def _keys_of(section: str, model: "type[_Section] | None") -> Iterator[Key]:
    assert model is not None
    within = {}
    for name, option in model.model_fields.items():
        if section_of(option.annotation) is not None:
            within[f"{section}.{name}"] = section_of(option.annotation)
            continue
        dotted = f"{section}.{name}"
        yield Key(
            dotted,
            "BOOTWAVE_" + dotted.replace(".", "__").upper(),
            _kind(option.annotation, option.metadata),
            option.default,
            option.description or "",
            option.annotation,
        )
    for inner, inner_model in within.items():
        yield from _keys_of(inner, inner_model)


def section_named(name: str) -> "type[BaseModel]":
    """Return the section with the dotted *name* of the table."""
    model: type[BaseModel] = Options
    for part in name.split("."):
        found = section_of(model.model_fields[part].annotation)
        assert found is not None
        model = found
    return model


def value_of(options: BaseModel, name: str) -> Any:
    """Return the value of the option with the dotted *name*."""
    found: Any = options
    for part in name.split("."):
        found = getattr(found, part)
    return found


def _kind(annotation: Any, metadata: list[Any]) -> str:
    """Return in words what a value of this type within these bounds is."""
    choices = getattr(annotation, "__args__", ())
    if getattr(annotation, "__origin__", None) is tuple:
        return "a list of paths" if Path in choices else "a list of texts"
    if choices:
        return "one of " + ", ".join(choices)
    bounds = {
        name: getattr(bound, name)
        for bound in metadata
        for name in ("gt", "ge", "le")
        if getattr(bound, name, None) is not None
    }
    words = {bool: "true or false", int: "a whole number", float: "a number"}.get(
        annotation, "a path" if annotation is Path else "text"
    )
    if "gt" in bounds:
        words += f" above {bounds['gt']}"
        return words + (f", at most {bounds['le']}" if "le" in bounds else "")
    if "ge" in bounds and "le" in bounds:
        return words + f" from {bounds['ge']} to {bounds['le']}"
    return words + (f" of at least {bounds['ge']}" if "ge" in bounds else "")
