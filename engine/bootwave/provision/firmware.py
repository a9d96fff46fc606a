"""What phones are told that ask for their firmware, decided once and kept.

A request names no phone: it is decided by the model and version of its User-Agent and
by the *handle* in its URL, which stands for the domain or device whose rules apply and
was told to the phone in its settings, on a grant.  A handle that is nobody's counts as
none.  So an answer never tells whether a MAC is known.

Decisions are kept by whom a handle stands for (firmwareaskers), model and version under
the stamp of the revocation page, as documents are; that an image is there is looked at
each time that it is told.  With the store away nobody is told anything that is not
kept.
"""

from collections import OrderedDict
from collections.abc import Sequence
from typing import Final, NamedTuple

from bootwave.errors import FirmwareError
from bootwave.firmware.answers import dect_images, nothing, one_image
from bootwave.firmware.decision import Decision, Running, Why, decide, rules_for
from bootwave.firmware.definitions import Definition, check_host, is_url
from bootwave.firmware.loader import Loader
from bootwave.firmware.path import is_dect, needs_loader
from bootwave.options import Options
from bootwave.phone.firmware import FirmwareVersion
from bootwave.provision.firmwareaskers import FirmwareAskers
from bootwave.provision.revocations import RevocationPage
from bootwave.provision.urls import clear_url
from bootwave.store.changelog import Change
from bootwave.store.firmware.imagefolder import ImageFolder
from bootwave.store.firmware.rows import Image
from bootwave.store.serving.firmwarereader import EVERYBODY, FirmwareReader, Scope

MOST_KEPT: Final = 1024  # decisions; peers name models and versions
# Kinds of change that no decision rests on.
_OF_NO_FIRMWARE: Final = frozenset({"account", "profile", "wildcard", "model"})
_FIRST_WITH_TLS: Final = FirmwareVersion(8)  # snom wiki, Mass Deployment (v7)


class Question(NamedTuple):
    """What is asked: by whom, and where it reaches this server.

    ``loader`` is None where the User-Agent was not read as a whole.
    """

    handle: str
    model: str
    version: str
    base_url: str
    loader: Loader | None = None


class Told(NamedTuple):
    """The answer: its content and media type, and what is told, "" for nothing."""

    content: bytes
    media_type: str
    what: str = ""


NOTHING: Final = Told(nothing(), "application/xml")


class _Key(NamedTuple):
    scope: Scope
    model: str
    version: str
    loader: Loader | None


class _Kept(NamedTuple):
    stamp: int
    decision: Decision


class FirmwareAnswers:
    """Answers for one process; for one thread."""

    def __init__(
        self,
        reader: FirmwareReader,
        folder: ImageFolder,
        revocations: RevocationPage,
        options: Options,
        http_port: int,
    ) -> None:
        """Read nothing yet; *http_port* is where clear HTTP is served (0: nowhere)."""
        self._reader = reader
        self._folder = folder
        self._revocations = revocations
        self._options = options
        self._http_port = http_port
        self._decisions: OrderedDict[_Key, _Kept] = OrderedDict()
        self._askers = FirmwareAskers(reader, revocations)
        self._has_scopes: tuple[int, bool] = (-1, False)
        self._images: tuple[int, dict[str, Image]] = (-1, {})
        self._undefined: tuple[int, bool] = (-1, False)

    def close(self) -> None:
        """Close the store."""
        self._reader.close()

    def forget(self, changes: Sequence[Change]) -> None:
        """Forget what *changes* made wrong that nobody revoked."""
        changes = [change for change in changes if change.kind not in _OF_NO_FIRMWARE]
        if not changes:
            return
        devices = {key for kind, key in changes if kind == "device"}
        if len(devices) == len(changes):
            # Most are of phones that boot, and for few devices something is said.
            for key in [one for one in self._decisions if one.scope.mac in devices]:
                del self._decisions[key]
            self._askers.forget_devices(devices)
            return
        self._decisions.clear()
        self._askers.clear()
        self._has_scopes = (-1, False)
        self._images = (-1, {})
        self._undefined = (-1, False)

    def handle_of(self, mac: int, domain_id: int) -> str:
        """Return the handle that the device shall ask with, "" for none.

        Raises StoreError.
        """
        stamp = self._revocations.everything()
        if self._has_scopes[0] != stamp:
            self._has_scopes = stamp, self._reader.has_scopes()
        return self._reader.handle(mac, domain_id) if self._has_scopes[1] else ""

    def is_same_for_all(self, handle: str) -> bool:
        """Whether whoever asks with *handle* is told nothing: no model has a version.

        Raises StoreError.
        """
        if handle:
            return False
        stamp = self._revocations.everything()
        if self._undefined[0] != stamp:
            (rules,) = self._reader.rules(EVERYBODY.places)
            self._undefined = stamp, rules.says_nothing
        return self._undefined[1]

    def needs_loader(self, version: str) -> bool:
        """Whether what a phone of *version* is told depends on its loader."""
        number = FirmwareVersion.from_text(version)
        return number is not None and needs_loader(number)

    def answer(self, question: Question) -> Told:
        """Return what *question* is answered; raises StoreError."""
        decision = self._decision(question)
        step = decision.step
        if step is None:
            return NOTHING
        images = self._all_images()
        # To the end of the way, or the phone would stay in its middle.
        way = decision.way or (step,)
        if not all(self._is_there(one, images) for one in way):
            return NOTHING
        version = FirmwareVersion.from_text(question.version)
        assert version is not None  # or nothing had been decided
        base = question.base_url
        if base.startswith("https:") and version < _FIRST_WITH_TLS:
            base = clear_url(self._options, base, self._http_port)
            if not base and not is_url(step.location):
                return NOTHING
        if is_dect(question.model):
            where = step.location if is_url(step.location) else base
            # A base is told one place for all its images.
            handsets = [
                one
                for one in decision.handsets
                if (one.location if is_url(one.location) else base) == where
                and self._is_there(one, images)
            ]
            content, media_type = dect_images(where, step, handsets)
        else:
            url = step.location
            if not is_url(url):
                url = image_url(base, images[url])
            content, media_type = one_image(url, version)
        what = str(step) if decision.why is Why.TOLD else ""
        return Told(content, media_type, what)

    def image(self, sha256: str) -> Image | None:
        """Return the image *sha256*, None when there is none; raises StoreError."""
        images = self._all_images().values()
        return next((one for one in images if one.sha256 == sha256), None)

    def image_of(self, model: str, version: FirmwareVersion) -> Image | None:
        """Return an image of *model* and *version*; raises StoreError."""
        images = self._all_images().values()
        return next(
            (one for one in images if (one.model, one.version) == (model, version)),
            None,
        )

    def _decision(self, question: Question) -> Decision:
        scope = self._askers.counted(question.handle)
        key = _Key(scope, question.model, question.version, question.loader)
        # A stamp must be older than the read it stands for.
        stamp = self._askers.stamp(scope)
        kept = self._decisions.get(key)
        if kept is None or kept.stamp != stamp:
            version = FirmwareVersion.from_text(question.version)
            running = Running(question.model, version, question.loader or Loader())
            rules = rules_for(running.model, self._reader.rules(scope.places))
            kept = _Kept(stamp, decide(running, rules, self._is_known))
            self._decisions[key] = kept
        self._decisions.move_to_end(key)
        if len(self._decisions) > MOST_KEPT:
            self._decisions.popitem(last=False)
        return kept.decision

    def _all_images(self) -> dict[str, Image]:
        stamp = self._revocations.everything()
        if self._images[0] != stamp:
            found = {image.name: image for image in self._reader.images()}
            self._images = stamp, found
        return self._images[1]

    def _is_known(self, one: Definition) -> bool:
        """Whether *one* may be told as far as the store and the options say."""
        try:
            check_host(one.location, self._options.firmware.hosts)
        except FirmwareError:
            return False
        return is_url(one.location) or one.location in self._all_images()

    def _is_there(self, one: Definition, images: dict[str, Image]) -> bool:
        if is_url(one.location):
            return True
        image = images.get(one.location)
        return image is not None and self._folder.has(image.sha256, image.size)


def image_url(base_url: str, image: Image) -> str:
    """Return where phones fetch *image* below *base_url*."""
    return f"{base_url}/firmware/{image.sha256}/{image.name}"
