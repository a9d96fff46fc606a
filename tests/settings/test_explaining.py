"""Explanations, and where two of them differ."""

from bootwave.settings.explaining import (
    Difference,
    Place,
    Said,
    differences,
    explained,
)
from bootwave.settings.layers import Remembering, Slot, Told, ToldKey


def test_an_explanation_has_the_winner_first_and_values_in_their_places() -> None:
    merged = Remembering([1])
    merged.origin = "engine"
    merged.tell("language", None, Told("English", "RW"))
    merged.say_key(2, ToldKey("line", "", "active", "RW"))
    merged.origin = "device 0004132E08B4"
    merged.tell("language", None, Told(Slot(1), "R"))
    merged.tell("user_name", 1, Told("401", "R"))
    merged.say_key(2, ToldKey("speed 1", Slot(0), "1", "R", (("icon_type", "x"),)))
    found = explained(merged, ["Bob", "Deutsch"])
    assert found[Place("language", None)] == [
        Said("device 0004132E08B4", "Deutsch", "R"),
        Said("engine", "English", "RW"),
    ]
    assert [one.value for one in found[Place("user_name", 1)]] == ["401"]
    winner, freed = found[Place("", 2)]
    assert winner == Said(
        "device 0004132E08B4", "speed 1", "R", "Bob", "1", (("icon_type", "x"),)
    )
    assert (freed.value, freed.context) == ("line", "active")


def test_what_is_told_otherwise_differs_and_where_it_was_said_does_not_count() -> None:
    old = Said("engine", "a", "R")
    before = {
        Place("", 3): [Said("domain d", "line", "R", "A", "active")],
        Place("b", None): [old],
        Place("a", 2): [old],
        Place("a", None): [old],
        Place("same", None): [old],
    }
    after = {
        Place("", 3): [Said("domain d", "line", "R", "B", "active")],
        Place("b", None): [Said("engine", "a", "RW"), old],
        Place("a", None): [old],
        Place("new", None): [old],
        Place("same", None): [Said("device", "a", "R"), old],
    }
    found = differences(before, after)
    assert [one.place for one in found] == [
        Place("a", 2),
        Place("b", None),
        Place("new", None),
        Place("", 3),
    ]
    assert found[0] == Difference(Place("a", 2), old, None)
    assert found[2] == Difference(Place("new", None), None, old)
    assert differences(after, after) == []


def test_what_is_said_is_not_in_its_repr() -> None:
    assert "secret" not in repr(Said("device 0004132E08B4", "secret", "R"))
