"""What is set for all phones, and for all phones of a model, as one layer."""

from collections import OrderedDict

from bootwave.directory.records import Layer
from bootwave.provision.ports import Reader
from bootwave.provision.revocations import RevocationPage

MODELS = 256  # kept at once; peers name models


def layer_over(upper: Layer, lower: Layer) -> Layer:
    """Return one layer that says what *upper* over *lower* says.

    An upper setting without index is meant for every identity, so it covers a lower one
    with an index; an upper key covers the lower key of its place.
    """
    if upper == Layer() or lower == Layer():
        return lower if upper == Layer() else upper
    everywhere = {row.name for row in upper.settings if row.index is None}
    exactly = {(row.name, row.index) for row in upper.settings}
    placed = {row.index for row in upper.keys}
    return Layer(
        settings=(
            *(
                row
                for row in lower.settings
                if row.name not in everywhere and (row.name, row.index) not in exactly
            ),
            *upper.settings,
        ),
        keys=(*(row for row in lower.keys if row.index not in placed), *upper.keys),
    )


class ModelLayers:
    """The layers of models over what is set for every phone, read when needed."""

    def __init__(self, reader: Reader, revocations: RevocationPage) -> None:
        """Read from *reader*; *revocations* tells when to read again."""
        self._reader = reader
        self._revocations = revocations
        self._layers: OrderedDict[str, tuple[int, Layer]] = OrderedDict()

    def layer(self, model: str) -> Layer:
        """Return the layer of *model*; raises StoreError when it cannot be read."""
        stamp = self._revocations.everything()
        found = self._layers.get(model)
        if found is not None and found[0] == stamp:
            self._layers.move_to_end(model)
            return found[1]
        layer = self._reader.engine_layer()
        if model:
            layer = layer_over(self._reader.model_layer(model), layer)
        self._layers[model] = stamp, layer
        self._layers.move_to_end(model)
        if len(self._layers) > MODELS:
            self._layers.popitem(last=False)
        return layer

    def clear(self) -> None:
        """Forget everything."""
        self._layers.clear()
