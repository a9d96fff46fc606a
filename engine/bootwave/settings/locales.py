"""Time zones, tone schemes and languages by the names people give them.

Phones are told codes: ``GER+1``, ``GER``, ``Deutsch``.  People say Germany, Berlin,
Europe/Berlin, UTC+1 or de.  Both forms are read here; ``locales.toml`` holds them with
their sources.
"""

import re
import tomllib
import unicodedata
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from bootwave.errors import SettingError
from bootwave.quoting import without_userinfo
from bootwave.settings.spelling import nearest

_TABLE: Final = Path(__file__).with_suffix(".toml")
_UTC = re.compile(r"(?:UTC|GMT)\s*(?:([+-])\s*(\d{1,2})(?:[:.](\d{1,2}))?)?", re.I)
_QUARTERS: Final = {"": 0.0, "0": 0.0, "00": 0.0, "15": 0.25, "25": 0.25}
_HALVES: Final = {"30": 0.5, "5": 0.5, "50": 0.5, "45": 0.75, "75": 0.75}
_MINUTES: Final = MappingProxyType({**_QUARTERS, **_HALVES})


class Place(NamedTuple):
    """One code, and the names it is found by; the first of them describes it.

    ``m9`` is what the m9 calls the same, "" where nothing attests it.
    """

    code: str
    names: tuple[str, ...]
    m9: str = ""
    offset: float = 0.0
    has_summer_time: bool = True


class Places(NamedTuple):
    """Everything of one kind; ``what`` names the kind in sentences."""

    what: str
    by_code: Mapping[str, Place]
    by_name: Mapping[str, Place]

    def find(self, text: str) -> str:
        """Return the code that *text* is or names, "" when it names none.

        Letter case, accents and what stands between the words make no difference; a
        code in right spelling stays as it is.
        """
        if text in self.by_code:
            return text
        place = self.by_name.get(_plain(text))
        return place.code if place is not None else ""

    def likely(self, text: str) -> str:
        """Return the known name or code most like *text*, "" when none is."""
        known = {_plain(code): code for code in self.by_code}
        for place in self.by_code.values():
            known.update((_plain(name), name) for name in place.names)
        return known.get(nearest(_plain(text), known), "")


@cache
def timezones() -> Places:
    """Return the values of the setting ``timezone``."""
    return _places(
        "time zone",
        [
            Place(
                code,
                (*row["places"], *row["iana"]),
                str(row.get("m9", "")),
                row["offset"],
                not row.get("fixed", False),
            )
            for code, row in _data()["timezones"].items()
        ],
    )


@cache
def tones() -> Places:
    """Return the values of the setting ``tone_scheme``."""
    return _places(
        "tone scheme",
        [
            Place(code, (*row["places"], row["iso"]), str(row.get("m9", "")))
            for code, row in _data()["tones"].items()
        ],
    )


@cache
def languages() -> Places:
    """Return the values of the setting ``language``; the m9 takes the ISO code."""
    found = []
    for code, row in _data()["languages"].items():
        names = (row["english"], row["iso"])
        found.append(Place(code, names, row["iso"]))
        # A phone shows it so and may be told so: kept, not replaced by the other.
        found += [Place(other, (), row["iso"]) for other in row.get("also", ())]
    return _places("language", found)


def timezone_code(text: str) -> str:
    """Return the ``timezone`` that *text* is or names, "" when it names none.

    ``UTC+1`` is a zone one hour ahead that has no summer time.
    """
    found = timezones().find(text.strip())
    return found or _fixed(text.strip())


def required_timezone(text: str) -> str:
    """Return the ``timezone`` an administrator named; SettingError if it is none."""
    return timezone_code(text) or _refuse(timezones(), text, "timezone")


def required_tones(text: str) -> str:
    """Return the ``tone_scheme`` an administrator named; SettingError if none."""
    return tones().find(text.strip()) or _refuse(tones(), text, "tone_scheme")


def required_language(text: str) -> str:
    """Return the ``language`` an administrator named; SettingError if it is none."""
    return languages().find(text.strip()) or _refuse(languages(), text, "language")


def m9_value(places: Places, code: str) -> str:
    """Return what the m9 calls *code*, "" when that is not known."""
    place = places.by_code.get(code)
    return place.m9 if place is not None else ""


def _refuse(places: Places, text: str, setting: str) -> str:
    meant = places.likely(text)
    hint = f"did you mean {meant}?" if meant else _some(places)
    raise SettingError(
        f"{without_userinfo(text)[:64]!r} is not a {places.what} this version knows: "
        f"{hint} One that only newer firmware has can be told with bootwave settings "
        f"set {setting}."
    )


def _some(places: Places) -> str:
    named = [place.names[0] for place in places.by_code.values() if place.names]
    shown = ", ".join(named[:3])
    return f"write a name such as {shown}, or the phone's own code."


def _fixed(text: str) -> str:
    """Return a zone without summer time that is as far from UTC as *text* says."""
    said = _UTC.fullmatch(text)
    if said is None or (said[3] or "") not in _MINUTES:
        return ""
    hours = int(said[2] or 0) + _MINUTES[said[3] or ""]
    offset = -hours if said[1] == "-" else hours
    for place in timezones().by_code.values():
        if place.offset == offset and not place.has_summer_time:
            return place.code
    return ""


def _places(what: str, found: Iterable[Place]) -> Places:
    by_code = {place.code: place for place in found}
    by_name: dict[str, Place] = {}
    for place in by_code.values():
        for name in (place.code, *place.names):
            by_name.setdefault(_plain(name), place)
    return Places(what, MappingProxyType(by_code), MappingProxyType(by_name))


def _plain(text: str) -> str:
    """Return *text* in small letters without accents and without what is between."""
    letters = unicodedata.normalize("NFKD", text.casefold())
    return "".join(one for one in letters if one.isalnum() or one in "+-")


def _data() -> dict[str, Any]:
    return tomllib.loads(_TABLE.read_text("utf-8"))
