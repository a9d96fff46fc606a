import pytest

from bootwave.errors import SettingError
from bootwave.phone.model import is_snom_name, model_from_text, required_model


@pytest.mark.parametrize(
    ("text", "model"),
    [
        ("snom370", "snom370"),
        ("SNOM370", "snom370"),
        ("snomD785", "snomD785"),
        ("snomd785", "snomD785"),
        ("Snom M900", "snomM900"),
        ("snomM200SC", "snomM200SC"),
        ("snomPA1", "snomPA1"),
        ("snomMP", "snomMP"),
        ("snom m9", "snomm9"),
        ("snomM9", "snomm9"),
        ("snom-m3-SIP", "snomm3"),
        ("snom370-SIP 7.1.2", "snom370"),
        ("snomM100KLE", "snomM100KLE"),
        ("snomd999", "snomD999"),
        ("Snom HD350W", "snomHD350W"),
    ],
)
def test_a_model_has_one_spelling(text: str, model: str) -> None:
    assert model_from_text(text) == model


@pytest.mark.parametrize(
    "text",
    ["", "snom", "snom lid 3605", "OEM", "T53W", "xsnom370", "snom3700", "snom37"],
)
def test_what_is_no_snom_model_is_empty(text: str) -> None:
    assert model_from_text(text) == ""


@pytest.mark.parametrize(
    ("text", "model"),
    [
        ("snom370", "snom370"),
        (" 370 ", "snom370"),
        ("d785", "snomD785"),
        ("Snom D785", "snomD785"),
        ("m9", "snomm9"),
        ("snom-m3", "snomm3"),
        ("pa1", "snomPA1"),
        ("D725", "snom725"),
        ("snom d715", "snom715"),
        ("D999", "snomD999"),
        ("T53W", "T53W"),
        ("SIP-T53W", "SIP-T53W"),
    ],
)
def test_an_administrator_may_write_a_model_as_it_comes(text: str, model: str) -> None:
    assert required_model(text) == model


@pytest.mark.parametrize("text", ["", "snom 370 or so", "a/b", "x" * 65, "é"])
def test_what_is_no_model_is_refused_in_a_sentence(text: str) -> None:
    with pytest.raises(SettingError, match="is not a phone model: write one such as"):
        required_model(text)


def test_snoms_name_counts_at_the_start_only() -> None:
    assert is_snom_name("Snom")
    assert is_snom_name("snom370/8.7")
    assert not is_snom_name("not snom")
    assert not is_snom_name("")
