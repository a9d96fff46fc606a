"""The DHCP options of phones, by their kind (RFC 2132 section 9; snom wiki, Options).

Desk phones join option 66, a server, and option 67, a path below it, and take both
from option 43 where that is there (firmware 7.3.17 and 8.2.1), which is
encapsulated there by the same numbers, each text with a NUL behind.  132 and 133
(firmware 7.3.24 and 8.2.7) are the VLAN and its priority in digits.

    kind   which phones                              told
    desk   option 60 begins with snom                66, 67, 43, 132, 133
    dect   with snomM and a digit                    66: the folder, no more
    m3     with snom-m3                              66: the folder, no more
    m9     option 12, its name, begins with snom-m9  66: the whole URL

What is attested is told, no more: that the others know option 43, or join 66 and 67,
nobody has written down.
"""

from enum import StrEnum
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from bootwave.errors import OptionError
from bootwave.options import MAX_URL_CHARACTERS
from bootwave.quoting import without_userinfo

SERVER: Final = 66
FILE: Final = 67
ENCAPSULATED: Final = 43
VLAN_ID: Final = 132
VLAN_PRIORITY: Final = 133

MAX_OPTION_BYTES: Final = 255  # RFC 2132 section 2: the length is one byte
MAX_VLAN_ID: Final = 4094  # IEEE 802.1Q: 0 and 4095 are no VLANs
MAX_VLAN_PRIORITY: Final = 7

VENDOR_CLASS: Final = "snom"
DECT_CLASS: Final = "snomM"
NO_DECT_CLASS: Final = "snomMP"  # the MeetingPoint, which is a desk phone
M3_CLASS: Final = "snom-m3"
M9_NAME: Final = "snom-m9"


class Kind(StrEnum):
    """Phones that are told the same."""

    DESK = "desk"
    DECT = "dect"
    M3 = "m3"
    M9 = "m9"


class Handout(NamedTuple):
    """What one kind of phones is told: the texts of options, in ascending order.

    ``encapsulated`` are the bytes of option 43, b"" for none.
    """

    texts: tuple[tuple[int, str], ...]
    encapsulated: bytes = b""


Handouts = dict[Kind, Handout]


def kind_of(vendor_class: str, host_name: str) -> Kind | None:
    """Return the kind of phone that sends options 60 and 12; None for no snom."""
    if host_name.startswith(M9_NAME):
        return Kind.M9
    if vendor_class.startswith(M3_CLASS):
        return Kind.M3
    if vendor_class.startswith(DECT_CLASS) and not vendor_class.startswith(
        NO_DECT_CLASS
    ):
        return Kind.DECT
    return Kind.DESK if vendor_class.startswith(VENDOR_CLASS) else None


def handouts(
    base: str, vlan_id: int | None = None, vlan_priority: int | None = None
) -> Handouts:
    """Return what each kind is told so that it finds the base URL *base*.

    *vlan_id* and *vlan_priority* are told to desk phones.  Raises OptionError for what
    these options cannot say.
    """
    origin, path = _split(base)
    file = f"{path}/{{mac}}.xml".lstrip("/")
    desk = [(SERVER, origin), (FILE, file), *_vlan(vlan_id, vlan_priority)]
    encapsulated = b"".join(_encapsulated(code, text) for code, text in desk)
    folder = f"{origin}{path}/"
    found = {
        Kind.DESK: Handout(tuple(desk), encapsulated),
        Kind.DECT: Handout(((SERVER, folder),)),
        Kind.M3: Handout(((SERVER, folder),)),
        Kind.M9: Handout(((SERVER, f"{folder}snomm9-{{mac}}.htm"),)),
    }
    longest = max(
        len(encapsulated),
        *(len(text) for each in found.values() for _, text in each.texts),
    )
    if longest > MAX_OPTION_BYTES:
        raise OptionError(
            f"{base} is too long for DHCP: its options would take {longest} bytes, "
            f"where {MAX_OPTION_BYTES} fit. Give a shorter URL with --url."
        )
    return found


def _split(base: str) -> tuple[str, str]:
    """Return scheme and authority of *base*, and its path without a slash behind."""
    try:
        parts = urlsplit(base)
        host, _port = parts.hostname, parts.port
    except ValueError:
        host = None
        parts = urlsplit("")
    if (
        parts.scheme not in ("http", "https")
        or not host
        or parts.username is not None
        or parts.query
        or parts.fragment
        or len(base) > MAX_URL_CHARACTERS
        or not base.isascii()
        or any(character in "\"'\\{}<>^`|," or character <= " " for character in base)
        or "\x7f" in base
    ):
        raise OptionError(
            f"{without_userinfo(base)[:MAX_URL_CHARACTERS]!r} is no URL that DHCP can "
            "tell phones: it must be of http:// or https:// and a host, perhaps with a "
            f"path, in plain characters, {MAX_URL_CHARACTERS} at most. See --url."
        )
    return f"{parts.scheme}://{parts.netloc}", parts.path.rstrip("/")


def _vlan(vlan_id: int | None, priority: int | None) -> list[tuple[int, str]]:
    told = []
    if vlan_id is not None:
        if not 1 <= vlan_id <= MAX_VLAN_ID:
            raise OptionError(f"There is no VLAN {vlan_id}: give 1 to {MAX_VLAN_ID}.")
        told.append((VLAN_ID, str(vlan_id)))
    if priority is not None:
        if vlan_id is None:
            raise OptionError("A VLAN priority needs its VLAN: give --vlan, too.")
        if not 0 <= priority <= MAX_VLAN_PRIORITY:
            raise OptionError(
                f"There is no VLAN priority {priority}: give 0 to {MAX_VLAN_PRIORITY}."
            )
        told.append((VLAN_PRIORITY, str(priority)))
    return told


def _encapsulated(code: int, text: str) -> bytes:
    value = text.encode() + b"\0"
    if len(value) > MAX_OPTION_BYTES:
        return bytes(MAX_OPTION_BYTES + 1)  # too long whatever else there is
    return bytes((code, len(value))) + value
