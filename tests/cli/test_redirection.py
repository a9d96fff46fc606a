"""``bootwave redirection`` on a store, beside an engine, and without one."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bootwave.cli import redirection
from bootwave.cli.output import moment
from bootwave.control.session import DirectSession
from bootwave.optionsfile import load
from bootwave.redirection.ledger import Ledger
from tests.cli.conftest import Command
from tests.peers.redirectionservice import Service

MAC = "0004132E08B4"
STRAY = "0004132E0002"
BASE = "https://pbx.example.com"


def said(options_file: Path, section: str, lines: str) -> None:
    """Write *lines* below the head of a *section* of the options file."""
    head = f"[{section}]"
    found = options_file.read_text().splitlines(keepends=True)
    (at,) = (number for number, line in enumerate(found) if line.startswith(head))
    found.insert(at + 1, f"{lines}\n")
    options_file.write_text("".join(found))


@pytest.fixture
def ready(store: Command) -> Command:
    done = store(
        *("redirection", "set", "--user", "reseller", "--password-stdin"),
        *("--url", BASE),
        stdin="swordfish\n",
    )
    assert done.status == 0, done.err
    return store


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with Service(tmp_path_factory.mktemp("service")) as found:
        yield found


def test_setting_the_account_says_what_happens_next(store: Command) -> None:
    done = store(
        *("redirection", "set", "--user", "reseller", "--password-stdin"),
        *("--url", "http://pbx.example.com"),
        stdin="swordfish\n",
    )
    assert done.out == (
        "Phones are redirected to http://pbx.example.com by the account reseller.\n"
    )
    assert "clear HTTP" in done.err
    assert "when bootwave serve is started" in done.err
    assert "swordfish" not in done.out + done.err


def test_a_part_of_it_can_be_changed(ready: Command) -> None:
    done = ready("redirection", "set", "--url", "https://new.example.com", "--json")
    assert done.json["url"] == "https://new.example.com"
    assert done.json["user"] == "reseller"
    assert ready("redirection", "set", "--password-stdin", stdin="new\n").status == 0


def test_the_url_is_that_of_the_options_the_first_time(
    store: Command, options_file: Path
) -> None:
    given = ("redirection", "set", "--user", "reseller", "--password-stdin")
    missing = store(*given, stdin="swordfish\n")
    assert (missing.status, "URL are needed" in missing.err) == (1, True)
    said(options_file, "https", f'url = "{BASE}"')
    assert f"redirected to {BASE} by" in store(*given, stdin="swordfish\n").out
    # An account that is there keeps its own.
    said(options_file, "http", 'url = "http://other.example.com"')
    text = options_file.read_text().replace(f'url = "{BASE}"\n', "")
    options_file.write_text(text)
    again = store(*given, stdin="swordfish\n")
    assert f"redirected to {BASE} by" in again.out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "Nothing was given to change"),
        (["--user", "reseller"], "Give --password-stdin"),
    ],
)
def test_what_is_missing_is_misuse(
    store: Command, arguments: list[str], words: str
) -> None:
    done = store("redirection", "set", *arguments)
    assert done.status == 2
    assert words in done.err


def test_a_wrong_url_is_told_before_the_password_is_asked_for(store: Command) -> None:
    done = store("redirection", "set", "--user", "reseller", "--url", "ftp://x")
    assert done.status == 1
    assert "'ftp://x' is not where phones reach this engine" in done.err


@pytest.mark.parametrize(
    ("user", "reason"),
    [("a:b", "without a colon"), ("x" * 129, "128 characters at most")],
)
def test_so_is_a_wrong_user(store: Command, user: str, reason: str) -> None:
    done = store("redirection", "set", "--user", user)
    assert done.status == 1
    assert reason in done.err


@pytest.mark.parametrize(
    "url",
    [
        "https://user:my s3cret@pbx",
        "https://user:s3#cret@pbx",
        "https://user:s3?cret@pbx",
        "https://user:s3'cret@pbx",
        "https://user:s3/cret@pbx",
        "https://s3cret@pbx",
        "user:s3cret@pbx",
        f"https://user:s3cret{'x' * 60}@pbx",
    ],
)
def test_a_password_in_a_wrong_url_is_not_quoted(store: Command, url: str) -> None:
    done = store("redirection", "set", "--url", url)
    assert done.status == 1
    assert "'********@pbx' is not where phones reach this engine" in done.err


def test_an_at_where_a_password_may_end_is_told_to_be_refused(store: Command) -> None:
    done = store("redirection", "set", "--url", "https://pbx.example.com:8443/a@b")
    assert "without user and password" in done.err
    assert "no @ behind a port" in done.err


def test_nor_is_a_token(store: Command) -> None:
    done = store("redirection", "set", "--url", "https://pbx/?token=s3cret")
    assert "'https://pbx/?token=********' is not where phones" in done.err


def test_without_an_account_every_command_says_how_to_make_one(store: Command) -> None:
    for command in ("status", "sync", "unset"):
        done = store("redirection", command)
        assert done.status == 1
        assert "bootwave redirection set makes one" in done.err


def test_status_says_how_it_goes_and_all_of_one_phone(ready: Command) -> None:
    done = ready("redirection", "status")
    assert "account:     reseller, set by " in done.out
    assert "the service: was not asked yet\n" in done.out
    assert ready("redirection", "status", "--json").json["user"] == "reseller"
    phone = ready("redirection", "status", MAC)
    assert "state:      to be registered\n" in phone.out
    assert f"sent to:    {BASE}/{{mac}}.xml\n" in phone.out
    other = ready("redirection", "status", "000413000001")
    assert "because:    it is bound to no account\n" in other.out
    assert ready("redirection", "status", MAC, "--json").json["mac"] == MAC


def test_a_sync_without_an_engine_is_stored_for_one(ready: Command) -> None:
    done = ready("redirection", "sync", "--json")
    assert done.status == 0
    assert done.json["sync_at"] is not None
    assert "when bootwave serve is started" in done.err


def test_a_dry_run_asks_the_service_itself(
    ready: Command, options_file: Path, service: Service
) -> None:
    said(
        options_file,
        "redirection",
        f'service = "{service.url}"\ncas = ["{service.ca}"]\ncalls_per_second = 1000',
    )
    service.put(("0004132E0001", "reseller", f"{BASE}/{{mac}}.xml"))
    done = ready("redirection", "sync", "--dry-run")
    assert done.status == 0, done.err
    assert done.out.splitlines() == [
        "0 phones come here already.",
        "1 phone would be registered.",
        f"  {MAC}",
        "1 phone would be taken away: it is bound nowhere, and comes here.",
        "  0004132E0001",
    ]
    found = ready("redirection", "sync", "--dry-run", "--json").json
    assert found["nowhere"] == {"count": 1, "macs": [MAC]}
    assert MAC not in service.entries
    service.put(*((mac, "reseller", f"{BASE}/{{mac}}.xml") for mac in (MAC, STRAY)))
    assert ready("redirection", "sync", "--dry-run").out.splitlines() == [
        "1 phone comes here already.",
        "2 phones would be taken away: they are bound nowhere, and come here.",
        "  0004132E0001",
        f"  {STRAY}",
    ]
    ready("redirection", "set", "--password-stdin", stdin="wrong\n")
    refused = ready("redirection", "sync", "--dry-run")
    assert refused.status == 1
    assert "does not accept the account (HTTP 401)" in refused.err
    ready("redirection", "set", "--password-stdin", stdin="swordfish\n")
    service.fail("500")
    away = ready("redirection", "sync", "--dry-run")
    assert "does not answer as it should (HTTP 500)" in away.err


def test_unset_says_that_phones_stay_redirected(ready: Command) -> None:
    done = ready("redirection", "unset")
    assert (done.status, done.out) == (0, "The account is forgotten.\n")


def status(**more: Any) -> dict[str, Any]:
    return {
        **{"user": "reseller", "set_by": "anna", "url": BASE, "state": "answers"},
        **{"words": "", "next_at": None, "answered_at": 0.0, "listed_at": 0.0},
        **{"listed": True, "outstanding": 0, "lists": 4, "lists_done": 4},
        **{"strays": 0, "phones": {"registered": 1, "owned": 0}, "troubled": []},
        **more,
    }


class Replies:
    """A session that answers with one status after another."""

    live = True

    def __init__(self, *shown: dict[str, Any]) -> None:
        self.shown = list(shown)

    def call(self, op: str, **args: Any) -> dict[str, Any]:
        return self.shown.pop(0)

    def __enter__(self) -> "Replies":
        return self

    def __exit__(self, *_: object) -> None:
        pass


@pytest.mark.parametrize(
    ("last", "exit_status"),
    [
        (status(), 0),
        (status(state="refused", words="HTTP 401", next_at=9e9, listed=False), 1),
        (
            status(
                troubled=[
                    {
                        **{"mac": MAC, "state": "owned", "words": "Error:owned"},
                        **{"tried_at": None, "next_at": None, "elsewhere_at": None},
                    }
                ]
            ),
            1,
        ),
    ],
)
def test_a_sync_is_followed_to_its_end(
    ready: Command,
    monkeypatch: pytest.MonkeyPatch,
    last: dict[str, Any],
    exit_status: int,
) -> None:
    monkeypatch.setattr(redirection, "LOOK_SECONDS", 0)
    going = status(listed=False, lists_done=1), status(outstanding=7)
    replies = Replies(going[0], *going, last)
    monkeypatch.setattr(redirection.place, "session", lambda: replies)
    done = ready("redirection", "sync")
    assert done.status == exit_status
    assert not replies.shown
    assert "account:     reseller, set by anna" in done.out


@pytest.mark.parametrize(
    ("strays", "words"),
    [
        (1, "1 comes here that is bound nowhere; bootwave redirection sync takes it"),
        (2, "2 come here that are bound nowhere; bootwave redirection sync takes them"),
        (
            12_345,
            "12,345 come here that are bound nowhere; bootwave redirection sync takes "
            "them",
        ),
    ],
)
def test_strays_are_counted(
    ready: Command, monkeypatch: pytest.MonkeyPatch, strays: int, words: str
) -> None:
    replies = Replies(status(strays=strays))
    monkeypatch.setattr(redirection.place, "session", lambda: replies)
    assert f"strays:      {words} away\n" in ready("redirection", "status").out


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (
            {"answered_at": 90.0},
            f"is to be asked anew, answered last at {moment(90.0)}\n",
        ),
        ({"answered_at": None}, "was not asked yet\n"),
    ],
)
def test_a_service_that_is_asked_anew_is_known_to_have_answered(
    ready: Command,
    monkeypatch: pytest.MonkeyPatch,
    more: dict[str, Any],
    words: str,
) -> None:
    replies = Replies(status(state="", **more))
    monkeypatch.setattr(redirection.place, "session", lambda: replies)
    assert f"the service: {words}" in ready("redirection", "status").out


def test_a_service_whose_wait_is_over_is_called_now(
    ready: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = status(state="unreachable", words="HTTP 500", next_at=90.0)
    monkeypatch.setattr(redirection.place, "session", lambda: Replies(shown))
    told = ready("redirection", "status").out
    assert "does not answer as it should (HTTP 500); again now\n" in told


def test_attempts_are_those_since_the_last_that_began_the_waits_anew(
    ready: Command, options_file: Path
) -> None:
    def attempts() -> str:
        lines = ready("redirection", "status", MAC).out.splitlines()
        return next((line for line in lines if line.startswith("attempts:")), "")

    def tried() -> None:
        with DirectSession(load(options_file, {}).options) as session:
            store = session.administration
            Ledger(store, service="", list_seconds=3_600.0, chance=lambda: 0.5).step(
                (), 1
            )

    tried()
    first = attempts()
    assert first == "attempts:   1 since the last change or sync"
    ready("redirection", "sync")
    assert not attempts()
    tried()
    assert attempts() == first


def phone_in_trouble(number: int) -> dict[str, Any]:
    return {
        **{"mac": f"{number:012X}", "state": "owned", "words": "Error:owned"},
        **{"tried_at": None, "next_at": None, "elsewhere_at": None},
    }


def test_all_phones_in_trouble_are_listed_page_by_page(
    ready: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    pages = [
        {"phones": [phone_in_trouble(n) for n in span], "cursor": cursor}
        for span, cursor in ((range(3), "2"), (range(3, 5), ""))
    ]
    monkeypatch.setattr(redirection.place, "session", lambda: Replies(*pages))
    done = ready("redirection", "troubled")
    assert done.status == 0
    assert [line.split()[0] for line in done.out.splitlines()[1:]] == [
        f"{number:012X}" for number in range(5)
    ]


def test_no_phone_in_trouble_is_said_and_a_state_is_one(ready: Command) -> None:
    assert "No phone is in trouble." in ready("redirection", "troubled").err
    assert ready("redirection", "troubled", "--state", "owned", "--json").json == []
    wrong = ready("redirection", "troubled", "--state", "registered")
    assert (wrong.status, "not 'registered'" in wrong.err) == (1, True)


def test_a_status_says_that_more_phones_are_in_trouble(
    ready: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = status(phones={"owned": 103}, troubled=[phone_in_trouble(1)])
    monkeypatch.setattr(redirection.place, "session", lambda: Replies(shown))
    told = ready("redirection", "status").err
    assert "And 102 more: bootwave redirection troubled lists all." in told
