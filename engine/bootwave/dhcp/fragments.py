"""The files of DHCP servers: what makes each of them hand the options out.

A fragment is complete: its classes, its options and, in comments, where it belongs.
"""

from collections.abc import Callable
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from bootwave.dhcp.handout import (
    DECT_CLASS,
    ENCAPSULATED,
    FILE,
    M3_CLASS,
    M9_NAME,
    NO_DECT_CLASS,
    SERVER,
    VENDOR_CLASS,
    VLAN_ID,
    VLAN_PRIORITY,
    Handout,
    Handouts,
    Kind,
)

_ABOUT: Final = MappingProxyType(
    {
        Kind.DESK: "desk phones, by their vendor class (option 60)",
        Kind.DECT: "DECT bases, which make up the names of their files themselves",
        Kind.M3: "the m3, which makes up the name of its file itself",
        Kind.M9: "the m9, by its host name (option 12)",
    }
)
_NAMES: Final = MappingProxyType(
    {
        SERVER: "server",
        FILE: "file below it",
        VLAN_ID: "VLAN",
        VLAN_PRIORITY: "VLAN priority",
    }
)


class Server(StrEnum):
    """DHCP servers whose files are known."""

    KEA = "kea"
    ISC = "isc"
    DNSMASQ = "dnsmasq"


def fragment(server: Server, handouts: Handouts) -> str:
    """Return the fragment by which *server* tells phones *handouts*."""
    return _WRITERS[server](handouts)


def _hex(data: bytes, between: str) -> str:
    return data.hex(between).upper() if between else data.hex().upper()


def _dnsmasq(handouts: Handouts) -> str:
    lines = [
        "# snom phones find their settings (dnsmasq 2.80 or later): a file for its",
        "# conf-dir, or lines for dnsmasq.conf.",
        f"dhcp-vendorclass=set:snom,{VENDOR_CLASS}",
        f"dhcp-vendorclass=set:snom-letter-m,{DECT_CLASS}",
        f"dhcp-vendorclass=set:snom-mp,{NO_DECT_CLASS}",
        f"dhcp-vendorclass=set:snom-m3,{M3_CLASS}",
        f"dhcp-name-match=set:snom-m9,{M9_NAME}*",
        "tag-if=set:snom-desk,tag:snom,tag:!snom-letter-m,tag:!snom-m3,tag:!snom-m9",
        "tag-if=set:snom-desk,tag:snom-mp,tag:!snom-m9",
        "tag-if=set:snom-dect,tag:snom-letter-m,tag:!snom-mp,tag:!snom-m9",
    ]
    for kind, told in handouts.items():
        lines += ["", f"# {_ABOUT[kind]}"]
        lines += (
            f'dhcp-option=tag:snom-{kind},{code},"{text}"'
            if code in (SERVER, FILE)
            else f"dhcp-option=tag:snom-{kind},{code},{_dnsmasq_bytes(text.encode())}"
            f"  # {_NAMES[code]} {text}"
            for code, text in told.texts
        )
        if told.encapsulated:
            lines += [
                "# the same encapsulated",
                f"dhcp-option=tag:snom-{kind},{ENCAPSULATED},"
                f"{_dnsmasq_bytes(told.encapsulated)}",
            ]
    return "\n".join((*lines, ""))


def _dnsmasq_bytes(data: bytes) -> str:
    """Return *data* as dnsmasq sends it unchanged: digits are a number to it.

    Bytes in hex need a colon between them, so one alone is told by its number.  66 and
    67 are texts to it, and get a NUL that clients must take away (RFC 2132 section 2).
    """
    return _hex(data, ":") if len(data) > 1 else f"{data[0]}b"


_KEA_TESTS: Final = MappingProxyType(
    {
        Kind.M9: f"substring(option[12].text,0,{len(M9_NAME)}) == '{M9_NAME}'",
        Kind.M3: f"substring(option[60].text,0,{len(M3_CLASS)}) == '{M3_CLASS}' "
        "and not member('snom-m9')",
        Kind.DECT: f"substring(option[60].text,0,{len(DECT_CLASS)}) == '{DECT_CLASS}' "
        f"and not (substring(option[60].text,0,{len(NO_DECT_CLASS)}) == "
        f"'{NO_DECT_CLASS}') and not member('snom-m9')",
        Kind.DESK: f"substring(option[60].text,0,{len(VENDOR_CLASS)}) == "
        f"'{VENDOR_CLASS}' and not member('snom-dect') and not member('snom-m3') "
        "and not member('snom-m9')",
    }
)
_KEA_NAMES: Final = MappingProxyType(
    {SERVER: "tftp-server-name", FILE: "boot-file-name"}
)


def _kea(handouts: Handouts) -> str:
    lines = [
        "// snom phones find their settings (Kea 2.0 or later): inside the braces of",
        '// "Dhcp4", here or by <?include "FILE"?>. Where there are "client-classes"',
        "// already, add these to them; each class counts on those before it.",
        '"client-classes": [',
    ]
    entries = [_kea_class(kind, handouts[kind]) for kind in _KEA_TESTS]
    lines += ",\n".join(entries).splitlines()
    return "\n".join((*lines, "]", ""))


def _kea_class(kind: Kind, told: Handout) -> str:
    options = []
    for code, text in told.texts:
        if code in _KEA_NAMES:
            options.append(f'{{ "name": "{_KEA_NAMES[code]}", "data": "{text}" }}')
        else:
            options.append(
                f'{{ "code": {code}, "csv-format": false, '
                f'"data": "{_hex(text.encode(), "")}" }}  // {_NAMES[code]} {text}'
            )
    if told.encapsulated:
        options.append(
            f'{{ "code": {ENCAPSULATED}, "csv-format": false, '
            f'"data": "{_hex(told.encapsulated, "")}" }}  // the same encapsulated'
        )
    # A comma stands before a comment, not in it.
    for at, option in enumerate(options[:-1]):
        value, comment, words = option.partition("  //")
        options[at] = f"{value},{comment}{words}"
    return "\n".join(
        (
            f"  {{  // {_ABOUT[kind]}",
            f'    "name": "snom-{kind}",',
            f'    "test": "{_KEA_TESTS[kind]}",',
            '    "option-data": [',
            *(f"      {option}" for option in options),
            "    ]",
            "  }",
        )
    )


def _isc_begins(option: str, start: str) -> str:
    return f'substring(option {option}, 0, {len(start)}) = "{start}"'


# In order: the first one that holds counts.  Not classes, because there is no "not" in
# them: about an option that was not sent, nothing is true there, nor is its contrary.
_ISC_TESTS: Final = (
    (_isc_begins("host-name", M9_NAME), Kind.M9),
    (_isc_begins("vendor-class-identifier", M3_CLASS), Kind.M3),
    (_isc_begins("vendor-class-identifier", NO_DECT_CLASS), Kind.DESK),
    (_isc_begins("vendor-class-identifier", DECT_CLASS), Kind.DECT),
    (_isc_begins("vendor-class-identifier", VENDOR_CLASS), Kind.DESK),
)
_ISC_NAMES: Final = MappingProxyType(
    {
        SERVER: "tftp-server-name",
        FILE: "bootfile-name",
        VLAN_ID: "snom-vlan-id",
        VLAN_PRIORITY: "snom-vlan-priority",
    }
)


def _isc(handouts: Handouts) -> str:
    lines = [
        "# snom phones find their settings (ISC dhcpd 4): outside of subnets,",
        '# here or by include "FILE";',
    ]
    codes = {code for code, _ in handouts[Kind.DESK].texts}
    lines += (
        f"option {_ISC_NAMES[code]} code {code} = text;"
        for code in (VLAN_ID, VLAN_PRIORITY)
        if code in codes
    )
    word = "if"
    for test, kind in _ISC_TESTS:
        told = handouts[kind]
        lines += ["", f"# {_ABOUT[kind]}", f"{word} {test} {{"]
        lines += (f'  option {_ISC_NAMES[code]} "{text}";' for code, text in told.texts)
        if told.encapsulated:
            lines += [
                "  # the same encapsulated",
                f"  option vendor-encapsulated-options {_hex(told.encapsulated, ':')};",
            ]
        lines.append("}")
        word = "elsif"
    return "\n".join((*lines, ""))


_WRITERS: Final[MappingProxyType[Server, Callable[[Handouts], str]]] = MappingProxyType(
    {Server.KEA: _kea, Server.ISC: _isc, Server.DNSMASQ: _dnsmasq}
)
