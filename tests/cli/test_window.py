"""bootwave window."""

import pytest

from tests.cli.conftest import Command
from tests.cli.test_main import refused


def test_accounts_are_opened_listed_and_closed(store: Command) -> None:
    store("account", "add", "402@pbx.example.com", "--password", "x")
    opened = store(
        *("window", "open", "401@pbx.example.com", "402"),
        *("--domain", "pbx.example.com", "--minutes", "2.5"),
    )
    assert opened.out == (
        "Opened 401@pbx.example.com, 402@pbx.example.com for 2 min 30 s.\n"
    )
    heading, first, _ = store("window", "list").out.splitlines()
    assert heading.split() == ["account", "state", "left", "used", "by", "from"]
    assert first.startswith("401@pbx.example.com  open   2 min ")
    closed = store("window", "close", "401@pbx.example.com")
    assert closed.out == "Closed 401@pbx.example.com.\n"
    assert store("window", "close", "401@pbx.example.com").out == (
        "None of them was open.\n"
    )
    (left,) = store("window", "list", "--json").json
    assert left["account"] == "402@pbx.example.com"
    assert 0 < left["seconds_left"] <= 150
    assert len(store("window", "list", "--all", "--json").json) == 2


def test_a_domain_is_opened_as_a_whole(store: Command) -> None:
    done = store("window", "open", "--domain", "pbx.example.com", "--json")
    assert done.json["opened"] == ["401@pbx.example.com"]
    assert done.json["minutes"] == 10
    closed = store("window", "close", "--domain", "pbx.example.com", "--json")
    assert closed.json == {"closed": ["401@pbx.example.com"]}


def test_all_are_opened_or_none(store: Command) -> None:
    done = store("window", "open", "401@pbx.example.com", "999@pbx.example.com")
    assert "999@pbx.example.com" in refused(done)
    assert store("window", "list", "--json").json == []


def test_somebody_must_be_named(store: Command) -> None:
    assert "Name the accounts" in refused(store("window", "open"), 2)
    assert "Name the accounts" in refused(store("window", "close"), 2)
    late = store("window", "open", "401@pbx.example.com", "--minutes", "1e8")
    assert refused(late) == (
        "A window can be open for more than 0 and at most 1440 minutes."
    )


@pytest.mark.parametrize("minutes", ["nan", "inf", "-inf"])
def test_for_how_long_must_be_a_number_with_and_without_an_engine(
    store: Command, minutes: str, request: pytest.FixtureRequest
) -> None:
    words = ("window", "open", "401@pbx.example.com", "--minutes", minutes)
    assert refused(store(*words), 2) == f"--minutes is not a number: {minutes}."
    request.getfixturevalue("engine")
    assert refused(store(*words), 2) == f"--minutes is not a number: {minutes}."
    assert store("window", "list", "--json").json == []


def test_an_account_that_no_phone_can_use_is_opened_with_a_hint(store: Command) -> None:
    for number in ("402", "403"):
        store("account", "add", f"{number}@pbx.example.com", "--password", "x")
    store("account", "bind", "403@pbx.example.com", "*")
    opened = store("window", "open", "402@pbx.example.com", "403@pbx.example.com")
    assert opened.status == 0
    assert opened.err == (
        "402@pbx.example.com is bound to no phone, so no phone can use this: "
        "bootwave account bind ACCOUNT MAC.\n"
    )
    done = store("window", "open", "403@pbx.example.com", "--json")
    assert (done.json["unbound"], done.err) == ([], "")


def test_a_domain_without_accounts_is_one_sentence(store: Command) -> None:
    store("domain", "add", "empty.example.com")
    assert refused(store("window", "open", "--domain", "empty.example.com")) == (
        "The domain empty.example.com has no accounts: add one with bootwave account "
        "add, or import them."
    )


def test_the_bounds_of_wildcards_are_listed(store: Command) -> None:
    store("account", "add", "404@pbx.example.com", "--password", "x", "--mac", "*")
    store("window", "open", "401@pbx.example.com", "404@pbx.example.com")
    assert "bounds" not in store("window", "list").out
    bounds = ("--most", "2", "--oui", "000413", "--oui", "00:08:7b")
    bounds += ("--model", "snomD785", "--subnet", "10.1.7.0/24")
    store("window", "open", "401@pbx.example.com", "404@pbx.example.com", *bounds)
    heading, bound, wildcard = store("window", "list").out.splitlines()
    assert heading.endswith("from  bounds")
    assert bound.endswith("10 min")
    told = "0 of 2 phones, 000413 00087B, snomd785, 10.1.7.0/24"
    assert wildcard.endswith(told)
    everything = store("window", "list", "--all").out.splitlines()
    assert (told in everything[2], "bounds  opened by" in everything[0]) == (
        True,
        False,
    )
    assert everything[0].split()[6:9] == ["bounds", "opened", "by"]
    store("window", "open", "404@pbx.example.com", "--most", "1")
    assert "0 of 1 phone\n" in store("window", "list").out
