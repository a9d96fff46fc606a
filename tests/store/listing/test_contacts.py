from collections.abc import Callable

import pytest

from bootwave.sightings import Reason, Sighting
from bootwave.store.administration import Administration
from bootwave.store.sightings.sightings import SightingLog

MAC = 0x0004132E08B4
NOW = 1_700_000_000.0


def seen(
    mac: int, ago: float, reason: Reason = Reason.CLOSED, detail: str = ""
) -> Sighting:
    return Sighting(NOW - ago, mac, "192.0.2.7", reason, detail)


def walk(admin: Administration, resource: str, limit: int, **filters: str) -> list[str]:
    found: list[str] = []
    cursor = ""
    while True:
        page = admin.records_page(resource, filters=filters, limit=limit, cursor=cursor)
        assert len(page["rows"]) <= limit
        found += [str(row["detail"] or row["mac"]) for row in page["rows"]]
        cursor = page["cursor"]
        if not cursor:
            return found


@pytest.mark.parametrize("limit", [1, 2, 3, 5, 50])
def test_a_time_line_goes_back_page_by_page(
    admin: Administration, log: SightingLog, limit: int
) -> None:
    # Three of one instant, which a page may end in the middle of.
    times = [50, 40, 30, 30, 30, 20, 10]
    log.append(
        [seen(MAC, ago, detail=f"{n}") for n, ago in enumerate(times)]
        + [seen(MAC + 1, 5, detail="another")]
    )
    found = walk(admin, "sightings", limit, mac=f"{MAC:012X}")
    assert sorted(found) == [str(n) for n in range(7)]
    assert (found[0], found[-1]) == ("6", "0")


@pytest.mark.parametrize("limit", [1, 2, 3, 50])
def test_unknown_phones_come_newest_first_without_those_that_are_known(
    admin: Administration, log: SightingLog, add: Callable[..., None], limit: int
) -> None:
    log.append([seen(MAC + n, 100 - n, Reason.UNKNOWN_MAC) for n in range(6)])
    add("401@a.example.com", mac=f"{MAC + 3:012X}")
    expected = [f"{MAC + n:012X}" for n in (5, 4, 2, 1, 0)]
    assert walk(admin, "unknown", limit) == expected
    assert walk(admin, "unknown", limit, mac_prefix=f"{MAC + 4:012X}") == [
        f"{MAC + 4:012X}"
    ]
    assert walk(admin, "unknown", limit, mac_prefix="00041F") == []


def test_devices_come_with_their_last_contact_when_asked(
    admin: Administration, log: SightingLog, add: Callable[..., None]
) -> None:
    add("401@a.example.com", mac=f"{MAC:012X}")
    add("402@a.example.com", mac=f"{MAC + 1:012X}")
    agent = "snomD785-SIP 10.1.73.16"
    log.append(
        [
            seen(MAC, 20, Reason.SERVED_WINDOW, agent),
            seen(MAC, 10, Reason.CLOSED),
        ]
    )
    one, other = admin.records_page("devices", seen=True)["rows"]
    assert (one["last_seen"], one["reason"]) == (NOW - 10, "CLOSED")
    assert one["firmware"] == "10.1.73.16"
    assert (other["last_seen"], other["firmware"]) == (None, "")
    assert "last_seen" not in admin.records_page("devices")["rows"][0]
