import pytest

from bootwave.options import RedirectionOptions
from bootwave.phone.models import known_models
from bootwave.redirection.vendors import Call, Shape, Verdict, vendors

SNOM = vendors()["snom"]


def test_the_service_of_snom_is_called_as_it_is_documented() -> None:
    assert SNOM.url == "https://secure-provisioning.snom.com:8083/xmlrpc/"
    assert RedirectionOptions(service=SNOM.url).service == SNOM.url
    names = {call: method.name for call, method in SNOM.methods.items()}
    assert names == {
        Call.ECHO: "network.echo",
        Call.REGISTER: "redirect.registerPhone",
        Call.DEREGISTER: "redirect.deregisterPhone",
        Call.LOOK: "redirect.getPhoneRedirection",
        Call.LIST: "redirect.listPhones",
    }
    assert SNOM.methods[Call.LOOK].result is Shape.TARGET
    assert SNOM.mac(0x0004132E08B4) == "0004132E08B4"
    assert SNOM._replace(is_upper=False).mac(0x0004132E08B4) == "0004132e08b4"


def test_errors_are_known_in_small_letters() -> None:
    assert all(words == words.lower() for words in SNOM.errors)
    assert set(SNOM.errors.values()) == {
        *(Verdict.OWNED, Verdict.UNKNOWN, Verdict.MALFORMED)
    }


@pytest.mark.parametrize(
    ("model", "type_"),
    [
        ("snom370", "snom370"),
        ("snomD785", "snomD785"),
        ("snomm3", "snomM3"),
        ("snomm9", "snomm9"),
        ("snomD865", ""),
        ("", ""),
    ],
)
def test_models_have_the_type_they_are_listed_by(model: str, type_: str) -> None:
    assert SNOM.type_of(model) == type_


def test_every_type_is_a_model_that_is_known() -> None:
    known = {name.lower() for name in known_models()}
    assert {type_.lower() for type_ in SNOM.types} <= known


@pytest.mark.parametrize(
    "url",
    [
        "http://service.example.com/xmlrpc/",
        "https://service.example.com/xmlrpc",
        "https://user:word@service.example.com/",
        "service.example.com/",
    ],
)
def test_an_account_goes_nowhere_in_clear_nor_without_the_slash(url: str) -> None:
    with pytest.raises(ValueError, match="must be"):
        RedirectionOptions(service=url)
