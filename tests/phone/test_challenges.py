"""Which authentication a phone is asked for."""

import pytest

from bootwave.phone.challenges import offers

SNOMS = ["snom320", "snom370", "snom720", "snom870", "snomD785", "snomM700", "snommP"]


@pytest.mark.parametrize("model", SNOMS)
@pytest.mark.parametrize("secure", [False, True])
@pytest.mark.parametrize("basic", [False, True])
def test_a_snom_is_never_asked_for_two_things(
    model: str, secure: bool, basic: bool
) -> None:
    assert len(offers(model, secure=secure, basic=basic)) == 1


@pytest.mark.parametrize("model", ["", *SNOMS])
def test_no_password_is_asked_for_in_clear_unless_an_operator_says_so(
    model: str,
) -> None:
    assert "Basic" not in offers(model, secure=False, basic=False)


def test_basic_in_clear_is_for_those_that_may_not_know_digest() -> None:
    assert offers("snom370", secure=False, basic=True) == ("Basic",)
    assert offers("snomD785", secure=False, basic=True) == ("Digest MD5",)
    assert "Basic" not in offers("", secure=False, basic=True)


def test_a_model_that_is_not_in_the_table_is_asked_as_its_family() -> None:
    assert offers("snomD999", secure=False, basic=True) == ("Digest MD5",)
    assert offers("snom399", secure=False, basic=True) == ("Basic",)
    assert offers("snomHD350W", secure=False, basic=True) == ("Basic",)


def test_a_snom_over_tls_is_asked_for_basic() -> None:
    assert offers("snom370", secure=True, basic=False) == ("Basic",)


def test_others_may_choose_the_strongest_first() -> None:
    strongest = ("Digest SHA-256", "Digest MD5")
    assert offers("", secure=False, basic=False) == strongest
    assert offers("", secure=True, basic=False) == (*strongest, "Basic")
