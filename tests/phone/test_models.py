"""The table of models: whole, consistent, and with defaults for what is new."""

import re
from itertools import combinations

import pytest

from bootwave.phone import models
from bootwave.phone.mac import is_snom
from bootwave.phone.model import model_from_text, required_model
from bootwave.phone.models import (
    document_dialect,
    known_models,
    model_data,
    model_of_mac,
)

# The phone types that snom's redirection service knows (domain.md 5.2), as the phones
# spell them.
REDIRECTED = """
    300 320 360 370 710 715 720 725 760 820 821 870 MP PA1 m3 m9 C520 C620
    D120 D305 D315 D335 D345 D375 D385 D712 D717 D735 D745 D765 D785
    M100 M100KLE M200SC M300 M400SC M700 M900
""".split()
# What compiled code takes for a model's one spelling without asking.
PLAIN = re.compile(r"snom[CDM]?\d{3}[A-Z]{0,2}")


@pytest.mark.parametrize("name", REDIRECTED)
def test_every_phone_type_of_the_redirection_service_is_known(name: str) -> None:
    assert f"snom{name}" in known_models()


def test_every_name_is_its_own_spelling_in_any_case() -> None:
    for name in known_models():
        assert model_from_text(name) == name
        assert model_from_text(name.upper()) == name
        assert required_model(name.removeprefix("snom").lower()) == name


def test_compiled_code_spells_no_name_otherwise() -> None:
    for name in known_models():
        upper = "snom" + name.removeprefix("snom").upper()
        assert upper == name or not PLAIN.fullmatch(upper)


@pytest.mark.parametrize(
    ("mac", "model"),
    [
        ("0004132E08B4", "snom370"),
        ("000413291234", "snom360"),
        ("00041379F000", "snomD745"),
        ("000413790000", "snomD765"),
        ("000413790FFF", "snomD765"),
        ("000413791000", "snomD745"),
        ("000413840015", "snomD315"),
        ("000413840016", "snomD305"),
        ("000413840079", "snomD305"),
        ("00041384007A", "snomD315"),
        ("00041394B420", "snomD765"),
        ("00041394B421", "snom715"),
        ("00041394BF03", "snom715"),
        ("00041394BF04", "snomD765"),
        ("00087BD71234", "snomM300"),
        ("00087B0A1234", ""),
        ("1C7126000001", ""),
        ("00135E874B49", ""),
        ("000000000000", ""),
        ("FFFFFFFFFFFF", ""),
    ],
)
def test_the_narrowest_range_that_holds_a_mac_says_its_model(
    mac: str, model: str
) -> None:
    assert model_of_mac(int(mac.ljust(12, "0"), 16)) == model


def test_no_two_ranges_of_macs_contradict_each_other() -> None:
    for one, other in combinations(models._table().ranges, 2):
        if one.low <= other.high and other.low <= one.high:
            inside = one.low >= other.low and one.high <= other.high
            assert inside
            assert one.high - one.low < other.high - other.low


def test_ranges_are_snoms_and_of_models_in_the_table() -> None:
    for each in models._table().ranges:
        assert is_snom(each.low)
        assert is_snom(each.high)
        assert each.low <= each.high
        assert each.model in known_models()


def test_keys_of_modules_add_up_to_what_servers_clear() -> None:
    assert model_data("snom320").most_keys == 138  # GS3 clears 0 to 137
    assert model_data("snomD865").most_keys == 220  # wazo-provd-plugins: 0 to 219
    assert max(model.most_keys for model in known_models().values()) <= 222


def test_only_the_old_3xx_are_known_to_own_no_certificate() -> None:
    without = {n for n, model in known_models().items() if model.certificate is False}
    assert without == {"snom300", "snom320", "snom360", "snom370"}
    assert model_data("snom821").certificate
    assert model_data("snomm9").certificate
    assert model_data("snomPA1").certificate is None
    assert model_data("snomM700").certificate is None


def test_a_new_model_has_what_its_family_has() -> None:
    new = model_data("snomD999")
    assert (new.name, new.title) == ("snomD999", "snom D999")
    assert (new.certificate, new.dialect, new.challenge) == (True, "xml", "digest")
    assert model_data("snomD899").firmware_extension == ".swu"
    assert model_data("snomM999").dialect == "dect"


@pytest.mark.parametrize("name", ["", "snom", "snomHD350W", "T53W", "x" * 100])
def test_what_nobody_knows_has_the_defaults(name: str) -> None:
    unknown = model_data(name)
    assert unknown.name == name
    assert (unknown.keys, unknown.identities, unknown.certificate) == (0, 12, None)
    assert (unknown.dialect, unknown.challenge) == ("xml", "basic")


@pytest.mark.parametrize(
    ("model", "firmware", "dialect"),
    [
        ("snom370", "8.7.5.48", "xml"),
        ("snom370", "7.1.2", "xml"),
        ("snom360", "6.5.20", "text"),
        ("snom320", "", "xml"),
        ("snom320", "nonsense", "xml"),
        ("snomm9", "9.1.43", "m9"),
        ("snomM700", "03.23.0005", "dect"),
        ("snomm3", "01.22", "m3"),
        ("", "", "xml"),
    ],
)
def test_the_dialect_is_of_model_and_firmware(
    model: str, firmware: str, dialect: str
) -> None:
    assert document_dialect(model, firmware) == dialect
