"""In which order images have to be loaded: the gates between a phone and a version.

| model      | to reach            | a phone must run | else it loads first           |
| ---------- | ------------------- | ---------------- | ----------------------------- |
| desk       | 6                   | 5                | 5.x                           |
| desk       | 7                   | 6.5.20           | 6.5.20                        |
| desk       | 8                   | 7.3.30           | 7.3.30 or later of 7          |
| desk       | 8.5                 | 8.4              | 8.4                           |
| desk       | 8.9                 | 8.7              | 8.7                           |
| desk       | 10                  | 8.9.3            | 8.9.3                         |
| DECT base  | 5                   | 4.50             | 4.50                          |
| DECT base  | 5.10                | 5.00             | 5.00 or 5.01                  |

From 6 to 7 leads one image only, 7.3.14 (``from6to7``), which needs a jffs2 of 3.36 and
a Linux of 3.38 below it; those are images, too (``Definition.part``).  On this part
three independent provisioning servers agree (GS3, kazoo, a public script); the order
from 8.4 on is plausible and cautious, since a step too many only costs time.

Downwards no gate is passed: a newer version may have converted what the older one
cannot read, and bases do not go back behind 4.50.  Within 8.9, whose release notes warn
of phones that hang afterwards, there is no way down at all.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

from bootwave.firmware.definitions import Definition, Part
from bootwave.firmware.loader import Loader
from bootwave.phone.firmware import FirmwareVersion

V: Final = FirmwareVersion


class Gate(NamedTuple):
    """Versions from ``reach`` on are loaded from versions from ``need`` on only."""

    reach: FirmwareVersion
    need: FirmwareVersion


DESK: Final = (
    Gate(V(6), V(5)),
    Gate(V(7), V(6, 5, 20)),
    Gate(V(8), V(7, 3, 30)),
    Gate(V(8, 5), V(8, 4)),
    Gate(V(8, 9), V(8, 7)),
    Gate(V(10), V(8, 9, 3)),
)
DECT: Final = (Gate(V(5), V(4, 50)), Gate(V(5, 10), V(5)))
NO_GATES: Final[tuple[Gate, ...]] = ()

_CONVERSION: Final = V(7, 3, 14)
_SIX: Final = V(6)
_SEVEN: Final = V(7)
_ROOTFS: Final = V(3, 36)
_LINUX: Final = V(3, 38)
_ONE_WAY: Final = (V(8, 9), V(10))
_MOST_STEPS: Final = 12  # more than there are gates

Key = tuple[Part, FirmwareVersion]
"""Which part of a phone an image is for, and its version."""


def gates_of(model: str) -> tuple[Gate, ...]:
    """Return the gates that images of *model* have between them."""
    if is_dect(model):
        return DECT
    return NO_GATES if model in ("snomm9", "snomm3") else DESK


def is_dect(model: str) -> bool:
    """Whether *model* is a DECT base: snomM200SC, snomM300, snomM700, snomM900."""
    return model[:5] == "snomM" and model[5:8].isdecimal()


def needs_loader(version: FirmwareVersion) -> bool:
    """Whether the way of a phone that runs *version* depends on its loader."""
    return _SIX <= version < _SEVEN


def way(
    model: str,
    version: FirmwareVersion,
    loader: Loader,
    target: FirmwareVersion,
    images: Mapping[Key, Definition],
) -> tuple[Definition, ...] | None:
    """Return which of *images* lead a phone from *version* to *target*, in order.

    Empty when it is there, None when they do not lead there.  Each step goes as far as
    it may, so there are as few as possible.
    """
    gates = gates_of(model)
    if target < version:
        return _down(version, target, gates, images)
    steps: list[Definition] = []
    at = version
    while at != target and len(steps) < _MOST_STEPS:
        converting = gates is DESK and _SIX <= at < _SEVEN <= target
        if converting and at >= V(6, 5, 20):
            missing = _below_seven(loader, images)
            if missing is None:
                return None
            steps += missing
            key: Key = ("", _CONVERSION)
        else:
            highest = _highest(at, target, gates, images)
            if highest is None:
                return None
            key = ("", highest)
        step = images.get(key)
        if step is None or step.version > target:
            return None
        steps.append(step)
        at = step.version
    return tuple(steps) if at == target else None


def _highest(
    at: FirmwareVersion,
    target: FirmwareVersion,
    gates: tuple[Gate, ...],
    images: Mapping[Key, Definition],
) -> FirmwareVersion | None:
    """Return the highest version of *images* that leads on from *at*."""
    shut = [gate.reach for gate in gates if at < gate.need]
    below = min(shut, default=None)
    return max(
        (
            version
            for part, version in images
            if not part
            and at < version <= target
            and (below is None or version < below)
        ),
        default=None,
    )


def _below_seven(
    loader: Loader, images: Mapping[Key, Definition]
) -> list[Definition] | None:
    """Return what is loaded before the conversion to 7; None when it is not there."""
    wanted: list[Key] = []
    if loader.rootfs != "jffs2" or loader.rootfs_version != _ROOTFS:
        wanted.append(("rootfs", _ROOTFS))
    if loader.linux != _LINUX:
        wanted.append(("linux", _LINUX))
    found = [images.get(key) for key in wanted]
    steps = [definition for definition in found if definition is not None]
    return steps if len(steps) == len(wanted) else None


def _down(
    version: FirmwareVersion,
    target: FirmwareVersion,
    gates: tuple[Gate, ...],
    images: Mapping[Key, Definition],
) -> tuple[Definition, ...] | None:
    if any(target < gate.reach <= version for gate in gates):
        return None
    if gates is DESK and _ONE_WAY[0] <= version < _ONE_WAY[1]:
        return None
    definition = images.get(("", target))
    return None if definition is None else (definition,)
