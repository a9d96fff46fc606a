"""Events as commands read them."""

import pytest

from bootwave.errors import StoreUnavailable
from bootwave.options import PairingOptions
from bootwave.sightings import Reason, Sighting
from bootwave.store.administration import Administration
from bootwave.store.operations.watching import MOST_EVENTS
from bootwave.store.sightings.sightings import SightingLog

MAC = 0x0004132E08B4
NOW = 1_700_000_000.0


def seen(number: int) -> Sighting:
    return Sighting(NOW, MAC, "127.0.0.9", Reason.CLOSED, str(number))


def test_events_are_read_from_now_on_and_each_once(
    admin: Administration, log: SightingLog
) -> None:
    log.append([seen(0)])
    begun = admin.events_read()
    assert (begun["sightings"], begun["behind"], begun["rollouts"]) == ([], 0, [])
    log.append([seen(number) for number in range(1, MOST_EVENTS + 11)])
    first = admin.events_read(after=begun["last"])
    assert (len(first["sightings"]), first["behind"]) == (MOST_EVENTS, 10)
    rest = admin.events_read(after=first["last"])
    assert [one["detail"] for one in rest["sightings"]] == [
        str(number) for number in range(MOST_EVENTS + 1, MOST_EVENTS + 11)
    ]
    assert rest["sightings"][-1]["place"] == rest["last"]
    again = admin.events_read(after=rest["sightings"][-2]["place"])
    assert again["sightings"] == rest["sightings"][-1:]


def test_without_a_file_of_sightings_nothing_can_be_read(
    admin: Administration,
) -> None:
    without = Administration(
        *(admin._connection, admin._keyring, PairingOptions()),
        now=admin._now,
        committed=lambda changes: None,
    )
    with pytest.raises(StoreUnavailable):
        without.events_read()
