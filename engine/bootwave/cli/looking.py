"""A phone as commands look at it: what it is, and what makes its documents."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, NamedTuple

from bootwave.cli.output import hint
from bootwave.errors import StoreNotFound, StoreUnavailable
from bootwave.options import Options, address_from_text
from bootwave.quoting import MASK

if TYPE_CHECKING:
    from bootwave.directory.records import Device
    from bootwave.provision.documents import DocumentMaker
    from bootwave.provision.firmware import FirmwareAnswers
    from bootwave.settings.compiler import SettingsCompiler
    from bootwave.store.serving.reader import Reader

DEFAULT_PORT = 8080  # where http.listen leaves the choice to the kernel


class Looked(NamedTuple):
    """One phone: ``device`` has the bindings that hold now, and is None without any.

    ``model`` and ``firmware`` are what it said last, unless others were named.  The
    model of a phone that said none is the one of its MAC; "" for unknown.
    """

    mac: str
    device: "Device | None"
    model: str
    firmware: str
    maker: "DocumentMaker"
    answers: "FirmwareAnswers"
    compiler: "SettingsCompiler"
    reader: "Reader"

    def bound(self) -> "Device":
        """Return the device; raises StoreNotFound when no account is bound to it."""
        if self.device is None:
            raise StoreNotFound(
                f"{self.mac} is bound to no account, so its phone is refused: bind it "
                "with bootwave account bind ACCOUNT MAC."
            )
        return self.device


class _Masked:
    """Opens nothing: the passwords of a document that is only looked at."""

    def open(self, sealed: bytes, *, owner: str) -> str:
        """Return what stands for every password."""
        return MASK


@contextmanager
def looked_at(
    mac: str, options: Options, *, model: str = "", firmware: str = "", reveal: bool
) -> Iterator[Looked]:
    """Yield what is stored of *mac*, read while it lasts.

    *model* and *firmware* stand for what the phone would say.  With *reveal* its
    passwords can be opened.
    """
    from bootwave.phone.mac import required_mac, text_from_mac
    from bootwave.phone.model import required_model
    from bootwave.phone.models import model_of_mac
    from bootwave.provision.documents import DocumentMaker
    from bootwave.provision.firmware import FirmwareAnswers
    from bootwave.provision.layers import ModelLayers
    from bootwave.provision.revocations import RevocationPage
    from bootwave.settings.compiler import SettingsCompiler
    from bootwave.settings.layers import engine_layer
    from bootwave.store.connection import open_file
    from bootwave.store.firmware.imagefolder import ImageFolder
    from bootwave.store.secrets import KeyRing
    from bootwave.store.serving.firmwarereader import FirmwareReader
    from bootwave.store.serving.reader import Reader
    from bootwave.store.settings.fleet import fleet_pace

    number = required_mac(mac)
    open_file(options.store.database).close()  # says what to do when there is none
    reader = Reader(options.store.database)
    pages = RevocationPage()
    answers = FirmwareAnswers(
        FirmwareReader(options.store.database),
        ImageFolder(options.store.images),
        pages,
        options,
        clear_port(options),
    )
    try:
        # The key is read from its file, never asked of the engine: who may not read
        # it gets no password, whatever the control socket would allow.
        keys = KeyRing.load(options.store.key) if reveal else _Masked()
        compiler = SettingsCompiler(
            engine_layer(options.waves.phone_port), pace=fleet_pace(options)
        )
        maker = DocumentMaker(
            compiler,
            keys,
            ModelLayers(reader, pages),
            firmware_scope=answers.handle_of,
            books=reader.account_books,
        )
        device = _live_device(reader, number)
        said_model, said_firmware = _said_last(options, number)
        own = required_model(model) if model else device.model if device else ""
        own = own or said_model
        guessed = "" if own else model_of_mac(number)
        own = own or guessed
        if not firmware and own == said_model:
            firmware = said_firmware
        yield Looked(mac, device, own, firmware, maker, answers, compiler, reader)
        if guessed:  # told beside what was shown, and of no use beside an error
            hint(
                f"bootwave: {text_from_mac(number)} never said its model: it is taken "
                f"for a {guessed}, as its MAC says."
            )
    finally:
        reader.close()
        answers.close()


def _said_last(options: Options, mac: int) -> tuple[str, str]:
    """Return the model and firmware of the phone's last contact, "" when unknown."""
    from bootwave.phone.useragent import phone_from_user_agent
    from bootwave.store.sightings.sightings import SightingLog

    # Who may not read what was seen is still told what is stored.
    with suppress(StoreUnavailable):
        last = SightingLog(options.store.sightings, options.sightings).last(mac)
        if last is not None:
            agent = phone_from_user_agent(last.detail.partition(";")[0])
            return agent.model, agent.firmware
    return "", ""


def _live_device(reader: "Reader", mac: int) -> "Device | None":
    """Return the device with the bindings that hold now, None when it has none."""
    from bootwave.pairing.rules import live_device
    from bootwave.store.boot import instant

    device = reader.devices([mac]).get(mac)
    if device is None:
        return None
    device = live_device(device, instant())
    return device if device.bindings and device.domain is not None else None


def clear_port(options: Options) -> int:
    """Return the port of clear HTTP, 0 where it is not served."""
    if not options.http.listen:
        return 0
    return address_from_text(options.http.listen[0])[1] or DEFAULT_PORT
