"""bootwave settings explain and diff."""

from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Command
from tests.cli.test_main import refused

MAC = "0004132E08B4"
DOMAIN = "pbx.example.com"
PHONE = ("--model", "snom370", "--firmware", "8.4.35")


@pytest.fixture
def layered(store: Command) -> Command:
    """A store in which several layers speak of the same."""
    store("profile", "add", DOMAIN, "sales")
    store("profile", "assign", DOMAIN, "sales", "401")
    for value, *layer in (
        ("English", "--engine"),
        ("Italiano", "--model", "snom370", "--firmware", "8.4-"),
        ("Deutsch", "--profile", f"sales@{DOMAIN}"),
    ):
        store("settings", "set", "language", value, *layer, "--permission", "RW")
    store("keys", "set", "P3", "blf {{number}}", "--profile", f"sales@{DOMAIN}")
    store("settings", "set", "http_pass", "h1dden", "--domain", DOMAIN)
    return store


def said(done: Any) -> list[tuple[str, str]]:
    (one,) = done.json
    return [(layer["layer"], layer["value"]) for layer in one["layers"]]


def test_a_setting_is_explained_with_the_winner_first(layered: Command) -> None:
    done = layered("settings", "explain", MAC, "language", *PHONE, "--json")
    assert said(done) == [
        (f"profile sales@{DOMAIN}", "Deutsch"),
        ("firmware 8.4- of snom370", "Italiano"),
        ("engine", "English"),
    ]
    lines = layered("settings", "explain", MAC, "language", *PHONE).out.splitlines()
    assert [line.split()[0] for line in lines] == ["told", "yes", "RW", "RW"]


def test_a_setting_of_each_identity_is_explained_for_all_or_one(
    layered: Command,
) -> None:
    done = layered("settings", "explain", MAC, "user_active", "--json")
    assert [one["index"] for one in done.json] == list(range(1, 13))
    done = layered("settings", "explain", MAC, "user_active", "--index", "1", "--json")
    assert said(done) == [(f"account 401@{DOMAIN}, its own fields", "on")]


def test_a_key_is_explained_as_the_phone_gets_it(layered: Command) -> None:
    done = layered("settings", "explain", MAC, "P3", *PHONE, "--json")
    assert said(done) == [
        (f"profile sales@{DOMAIN}", f"blf <sip:401@{DOMAIN};user=phone>"),
        ("built in", "line"),
    ]
    done = layered("settings", "explain", MAC, "P4", *PHONE, "--json")
    assert said(done) == [("built in", "line")]


def test_what_nobody_says_is_said_so(layered: Command) -> None:
    done = layered("settings", "explain", MAC, "contrast")
    assert (done.status, done.out) == (0, "")
    assert f"Nobody says contrast to {MAC}" in done.err


def test_secrets_are_masked_unless_they_are_to_be_revealed(
    layered: Command, options_file: Path
) -> None:
    for name in ("http_pass", "user_pass"):
        done = layered("settings", "explain", MAC, name)
        assert "********" in done.out
    revealed = layered("settings", "explain", MAC, "user_pass", "--reveal")
    assert "s3cret" in revealed.out
    newest, *_ = layered("audit", "list", "--json").json
    assert (newest["action"], newest["subject"]) == ("document.revealed", MAC)
    (options_file.parent / "bootwave.key").unlink()
    assert layered("settings", "explain", MAC, "user_pass").status == 0
    assert "key" in refused(
        layered("settings", "explain", MAC, "user_pass", "--reveal")
    )


@pytest.mark.parametrize("more", [(), ("--json",)])
def test_credentials_in_urls_are_masked_unless_they_are_to_be_revealed(
    layered: Command, more: tuple[str, ...]
) -> None:
    url = "http://anna:h1dden@pbx.example.com/open"
    layered("settings", "set", "action_incoming_url", url, "--device", MAC)
    layered("keys", "set", "P9", f"url {url}", "--label", url, "--device", MAC)
    for way in (
        ("explain", MAC, "action_incoming_url"),
        ("explain", MAC, "P9"),
        ("diff", MAC, "--set", "action_incoming_url=http://x"),
        ("diff", MAC, "--key", "P9=line"),
    ):
        shown = layered("settings", *way, *more).out
        assert "anna:********@pbx" in shown
        assert "h1dden" not in shown
        assert "h1dden" in layered("settings", *way, *more, "--reveal").out


def test_a_phone_without_account_is_told_nothing(layered: Command) -> None:
    done = layered("settings", "explain", "0004132E09AA", "language")
    assert "account bind" in refused(done)


def test_a_change_is_shown_before_it_is_made(layered: Command) -> None:
    done = layered(
        *("settings", "diff", MAC, "--set", "language=Français"),
        *("--set", "ring_sound=Ringer2", "--permission", "RW", "--key", "P3=line"),
        *("--label", "L"),
    )
    assert done.out.splitlines() == [
        "- language (RW): Deutsch",
        "+ language (RW): Français",
        "+ ring_sound (RW): Ringer2",
        f"- P3 (R): blf <sip:401@{DOMAIN};user=phone>",
        "+ P3 (RW): 'L' line",
    ]
    # Nothing of it was stored.
    assert layered("settings", "list", "--device", MAC, "--json").json == []


def test_a_change_is_made_in_the_layer_that_is_named(layered: Command) -> None:
    profile = ("--profile", f"sales@{DOMAIN}")
    done = layered("settings", "diff", MAC, *profile, "--unset", "language", "--json")
    (only,) = done.json
    assert (only["name"], only["before"]["value"]) == ("language", "Deutsch")
    assert only["after"]["value"] == "English"  # of no firmware that is known
    done = layered("settings", "diff", MAC, "--engine", "--set", "language=Dansk")
    assert (done.out, done.status) == ("", 0)
    assert "changes nothing for this phone" in done.err
    done = layered("settings", "diff", MAC, "--model", "snom320", "--set", "dhcp=on")
    assert "none of this phone's" in done.err
    gone = layered("settings", "diff", MAC, "--unset", "language")
    assert "is not set there" in refused(gone)


def test_a_profile_is_shown_before_it_is_assigned(layered: Command) -> None:
    layered("profile", "add", DOMAIN, "reception")
    layered("keys", "set", "P1", "speed 9", "--profile", f"reception@{DOMAIN}")
    done = layered("settings", "diff", MAC, "--assign", "reception")
    assert done.out.splitlines() == [
        "- language (RW): Deutsch",
        "+ language (RW): English",
        "- P1 (RW): line",
        "+ P1 (R): speed 9",
        f"- P3 (R): blf <sip:401@{DOMAIN};user=phone>",
        "+ P3 (RW): line",
    ]
    assert "taken for a snom370" in done.err
    done = layered("settings", "diff", MAC, "--assign", "", "--json")
    assert [one["name"] for one in done.json] == ["language", "P3"]
    assert "no profile 'nobody'" in refused(
        layered("settings", "diff", MAC, "--assign", "nobody")
    )


def test_secrets_of_a_change_are_masked(layered: Command) -> None:
    words = ["settings", "diff", MAC, "--set", "http_pass=n3w"]
    done = layered(*words)
    assert done.out.splitlines() == [
        "- http_pass (R): ********",
        "+ http_pass (R): ********",
    ]
    assert "n3w" in layered(*words, "--reveal").out


@pytest.mark.parametrize("more", [(), ("--reveal",)])
def test_a_profile_that_is_there_already_changes_nothing(
    layered: Command, more: tuple[str, ...]
) -> None:
    profile = ("--profile", f"sales@{DOMAIN}")
    layered("settings", "set", "http_pass", "h1dden", *profile)
    layered("keys", "set", "P4", "url http://u:h1dden@pbx/open", *profile)
    done = layered("settings", "diff", MAC, "--assign", " sales ", *more)
    assert (done.status, done.out) == (0, "")
    assert "That changes nothing" in done.err
    told = [one["action"] for one in layered("audit", "list", "--json").json]
    assert "layer.revealed" not in told
    assert ("document.revealed" in told) == bool(more)


@pytest.mark.parametrize("more", [(), ("--reveal",)])
def test_secrets_of_a_profile_are_masked_unless_they_are_to_be_revealed(
    layered: Command, more: tuple[str, ...]
) -> None:
    layered("profile", "add", DOMAIN, "reception")
    profile = ("--profile", f"reception@{DOMAIN}")
    layered("settings", "set", "http_pass", "t0ld", *profile)
    done = layered("settings", "diff", MAC, "--assign", "reception", *more)
    shown = done.out.splitlines()
    old, new = ("h1dden", "t0ld") if more else ("********", "********")
    assert f"- http_pass (R): {old}" in shown
    assert f"+ http_pass (R): {new}" in shown


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ([], "what is to change"),
        (["--set", "language"], "--set NAME=VALUE"),
        (["--key", "=line"], "--key KEY=VALUE"),
        (["--engine", "--model", "snom370", "--set", "a=b"], "Say for whom"),
    ],
)
def test_what_is_not_called_right_is_refused(
    layered: Command, words: list[str], why: str
) -> None:
    assert why in refused(layered("settings", "diff", MAC, *words), 2)
