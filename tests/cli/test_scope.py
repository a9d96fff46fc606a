"""For whom something is said: as people read it, and as operations are told."""

from bootwave.cli.scope import Scope
from tests.cli.conftest import Command


def test_it_reads_as_people_say_it() -> None:
    assert str(Scope("engine", "")) == "all phones"
    assert str(Scope("group", "sales@pbx.example.com")) == "group sales@pbx.example.com"


def test_an_operation_is_about_it(store: Command) -> None:
    domain = Scope("domain", "pbx.example.com")
    domain.call("settings.set", name="ring_sound", value="Ringer7", permission="R")
    assert [one["value"] for one in domain.call("settings.list")] == ["Ringer7"]
    assert Scope("engine", "").call("settings.list") == []
