"""What is said to all phones, to those of a model and to those of its firmware."""

from collections import OrderedDict
from dataclasses import dataclass, field
from functools import lru_cache

from bootwave.directory.records import EMPTY, Layer, NamedLayer
from bootwave.phone.firmware import FirmwareVersion
from bootwave.phone.firmwarerange import FirmwareRange
from bootwave.provision.ports import Reader
from bootwave.provision.revocations import RevocationPage
from bootwave.settings import origins

MODELS = 256  # kept at once; peers name models

Layers = tuple[NamedLayer, ...]


@dataclass(slots=True)
class _Said:
    """What was read of one model, under the stamp *at*.

    ``made`` keeps the layers for each choice of ranges, so that phones whose firmware
    is in the same ones get the same object.
    """

    at: int
    base: Layers
    ranges: tuple[tuple[FirmwareRange, NamedLayer], ...]
    made: dict[tuple[int, ...], Layers] = field(default_factory=dict)


class ModelLayers:
    """The layers of models, read when needed."""

    def __init__(self, reader: Reader, revocations: RevocationPage) -> None:
        """Read from *reader*; *revocations* tells when to read again."""
        self._reader = reader
        self._revocations = revocations
        self._models: OrderedDict[str, _Said] = OrderedDict()

    def layers(self, model: str, firmware: str = "") -> Layers:
        """Return the layers of *model* with *firmware* ("" unknown), the winner last.

        Those that say nothing are left out.  Raises StoreError when they cannot be
        read.
        """
        stamp = self._revocations.everything()
        said = self._models.get(model)
        if said is None or said.at != stamp:
            said = self._models[model] = self._read(model, stamp)
            if len(self._models) > MODELS:
                self._models.popitem(last=False)
        self._models.move_to_end(model)
        version = _version(firmware) if said.ranges and firmware else None
        if version is None:
            return said.base
        places = tuple(
            [at for at, (one, _) in enumerate(said.ranges) if one.covers(version)]
        )
        made = said.made.get(places)
        if made is None:
            made = said.made[places] = (
                *said.base,
                *(said.ranges[place][1] for place in places),
            )
        return made

    def clear(self) -> None:
        """Forget everything."""
        self._models.clear()

    def _read(self, model: str, stamp: int) -> _Said:
        named = [(origins.ENGINE, self._reader.engine_layer())]
        ranges: list[tuple[FirmwareRange, Layer]] = []
        if model:
            named.append((origins.of_model(model), self._reader.model_layer(model)))
            ranges += self._reader.firmware_layers(model)
        return _Said(
            stamp,
            tuple(NamedLayer(*one) for one in named if one[1] != EMPTY),
            tuple(
                (one, NamedLayer(origins.of_firmware(one, model), layer))
                for one, layer in ranges
            ),
        )


_version = lru_cache(256)(FirmwareVersion.from_text)  # peers name versions
