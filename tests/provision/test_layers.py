import pytest

from bootwave.directory.records import EMPTY, Layer, NamedLayer, Setting
from bootwave.errors import StoreUnavailable
from bootwave.phone.firmwarerange import FirmwareRange
from bootwave.provision.layers import MODELS, ModelLayers
from bootwave.provision.revocations import RevocationPage
from bootwave.store.changelog import Change
from tests.provision.memory import MemoryStore

CONTRAST = Layer((Setting("contrast", "3"),))
OF_370 = NamedLayer("model snom370", CONTRAST)
OF_ALL = NamedLayer("engine", CONTRAST)


def test_a_model_is_read_once_until_something_of_all_phones_changes() -> None:
    store, page = MemoryStore(), RevocationPage()
    store.layers["snom370"] = CONTRAST
    layers = ModelLayers(store, page)
    first = layers.layers("snom370")
    assert first == (OF_370,)
    reads = store.layer_reads
    assert layers.layers("snom370") is first
    assert store.layer_reads == reads
    store.layers["snom370"] = EMPTY
    page.revoke([Change("model", 1)])
    assert layers.layers("snom370") == ()


def test_what_was_forgotten_is_read_again() -> None:
    store = MemoryStore()
    layers = ModelLayers(store, RevocationPage())
    layers.layers("snom370")
    store.layers["snom370"] = CONTRAST
    layers.clear()
    assert layers.layers("snom370") == (OF_370,)


def test_an_unknown_model_has_what_is_set_for_every_phone() -> None:
    store = MemoryStore()
    store.layers[""] = CONTRAST
    assert ModelLayers(store, RevocationPage()).layers("") == (OF_ALL,)
    store.layers["snom370"] = CONTRAST
    assert ModelLayers(store, RevocationPage()).layers("snom370") == (OF_ALL, OF_370)


def test_a_firmware_has_the_ranges_that_it_is_within() -> None:
    store = MemoryStore()
    store.layers["snom370"] = CONTRAST
    written = ("-8.4", "8.4-8.7", "8.7.5-")
    store.ranges["snom370"] = [
        (FirmwareRange.required(text), Layer((Setting("language", text),)))
        for text in written
    ]
    layers = ModelLayers(store, RevocationPage())

    def origins(firmware: str) -> list[str]:
        return [named.origin for named in layers.layers("snom370", firmware)]

    model, *ranges = ["model snom370", *(f"firmware {t} of snom370" for t in written)]
    assert origins("") == origins("nonsense") == [model]
    assert origins("7.3.30") == [model, ranges[0]]
    assert origins("8.4.35") == [model, *ranges[:2]]
    assert origins("8.7.5.48") == [model, *ranges[1:]]
    assert origins("10.1.33.33") == [model, ranges[2]]
    assert [named.origin for named in layers.layers("snom320", "8.4.35")] == []
    # Phones whose firmware is in the same ranges get the same object.
    first = layers.layers("snom370", "8.4.35")
    assert layers.layers("snom370", "8.4.32") is first


def test_a_store_that_is_away_is_the_callers_matter_and_not_remembered() -> None:
    store = MemoryStore()
    layers = ModelLayers(store, RevocationPage())
    store.away = True
    with pytest.raises(StoreUnavailable):
        layers.layers("snom370")
    store.away = False
    assert layers.layers("snom370") == ()


def test_inventing_models_fills_no_memory() -> None:
    store = MemoryStore()
    layers = ModelLayers(store, RevocationPage())
    layers.layers("snom370")
    for number in range(MODELS):
        layers.layers(f"snom{number}")
    reads = store.layer_reads
    layers.layers("snom370")
    assert store.layer_reads > reads
