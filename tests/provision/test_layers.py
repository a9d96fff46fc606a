import pytest

from bootwave.directory.records import EMPTY, FunctionKey, Layer, Setting
from bootwave.errors import StoreUnavailable
from bootwave.provision.layers import MODELS, ModelLayers, layer_over
from bootwave.provision.revocations import RevocationPage
from bootwave.store.changelog import Change
from tests.provision.memory import MemoryStore

CONTRAST = Layer((Setting("contrast", "3"),))


def test_an_empty_layer_changes_nothing() -> None:
    assert layer_over(EMPTY, CONTRAST) is CONTRAST
    assert layer_over(CONTRAST, EMPTY) is CONTRAST


def test_the_upper_layer_wins_by_name_and_index() -> None:
    upper = Layer((Setting("a", "new"), Setting("b", "new", 2)))
    lower = Layer((Setting("a", "old"), Setting("b", "old", 1), Setting("b", "o", 2)))
    assert layer_over(upper, lower).settings == (
        Setting("b", "old", 1),
        Setting("a", "new"),
        Setting("b", "new", 2),
    )


def test_an_upper_setting_for_every_identity_covers_those_for_one() -> None:
    upper, lower = Layer((Setting("a", "new"),)), Layer((Setting("a", "old", 4),))
    assert layer_over(upper, lower) == upper


def test_an_upper_key_covers_the_key_of_its_place() -> None:
    upper = Layer(keys=(FunctionKey(0, "speed 1"),))
    lower = Layer(keys=(FunctionKey(0, "line"), FunctionKey(1, "blf 2")))
    assert layer_over(upper, lower).keys == (
        FunctionKey(1, "blf 2"),
        FunctionKey(0, "speed 1"),
    )


def test_a_model_is_read_once_until_something_of_all_phones_changes() -> None:
    store, page = MemoryStore(), RevocationPage()
    store.layers["snom370"] = CONTRAST
    layers = ModelLayers(store, page)
    first = layers.layer("snom370")
    assert first == CONTRAST
    reads = store.layer_reads
    assert layers.layer("snom370") is first
    assert store.layer_reads == reads
    store.layers["snom370"] = EMPTY
    page.revoke([Change("model", 1)])
    assert layers.layer("snom370") == EMPTY


def test_what_was_forgotten_is_read_again() -> None:
    store = MemoryStore()
    layers = ModelLayers(store, RevocationPage())
    layers.layer("snom370")
    store.layers["snom370"] = CONTRAST
    layers.clear()
    assert layers.layer("snom370") == CONTRAST


def test_an_unknown_model_has_what_is_set_for_every_phone() -> None:
    store = MemoryStore()
    store.layers[""] = CONTRAST
    assert ModelLayers(store, RevocationPage()).layer("") == CONTRAST


def test_a_store_that_is_away_is_the_callers_matter_and_not_remembered() -> None:
    store = MemoryStore()
    layers = ModelLayers(store, RevocationPage())
    store.away = True
    with pytest.raises(StoreUnavailable):
        layers.layer("snom370")
    store.away = False
    assert layers.layer("snom370") == EMPTY


def test_inventing_models_fills_no_memory() -> None:
    store = MemoryStore()
    layers = ModelLayers(store, RevocationPage())
    layers.layer("snom370")
    for number in range(MODELS):
        layers.layer(f"snom{number}")
    reads = store.layer_reads
    layers.layer("snom370")
    assert store.layer_reads > reads
