import sqlite3
from collections.abc import Callable

import pytest

from bootwave.sightings import Reason, Sighting
from bootwave.store.administration import Administration
from bootwave.store.reports.devicereport import TIME_LINE
from bootwave.store.serving.phonewrites import consume_window
from bootwave.store.sightings.sightings import SightingLog
from tests.store.clock import Clock

MAC = 0x0004132E08B4
TEXT = f"{MAC:012X}"
ACCOUNT = "401@a.example.com"
NOW = 1_700_000_000.0


@pytest.fixture
def see(log: SightingLog) -> Callable[..., None]:
    """Let the phone be seen, a second apart."""
    at = [NOW]

    def seen(
        *reasons: Reason,
        mac: int = MAC,
        after: float = 1.0,
        source: str = "10.0.0.7",
    ) -> None:
        for reason in reasons:
            at[0] += after
            log.append([Sighting(at[0], mac, source, reason, "snom370 8.7.5.48")])

    return seen


def verdict(admin: Administration) -> tuple[bool, str, str]:
    shown = admin.device_show(TEXT)
    return shown["provisioned"], shown["verdict"], shown["advice"]


def test_a_mac_nobody_knows_and_nobody_heard(admin: Administration) -> None:
    shown = admin.device_show("00:04:13:2e:08:b4")
    assert not shown["known"]
    assert shown["mac"] == TEXT
    assert verdict(admin) == (
        False,
        "Not provisioned: its MAC is unknown, and it was never heard.",
        Reason.UNKNOWN_MAC.advice,
    )


def test_a_challenge_that_the_phone_answered_is_told_as_one(
    admin: Administration, add: Callable[..., None], see: Callable[..., None]
) -> None:
    add(ACCOUNT, mac=TEXT)
    see(Reason.CLOSED, Reason.SERVED_CREDENTIALS)
    see(Reason.CLOSED, Reason.CLOSED, Reason.SERVED_WINDOW)
    see(Reason.CLOSED)
    see(Reason.SERVED_CREDENTIALS, source="10.0.0.8")
    see(Reason.WINDOW_ENDED, after=10.0)
    see(Reason.NOT_MODIFIED)
    see(Reason.CLOSED, Reason.CREDENTIALS_WRONG, Reason.SERVED_CREDENTIALS)
    see(Reason.CLOSED)
    see(Reason.SERVED_CREDENTIALS, after=61.0)
    shown = reversed(admin.device_show(TEXT)["time_line"])
    told = [(seen["reason"], seen["sentence"], seen["advice"]) for seen in shown]
    challenged = (
        "it was asked for user name and password, as usual before it shows them",
        "",
    )
    closed = (Reason.CLOSED.sentence, Reason.CLOSED.advice)
    assert [one[1:] for one in told if one[0] == "CLOSED"] == [
        challenged,
        closed,
        closed,
        closed,
        closed,
        closed,
    ]
    ended = next(one[1:] for one in told if one[0] == "WINDOW_ENDED")
    assert ended == challenged


def test_a_mac_that_asked_and_is_bound_nowhere(
    admin: Administration, see: Callable[..., None]
) -> None:
    see(Reason.PNP_NOT_BOUND, Reason.UNKNOWN_MAC)
    provisioned, sentence, advice = verdict(admin)
    assert not provisioned
    assert sentence == f"Not provisioned: {Reason.UNKNOWN_MAC.sentence}."
    assert "bootwave account bind" in advice


def test_a_bound_phone_that_was_never_heard(
    admin: Administration, add: Callable[..., None]
) -> None:
    add(ACCOUNT, mac=TEXT)
    provisioned, sentence, advice = verdict(admin)
    assert not provisioned
    assert "never heard" in sentence
    assert "restart the phone" in advice


def test_a_phone_that_was_bound_after_it_asked(
    admin: Administration, add: Callable[..., None], see: Callable[..., None]
) -> None:
    see(Reason.UNKNOWN_MAC)
    add(ACCOUNT, mac=TEXT)
    _, sentence, advice = verdict(admin)
    assert "it was bound since then" in sentence
    assert "bootwave window open" in advice
    admin.window_open([ACCOUNT])
    _, sentence, advice = verdict(admin)
    assert f"{ACCOUNT} is open now" in sentence
    assert advice == "restart the phone"


def test_a_phone_of_a_closed_account(
    admin: Administration, add: Callable[..., None], see: Callable[..., None]
) -> None:
    add(ACCOUNT, mac=TEXT)
    see(Reason.PNP_ANSWERED, Reason.PNP_CONFIRMED, Reason.CLOSED)
    assert verdict(admin) == (
        False,
        f"Not provisioned: {Reason.CLOSED.sentence}.",
        Reason.CLOSED.advice,
    )
    admin.window_open([ACCOUNT])
    assert verdict(admin)[2] == "restart the phone"


def test_a_phone_that_was_provisioned(
    admin: Administration, add: Callable[..., None], see: Callable[..., None]
) -> None:
    add(ACCOUNT, mac=TEXT)
    see(Reason.PNP_ANSWERED, Reason.SERVED_GENERAL, Reason.SERVED_WINDOW)
    see(Reason.PNP_CONFIRMED, Reason.NO_DOCUMENT)
    assert verdict(admin) == (
        True,
        f"Provisioned: {Reason.SERVED_WINDOW.sentence}.",
        "",
    )
    # What a phone asks for after its settings does not say that it has none.
    see(Reason.FIRMWARE_TOLD, Reason.FIRMWARE_SENT)
    assert verdict(admin)[0]
    # It never answered the NOTIFY, which is noticed half a minute later.
    see(Reason.PNP_UNCONFIRMED, after=32)
    assert verdict(admin)[0]


def test_a_phone_that_started_again_and_fetched_nothing(
    admin: Administration, add: Callable[..., None], see: Callable[..., None]
) -> None:
    add(ACCOUNT, mac=TEXT)
    see(Reason.SERVED_WINDOW)
    see(Reason.PNP_ANSWERED, Reason.PNP_CONFIRMED, after=100)
    provisioned, sentence, advice = verdict(admin)
    assert not provisioned
    assert "fetched nothing yet" in sentence
    assert "reachable" in advice


def test_a_phone_that_was_refused_for_another_reason(
    admin: Administration, add: Callable[..., None], see: Callable[..., None]
) -> None:
    add(ACCOUNT, mac=TEXT)
    see(Reason.CONSUMED_BY_OTHER)
    assert verdict(admin) == (
        False,
        f"Not provisioned: {Reason.CONSUMED_BY_OTHER.sentence}.",
        Reason.CONSUMED_BY_OTHER.advice,
    )


def test_a_phone_that_was_unbound_again(
    admin: Administration, add: Callable[..., None], see: Callable[..., None]
) -> None:
    add(ACCOUNT, mac=TEXT)
    see(Reason.SERVED_WINDOW)
    admin.account_unbind(ACCOUNT)
    assert verdict(admin) == (
        False,
        f"Not provisioned: {Reason.UNBOUND.sentence}.",
        Reason.UNBOUND.advice,
    )


def test_a_device_is_shown_with_its_accounts_and_time_line(
    admin: Administration,
    add: Callable[..., None],
    see: Callable[..., None],
    clock: Clock,
) -> None:
    add(ACCOUNT, "402@a.example.com", mac=TEXT)
    admin.window_open(["402@a.example.com"])
    see(Reason.PNP_ANSWERED, Reason.CLOSED)
    shown = admin.device_show(TEXT)
    assert shown["domain"] == "a.example.com"
    assert [one["account"] for one in shown["accounts"]] == [
        ACCOUNT,
        "402@a.example.com",
    ]
    assert [one["window"]["state"] for one in shown["accounts"]] == ["closed", "open"]
    newest, oldest = shown["time_line"]
    assert newest == {
        "at": NOW + 2,
        "source": "10.0.0.7",
        "reason": "CLOSED",
        "code": 62,
        "sentence": Reason.CLOSED.sentence,
        "advice": Reason.CLOSED.advice,
        "detail": "snom370 8.7.5.48",
    }
    assert oldest["reason"] == "PNP_ANSWERED"
    assert "secret-word" not in str(shown)


@pytest.fixture
def take(
    admin: Administration,
    add: Callable[..., None],
    connection: sqlite3.Connection,
    clock: Clock,
) -> Callable[[str], None]:
    """Bind and open the account, and let the phone use the window from a source."""

    def taken(source: str) -> None:
        add(ACCOUNT, mac=TEXT)
        admin.window_open([ACCOUNT])
        (window,) = connection.execute("SELECT id FROM windows").fetchall()
        assert consume_window(
            connection,
            window_id=window[0],
            mac=MAC,
            source=source,
            now=clock.at,
            pairing_seconds=300.0,
        )

    return taken


def test_who_asks_later_from_elsewhere_does_not_undo_that_a_phone_was_provisioned(
    admin: Administration, take: Callable[[str], None], see: Callable[..., None]
) -> None:
    take("127.0.0.1")
    see(Reason.SERVED_WINDOW, source="127.0.0.1")
    assert admin.device_show(TEXT)["refused_elsewhere"] is None
    see(Reason.CONSUMED_BY_OTHER, Reason.PNP_ANSWERED, after=90, source="127.0.0.2")
    shown = admin.device_show(TEXT)
    assert verdict(admin) == (
        True,
        f"Provisioned: {Reason.SERVED_WINDOW.sentence}.",
        "",
    )
    assert shown["refused_elsewhere"] == shown["time_line"][1]
    assert shown["refused_elsewhere"]["source"] == "127.0.0.2"
    assert shown["refused_elsewhere"]["reason"] == "CONSUMED_BY_OTHER"
    # Nor when the window has ended, and nothing pins the address any more.
    admin.window_close([ACCOUNT])
    assert admin.device_show(TEXT) == {
        **shown,
        "accounts": admin.device_show(TEXT)["accounts"],
    }
    # What the phone itself is told still counts, and is not told of another.
    see(Reason.CLOSED, source="127.0.0.1")
    assert verdict(admin)[1] == f"Not provisioned: {Reason.CLOSED.sentence}."


def test_the_address_that_holds_the_window_is_judged_before_it_was_served(
    admin: Administration, take: Callable[[str], None], see: Callable[..., None]
) -> None:
    see(Reason.SERVED_WINDOW, source="127.0.0.9")  # where it once was
    take("2001:db8:1:2::/64")
    see(Reason.NOT_MADE, source="2001:db8:1:2::7")
    see(Reason.CONSUMED_BY_OTHER, source="2001:db8:1:3::7")
    assert verdict(admin)[1] == f"Not provisioned: {Reason.NOT_MADE.sentence}."
    shown = admin.device_show(TEXT)
    assert shown["refused_elsewhere"]["source"] == "2001:db8:1:3::7"


def test_what_was_refused_elsewhere_before_the_phone_was_served_is_not_told(
    admin: Administration, add: Callable[..., None], see: Callable[..., None]
) -> None:
    add(ACCOUNT, mac=TEXT)
    see(Reason.CLOSED, source="127.0.0.2")
    see(Reason.SERVED_WINDOW, source="127.0.0.1")
    see(Reason.NO_DOCUMENT, Reason.PNP_ANSWERED, source="127.0.0.2")
    assert admin.device_show(TEXT)["refused_elsewhere"] is None


def test_strangers_do_not_push_the_last_success_off_the_time_line(
    admin: Administration, add: Callable[..., None], see: Callable[..., None]
) -> None:
    add(ACCOUNT, mac=TEXT)
    see(Reason.SERVED_WINDOW, source="127.0.0.1")
    see(*[Reason.CLOSED] * 2_000, source="127.0.0.2")
    shown = admin.device_show(TEXT)
    assert shown["provisioned"]
    assert len(shown["time_line"]) == TIME_LINE + 1
    assert shown["time_line"][-1]["reason"] == "SERVED_WINDOW"
    assert shown["refused_elsewhere"] == shown["time_line"][0]


def test_a_window_whose_phone_was_not_seen_is_judged_by_all_that_was(
    admin: Administration, take: Callable[[str], None], see: Callable[..., None]
) -> None:
    take("127.0.0.1")
    see(Reason.CONSUMED_BY_OTHER, source="127.0.0.2")
    sentence = Reason.CONSUMED_BY_OTHER.sentence
    assert verdict(admin)[1] == f"Not provisioned: {sentence}."
