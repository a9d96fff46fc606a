"""Who is told in which order, and how that is written."""

import sqlite3

import pytest

from bootwave.errors import OptionError
from bootwave.phone.spread import place
from bootwave.rollout.course import Fate, Result
from bootwave.store.administration import Administration
from bootwave.store.rollouts.errands import NOT_SEEN
from bootwave.store.rollouts.roster import LeftOut, Roster, roster_of, write
from tests.store.rollouts.test_rollouts import DOMAIN, phones

assert phones  # a fixture

MAC = 0x0004132E0000
ASKED = {"wait_minutes": 1.0, "stages": "50%", "canary": 1}


def test_turns_are_spread_and_a_unit_has_one_after_the_other() -> None:
    macs = [MAC + number for number in range(100)]
    units = dict.fromkeys(macs[40:45], macs[40])
    roster = roster_of(macs, [], units, ASKED)
    assert sorted(roster.told) == macs
    first = roster.told.index(macs[40])
    together = min(roster.told.index(mac) for mac in units)
    assert set(roster.told[together : together + 5]) == set(units)
    assert together <= first < together + 5
    alone = [mac for mac in roster.told if mac not in units]
    assert alone == sorted(alone, key=place)
    # However it is named, and by whom.
    assert roster_of(reversed(macs), [], units, ASKED) == roster


def test_no_stage_ends_within_a_unit() -> None:
    macs = [MAC + number for number in range(10)]
    units = dict.fromkeys(macs, macs[0])
    assert roster_of(macs, [], {}, ASKED).plan.bounds == (1, 5, 10)
    assert roster_of(macs, [], units, ASKED).plan.bounds == (10,)


def test_a_plan_that_is_none_is_refused_before_the_store_is_locked(
    phones: None, admin: Administration, connection: sqlite3.Connection
) -> None:
    done: list[str] = []
    connection.set_trace_callback(done.append)
    with pytest.raises(OptionError, match="--rate"):
        admin.rollout_start("domain", DOMAIN, at_once=True, rate=5.0)
    assert done
    assert not [one for one in done if one.startswith("BEGIN IMMEDIATE")]
    done.clear()
    admin.rollout_start("domain", DOMAIN, at_once=True)
    assert [one for one in done if one.startswith("BEGIN IMMEDIATE")]


@pytest.fixture
def written(admin: Administration, connection: sqlite3.Connection) -> Roster:
    connection.execute(
        "INSERT INTO rollouts (id, action, selection, started_at, started_by, rate, "
        "bounds, wait_seconds, share, hours, state, why, stage, revision) VALUES "
        "(7, 'resync', 'all phones', 0, '', 1, '3', 60, 1, '', 'running', '', 0, 1)"
    )
    left = [
        LeftOut(MAC + 10, NOT_SEEN),
        LeftOut(MAC + 11, 'it\'s of another "kind"'),
        LeftOut(MAC + 12, NOT_SEEN),
    ]
    units = {MAC + 1: MAC + 1, MAC + 2: MAC + 1, MAC + 11: MAC + 1, MAC + 99: MAC + 1}
    roster = roster_of([MAC, MAC + 1, MAC + 2], left, units, {"wait_minutes": 1.0})
    with admin._change() as work:
        write(work, 7, roster)
    return roster


def test_all_are_written_in_their_order(
    written: Roster, connection: sqlite3.Connection
) -> None:
    rows = connection.execute(
        "SELECT place, mac, fate, result, detail, notified_at, back_at, unit "
        "FROM rollout_phones WHERE rollout_id = 7 ORDER BY place"
    ).fetchall()
    told = [
        (at, mac, Fate.WAITING, Result.NONE, "", None, None, written.units.get(mac, 0))
        for at, mac in enumerate(written.told)
    ]
    unseen, none = Result.UNREACHABLE, Result.NONE
    left = [
        (
            *(at, mac, Fate.LEFT, unseen if why == NOT_SEEN else none, why),
            *(None, None, written.units.get(mac, 0)),
        )
        for at, (mac, why) in enumerate(written.left, 3)
    ]
    assert rows == told + left
    assert [row[1] for row in rows] == written.macs
