"""bootwave settings."""

import pytest

from tests.cli.conftest import Command
from tests.cli.test_main import refused


@pytest.mark.parametrize(
    "layer",
    [
        ["--engine"],
        ["--model", "snom370"],
        ["--domain", "pbx.example.com"],
        ["--account", "401@pbx.example.com"],
        ["--profile", "sales@pbx.example.com"],
        ["--device", "0004132E08B4"],
    ],
)
def test_a_setting_is_set_listed_and_unset_in_every_layer(
    store: Command, layer: list[str]
) -> None:
    store("profile", "add", "pbx.example.com", "sales")
    store("profile", "assign", "pbx.example.com", "sales", "401")
    done = store("settings", "set", "ring_sound", "Ringer7", *layer)
    assert (done.status, done.err) == (0, "")
    assert done.out.startswith("Set ring_sound for ")
    (listed,) = store("settings", "list", *layer, "--json").json
    assert listed == {
        "name": "ring_sound",
        "index": None,
        "value": "Ringer7",
        "permission": "R",
    }
    assert "Ringer7" in store("settings", "list", *layer).out
    document = store("document", "0004132E08B4", "--model", "snom370").out
    assert "Ringer7</ring_sound>" in document
    assert store("settings", "unset", "ring_sound", *layer).status == 0
    assert store("settings", "list", *layer, "--json").json == []


def test_a_setting_may_be_for_one_identity_with_a_permission(store: Command) -> None:
    words = ["--domain", "pbx.example.com", "--index", "1"]
    done = store(
        "settings", "set", "user_ringer", "Silent", *words, "--permission", "!"
    )
    assert done.out == "Set user_ringer of identity 1 for domain pbx.example.com.\n"
    assert store("settings", "unset", "user_ringer", *words, "--json").json == {
        "name": "user_ringer",
        "index": 1,
    }


def test_a_dangerous_setting_is_warned_of(store: Command) -> None:
    done = store("settings", "set", "http_pass", "x", "--engine")
    assert done.status == 0
    assert "in clear" in done.err


def test_what_is_set_for_a_firmware_range_is_listed_by_it(store: Command) -> None:
    layer = ["--model", "snom370", "--firmware", "8.4-8.7"]
    done = store("settings", "set", "ring_sound", "Ringer7", *layer)
    assert done.out == "Set ring_sound for firmware snom370 8.4-8.7.\n"
    assert "Ringer7" in store("settings", "list", *layer).out
    assert store("settings", "ranges", "--json").json == [
        {"model": "snom370", "firmware": "8.4-8.7", "settings": 1, "keys": 0}
    ]
    assert "snom370  8.4-8.7" in store("settings", "ranges").out
    store("settings", "unset", "ring_sound", *layer)
    assert "Nothing is set for a firmware" in store("settings", "ranges").err


def test_one_layer_must_be_named(store: Command) -> None:
    sentence = "Say for whom with one of --engine, --model"
    assert sentence in refused(store("settings", "list"), 2)
    both = store("settings", "set", "a", "b", "--engine", "--model", "snom370")
    assert sentence in refused(both, 2)
    assert "is not set there" in refused(store("settings", "unset", "x", "--engine"))
