"""Model names, spelt one way: as the phones spell them in the files they ask for."""

import re

# snom370, snom710, snomD785, snomM700, snomPA1, snomMP, snomm9, snom-m3; also written
# "Snom M900" and "snom m9".
_SNOM = re.compile(
    r"snom[ -]?(PA1|MP|m3|m9|[DMC]?\d{3}[A-Z]{0,2})(?![0-9A-Za-z])", re.IGNORECASE
)
_SMALL = {"M3": "m3", "M9": "m9"}  # the two that snom writes with a small m


def model_from_text(text: str) -> str:
    """Return the snom model *text* begins with, or "" when it begins with none.

    ``snom370``, ``Snom M900`` and ``SNOMD785`` come out as ``snom370``, ``snomM900``
    and ``snomD785``, the form in the names of settings files and firmware.
    """
    found = _SNOM.match(text)
    if found is None:
        return ""
    name = found[1].upper()
    return "snom" + _SMALL.get(name, name)


def is_snom_name(text: str) -> bool:
    """Whether a vendor, model or User-Agent *text* says that it is snom's."""
    return text[:4].lower() == "snom"
