"""bootwave domain."""

from tests.cli.conftest import Command
from tests.cli.test_main import refused


def test_a_domain_is_added_changed_listed_and_removed(
    options_file: object, run: Command
) -> None:
    added = run(
        *("domain", "add", "PBX.example.com", "--registrar", "10.0.0.1:5061"),
        *("--outbound-proxy", "10.0.0.2", "--language", "German"),
        *("--timezone", "Germany", "--tones", "Germany"),
        *("--wildcard-subnet", "10.0.0.0/24", "--reach", "proxy"),
    )
    assert added.out == "Added pbx.example.com.\n"
    changed = run("domain", "set", "pbx.example.com", "--language", "", "--json")
    assert changed.json["language"] == ""
    (listed,) = run("domain", "list", "--json").json
    assert listed == {
        "name": "pbx.example.com",
        "registrar": "10.0.0.1:5061",
        "outbound_proxy": "10.0.0.2",
        "language": "",
        "timezone": "GER+1",
        "tone_scheme": "GER",
        "wildcard_subnet": "10.0.0.0/24",
        "reach": "proxy",
        "accounts": 0,
        "devices": 0,
        "token": "",
    }
    assert "10.0.0.1:5061" in run("domain", "list").out
    assert run("domain", "remove", "pbx.example.com").status == 0
    assert run("domain", "list", "--json").json == []


def test_a_change_of_nothing_is_misuse(store: Command) -> None:
    for command in (("domain", "set", "pbx.example.com"), ("account", "set", "401")):
        done = store(*command)
        assert done.status == 2
        assert "Nothing was given to change" in done.err
        assert done.out == ""


def test_a_domain_with_accounts_goes_only_by_force(store: Command) -> None:
    assert "1 account:" in refused(store("domain", "remove", "pbx.example.com"))
    gone = store("domain", "remove", "pbx.example.com", "--force", "--json")
    assert gone.json == {"name": "pbx.example.com", "accounts": 1}


def test_a_domain_exists_once(store: Command) -> None:
    assert "exists already" in refused(store("domain", "add", "pbx.example.com"))
    assert "is not a domain name" in refused(store("domain", "add", "a b"))


def test_the_list_says_who_requires_a_token(store: Command) -> None:
    def token() -> str:
        return store("domain", "list", "--json").json[0]["token"]

    assert (token(), "token" in store("domain", "list").out) == ("", False)
    store("domain", "token", "make", "pbx.example.com")
    assert token() == "optional"
    store("domain", "token", "require", "pbx.example.com")
    assert token() == "required"
    assert store("domain", "list").out.splitlines()[1].endswith("required")


def test_one_domain_is_shown(store: Command) -> None:
    store("domain", "set", "pbx.example.com", "--language", "German")
    shown = store("domain", "show", "pbx.example.com")
    assert shown.out.splitlines() == [
        "domain:          pbx.example.com",
        "language:        Deutsch",
    ]
    told = store("domain", "show", "pbx.example.com", "--json").json
    assert (told["name"], told["language"]) == ("pbx.example.com", "Deutsch")
    assert "no domain" in refused(store("domain", "show", "none.example.com"))
