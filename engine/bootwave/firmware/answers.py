"""The answers to a phone that asks at firmware_status (snom wiki, Firmware tag).

The phone only ever sees the reduced form, one image for its own model, never the
administrators' document.
"""

from collections.abc import Sequence
from typing import Final

from bootwave.firmware.definitions import Definition
from bootwave.firmware.filenames import dect_numbers
from bootwave.native.xml import escape_attribute, escape_text
from bootwave.phone.firmware import FirmwareVersion

_PROLOGUE: Final = b'<?xml version="1.0" encoding="utf-8"?>\n'
_FIRST_WITH_XML: Final = FirmwareVersion(7)


def nothing() -> bytes:
    """Return the answer to a phone that shall keep its firmware.

    Well-formed and without a ``<firmware>``: a phone finds nothing to do, where a
    missing file makes some firmwares stop and wait for a key to be pressed.
    """
    return _PROLOGUE + b"<firmware-settings>\n</firmware-settings>\n"


def one_image(url: str, running: FirmwareVersion) -> tuple[bytes, str]:
    """Return the answer that has a phone load *url*, and its media type.

    Text, one line, where *running* is below 7, which reads no XML; *url* then has no
    line ends, as everywhere (``required_location``).
    """
    if running < _FIRST_WITH_XML:
        return b"firmware: " + url.encode("ascii") + b"\n", "text/plain"
    line = b' <firmware perm="">%b</firmware>\n' % escape_text(url)
    return _settings(line), "application/xml"


def dect_images(
    url: str, base: Definition, handsets: Sequence[Definition]
) -> tuple[bytes, str]:
    """Return the answer to a DECT base, and its media type.

    *url* is where the base finds ``M700/M700_v0520_b0001.fwu`` and the like: it makes
    the names itself, of the versions of base and handsets that it is told.
    """
    software, branch = dect_numbers(base.version)
    lines = [
        b' <firmware perm="">%b</firmware>\n' % escape_text(url),
        b' <fp_fwu_sw_version perm="">%d</fp_fwu_sw_version>\n' % software,
        b' <fp_fwu_branch_version perm="">%d</fp_fwu_branch_version>\n' % branch,
    ]
    for handset in handsets:
        software, branch = dect_numbers(handset.version)
        kind = escape_attribute(handset.model)
        lines += [
            b' <pp_fwu_sw_version type="%b" perm="">%d</pp_fwu_sw_version>\n'
            % (kind, software),
            b' <pp_fwu_branch_version type="%b" perm="">%d</pp_fwu_branch_version>\n'
            % (kind, branch),
        ]
    return _settings(*lines), "application/xml"


def _settings(*lines: bytes) -> bytes:
    joined = b"".join(lines)
    return b"%b<firmware-settings>\n%b</firmware-settings>\n" % (_PROLOGUE, joined)
