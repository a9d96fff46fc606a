"""Who goes down to an older firmware is said where it is set."""

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bootwave.sightings import Reason, Sighting
from bootwave.store.administration import Administration
from bootwave.store.sightings.sightings import SightingLog
from tests.store.clock import Clock

AT = "http://downloads.snom.com/fw/"
ENGINE: dict[str, Any] = {"scope": "engine", "target": ""}
DOMAIN = "a.example.com"


@pytest.fixture
def seen(
    admin: Administration, add: Any, log: SightingLog, clock: Clock
) -> Callable[..., str]:
    """Bind a phone in a domain that said what it runs."""
    count = iter(range(1, 99))

    def one(firmware: str, model: str = "snom370", domain: str = DOMAIN) -> str:
        number = next(count)
        mac = 0x0004132E0800 + number
        add(f"{400 + number}@{domain}", mac=f"{mac:012X}")
        detail = f"{model} {firmware}"
        at, served = clock.at.wall, Reason.SERVED_WINDOW
        log.append([Sighting(at, mac, "192.0.2.1", served, detail)])
        return f"{mac:012X}"

    return one


def warned(admin: Administration, version: str, **given: Any) -> list[str]:
    model = given.pop("model", "snom370")
    where = {"location": AT + f"{model}-{version}.bin", **ENGINE, **given}
    found: list[str] = admin.firmware_set(model=model, version=version, **where)[
        "warnings"
    ]
    return found


def test_phones_that_run_newer_firmware_are_counted(
    admin: Administration, seen: Callable[..., str]
) -> None:
    seen("8.7.5.48")
    for firmware, model in (("8.4.35", "snom370"), ("8.7.5.48", "snom320")):
        seen(firmware, model)
    assert warned(admin, "8.5.36") == [
        "1 phone of snom370 runs newer firmware (8.7.5.48) and will go down to 8.5.36."
    ]
    seen("8.7.3.19")
    assert warned(admin, "8.5.36") == [
        "2 phones of snom370 run newer firmware (8.7.3.19 to 8.7.5.48) and will go "
        "down to 8.5.36."
    ]
    assert warned(admin, "8.7.5.48") == []


def test_phones_that_something_else_is_said_for_do_not_count(
    admin: Administration, seen: Callable[..., str]
) -> None:
    kept = seen("8.7.5.48")
    admin.firmware_pin("device", kept, "keep", model="snom370")
    seen("8.7.5.48", domain="b.example.com")
    assert warned(admin, "8.7.5.48", scope="domain", target="b.example.com") == []
    assert warned(admin, "8.5.36") == []
    seen("8.7.5.48", domain="c.example.com")
    assert len(warned(admin, "8.5.36")) == 1
    assert warned(admin, "8.5.36", scope="domain", target=DOMAIN) == []


def test_a_pin_and_a_document_say_so_too(
    admin: Administration, seen: Callable[..., str]
) -> None:
    mac = seen("8.7.5.48")
    warned(admin, "8.7.5.48")
    warned(admin, "8.5.36", step=True)
    down = [
        "1 phone of snom370 runs newer firmware (8.7.5.48) and will go down to 8.5.36."
    ]
    done = admin.firmware_pin("device", mac, "8.5.36", model="snom370")
    assert done["warnings"] == down
    admin.firmware_unpin("device", mac, model="snom370")
    document = admin.firmware_export(**ENGINE)["document"]
    changed = document.replace("8.7.5.48", "8.5.30")
    done = admin.firmware_import(**ENGINE, document=changed, dry_run=True)
    assert done["warnings"] == [down[0].replace("8.5.36", "8.5.30")]
    assert admin.firmware_import(**ENGINE, document=document)["warnings"] == []


def test_what_was_defined_before_counts_for_phones_never_seen(
    admin: Administration, add: Callable[..., None]
) -> None:
    add(f"401@{DOMAIN}", mac="0004132E08B4")
    assert warned(admin, "8.7.5.48") == []
    older = [
        "Phones of snom370 were to run 8.7.5.48 until now, which is newer than 8.5.36."
    ]
    assert warned(admin, "8.5.36", scope="domain", target=DOMAIN) == older
    assert warned(admin, "8.5.36", model="snom320") == []
    assert warned(admin, "8.5.36") == older
    assert warned(admin, "8.7.5.48") == []
    assert (
        admin.firmware_pin(**ENGINE, version="keep", model="snom370")["warnings"] == []
    )


def test_without_what_was_seen_firmware_can_still_be_set(
    admin: Administration, seen: Callable[..., str], tmp_path: Path
) -> None:
    seen("8.7.5.48")
    (tmp_path / "sightings.db").write_bytes(b"something else entirely")
    assert warned(admin, "8.5.36") == []


def test_what_a_phone_ran_elsewhere_is_no_warning_of_its_new_domain(
    admin: Administration, seen: Callable[..., str], clock: Clock
) -> None:
    mac = seen("8.7.5.48")
    seen("8.7.5.48", domain="b.example.com")
    clock.pass_seconds(1.0)
    admin.account_unbind(f"401@{DOMAIN}")
    admin.account_bind("402@b.example.com", mac, add=True)
    here = {"scope": "domain", "target": "b.example.com"}
    admin.reach = frozenset({"b.example.com"})
    (one,) = warned(admin, "8.5.36", **here)
    assert one.startswith("1 phone of snom370 runs newer firmware")
    admin.reach = None
    (both,) = warned(admin, "8.5.20", **here)
    assert both.startswith("2 phones of snom370 run newer firmware")


def test_nobody_waits_with_a_write_while_phones_are_judged(
    admin: Administration, seen: Callable[..., str], connection: sqlite3.Connection
) -> None:
    def locked(phones: int) -> int:
        """Return how many statements are made behind the lock with so many more."""
        for _ in range(phones):
            mac = seen("8.7.3.19")
            admin.firmware_forbid("device", mac, "snom370", "8.4.18")
        made: list[str] = []
        connection.set_trace_callback(made.append)
        said = warned(admin, "8.5.36")
        connection.set_trace_callback(None)
        assert said
        return made.index("COMMIT") - made.index("BEGIN IMMEDIATE")

    warned(admin, "8.5.36")
    assert locked(2) == locked(30)


@pytest.mark.parametrize("dry_run", [False, True])
def test_what_a_scope_says_for_the_first_time_counts_also_if_only_tried(
    admin: Administration, seen: Callable[..., str], dry_run: bool
) -> None:
    seen("8.7.3.19")
    warned(admin, "8.5.36")
    document = admin.firmware_export(**ENGINE)["document"]
    admin.firmware_unset(**ENGINE, model="snom370")
    done = admin.firmware_import("domain", DOMAIN, document, dry_run=dry_run)
    assert done["stored"] is not dry_run
    assert done["warnings"] == [
        "1 phone of snom370 runs newer firmware (8.7.3.19) and will go down to 8.5.36."
    ]
