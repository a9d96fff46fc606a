"""A store made once and copied for each test, with a clock that tests move."""

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bootwave import log as logging
from bootwave.options import PairingOptions
from bootwave.store.administration import Administration
from bootwave.store.changelog import Change
from bootwave.store.connection import connect
from bootwave.store.create import create
from bootwave.store.secrets import KeyRing
from bootwave.store.serving.reader import Reader
from bootwave.store.sightings.sightings import SightingLog
from tests.store.clock import Clock
from tests.store.staged import Staged


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("template") / "bootwave.db"
    create(path)
    return path


@pytest.fixture(scope="session")
def keyring(tmp_path_factory: pytest.TempPathFactory) -> KeyRing:
    return KeyRing.create(tmp_path_factory.mktemp("key") / "bootwave.key")


@pytest.fixture
def path(template: Path, tmp_path: Path) -> Path:
    copied = tmp_path / "bootwave.db"
    shutil.copy(template, copied)
    return copied


@pytest.fixture
def connection(path: Path) -> Iterator[sqlite3.Connection]:
    opened = connect(path)
    yield opened
    opened.close()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def told() -> list[list[Change]]:
    """What was told after each commit."""
    return []


@pytest.fixture
def log(tmp_path: Path) -> SightingLog:
    """A file of sightings at the time that tests give them."""
    return SightingLog(tmp_path / "sightings.db", clock=lambda: 1_700_000_000.0)


@pytest.fixture
def admin(
    connection: sqlite3.Connection,
    keyring: KeyRing,
    clock: Clock,
    told: list[list[Change]],
    log: SightingLog,
    tmp_path: Path,
) -> Administration:
    return Administration(
        connection,
        keyring,
        PairingOptions(),
        now=clock,
        committed=told.append,
        sightings=log,
        images=tmp_path / "images",
    )


@pytest.fixture
def reader(path: Path) -> Iterator[Reader]:
    opened = Reader(path)
    yield opened
    opened.close()


@pytest.fixture
def add(admin: Administration) -> Callable[..., None]:
    """Add accounts ``number@domain`` and the domains they need."""

    def added(*accounts: str, mac: str = "") -> None:
        have = {row["name"] for row in admin.domain_list()}
        for account in accounts:
            domain = account.split("@")[1]
            if domain not in have:
                admin.domain_add(domain)
                have.add(domain)
            admin.account_add(account, password="secret-word", mac=mac)

    return added


@pytest.fixture
def noted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The events that were logged."""
    events: list[str] = []
    monkeypatch.setattr(
        logging, "note", lambda event, **values: events.append(event.identifier)
    )
    return events


@pytest.fixture
def staged(path: Path, keyring: KeyRing) -> Iterator[Staged]:
    """Ten phones that run an old firmware, before a roll-out of a new one."""
    made = Staged(path, keyring)
    yield made
    made.close()


@pytest.fixture(params=[0.0, -5_000.0])
def wrong_clock(staged: Staged, request: pytest.FixtureRequest) -> None:
    """The clock is right, or set back, while a phone moves to another domain."""
    staged.off_seconds = request.param
