"""bootwave admin token: tokens of the API."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from bootwave.cli.apitoken import heeded_scopes
from bootwave.control.api.principals import Need, of_token
from bootwave.optionsfile import load
from bootwave.store.access.administrators import Administrator
from bootwave.store.access.apitokens import ApiToken
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


def test_what_an_administrators_token_cannot_do_is_told(store: Command) -> None:
    add = ("admin", "token", "add")
    store("domain", "add", "b.example.com")
    store(
        *("admin", "add", "rita", "--role", "read-only"),
        *("--domain", "pbx.example.com", "--password-stdin"),
        stdin="correct horse battery\n",
    )
    asked = ("--scope", "write", "--scope", "access", "--for", "rita")
    told = "Its scopes count as read, access in pbx.example.com: rita can do no more.\n"
    assert store(*add, "one", *asked).err.endswith(told)
    elsewhere = ("--scope", "reveal", "--for", "rita", "--domain", "b.example.com")
    told = "Its scopes count as read in no domain: rita can do no more.\n"
    assert store(*add, "two", *elsewhere).err.endswith(told)
    within = ("--scope", "read", "--for", "rita", "--domain", "pbx.example.com")
    assert "no more" not in store(*add, "three", *within).err
    assert "no more" not in store(*add, "four", "--scope", "write").err
    rows = store("admin", "token", "list").out.splitlines()[1:]
    cells = {row.split()[0]: " ".join(row.split()[1:4]) for row in rows}
    assert cells["one"].startswith("read, access pbx.example.com")
    assert cells["two"].startswith("read none rita")
    assert cells["three"].startswith("read pbx.example.com rita")
    assert cells["four"].startswith("write all")
    (one,) = (
        row
        for row in store("admin", "token", "list", "--json").json
        if row["name"] == "one"
    )
    assert one["scopes"] == ["write", "access"]


@pytest.mark.parametrize("more", [(), ("--json",)])
def test_a_token_that_was_made_is_shown_whatever_happens_to_the_store(
    store: Command, options_file: Path, more: tuple[str, ...]
) -> None:
    rita = ("rita", "--role", "read-only", "--password-stdin")
    store("admin", "add", *rita, stdin="correct horse battery\n")
    database = load(options_file, {}).options.store.database
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("""
            CREATE TRIGGER spoilt AFTER INSERT ON api_tokens BEGIN
              UPDATE administrators SET name = CAST(x'ff' AS TEXT);
            END
        """)
    asked = ("--scope", "write", "--for", "rita")
    made = store("admin", "token", "add", "one", *asked, *more)
    assert made.status == 0, made.err
    assert "bw_" in made.out
    assert "could not be read" in refused(store("admin", "list"))


@pytest.mark.parametrize("role", ["operator", "domain", "read-only"])
@pytest.mark.parametrize("scopes", [["read"], ["write"], ["reveal"], ["access"]])
def test_what_a_token_is_said_to_do_is_what_it_does(
    role: str, scopes: list[str]
) -> None:
    def does(scopes: list[str]) -> frozenset[Need]:
        owner = Administrator(1, "anna", role, None, "")
        token = ApiToken(1, "t", frozenset(scopes), None, owner, None, None)
        return of_token(token).may

    assert does(heeded_scopes(scopes, role)) == does(scopes)
    for each in heeded_scopes(scopes, role):
        assert each == "read" or does([each]) != does(["read"])
