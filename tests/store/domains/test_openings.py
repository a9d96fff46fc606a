import pytest

from bootwave.directory.records import Opening
from bootwave.errors import OperatorError
from bootwave.store.domains.openings import checked_opening, opening_from_row, texts_of

BOUNDS = Opening(3, 0, (0x000413, 0x1C7126), "10.1.0.0/16", ("snom370",))


def test_bounds_are_checked_and_spelled_in_one_way() -> None:
    ouis = ["00-04-13", "1c7126", "000413"]
    made = checked_opening(3, ouis, "10.1.2.3/16", ["SNOM370", "Snom 370", "370"])
    assert made == BOUNDS
    assert checked_opening(None, [], "", []) == Opening()


def test_what_is_stored_is_read_as_it_was() -> None:
    texts = texts_of(BOUNDS)
    row = (3, 0, texts["ouis"], texts["subnet"], texts["models"])
    assert opening_from_row(row) == BOUNDS
    assert opening_from_row((0, 0, "", "", "")) == Opening()


@pytest.mark.parametrize("oui", ["", "00041", "0004133", "00041G", "00:04:13:00"])
def test_an_oui_is_six_hex_digits(oui: str) -> None:
    with pytest.raises(OperatorError, match="six hex digits"):
        checked_opening(None, [oui], "", [])


@pytest.mark.parametrize("most", [0, -3, 1_000_001])
def test_a_number_of_phones_is_bounded_itself(most: int) -> None:
    with pytest.raises(OperatorError, match="phones at most"):
        checked_opening(most, [], "", [])


def test_lists_are_bounded() -> None:
    with pytest.raises(OperatorError, match="at most 64"):
        checked_opening(None, [], "", ["snom370"] * 65)


def test_a_model_that_is_newer_than_the_table_is_named_in_full() -> None:
    made = checked_opening(None, [], "", ["snomD999", "d785"])
    assert made.models == ("snomd999", "snomd785")


@pytest.mark.parametrize("text", ["T53W", "785", "D999", "snomFOO", "OEM"])
def test_a_model_that_no_phone_says_it_is_is_refused(text: str) -> None:
    known = r"write .*snom370, .*snomD785, .*or a newer"
    with pytest.raises(OperatorError, match=known):
        checked_opening(None, [], "", [text])
