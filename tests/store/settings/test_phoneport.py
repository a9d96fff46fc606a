"""What is said of phones that listen elsewhere than roll-outs tell them."""

import sqlite3
from collections.abc import Callable

from bootwave.store.administration import Administration
from bootwave.store.settings.phoneport import NAME, port_notes

MAC = 0x0004132E08B4
DOMAIN = "a.example.com"


def test_the_layer_that_has_a_phone_listen_elsewhere_is_named(
    admin: Administration, add: Callable[..., None], connection: sqlite3.Connection
) -> None:
    add(f"401@{DOMAIN}", mac=f"{MAC:012X}")

    def notes(port: int = 5060) -> list[str]:
        return port_notes(connection, MAC, port)

    assert notes() == []
    admin.settings_set("engine", "", NAME, "5062")
    (note,) = notes()
    assert note.startswith("Its engine layer has it listen for SIP on the port 5062")
    assert notes(5062) == []
    admin.settings_set("domain", DOMAIN, NAME, "")
    assert "domain layer" in notes(5062)[0]
    assert "any free port" in notes(5062)[0]
    admin.settings_set("account", f"401@{DOMAIN}", NAME, "5064")
    assert "account layer" in notes()[0]
    admin.settings_set("device", f"{MAC:012X}", NAME, "5060")
    assert notes() == []
    assert admin.device_check(f"{MAC:012X}")["notes"] == []
    admin.settings_unset("device", f"{MAC:012X}", NAME)
    assert admin.device_check(f"{MAC:012X}")["notes"] == notes() != []
