"""Model names, spelt one way: as the phones spell them in the files they ask for."""

import re
from functools import lru_cache

from bootwave.errors import SettingError
from bootwave.phone.models import alias, known_models

# snom370, snomD785, snomM700, snomPA1, snomMP, snomm9, snom-m3; also written
# "Snom M900" and "snom m9".
_SNOM = re.compile(r"snom[ -]?([A-Z0-9]{1,8})(?![0-9A-Z])", re.ASCII | re.IGNORECASE)
# What a model may be called that is newer than the table: snomD999, snomHD350W.
_NEW = re.compile(r"[A-Z]{0,2}\d{3}[A-Z]{0,2}", re.ASCII)
# What another vendor's phones, or nobody's, may be called.
_OTHER = re.compile(r"[A-Za-z0-9_.-]{1,64}", re.ASCII)
_SHOWN_CHARACTERS = 60


@lru_cache(1)
def _spellings() -> dict[str, str]:
    return {name.removeprefix("snom").upper(): name for name in known_models()}


def model_from_text(text: str) -> str:
    """Return the snom model *text* begins with, or "" when it begins with none.

    ``snom370``, ``Snom M900`` and ``SNOMD785`` come out as ``snom370``, ``snomM900``
    and ``snomD785``, the form in the names of settings files and firmware.  A model
    that is not in the table is taken for one when it is called like them.
    """
    return _spelt(_SNOM.match(text))


def _spelt(found: re.Match[str] | None) -> str:
    if found is None:
        return ""
    name = found[1].upper()
    known = _spellings().get(name)
    if known is not None:
        return known
    return f"snom{name}" if _NEW.fullmatch(name) else ""


def required_model(text: str) -> str:
    """Return the model an administrator wrote; raises SettingError if it is none.

    With or without the vendor's name, in any case, also as the box says it: ``370``,
    ``d785``, ``Snom M900``, ``D725``, whose phones call themselves snom725.  What no
    snom is called stays as it is: other vendors' phones, and what is still to come.
    """
    written = text.strip()
    model = _spelt(_SNOM.fullmatch(written)) or _spelt(
        _SNOM.fullmatch(f"snom{written}")
    )
    if model:
        return alias(model)
    if not _OTHER.fullmatch(written):
        shown = repr(written[:_SHOWN_CHARACTERS])
        raise SettingError(f"{shown} is not a phone model: write one such as snom370.")
    return written


def is_snom_name(text: str) -> bool:
    """Whether a vendor, model or User-Agent *text* says that it is snom's."""
    return text[:4].lower() == "snom"
