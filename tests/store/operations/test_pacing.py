"""When phones come, reconsidered by the control process."""

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from bootwave.options import PairingOptions, WavesOptions
from bootwave.settings.capacity import Cost
from bootwave.store.administration import Administration
from bootwave.store.changelog import EVERYTHING, Change
from bootwave.store.connection import connect
from bootwave.store.secrets import KeyRing
from bootwave.store.settings import fleet
from tests.store.clock import Clock
from tests.store.listed import notes_of


def test_what_phones_are_told_is_settled_when_an_engine_begins(
    add: Callable[..., None], admin: Administration, path: Path
) -> None:
    assert admin.pace_reconsidered(Cost(), 2) == (0, 2_000, Cost())
    add("400@a.example.com", mac="000413000001")
    with closing(connect(path)) as connection:
        assert fleet.told(connection, WavesOptions()).phones == 0
    assert admin.pace_reconsidered(Cost(), 2).phones == 1


def all_changes(
    path: Path, keyring: KeyRing, clock: Clock
) -> tuple[Administration, list[Change]]:
    heard: list[Change] = []
    found = Administration(
        connect(path),
        keyring,
        PairingOptions(),
        now=clock,
        committed=heard.extend,
        waves=WavesOptions(requests_per_second=1),
    )
    return found, heard


def test_documents_are_made_anew_for_another_pace_only(
    add: Callable[..., None],
    admin: Administration,
    path: Path,
    keyring: KeyRing,
    clock: Clock,
) -> None:
    for number in range(6):
        add(f"{400 + number}@a.example.com", mac=f"00041300000{number}")
    one, heard = all_changes(path, keyring, clock)
    one.pace_reconsidered(Cost(), 2)
    for number in range(6, 9):
        add(f"{400 + number}@a.example.com", mac=f"00041300000{number}")
        before = notes_of(one, limit=1)
        told = one.pace_reconsidered(Cost(0.0001, number), 2)
        assert told.phones == number + 1
        # The ninth makes sixteen of eight.
        assert heard == ([EVERYTHING] if number == 8 else [])
        assert (notes_of(one, limit=1) == before) == (number != 8)
    assert notes_of(one, limit=1)[0]["action"] == "pace.changed"
    heard.clear()
    written = one._connection.total_changes
    for _ in range(3):
        one.pace_reconsidered(Cost(0.0001, 8), 2)
    assert one._connection.total_changes == written
    one.close()
