from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bootwave.sightings import Reason, Sighting
from bootwave.store.administration import Administration
from bootwave.store.proofs.credentials import make, use
from bootwave.store.secrets import KeyRing
from bootwave.store.serving.phonewrites import consume_window
from bootwave.store.sightings.sightings import SightingLog
from tests.store.clock import Clock

CLASSIC, CERTIFIED, M9, BASE, M3 = (
    0x0004132E08B4,
    0x000413922D24,
    0x000413300001,
    0x000413610001,
    0x0004132A0001,
)
ACCOUNT = "401@a.example.com"
NOW = 1_700_000_000.0
DONE, TODO, UNSEEN = "done", "not yet", "cannot be seen from here"


@pytest.fixture
def see(log: SightingLog) -> Callable[..., None]:
    """Let a phone be seen, a second apart."""
    at = [NOW]

    def seen(mac: int, *reasons: Reason, detail: str = "") -> None:
        for reason in reasons:
            at[0] += 1.0
            log.append([Sighting(at[0], mac, "10.0.0.7", reason, detail)])

    return seen


def states(admin: Administration, mac: int) -> dict[str, str]:
    found = admin.device_check(f"{mac:012X}")
    return {step["name"]: step["state"] for step in found["steps"]}


def step(admin: Administration, mac: int, name: str) -> dict[str, Any]:
    (found,) = [
        each
        for each in admin.device_check(f"{mac:012X}")["steps"]
        if each["name"] == name
    ]
    return found


def test_each_step_of_the_recipe_for_a_3xx_is_told_from_what_happened(
    admin: Administration,
    see: Callable[..., None],
    add: Callable[..., None],
    connection: Any,
    clock: Clock,
) -> None:
    found = admin.device_check(f"{CLASSIC:012X}")
    assert (found["procedure"], found["model"]) == ("classic", "snom370")
    assert list(states(admin, CLASSIC).values()) == [
        *(UNSEEN, TODO, UNSEEN, TODO, UNSEEN, TODO, TODO, TODO)
    ]
    assert found["next"] == 1

    add(ACCOUNT, mac=f"{CLASSIC:012X}")
    assert states(admin, CLASSIC)["bind"] == DONE
    # What cannot be seen before a step that was done is taken as done.
    assert admin.device_check(f"{CLASSIC:012X}")["next"] == 3

    see(CLASSIC, Reason.PNP_ANSWERED)
    assert "told the URL" in step(admin, CLASSIC, "url")["because"]
    assert "another PBX could answer" in step(admin, CLASSIC, "multicast")["because"]
    see(CLASSIC, Reason.SERVED_GENERAL, Reason.CLOSED)
    assert states(admin, CLASSIC)["url"] == DONE
    assert "not open" in step(admin, CLASSIC, "restart")["because"]
    assert "window open" in step(admin, CLASSIC, "restart")["advice"]

    admin.window_open([ACCOUNT])
    assert states(admin, CLASSIC)["open"] == DONE
    assert consume_window(
        connection,
        window_id=1,
        mac=CLASSIC,
        source="10.0.0.7",
        now=clock.at,
        pairing_seconds=300.0,
    )
    see(CLASSIC, Reason.SERVED_WINDOW)
    found = states(admin, CLASSIC)
    assert found == {
        "reset": UNSEEN,
        "bind": DONE,
        "policy": DONE,
        "url": DONE,
        "multicast": DONE,
        "open": DONE,
        "restart": DONE,
        "return": TODO,
    }
    see(CLASSIC, Reason.PNP_ANSWERED)
    assert states(admin, CLASSIC)["multicast"] == TODO


def test_a_phone_that_came_back_needs_no_window_any_more(
    admin: Administration,
    see: Callable[..., None],
    add: Callable[..., None],
    connection: Any,
    keyring: KeyRing,
) -> None:
    add(ACCOUNT, mac=f"{CLASSIC:012X}")
    make(connection, keyring, CLASSIC, NOW)
    see(CLASSIC, Reason.SERVED_WINDOW)
    assert "needs no window" in step(admin, CLASSIC, "open")["because"]
    assert "has not used them" in step(admin, CLASSIC, "return")["because"]
    user = connection.execute('SELECT "user" FROM device_credentials').fetchall()[0][0]
    assert use(connection, CLASSIC, user, NOW)
    found = admin.device_check(f"{CLASSIC:012X}")
    assert found["steps"][-1]["state"] == DONE
    assert found["next"] == 0


def test_a_phone_with_a_certificate_needs_no_window(
    admin: Administration, see: Callable[..., None], add: Callable[..., None]
) -> None:
    add(ACCOUNT, mac=f"{CERTIFIED:012X}")
    assert step(admin, CERTIFIED, "certificate")["state"] == TODO
    see(CERTIFIED, Reason.SERVED_CERTIFICATE, detail="snomD785 10.1.33.33")
    assert set(states(admin, CERTIFIED).values()) == {DONE}
    assert admin.device_check(f"{CERTIFIED:012X}")["procedure"] == "certified"


def test_a_certificate_that_was_blocked_since_is_no_step_that_is_done(
    admin: Administration, see: Callable[..., None], add: Callable[..., None]
) -> None:
    add(ACCOUNT, mac=f"{CERTIFIED:012X}")
    see(CERTIFIED, Reason.SERVED_CERTIFICATE, Reason.CERTIFICATE_BLOCKED)
    blocked = step(admin, CERTIFIED, "certificate")
    assert blocked["state"] == TODO
    assert "revoked or blocked" in blocked["because"]
    assert "tls blocks" in blocked["advice"]
    see(CERTIFIED, Reason.SERVED_CERTIFICATE)
    assert states(admin, CERTIFIED)["certificate"] == DONE


def test_a_window_takes_the_place_of_a_certificate(
    admin: Administration, see: Callable[..., None], add: Callable[..., None]
) -> None:
    add(ACCOUNT, mac=f"{CERTIFIED:012X}")
    admin.window_open([ACCOUNT])
    assert "opened instead" in step(admin, CERTIFIED, "certificate")["because"]


def test_what_an_m9_needs_beside_its_settings_is_told(
    admin: Administration, see: Callable[..., None], add: Callable[..., None]
) -> None:
    add(ACCOUNT, mac=f"{M9:012X}")
    assert states(admin, M9)["licence"] == UNSEEN
    see(M9, Reason.SERVED_CERTIFICATE, detail="snomm9 9.6.2")
    found = states(admin, M9)
    assert found["licence"] == DONE
    assert found["identities"] == DONE
    assert found["handsets"] == found["assignment"] == UNSEEN
    assert found["return"] == DONE


def test_an_identity_that_an_m9_does_not_have_is_named(
    admin: Administration, add: Callable[..., None]
) -> None:
    mac = f"{M9:012X}"
    for number in range(401, 411):
        add(f"{number}@a.example.com")
        admin.account_bind(f"{number}@a.example.com", mac, add=True)
    assert "410@a.example.com" in step(admin, M9, "identities")["because"]


def test_what_a_phone_says_it_is_beats_what_its_mac_says(
    admin: Administration, see: Callable[..., None]
) -> None:
    see(CLASSIC, Reason.SERVED_GENERAL, detail="snomm9 9.6.2; no certificate")
    assert admin.device_check(f"{CLASSIC:012X}")["procedure"] == "m9"
    assert admin.device_check(f"{BASE:012X}")["procedure"] == "dect"


def test_a_base_without_refresh_timer_is_restarted_to_come_back(
    admin: Administration,
    add: Callable[..., None],
    connection: Any,
    keyring: KeyRing,
) -> None:
    for number, mac in ((401, BASE), (402, M9)):
        add(f"{number}@a.example.com", mac=f"{mac:012X}")
        make(connection, keyring, mac, NOW)
    assert step(admin, BASE, "return")["advice"] == (
        "restart it: nothing tells it to come back by itself"
    )
    assert "within three hours" in step(admin, M9, "return")["advice"]


def test_an_m3_is_refused_in_words(admin: Administration) -> None:
    (only,) = admin.device_check(f"{M3:012X}")["steps"]
    assert "does not write" in only["because"]


PAGE = Path(__file__).parents[3] / "docs" / "procedures.md"


@pytest.mark.parametrize(
    ("mac", "heading"),
    [
        (CLASSIC, "The 3xx"),
        (CERTIFIED, "Phones with a factory certificate"),
        (M9, "The m9"),
        (BASE, "DECT bases"),
    ],
)
def test_the_manual_has_a_row_for_each_step(
    admin: Administration, mac: int, heading: str
) -> None:
    section = PAGE.read_text().split(f"## {heading}\n")[1].split("\n## ")[0]
    rows = [line.split("|")[1].strip() for line in section.splitlines() if "|" in line]
    steps = admin.device_check(f"{mac:012X}")["steps"]
    assert rows[2:] == [step["name"] for step in steps]
