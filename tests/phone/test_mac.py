import pytest

from bootwave.errors import SettingError
from bootwave.phone.mac import (
    is_snom,
    is_unicast,
    mac_from_text,
    required_mac,
    text_from_mac,
)


@pytest.mark.parametrize(
    "text",
    [
        "0004132E08B4",
        "0004132e08b4",
        "00:04:13:2E:08:B4",
        "00-04-13-2e-08-b4",
        "0004.132E.08B4",
    ],
)
def test_a_mac_is_read_in_its_usual_spellings(text: str) -> None:
    assert mac_from_text(text) == 0x0004132E08B4


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0004132E08B",
        "0004132E08B44",
        "0004132E08BG",
        "00:04-13:2E:08:B4",
        "00:04:13:2E:08",
        " 0004132E08B4",
        "0004132E08B4\n",
        "0004:132E:08B4",
        "\u06600\u06604132E08B4",
    ],
)
def test_what_is_not_exactly_a_mac_is_none(text: str) -> None:
    assert mac_from_text(text) is None


def test_a_mac_is_written_as_phones_write_it() -> None:
    assert text_from_mac(0x0004132E08B4) == "0004132E08B4"
    assert text_from_mac(0) == "000000000000"


def test_an_administrator_may_leave_blanks_around_a_mac() -> None:
    assert required_mac(" 00:04:13:2E:08:B4\n") == 0x0004132E08B4


@pytest.mark.parametrize("text", ["", "phone", "0004132E08B"])
def test_what_cannot_be_a_phones_mac_is_refused_in_a_sentence(text: str) -> None:
    with pytest.raises(SettingError, match="is not a MAC address"):
        required_mac(text)


def test_no_more_than_the_beginning_of_a_long_one_is_quoted() -> None:
    for text in ("0" * 100_000, " " * 100_000 + "010413000000"):
        with pytest.raises(SettingError) as caught:
            required_mac(text)
        assert len(str(caught.value)) < 200


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("FF:FF:FF:FF:FF:FF", "is the broadcast address"),
        ("010413000000", "is a multicast address"),
        ("000000000000", "is no device's address"),
    ],
)
def test_an_address_that_no_phone_has_is_refused_for_what_it_is(
    text: str, what: str
) -> None:
    with pytest.raises(SettingError, match=f"'{text}' {what}: write the one"):
        required_mac(text)


def test_group_addresses_and_zero_are_nobodys() -> None:
    assert is_unicast(0x0004132E08B4)
    assert not is_unicast(0)
    assert not is_unicast(0xFFFFFFFFFFFF)


@pytest.mark.parametrize("oui", [0x000413, 0x00087B, 0x1C7126])
def test_snoms_blocks_are_known(oui: int) -> None:
    assert is_snom(oui << 24 | 0x2E08B4)
    assert not is_snom((oui + 1) << 24)
