"""What a phone that asks for its firmware is told: nothing, or one step.

Rules come from several scopes, the most specific first: device, group, domain, engine.
Each may define versions, pin phones of a model to one, and forbid some:

* the target is the pinned version, of the most specific scope that pins one; else the
  version that the most specific scope defines as one to run;
* what is defined anywhere may be a step on the way; the same version in a more specific
  scope hides the other;
* what is forbidden anywhere is neither target nor step;
* who runs a version that it may *stay* with is told nothing, unless it is pinned or the
  version is forbidden: a roll-out that stands still tells nobody to load it, and sends
  nobody back who was loading it.

A phone is told the first step of a way that leads to its target, and only of a whole
way: to send it half of it, where it would stay, is nobody's wish.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, NamedTuple

from bootwave.firmware.definitions import Definition, is_handset
from bootwave.firmware.loader import NO_LOADER, Loader
from bootwave.firmware.path import Key, is_dect, way
from bootwave.phone.firmware import FirmwareVersion

KEEP: Final = "keep"  # pins a phone to whatever it runs


class Why(StrEnum):
    """Why a phone is told what it is told."""

    TOLD = "it is told the next step"
    CURRENT = "it runs this version already"
    UNKNOWN = "it did not say which version it runs"
    UNDEFINED = "no version is defined for its model"
    KEPT = "it is pinned to what it runs"
    STAYS = "a roll-out that stands still brought it to what it runs"
    PIN_UNDEFINED = "it is pinned to a version that is not defined"
    FORBIDDEN = "the version is forbidden"
    NO_WAY = "no way leads there from what it runs"
    MISSING = "the image is not there, or its host is not allowed"


class Running(NamedTuple):
    """What a phone says it is and runs; ``version`` is None when it does not say."""

    model: str
    version: FirmwareVersion | None
    loader: Loader = NO_LOADER


@dataclass(frozen=True, slots=True)
class ScopeRules:
    """What one scope says: definitions, pins by model ("keep" or text), forbidden.

    ``stays`` are what phones that run it may stay with.
    """

    definitions: tuple[Definition, ...] = ()
    pins: dict[str, str] = field(default_factory=dict)
    forbidden: frozenset[tuple[str, FirmwareVersion]] = frozenset()
    stays: frozenset[tuple[str, FirmwareVersion]] = frozenset()

    @property
    def says_nothing(self) -> bool:
        """Whether the scope has no rule."""
        return not (self.definitions or self.pins or self.forbidden or self.stays)


@dataclass(frozen=True, slots=True)
class Rules:
    """What holds for phones of one model.

    ``pin`` is "" where there is none.  ``handsets`` are the versions that a base gives
    to its handsets, by their model.
    """

    target: FirmwareVersion | None
    pin: str
    images: dict[Key, Definition]
    forbidden: frozenset[FirmwareVersion]
    handsets: tuple[Definition, ...] = ()
    stays: frozenset[FirmwareVersion] = frozenset()


class Decision(NamedTuple):
    """What a phone is told: ``step``, None for nothing, and why.

    ``way`` are all steps to the target; ``handsets`` go with a base's step, and without
    one when the base itself has nothing to do.
    """

    step: Definition | None
    why: Why
    way: tuple[Definition, ...] = ()
    handsets: tuple[Definition, ...] = ()


def rules_for(model: str, scopes: Sequence[ScopeRules]) -> Rules:
    """Return what *scopes*, the most specific first, say of phones of *model*."""
    target: FirmwareVersion | None = None
    images: dict[Key, Definition] = {}
    handsets: dict[str, Definition] = {}
    forbidden: set[tuple[str, FirmwareVersion]] = set()
    pin = next((scope.pins[model] for scope in scopes if model in scope.pins), "")
    for scope in scopes:
        forbidden |= scope.forbidden
        for definition in scope.definitions:
            if definition.model == model:
                images.setdefault((definition.part, definition.version), definition)
                if target is None and not definition.step and not definition.part:
                    target = definition.version
            elif is_handset(definition.model) and not definition.step:
                handsets.setdefault(definition.model, definition)
    own = frozenset(version for name, version in forbidden if name == model)
    stays = {one for scope in scopes for one in scope.stays}
    return Rules(
        target,
        pin,
        images,
        own,
        tuple(
            definition
            for name, definition in sorted(handsets.items())
            if (name, definition.version) not in forbidden
        )
        if is_dect(model)
        else (),
        frozenset(version for name, version in stays if name == model),
    )


def decide(
    running: Running, rules: Rules, exists: Callable[[Definition], bool]
) -> Decision:
    """Return what a phone is told; *exists* says whether an image may be told now."""
    if running.version is None:
        return Decision(None, Why.UNKNOWN)
    if rules.pin == KEEP:
        return Decision(None, Why.KEPT)
    target = rules.target
    if not rules.pin and running.version in rules.stays - rules.forbidden:
        return Decision(None, Why.STAYS)
    if rules.pin:
        target = FirmwareVersion.from_text(rules.pin)
        if ("", target) not in rules.images:
            return Decision(None, Why.PIN_UNDEFINED)
    if target is None:
        return Decision(None, Why.UNDEFINED)
    if running.version == target:
        return _current(rules, target, exists)
    if target in rules.forbidden:
        return Decision(None, Why.FORBIDDEN)
    allowed = {
        key: definition
        for key, definition in rules.images.items()
        if key[0] or key[1] not in rules.forbidden
    }
    found = way(running.model, running.version, running.loader, target, allowed)
    if not found:
        return Decision(None, Why.NO_WAY)
    if not all(map(exists, found)):
        return Decision(None, Why.MISSING, found)
    handsets = tuple(_present(rules.handsets, exists))
    return Decision(found[0], Why.TOLD, found, handsets)


def _current(
    rules: Rules, target: FirmwareVersion, exists: Callable[[Definition], bool]
) -> Decision:
    """Return what a phone is told that runs its target.

    A base that is there goes on to be told of its handsets, of which the server does
    not know what they run.
    """
    base = rules.images.get(("", target))
    handsets = tuple(_present(rules.handsets, exists))
    if base is None or not handsets or not exists(base):
        return Decision(None, Why.CURRENT)
    return Decision(base, Why.CURRENT, (), handsets)


def _present(
    definitions: Iterable[Definition], exists: Callable[[Definition], bool]
) -> Iterable[Definition]:
    return (definition for definition in definitions if exists(definition))
