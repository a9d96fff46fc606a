import pytest

from bootwave.directory.records import Opening
from bootwave.pairing.openings import admits
from tests.pairing.rows import MAC

HERE = "10.1.2.3"


@pytest.mark.parametrize(
    ("opening", "is_admitted"),
    [
        (None, True),
        (Opening(), True),
        (Opening(most_claims=2, claims=1), True),
        (Opening(most_claims=2, claims=2), False),
        (Opening(ouis=(0x000413,)), True),
        (Opening(ouis=(0x00087B, 0x1C7126)), False),
        (Opening(subnet="10.1.0.0/16"), True),
        (Opening(subnet="10.2.0.0/16"), False),
        (Opening(subnet="fd00::/8"), False),
        (Opening(models=("snom370", "snomd785")), True),
        (Opening(models=("snom370",)), False),
        (Opening(3, 0, (0x000413,), "10.1.0.0/16", ("snomd785",)), True),
        (Opening(3, 3, (0x000413,), "10.1.0.0/16", ("snomd785",)), False),
    ],
)
def test_every_bound_must_hold(opening: Opening | None, is_admitted: bool) -> None:
    assert admits(opening, MAC, HERE, "snomD785") is is_admitted


def test_a_phone_that_does_not_say_its_model_is_none_of_those_named() -> None:
    bounded = Opening(models=("snom370",))
    assert not admits(bounded, MAC, HERE, "")
    # A SUBSCRIBE has no place for it.
    assert admits(bounded, MAC, HERE, None)
