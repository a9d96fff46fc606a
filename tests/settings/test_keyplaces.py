import pytest
from hypothesis import given
from hypothesis import strategies as st

from bootwave.errors import SettingError
from bootwave.phone.models import known_models, model_data
from bootwave.settings.functionkeys import MAX_KEYS
from bootwave.settings.keyplaces import (
    KeyCounts,
    KeyPlace,
    index_of,
    place_from_text,
    place_of,
)

D785 = KeyCounts.of(model_data("snomD785"))
D375 = KeyCounts.of(model_data("snomD375"))


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("P1", KeyPlace(0, 1)),
        ("p12", KeyPlace(0, 12)),
        ("M1 P3", KeyPlace(1, 3)),
        ("m2p18", KeyPlace(2, 18)),
        ("M1/P3", KeyPlace(1, 3)),
        ("module 1 key 3", KeyPlace(1, 3)),
    ],
)
def test_a_place_is_written_in_several_ways(text: str, place: KeyPlace) -> None:
    assert place_from_text(text) == place
    assert place_from_text(str(place)) == place


@pytest.mark.parametrize("text", ["", "1", "P0", "P01", "M0 P1", "M1", "P1000", "PP1"])
def test_what_names_no_key_is_refused(text: str) -> None:
    with pytest.raises(SettingError, match="is not a function key: write P1"):
        place_from_text(text)


def test_the_keys_of_modules_follow_those_of_the_phone() -> None:
    assert index_of(KeyPlace(0, 1), D785) == 0
    assert index_of(KeyPlace(0, 24), D785) == 23
    assert index_of(KeyPlace(1, 1), D785) == 24
    assert index_of(KeyPlace(1, 3), D785) == 26
    assert index_of(KeyPlace(3, 18), D785) == 77
    assert D785 == KeyCounts(24, 18, 3, 24)


def test_some_phones_leave_a_gap_before_their_modules() -> None:
    assert index_of(KeyPlace(1, 1), D375) == 138
    assert index_of(KeyPlace(3, 18), D375) == 191
    assert place_of(12, D375) is None
    assert place_of(137, D375) is None


def test_a_key_the_phone_does_not_have_is_refused() -> None:
    with pytest.raises(SettingError, match="no key P25: such a phone has 24 keys"):
        index_of(KeyPlace(0, 25), D785)
    with pytest.raises(SettingError, match="takes 3 expansion modules"):
        index_of(KeyPlace(4, 1), D785)
    with pytest.raises(SettingError, match="M1 P19: such a module has 18 keys"):
        index_of(KeyPlace(1, 19), D785)
    with pytest.raises(SettingError, match="takes no expansion modules"):
        index_of(KeyPlace(1, 1), KeyCounts(6, 0, 0, 6))


def test_without_a_model_only_the_phones_own_keys_have_a_number() -> None:
    assert index_of(KeyPlace(0, 7)) == 6
    with pytest.raises(SettingError, match="Which key M1 P1 is depends on the model"):
        index_of(KeyPlace(1, 1))


COUNTS = st.builds(
    lambda keys, module_keys, modules, gap: KeyCounts(
        keys, module_keys, modules, keys + gap
    ),
    st.integers(0, 48),
    st.integers(0, 42),
    st.integers(0, 3),
    st.integers(0, 126),
)


@given(COUNTS, st.integers(-1, 400))
def test_places_and_indexes_are_each_others_inverse(
    counts: KeyCounts, index: int
) -> None:
    place = place_of(index, counts)
    if place is None:
        return
    assert index_of(place, counts) == index
    assert place_from_text(str(place)) == place


def test_no_key_of_a_known_model_is_beyond_the_most() -> None:
    for model in known_models().values():
        counts = KeyCounts.of(model)
        assert counts.keys <= counts.first
        assert counts.first + counts.modules * counts.module_keys <= MAX_KEYS


@given(COUNTS)
def test_every_key_has_an_index_of_its_own(counts: KeyCounts) -> None:
    places = [KeyPlace(0, key + 1) for key in range(counts.keys)]
    places += [
        KeyPlace(module + 1, key + 1)
        for module in range(counts.modules)
        for key in range(counts.module_keys)
    ]
    indexes = {index_of(place, counts) for place in places}
    assert len(indexes) == len(places)
