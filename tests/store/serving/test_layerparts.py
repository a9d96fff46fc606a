"""Layers as the hot path reads them: of some keys of a scope, complete."""

import sqlite3

from bootwave.directory.records import FunctionKey, Setting
from bootwave.store.administration import Administration
from bootwave.store.serving.layerparts import layers_of


def test_layers_come_by_key_with_settings_and_keys_in_order(
    admin: Administration, connection: sqlite3.Connection
) -> None:
    for model in ("snom320", "snom370"):
        admin.settings_set("model", model, "ring_sound", model)
    admin.settings_set("model", "snom370", "backlight", "15", permission="RW")
    for index in (2, 1):
        admin.settings_set("model", "snom370", "user_srtp", "on", index=index)
    admin.keys_set("model", "snom370", 3, "line", label="L")
    numbers = dict(connection.execute("SELECT name, id FROM models").fetchall())
    first, second = numbers["snom320"], numbers["snom370"]
    found = layers_of(connection, "model", [second, first, 99])
    assert found.keys() == {first, second}
    assert found[first].settings == (Setting("ring_sound", "snom320"),)
    assert found[second].settings == (
        Setting("backlight", "15", None, "RW"),
        Setting("ring_sound", "snom370"),
        Setting("user_srtp", "on", 1),
        Setting("user_srtp", "on", 2),
    )
    assert found[second].keys == (FunctionKey(3, "line", "L"),)


def test_another_scope_of_the_same_key_and_nothing_have_no_layer(
    admin: Administration, connection: sqlite3.Connection
) -> None:
    admin.settings_set("engine", "", "ring_sound", "Ringer7")
    assert layers_of(connection, "domain", [0]) == {}
    assert layers_of(connection, "engine", []) == {}
