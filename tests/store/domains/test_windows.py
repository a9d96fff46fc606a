import sqlite3
from collections.abc import Callable

import pytest

from bootwave.directory.records import Opening
from bootwave.errors import OperatorError, OptionError, StoreNotFound
from bootwave.store.administration import Administration
from bootwave.store.changelog import EVERYTHING, Change
from bootwave.store.domains import windows
from bootwave.store.serving.phonewrites import consume_window
from bootwave.store.serving.reader import Reader
from tests.store.clock import Clock
from tests.store.counted import counting
from tests.store.listed import notes_of, windows_of
from tests.store.steps import taken

MAC = 0x0004132E08B4
ONE, TWO, THREE = (f"40{number}@a.example.com" for number in (1, 2, 3))


@pytest.fixture
def accounts(add: Callable[..., None]) -> None:
    add(ONE, mac=f"{MAC:012X}")
    add(TWO, THREE)


def consume(
    connection: sqlite3.Connection, reader: Reader, clock: Clock, mac: int = MAC
) -> bool:
    window = reader.devices([mac])[mac].bindings[0].account.window
    return window is not None and consume_window(
        connection,
        window_id=window.id,
        mac=mac,
        source="10.0.0.7",
        now=clock.at,
        pairing_seconds=300.0,
    )


def test_many_accounts_are_opened_at_once_for_ten_minutes(
    accounts: None,
    admin: Administration,
    told: list[list[Change]],
    clock: Clock,
) -> None:
    told.clear()
    opened = admin.window_open([ONE, TWO, ONE])
    assert opened["opened"] == [ONE, TWO]
    assert opened["minutes"] == 10
    assert opened["until"] == clock.at.wall + 600
    assert len(told) == 1
    assert Change("device", MAC) in told[0]
    shown = windows_of(admin)
    assert [row["account"] for row in shown] == [ONE, TWO]
    assert shown[0]["state"] == "open"
    assert shown[0]["seconds_left"] == 600


def test_a_window_ends_in_the_same_second_whenever_somebody_asks(
    accounts: None, admin: Administration, clock: Clock
) -> None:
    """Though the clock for people is read a little after the one that decides."""
    clock.set_wall(1_700_000_000.25)
    until = admin.window_open([ONE])["until"]
    assert until == 1_700_000_601  # never before the end
    for seconds, later in ((7.1, 0.0), (0.3, 0.000_004), (61.0, 0.021), (0.0, 0.0001)):
        clock.pass_seconds(seconds)
        wall = clock.at.wall
        clock.set_wall(wall + later)
        assert windows_of(admin)[0]["until"] == until
        clock.set_wall(wall)


def test_one_wrong_name_opens_nothing(accounts: None, admin: Administration) -> None:
    with pytest.raises(StoreNotFound, match=r"409@a\.example\.com"):
        admin.window_open([ONE, "409@a.example.com"])
    assert windows_of(admin) == []


def test_a_domain_completes_names_or_stands_for_all_its_accounts(
    accounts: None, admin: Administration, add: Callable[..., None]
) -> None:
    add("401@b.example.com")
    assert admin.window_open(["402"], domain="a.example.com")["opened"] == [TWO]
    opened = admin.window_open([], domain="a.example.com")["opened"]
    assert opened == [ONE, TWO, THREE]
    assert windows_of(admin, domain="b.example.com") == []
    assert len(windows_of(admin, domain="a.example.com")) == 3
    assert len(admin.window_close([], domain="a.example.com")["closed"]) == 3
    assert windows_of(admin) == []


@pytest.mark.parametrize(
    "minutes", [0, -5, 1441, float("nan"), float("inf"), float("-inf")]
)
def test_no_window_is_open_for_ever(
    accounts: None, admin: Administration, minutes: float
) -> None:
    with pytest.raises(OptionError, match="minutes"):
        admin.window_open([ONE], minutes=minutes)
    with pytest.raises(OptionError, match="minutes"):
        admin.bulk(open_minutes=minutes)


def test_a_used_window_says_by_whom_and_lasts_to_the_pairings_end(
    accounts: None,
    admin: Administration,
    connection: sqlite3.Connection,
    reader: Reader,
    clock: Clock,
) -> None:
    admin.window_open([ONE], minutes=1)
    clock.pass_seconds(50)
    assert consume(connection, reader, clock)
    (shown,) = windows_of(admin)
    assert shown["state"] == "used"
    assert (shown["mac"], shown["source"]) == ("0004132E08B4", "10.0.0.7")
    assert shown["seconds_left"] == 300
    clock.pass_seconds(300)
    assert windows_of(admin) == []
    assert windows_of(admin, everything=True)[0]["state"] == "ended"


def test_closing_ends_a_pin_and_tells_who_is_concerned(
    accounts: None,
    admin: Administration,
    connection: sqlite3.Connection,
    reader: Reader,
    clock: Clock,
    told: list[list[Change]],
) -> None:
    admin.window_open([ONE])
    assert consume(connection, reader, clock)
    told.clear()
    assert admin.window_close([ONE, TWO])["closed"] == [ONE]
    assert Change("device", MAC) in told[0]
    window = reader.devices([MAC])[MAC].bindings[0].account.window
    assert window is not None
    assert window.closed


def test_opening_again_ends_what_was_granted_before(
    accounts: None,
    admin: Administration,
    connection: sqlite3.Connection,
    reader: Reader,
    clock: Clock,
) -> None:
    admin.window_open([ONE])
    assert consume(connection, reader, clock)
    admin.window_open([ONE])
    window = reader.devices([MAC])[MAC].bindings[0].account.window
    assert window is not None
    assert window.consumed_mac == 0
    assert consume(connection, reader, clock)


def test_unbinding_a_phone_ends_its_pin_for_good(
    accounts: None,
    admin: Administration,
    connection: sqlite3.Connection,
    reader: Reader,
    clock: Clock,
) -> None:
    admin.account_bind(ONE, "0004132E08B5", add=True)
    admin.window_open([ONE])
    assert consume(connection, reader, clock)
    admin.account_unbind(ONE, f"{MAC:012X}")
    admin.account_bind(ONE, f"{MAC:012X}", add=True)
    window = reader.devices([MAC])[MAC].bindings[0].account.window
    assert window is not None
    assert window.closed


def test_windows_are_over_after_a_reboot_and_after_their_time(
    accounts: None, admin: Administration, clock: Clock
) -> None:
    admin.window_open([ONE])
    clock.set_wall(0.0)
    assert windows_of(admin)[0]["seconds_left"] == 600
    clock.pass_seconds(600)
    assert windows_of(admin) == []
    admin.window_open([ONE])
    clock.reboot()
    assert windows_of(admin) == []
    assert windows_of(admin, everything=True)[0]["seconds_left"] == 0


def test_who_opened_a_window_and_why_it_closed_is_shown(
    accounts: None, admin: Administration, clock: Clock
) -> None:
    admin.actor = "anna"
    admin.window_open([ONE, TWO])
    (shown, _) = windows_of(admin)
    assert (shown["opened_by"], shown["opened_at"]) == ("anna", clock.at.wall)
    assert shown["closed_by"] == ""
    admin.window_close([ONE])
    admin.account_unbind(ONE)
    assert admin.account_show(ONE)["window"]["closed_by"] == "operator"
    admin.window_open([ONE])
    admin.account_bind(ONE, f"{MAC:012X}")
    admin.account_unbind(ONE)
    assert admin.account_show(ONE)["window"]["closed_by"] == "unbound"
    assert admin.account_show(THREE)["window"]["opened_by"] == ""


def test_nobody_is_said_to_have_closed_what_had_ended_by_itself(
    admin: Administration, add: Callable[..., None], clock: Clock
) -> None:
    add(ONE)
    admin.window_open([ONE], minutes=1)
    clock.pass_seconds(61)
    assert admin.window_close([ONE])["closed"] == []
    assert admin.account_show(ONE)["window"]["closed_by"] == "time"


def test_accounts_are_chosen_by_phone_and_by_numbers(
    accounts: None, admin: Administration, add: Callable[..., None]
) -> None:
    assert admin.window_open([], macs=[f"{MAC:012X}"])["opened"] == [ONE]
    domain = "a.example.com"
    opened = admin.window_open([], domain=domain, numbers=["402-499", "401"])
    assert opened["opened"] == [ONE, TWO, THREE]
    assert admin.window_close([], domain=domain, numbers=["403"])["closed"] == [THREE]
    assert admin.window_open(["403"], domain=domain, macs=[f"{MAC:012X}"])[
        "opened"
    ] == [THREE, ONE]


@pytest.mark.parametrize(
    ("chosen", "said"),
    [
        ({"numbers": ["400-449"]}, "name it"),
        ({"numbers": ["449-400"], "domain": "a.example.com"}, "lower one first"),
        ({"numbers": ["40-449"], "domain": "a.example.com"}, "same"),
        ({"numbers": ["*"], "domain": "a.example.com"}, "neither"),
        ({"numbers": ["500-600"], "domain": "a.example.com"}, "no account in"),
        ({"macs": ["000413000099"]}, "bound to no account"),
        ({"macs": ["nonsense"]}, "MAC"),
        ({"most": 0, "domain": "a.example.com"}, "0 phones"),
        ({"most": -1, "domain": "a.example.com"}, "-1 phones"),
        ({"ouis": ["0004"], "domain": "a.example.com"}, "six hex digits"),
        ({"ouis": ["000413"] * 65, "domain": "a.example.com"}, "at most 64"),
        ({"subnet": "10.1", "domain": "a.example.com"}, "subnet"),
        ({"models": ["T53W"], "domain": "a.example.com"}, "phone model"),
    ],
)
def test_a_wrong_choice_or_bound_opens_nothing(
    accounts: None, admin: Administration, chosen: dict[str, object], said: str
) -> None:
    with pytest.raises(OperatorError, match=said):
        admin.window_open([], **chosen)  # type: ignore[arg-type]
    assert windows_of(admin) == []


def test_the_bounds_of_an_opening_are_shown_and_read(
    admin: Administration, add: Callable[..., None], reader: Reader
) -> None:
    add(ONE, mac="*")
    done = admin.window_open(
        [ONE],
        most=5,
        ouis=["00:04:13", "1c7126", "000413"],
        subnet="10.1.2.3/16",
        models=["snomD785", "snom370"],
    )
    assert done["wildcards"] == 1
    (shown,) = windows_of(admin)
    assert (shown["most"], shown["claims"]) == (5, 0)
    assert shown["ouis"] == ["000413", "1C7126"]
    assert shown["subnet"] == "10.1.0.0/16"
    assert shown["models"] == ["snomd785", "snom370"]
    (wildcard,) = reader.wildcards()
    assert wildcard.opening == Opening(
        5, 0, (0x000413, 0x1C7126), "10.1.0.0/16", ("snomd785", "snom370")
    )


def test_openings_do_not_outlive_their_windows_for_long(
    accounts: None, admin: Administration, connection: sqlite3.Connection
) -> None:
    for _ in range(5):
        admin.window_open([ONE, TWO])
    admin.account_remove(TWO)
    admin.window_open([THREE])
    rows = connection.execute("SELECT COUNT(*) FROM openings").fetchall()
    assert rows == [(2,)]


def test_openings_go_with_the_accounts_in_whatever_way_these_go(
    accounts: None, admin: Administration, connection: sqlite3.Connection
) -> None:
    def ids() -> list[int]:
        rows = connection.execute("SELECT id FROM openings ORDER BY id").fetchall()
        return [number for (number,) in rows]

    for each in (ONE, TWO, THREE):
        admin.window_open([each])
    admin.account_remove(THREE)
    assert ids() == [1, 2]
    stage = admin.stage_begin(domain="a.example.com")["stage"]
    admin.stage_add(stage, [{"extension": "401"}])
    assert taken(admin.stage_replace, stage)["removed"] == 1
    assert ids() == [1]
    admin.domain_remove("a.example.com", force=True)
    assert ids() == []


def test_openings_of_no_account_do_not_become_many(
    accounts: None, admin: Administration, connection: sqlite3.Connection
) -> None:
    admin.window_open([ONE])
    for _ in range(5):
        assert admin.window_open([])["opened"] == []
    rows = connection.execute("SELECT COUNT(*) FROM openings").fetchall()
    assert rows == [(2,)]
    assert windows_of(admin)[0]["account"] == ONE


def test_opening_an_account_costs_no_more_where_many_others_were_opened(
    accounts: None, admin: Administration, connection: sqlite3.Connection
) -> None:
    def steps(others: range) -> int:
        connection.executemany(
            "INSERT INTO accounts (id, domain_id, number, display_name, auth_user, "
            "sealed_password, mailbox, wildcard) VALUES (?, 1, ?, '', '', x'', '', '')",
            [(number, str(number)) for number in others],
        )
        with admin._change() as work:
            for number in others:
                windows.open_many(work, [number], 10.0)
        with counting(connection) as count:
            admin.window_open([ONE])
            return count()

    admin.window_open([ONE])
    few, many = steps(range(500, 510)), steps(range(1_000, 2_000))
    assert many < few + 1_000


def test_what_is_done_to_windows_is_in_the_audit_log(
    accounts: None, admin: Administration
) -> None:
    admin.actor = "anna"
    admin.window_open([ONE], minutes=2, most=3)
    admin.window_open([ONE])
    admin.window_close([ONE, TWO])
    rows = [row for row in notes_of(admin) if row["actor"] == "anna"]
    told = [(row["action"], row["subject"], row["detail"]) for row in rows]
    assert told == [
        ("window.closed", ONE, {"why": "operator"}),
        ("window.opened", ONE, {"minutes": 10.0, "opening": 2}),
        ("window.closed", ONE, {"why": "replaced"}),
        ("window.opened", ONE, {"minutes": 2.0, "opening": 1, "most": 3}),
    ]


def test_many_accounts_are_one_row_of_the_audit_log(
    admin: Administration, add: Callable[..., None]
) -> None:
    add(*(f"{number}@a.example.com" for number in range(200, 301)))
    admin.actor = "anna"
    admin.window_open([], domain="a.example.com")
    admin.window_close([], domain="a.example.com")
    rows = [row for row in notes_of(admin) if row["actor"] == "anna"]
    assert [(row["action"], row["subject"]) for row in rows] == [
        ("window.closed", "a.example.com"),
        ("window.opened", "a.example.com"),
    ]
    assert rows[1]["detail"]["accounts"] == 101


def test_of_very_many_windows_all_are_closed_and_everything_changed(
    admin: Administration,
    add: Callable[..., None],
    clock: Clock,
    told: list[list[Change]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(windows, "MOST_IN_ONE", 3)
    add(*(f"{number}@a.example.com" for number in range(401, 408)))
    add("500@b.example.com")
    admin.window_open(["401@a.example.com"], minutes=1)
    clock.pass_seconds(61)
    admin.window_open([f"{n}@a.example.com" for n in range(402, 406)])
    admin.window_open(["500@b.example.com"])
    told.clear()
    done = admin.window_close([], domain="a.example.com")
    assert done["closed"] == [f"{n}@a.example.com" for n in range(402, 406)]
    assert told == [[EVERYTHING]]
    ends = {
        window["account"]: window["closed_by"]
        for window in windows_of(admin, everything=True)
    }
    assert ends.pop("401@a.example.com") == "time"
    assert ends.pop("500@b.example.com") == ""
    assert set(ends.values()) == {"operator"}
    told.clear()
    assert admin.window_close([], domain="a.example.com")["closed"] == []
    assert told == []
