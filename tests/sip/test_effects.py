import dataclasses

import pytest

from bootwave.sightings import Reason
from bootwave.sip.effects import Endpoint, Local, LookUp, SendDatagram, Sight

HERE, THERE = Local("192.0.2.1", 2), Endpoint("192.0.2.9", 5060)


@pytest.mark.parametrize(
    "effect",
    [
        SendDatagram(b"x", THERE, HERE),
        LookUp(b"key", 1, True, HERE, THERE, "snom370", "8.7.5.48"),
        Sight(Reason.PNP_ANSWERED, 1, "192.0.2.9", ""),
    ],
)
def test_an_effect_is_a_value(effect: SendDatagram | LookUp | Sight) -> None:
    assert effect == dataclasses.replace(effect)
    assert hash(effect) == hash(dataclasses.replace(effect))
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(effect, dataclasses.fields(effect)[0].name, None)
