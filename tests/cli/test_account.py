"""bootwave account, but for import."""

import pytest

from tests.cli.conftest import Command
from tests.cli.test_main import refused


def test_an_account_is_added_with_the_password_of_standard_input(
    store: Command,
) -> None:
    added = store(
        *("account", "add", "402@pbx.example.com", "--name", "Bob & Co"),
        *("--password-stdin", "--mac", "00:04:13:00:00:02", "--mailbox", "8402"),
        *("--auth-user", "bob"),
        stdin="topsecret\nnot this\n",
    )
    assert added.out == "Added 402@pbx.example.com, bound to 000413000002.\n"
    shown = store("account", "show", "402@pbx.example.com", "--json").json
    assert (shown["name"], shown["mailbox"]) == ("Bob & Co", "8402")
    assert shown["auth_user"] == "bob"
    revealed = store("document", "000413000002", "--reveal").out
    assert ">topsecret</user_pass>" in revealed


def test_an_account_exists_once_and_in_a_domain_that_exists(store: Command) -> None:
    again = store("account", "add", "401@pbx.example.com", "--password", "x")
    assert "exists already" in refused(again)
    nowhere = store("account", "add", "401@other.example.com", "--password", "x")
    assert "There is no domain other.example.com" in refused(nowhere)


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["402"], "names no domain"),
        (["402@pbx.example.com", "--mac", "nonsense"], "is not a MAC"),
        (["402@other.example.com"], "There is no domain other.example.com"),
        (["402@pbx.example.com", "--name", "x" * 129], "The display name must be"),
        (["402@pbx.example.com", "--mailbox", "9" * 65], "The mailbox must be"),
        (["402@pbx.example.com", "--auth-user", "a\nb"], "The authentication user"),
    ],
)
def test_what_is_wrong_is_told_before_the_password_is_asked_for(
    store: Command, words: list[str], reason: str
) -> None:
    assert reason in refused(store("account", "add", *words))
    wildcard = ("account", "add", "402@pbx.example.com", "--mac", "*")
    assert "needs its SIP password" in refused(store(*wildcard), 2)


@pytest.mark.parametrize("way", ["add", "bind"])
def test_a_mac_of_another_vendor_is_bound_with_a_hint(store: Command, way: str) -> None:
    def bound(account: str, mac: str) -> str:
        password = ("--password", "x")
        if way == "add":
            done = store("account", "add", account, *password, "--mac", mac)
        else:
            store("account", "add", account, *password)
            done = store("account", "bind", account, mac)
        assert done.status == 0
        assert mac in done.out
        return done.err

    assert bound("402@pbx.example.com", "000413000002") == ""
    assert bound("403@pbx.example.com", "*") == ""
    assert bound("404@pbx.example.com", "0011223344AA") == (
        "0011223344AA is not of a snom block: see that it is the MAC on the phone's "
        "label.\n"
    )


def test_an_account_is_changed(store: Command) -> None:
    done = store(
        *("account", "set", "401@pbx.example.com", "--name", "Änne"),
        *("--mailbox", "99", "--password-stdin"),
        stdin="n3w\r\n",
    )
    assert done.out == "Changed 401@pbx.example.com.\n"
    assert ">n3w</user_pass>" in store("document", "0004132E08B4", "--reveal").out
    shown = store("account", "show", "401@pbx.example.com").out
    assert "name:      Änne\n" in shown
    assert "mailbox:   99\n" in shown


def test_no_command_prints_a_password(store: Command) -> None:
    for words in (
        ["account", "list"],
        ["account", "list", "--json"],
        ["account", "show", "401@pbx.example.com", "--json"],
        ["device", "show", "0004132E08B4", "--json"],
        ["document", "0004132E08B4"],
    ):
        assert "s3cret" not in store(*words).out


def test_accounts_are_bound_and_unbound(store: Command) -> None:
    store("account", "add", "402@pbx.example.com", "--password", "x")
    bound = store("account", "bind", "402@pbx.example.com", "0004132e08b4")
    assert bound.out == "402@pbx.example.com is identity 2 of 0004132E08B4.\n"
    more = store("account", "bind", "402@pbx.example.com", "000413000009", "--add")
    assert "identity 1 of 000413000009" in more.out
    wild = store("account", "bind", "402@pbx.example.com", "*", "--add")
    assert wild.out == "402@pbx.example.com is bound to '*'.\n"
    row = store("account", "list").out.splitlines()[2].split("  ")
    assert "'*', 000413000009, 0004132E08B4#2" in row
    one = store("account", "unbind", "402@pbx.example.com", "0004132E08B4")
    assert one.out == "402@pbx.example.com is no longer bound to 0004132E08B4.\n"
    assert store("account", "unbind", "402@pbx.example.com").status == 0
    shown = store("account", "show", "402@pbx.example.com", "--json").json
    assert (shown["bound"], shown["wildcard"]) == ([], "")


def test_binding_anew_replaces_the_phone(store: Command) -> None:
    store("account", "bind", "401@pbx.example.com", "000413000001", "--json")
    shown = store("account", "show", "401@pbx.example.com", "--json").json
    assert [bound["mac"] for bound in shown["bound"]] == ["000413000001"]


def test_what_is_no_mac_is_refused(store: Command) -> None:
    bad = store("account", "bind", "401@pbx.example.com", "12345")
    assert "'12345' is not a MAC address" in refused(bad)


def test_accounts_are_listed_by_domain_and_removed(store: Command) -> None:
    store("domain", "add", "b.example.com")
    assert store("account", "list", "--domain", "b.example.com").out == ""
    gone = store("account", "remove", "401@pbx.example.com", "--json")
    assert gone.json == {"account": "401@pbx.example.com"}
    assert store("account", "list", "--json").json == []
