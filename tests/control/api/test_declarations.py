import pytest

from bootwave.control.api.declarations import DomainIn, Everywhere, declared_of, needs
from bootwave.control.api.principals import Need


def test_an_endpoint_declares_what_it_needs() -> None:
    @needs(Need.REVEAL, DomainIn())
    async def reveal() -> None: ...

    @needs(Need.WRITE, Everywhere(), body_bytes=5)
    async def write() -> None: ...

    assert declared_of(reveal).confirmed
    assert not declared_of(write).confirmed
    assert declared_of(write).body_bytes == 5


def test_one_that_declares_nothing_is_refused() -> None:
    async def forgotten() -> None: ...

    with pytest.raises(TypeError, match="forgotten does not declare"):
        declared_of(forgotten)
