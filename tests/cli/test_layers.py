"""Which layer a command is about."""

from typing import Any

import pytest

from bootwave.cli.layers import chosen_layer
from bootwave.cli.misuse import Misuse
from bootwave.cli.scope import Scope


def test_one_layer_is_chosen_and_named() -> None:
    engine = chosen_layer(True)
    assert (engine, str(engine)) == (Scope("engine", ""), "all phones")
    assert str(chosen_layer(model="snom370")) == "model snom370"
    firmware = chosen_layer(model="snom370", firmware="8.4 - 8.7")
    assert firmware == Scope("firmware", "snom370 8.4-8.7")
    profile = chosen_layer(profile="sales@pbx.example.com")
    assert profile == Scope("profile", "sales@pbx.example.com")


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"engine": True, "model": "snom370"},
        {"domain": "a.example.com", "account": "1@a.example.com"},
        {"model": "snom370", "firmware": "8.7", "domain": "a.example.com"},
        {"firmware": "8.7"},
        {"model": "", "domain": "", "account": "", "device": ""},
    ],
)
def test_none_or_two_are_refused(given: dict[str, Any]) -> None:
    with pytest.raises(Misuse):
        chosen_layer(**given)
