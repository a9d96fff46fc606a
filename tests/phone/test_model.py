import pytest

from bootwave.phone.model import is_snom_name, model_from_text


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


def test_snoms_name_counts_at_the_start_only() -> None:
    assert is_snom_name("Snom")
    assert is_snom_name("snom370/8.7")
    assert not is_snom_name("not snom")
    assert not is_snom_name("")
