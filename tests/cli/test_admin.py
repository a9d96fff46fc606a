"""bootwave admin: who may use the API."""

import pytest

from tests.cli.conftest import Command
from tests.cli.test_main import refused

PASSWORD = "correct horse battery\n"


def test_administrators_are_added_listed_changed_and_removed(store: Command) -> None:
    added = store("admin", "add", "Anna", "--password-stdin", stdin=PASSWORD)
    assert added.out == "Added anna, operator of all domains.\n"
    domain = ("--role", "domain", "--domain", "pbx.example.com")
    added = store("admin", "add", "otto", *domain, "--password-stdin", stdin=PASSWORD)
    assert added.out == "Added otto, administrator of pbx.example.com.\n"
    listed = store("admin", "list").out.splitlines()
    assert listed[0].split() == [
        "name",
        "role",
        "domains",
        "added",
        "by",
        *"password of".split(),
    ]
    assert listed[1].split()[:3] == ["anna", "operator", "all"]
    assert listed[2].split()[:3] == ["otto", "domain", "pbx.example.com"]
    changed = store("admin", "set", "otto", "--role", "read-only", "--everywhere")
    assert changed.out == "otto is reader of all domains now.\n"
    done = store("admin", "passwd", "otto", "--password-stdin", stdin=PASSWORD)
    assert done.out == "otto has another password.\n"
    assert store("admin", "remove", "otto").out == "Removed otto.\n"
    rows = store("admin", "list", "--json").json
    assert [row["name"] for row in rows] == ["anna"]
    assert "correct horse" not in str(rows)


def test_a_password_comes_by_standard_input_and_is_good(store: Command) -> None:
    assert "--password-stdin" in refused(store("admin", "add", "anna"), 2)
    short = store("admin", "add", "anna", "--password-stdin", stdin="short\n")
    assert "at least 12" in refused(short)
    wrong = store("admin", "add", "a b", "--password-stdin", stdin=PASSWORD)
    assert "not a name to sign in with" in refused(wrong)
    assert "no option" not in refused(store("admin", "set", "anna"), 2)


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["a b"], "not a name to sign in with"),
        (["otto", "--role", "domain"], "name at least one"),
        (["otto", "--domain", "pbx.example.com"], "reaches every domain"),
        (
            ["otto", "--role", "domain", "--domain", "no domain!"],
            "is not a domain name",
        ),
    ],
)
def test_what_is_wrong_is_told_before_the_password_is_asked_for(
    store: Command, words: list[str], reason: str
) -> None:
    assert reason in refused(store("admin", "add", *words))


def test_who_reaches_domains_that_are_gone_reaches_none(store: Command) -> None:
    store("domain", "add", "gone.example.com")
    boss = ("--role", "domain", "--domain", "gone.example.com", "--password-stdin")
    store("admin", "add", "otto", *boss, stdin=PASSWORD)
    store("admin", "token", "add", "pbx", "--scope", "read", "--domain", boss[3])
    store("domain", "remove", "gone.example.com")
    assert store("admin", "list").out.splitlines()[1].split()[:3] == [
        *("otto", "domain", "none")
    ]
    tokens = store("admin", "token", "list").out.splitlines()
    assert tokens[1].split()[:3] == ["pbx", "read", "none"]
    changed = store("admin", "set", "otto", "--role", "read-only")
    assert changed.out == "otto is reader of no domain now.\n"


def test_a_set_up_link_is_printed_alone(store: Command) -> None:
    made = store("admin", "link")
    assert made.out.startswith("http://127.0.0.1:8095/setup#bwl_")
    assert made.out.count("\n") == 1
    assert "open it in a browser" in made.err
    told = store("admin", "link", "--json").json
    assert told["link"] == f"http://127.0.0.1:8095/setup#{told['token']}"
    assert told["link"] != made.out.strip()


def test_without_an_api_there_is_nowhere_to_send_it(
    store: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BOOTWAVE_CONTROL__LISTEN", "")
    made = store("admin", "link")
    assert made.out.startswith("bwl_")
    assert "there is no API" in made.err
