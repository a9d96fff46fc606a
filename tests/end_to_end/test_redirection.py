"""The installed program and the vendor's service, as an operator has them."""

import os
import re
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.program import DOMAIN, Program, wait_until
from tests.peers.redirectionservice import Service

BASE = "https://pbx.example.com"
URL = BASE + "/{mac}.xml"


def mac(number: int) -> str:
    return f"{0x000413260000 + number:012X}"


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    with Service(tmp_path / "service") as found:
        yield found


@pytest.fixture
def lane() -> str:
    """Nothing here goes through it."""
    return "on"


@pytest.fixture
def engine(programs: Callable[..., Program], service: Service) -> Program:
    made = programs(
        REDIRECTION__SERVICE=service.url,
        REDIRECTION__CAS=str(service.ca),
        REDIRECTION__CALLS_PER_SECOND="200",
    )
    made.import_accounts({str(400 + n): mac(n) for n in range(30)})
    return made.start()


def set_account(engine: Program) -> None:
    engine.command(
        *("redirection", "set", "--user", "reseller", "--password-stdin"),
        *("--url", BASE),
        stdin="swordfish\n",
    )


def status(engine: Program) -> Any:
    return engine.command("redirection", "status")


def settled(engine: Program, phones: int) -> bool:
    shown = status(engine)
    counts: dict[str, int] = shown["phones"]
    return bool(shown["listed"]) and (
        counts["registered"] == phones == sum(counts.values())
    )


def test_a_kill_in_the_middle_loses_nothing(engine: Program, service: Service) -> None:
    set_account(engine)
    wait_until(lambda: len(service.entries) > 5, "some phones are registered")
    os.kill(engine.control(), signal.SIGKILL)
    wait_until(lambda: len(service.entries) == 30, "all phones are registered")
    wait_until(lambda: settled(engine, 30), "all phones are known to be")
    engine.command("account", "bind", f"400@{DOMAIN}", mac(100))
    engine.command("account", "unbind", f"401@{DOMAIN}")
    wait_until(lambda: settled(engine, 29), "the changes arrived")
    expected = {mac(n): URL for n in (*range(2, 30), 100)}
    assert service.entries == expected
    assert engine.stop() == 0


def test_a_sync_repairs_what_somebody_changed_at_the_service(
    engine: Program, service: Service
) -> None:
    set_account(engine)
    wait_until(lambda: settled(engine, 30), "all phones are registered")
    service.put(
        (mac(1), "reseller", "https://else.example.com/"),
        (mac(2), "rival", "https://rival.example.com/"),
        (mac(50), "reseller", URL),
    )
    service.take(mac(3))
    compared = engine.command("redirection", "sync", "--dry-run")
    assert {kind: found["count"] for kind, found in compared.items()} == {
        **{"right": 27, "nowhere": 2, "elsewhere": 1, "unseen": 0},
        **{"refused": 0, "removing": 0, "strays": 1},
    }
    done = engine.run("redirection", "sync")
    assert done.returncode == 1, done
    assert "29 registered, 1 of another user" in done.stdout
    assert "Error:owned_by_other_user" in done.stdout
    expected = {mac(n): URL for n in range(30) if n != 2}
    assert service.entries == expected
    said = engine.errors()
    assert re.search(
        rf"{mac(1)}, .* was redirected to https://else\.example\.com", said
    )
    assert re.search(rf"{mac(2)}, .* belongs to another user", said)
    assert "swordfish" not in said
    counters = engine.command("status")["counters"]
    assert counters["redirection_alarms"] == 2


def test_another_key_seals_the_password_beside_the_engine(
    engine: Program, service: Service
) -> None:
    set_account(engine)
    wait_until(lambda: settled(engine, 30), "all phones are registered")
    engine.command("store", "rekey")
    engine.command("account", "unbind", f"405@{DOMAIN}")
    os.kill(engine.control(), signal.SIGKILL)
    wait_until(lambda: settled(engine, 29), "the next control process has the key")
    assert mac(5) not in service.entries
