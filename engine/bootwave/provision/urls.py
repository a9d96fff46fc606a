"""The URLs phones are told: of the options or the address reached, never of Host."""

from functools import lru_cache
from ipaddress import IPv6Address, ip_address
from urllib.parse import quote

from bootwave.options import Options
from bootwave.phone.mac import text_from_mac
from bootwave.settings.layers import setting_server

_DEFAULT_PORTS = {"http": 80, "https": 443}


@lru_cache(256)  # the addresses of this machine
def url_of_address(address: str, port: int, secure: bool) -> str:
    """Return the base URL of a listener at *address* (of any spelling) and *port*.

    An IPv6 address stands in brackets, without its zone, which means nothing to others
    (RFC 6874); an IPv4-mapped one is the IPv4 address.  The scheme's own port is left
    out.
    """
    scheme = "https" if secure else "http"
    found = ip_address(address.partition("%")[0])
    if isinstance(found, IPv6Address):
        mapped = found.ipv4_mapped
        host = f"[{found}]" if mapped is None else str(mapped)
    else:
        host = str(found)
    shown = "" if port == _DEFAULT_PORTS[scheme] else f":{port}"
    return f"{scheme}://{host}{shown}"


def base_url(options: Options, local: tuple[str, int], *, secure: bool) -> str:
    """Return where phones reach this server, without a slash at its end.

    *local* is the address and port the phone connected to.  Who came over TLS is not
    sent back to clear HTTP.
    """
    url = options.http.url
    if secure:
        url = options.https.url or (url if url.startswith("https://") else "")
    if url:
        return url.rstrip("/")
    return url_of_address(local[0], local[1], secure)


def bootstrap_url(options: Options, base: str, port: int) -> str:
    """Return where the general document told at *base* sends phones with certificates.

    That is *base* itself unless https.bootstrap is on, *base* is of clear HTTP and
    HTTPS is served: at https.url, else at *port* (0: nowhere) of the same host.
    """
    return secure_url(options, base, port) if options.https.bootstrap else base


def secure_url(options: Options, base: str, port: int) -> str:
    """Return the base URL of HTTPS for who reaches clear HTTP at *base*.

    That is https.url, else *port* of the same host; *base* itself when it is no clear
    HTTP, or HTTPS is nowhere (*port* 0).
    """
    if not base.startswith("http://"):
        return base
    if options.https.url:
        return options.https.url.rstrip("/")
    if not port:
        return base
    authority, slash, path = base.removeprefix("http://").partition("/")
    host, colon, digits = authority.rpartition(":")
    if not colon or not digits.isdigit():
        host = authority
    shown = "" if port == _DEFAULT_PORTS["https"] else f":{port}"
    return f"https://{host}{shown}{slash}{path}"


def clear_url(options: Options, base: str, port: int) -> str:
    """Return the base URL of clear HTTP for who reaches TLS at *base*, "" for none.

    That is http.url, else *port* (0: nowhere) of the same host.
    """
    if options.http.url.startswith("http://"):
        return options.http.url.rstrip("/")
    if not port:
        return ""
    authority = base.partition("://")[2].partition("/")[0]
    host, colon, digits = authority.rpartition(":")
    if not colon or not digits.isdigit():
        host = authority
    return f"http://{host}" + ("" if port == _DEFAULT_PORTS["http"] else f":{port}")


def firmware_url(base: str, model: str, scope: str) -> str:
    """Return where a phone of *model* asks for its firmware by the handle *scope*.

    ``{mac}`` stands as it is: the phone puts its own there.
    """
    return f"{base}/{model}/{model}-firmware.htm?mac={{mac}}&scope={scope}"


def pnp_url(
    options: Options,
    address: str,
    port: int,
    model: str = "",
    dialect: str = "xml",
    *,
    certified: bool = False,
    https_port: int = 0,
) -> str | None:
    """Return what a NOTIFY tells a phone that was heard on *address*.

    It is what a *model* that reads *dialect* comes back to, too, with ``{mac}`` as it
    is: the phone puts its own there.  A phone known to own a certificate (*certified*)
    has no secrets over clear HTTP and is sent to HTTPS where that is served
    (*https_port*, 0: nowhere).  None when there is nowhere to send it, because nothing
    serves what it needs over IPv4 (*port* 0) and no URL is set.
    """
    if options.pnp.url:
        return options.pnp.url
    if port or options.http.url:
        base = base_url(options, (address, port), secure=False)
        if certified:
            base = secure_url(options, base, https_port)
    elif certified and (https_port or options.https.url):
        base = base_url(options, (address, https_port), secure=True)
    else:
        return None
    return setting_server(base, dialect, model)


def with_token(base: str, token: str) -> str:
    """Return the base URL *base* with *token* in it, "" for none."""
    return f"{base}/{token}" if token else base


def settings_url(base: str, mac: int) -> str:
    """Return where the phone *mac* finds its settings below the base URL *base*."""
    return f"{base}/{text_from_mac(mac)}.xml"


def files_of_base(
    base: str, model: str, mac: int, scope: str, *, with_book: bool
) -> list[str]:
    """Return what the DECT base *mac* of a *model* fetches in turn.

    Firmware, settings and, *with_book*, its phone book.  It asks for its firmware by
    the handle *scope*, if it has one.
    """
    text = text_from_mac(mac)
    firmware = f"{base}/{model}/{model}-firmware.htm?mac={text}"
    found = [
        f"{firmware}&scope={scope}" if scope else firmware,
        settings_url(base, mac),
    ]
    return [*found, f"{base}/{text}-phonebook.xml"] if with_book else found


def general_url(base: str, model: str) -> str:
    """Return where phones of *model* ("" when unknown) find the general settings."""
    if not model:
        return f"{base}/general.xml"
    return f"{base}/general/{quote(model, safe='')}.xml"
