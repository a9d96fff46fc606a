"""bootwave admin token: tokens of the API."""

from tests.cli.conftest import Command
from tests.cli.test_main import refused


def test_a_token_is_made_listed_and_revoked(store: Command) -> None:
    made = store(
        *("admin", "token", "add", "PBX", "--scope", "read", "--scope", "write"),
        *("--domain", "pbx.example.com", "--days", "30"),
    )
    assert made.out.startswith("bw_")
    assert made.out.count("\n") == 1
    assert "not shown again" in made.err
    listed = store("admin", "token", "list")
    assert "pbx" in listed.out
    assert "read, write" in listed.out
    assert made.out.strip() not in listed.out
    row = store("admin", "token", "list", "--json").json[0]
    assert (row["name"], row["domains"]) == ("pbx", ["pbx.example.com"])
    assert store("admin", "token", "revoke", "pbx").out == "Revoked pbx.\n"
    assert "one.\n" in store("admin", "token", "list").err
    unknown = store("admin", "token", "revoke", "pbx")
    assert "There is no token pbx" in refused(unknown)


def test_a_token_that_opens_nothing_is_misuse(store: Command) -> None:
    assert "--scope" in refused(store("admin", "token", "add", "pbx"), 2)
    other = store("admin", "token", "add", "pbx", "--scope", "all")
    assert "'all'" in refused(other, 2)
    nobodys = ("--scope", "read", "--for", "nobody")
    answer = refused(store("admin", "token", "add", "pbx", *nobodys))
    assert "There is no administrator nobody" in answer
