"""A new key for secrets, beside an engine that serves phones."""

import os

from tests.end_to_end.conftest import Serving
from tests.end_to_end.program import DOMAIN

PHONES = {str(number): f"0004132E{number:04X}" for number in range(400, 440)}


def password_in(body: bytes) -> bool:
    return b"<user_pass" in body


def test_phones_are_served_before_while_and_after_the_key_changes(
    serving: Serving,
) -> None:
    program = serving()
    program.import_accounts(PHONES, minutes=10)
    macs = list(PHONES.values())
    first, second, third = macs[:10], macs[10:20], macs[20:30]
    for mac in first:
        assert password_in(program.get(f"/{mac}.xml").body)
    done = program.command("store", "rekey")
    # With the credentials that phones were given with their first document.
    assert (done["new"], done["sealed"]) == (True, len(PHONES) + len(first))
    for mac in first + second:
        assert password_in(program.get(f"/{mac}.xml").body)
    # What the engine seals now needs the new key only.
    program.command("account", "add", f"500@{DOMAIN}", "--password-stdin", stdin="x\n")
    assert program.command("store", "rekey")["sealed"] == 0
    os.utime(program.directory / "bootwave.key", (1, 1))
    assert program.command("store", "rekey", "--drop-old")["dropped"] == done["old"]
    for mac in third:
        assert password_in(program.get(f"/{mac}.xml").body)
    assert program.stop() == 0
    program.start()
    program.command("window", "open", "--domain", DOMAIN)
    for mac in macs:
        assert password_in(program.get(f"/{mac}.xml").body)
    assert "sealed with" not in program.errors()
