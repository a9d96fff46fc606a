"""Who a simulated phone is: MAC, model, firmware, and the names it gives itself.

The User-Agents are those of domain.md 2.4, which were seen on real phones; between two
that were seen, a firmware takes the form of the older one.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

_VERSION = re.compile(r"[0-9]{1,3}(\.[0-9]{1,5}){1,3}")
# In the name of an image: snom370-8.5.36-SIP-f.bin, snom320-from6to7-7.3.14-bf.bin.
_IMAGE_VERSION = re.compile(r"-([0-9]{1,3}(?:\.[0-9]{1,5}){1,3})(?=[-.]|$)")
_MODEL = re.compile(r"[A-Za-z][A-Za-z0-9]{1,23}")
_DECT = re.compile(r"snomM[0-9]{3}.*")

# What follows the version, by model: the platform of its hardware.
_PLATFORMS = {
    "snom820": "1.1.4-IFX-26.11.09",
    "snom821": "1.1.4-IFX-26.11.09",
    "snom870": "SPEAr300 SNOM 1.4",
    "snom710": "1.1.5-IFX-05.01.12",
    "snom715": "1.1.5-IFX-05.01.12",
    "snom720": "2010.06",
    "snom725": "2010.06",
    "snom760": "2010.06",
}


@lru_cache(maxsize=16)
def _numbers(firmware: str) -> tuple[int, ...]:
    return tuple(int(part) for part in firmware.split("."))


def version_of_image(url: str) -> str:
    """Return the version in the name of the firmware image at *url*, "" for none."""
    found = _IMAGE_VERSION.search(url.partition("?")[0].rpartition("/")[2])
    return found[1] if found else ""


class Shape(StrEnum):
    """How a phone's SUBSCRIBE is written (domain.md 1.1 and 1.3)."""

    CLASSIC = "classic"  # 3xx, 7xx, 8xx, D: no branch, rport, MAC in the Request-URI
    M700 = "m700"  # DECT bases: branch, no rport, an extension in From and Contact
    FROM_MAC = "from-mac"  # the MAC only in From, after "MAC="


@dataclass(frozen=True, slots=True)
class Identity:
    """One phone: its MAC (48 bits), its type such as ``snom370``, its firmware."""

    mac: int
    model: str = "snom370"
    firmware: str = "8.4.35"

    def __post_init__(self) -> None:
        """Raise ValueError, in one sentence, for what no phone can be."""
        if not 0 < self.mac < 1 << 48:
            raise ValueError(f"{self.mac:X} is no MAC address: it has 48 bits.")
        if not _MODEL.fullmatch(self.model):
            raise ValueError(
                f"{self.model!r} is no phone type: write it as the phone does, "
                "for example snom370, snomD785 or snomM700."
            )
        if not _VERSION.fullmatch(self.firmware):
            raise ValueError(
                f"{self.firmware!r} is no firmware version: write it as the phone "
                "does, for example 8.4.35 or 8.7.5.48."
            )

    @property
    def mac_text(self) -> str:
        """The MAC as twelve upper-case hex digits."""
        return f"{self.mac:012X}"

    @property
    def is_dect(self) -> bool:
        """Whether it is one of the M-series bases."""
        return _DECT.fullmatch(self.model) is not None

    @property
    def usual_shape(self) -> Shape:
        """The shape of SUBSCRIBE that phones of this model send."""
        return Shape.M700 if self.is_dect else Shape.CLASSIC

    @property
    def version(self) -> tuple[int, ...]:
        """The firmware as numbers, to compare."""
        return _numbers(self.firmware)

    @property
    def sip_user_agent(self) -> str:
        """The User-Agent of its SIP messages; empty for firmware before 7.3."""
        if self.is_dect:
            more = f"(MAC={self.mac_text}; SER= 00000; HW=255)"
            return f"{self.model}/{self.firmware} {more}"
        if self.version < (7, 3):
            return ""
        return f"{self.model}/{self.firmware}"

    @property
    def http_user_agent(self) -> str:
        """The User-Agent of its HTTP requests."""
        return f"Mozilla/4.0 (compatible; {self._http_product()})"

    def _http_product(self) -> str:
        version = self.version
        if self.is_dect:
            return f"Snom {self.model[4:]} {self.firmware} {self.mac:012x}"
        if self.model == "snomm9":
            return f"snom m9 {self.firmware}"
        product = f"{self.model}-SIP {self.firmware}"
        if version < (7,):
            return f"{product}; {self.model} jffs2 v3.36; {self.model} linux 3.38"
        if version < (7, 3):
            return product
        if version >= (10, 1, 169):
            return (
                f"{product} 2010.12-00001-gd311851f1 (Feb 25 2019 - 14:19:43) "
                f"{self.mac_text} SXM:0 UXM:0 UXMC:0"
            )
        if version >= (10,):
            return f"{product} 2010.12-00004-g9ba52f5 {self.mac_text} SXM:0 UXM:0"
        usual = "1.1.3-s" if version[:2] == (8, 4) else "1.1.3-u"
        platform = _PLATFORMS.get(self.model, usual)
        # The MAC stands behind the platform from about 8.7.5 on.
        mac = f" {self.mac_text}" if version >= (8, 7, 5) else ""
        return f"{product} {platform}{mac}"
