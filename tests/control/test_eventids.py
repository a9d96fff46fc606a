from pathlib import Path

import pytest

from bootwave.control.eventids import EventIds
from bootwave.store import keysources
from bootwave.store.secrets import KeyRing
from bootwave.store.sightings.tail import Place

PLACE = Place(2**63 + 5, 17, 4)


@pytest.fixture
def keyring(tmp_path: Path) -> KeyRing:
    return KeyRing.create(tmp_path / "key")


def test_a_number_is_of_its_place_and_shows_it_to_nobody(keyring: KeyRing) -> None:
    ids = EventIds(keyring)
    number = ids.text(PLACE)
    assert ids.place(number) == PLACE
    assert EventIds(keyring).text(PLACE) == number  # in another process, too
    near = ids.text(PLACE._replace(known=5))
    assert ids.place(near) == PLACE._replace(known=5)
    same = sum(one == other for one, other in zip(number, near, strict=True))
    assert same < len(number) / 4


@pytest.mark.parametrize("change", ["", "A", "=", "é", "!"])
def test_what_is_no_number_is_none(keyring: KeyRing, change: str) -> None:
    ids = EventIds(keyring)
    number = ids.text(PLACE)
    assert ids.place(change + number[1:] if change else "") is None
    assert ids.place(number + change if change else "x") is None
    assert ids.place("1-2-3") is None


def test_numbers_of_a_key_that_was_replaced_are_known(
    keyring: KeyRing, tmp_path: Path
) -> None:
    number = EventIds(keyring).text(PLACE)
    old = keysources.key_lines(tmp_path / "key")
    both = tmp_path / "both"
    keysources.make_file(both, [keysources.new_line(), *old])
    ids = EventIds(KeyRing.load(both))
    assert ids.place(number) == PLACE
    assert ids.text(PLACE) != number
    other = EventIds(KeyRing.create(tmp_path / "other"))
    assert other.place(number) is None
