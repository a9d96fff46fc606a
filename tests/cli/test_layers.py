"""Which layer a command is about."""

import pytest

from bootwave.cli.layers import Layer, chosen_layer
from bootwave.cli.misuse import Misuse


def test_one_layer_is_chosen_and_named() -> None:
    engine = chosen_layer(True, None, None, None, None)
    assert (engine, str(engine)) == (Layer("engine", ""), "all phones")
    model = chosen_layer(False, "snom370", None, None, None)
    assert str(model) == "model snom370"


@pytest.mark.parametrize(
    "given",
    [
        (False, None, None, None, None),
        (True, "snom370", None, None, None),
        (False, None, "a.example.com", "1@a.example.com", None),
        (False, "", "", "", ""),
    ],
)
def test_none_or_two_are_refused(given: tuple[bool, str, str, str, str]) -> None:
    with pytest.raises(Misuse):
        chosen_layer(*given)
