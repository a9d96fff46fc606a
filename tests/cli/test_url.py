"""bootwave url: what to type into which phone."""

import re

import pytest

from tests.cli.conftest import Command
from tests.cli.test_main import refused

DOMAIN = "pbx.example.com"
MAC = "0004132E08B4"
URL = ("--url", "http://10.1.2.3:8080/")


def test_a_models_url_and_the_way_to_its_field_are_printed(store: Command) -> None:
    done = store("url", "370", *URL)
    assert done.out.splitlines()[:4] == [
        "snom 370",
        "URL:         http://10.1.2.3:8080/{mac}.xml",
        "web page:    http://PHONE/advanced_update.htm",
        "field:       Setup > Advanced > Update > Setting URL",
    ]
    assert "open its account" in done.out
    assert done.err == ""


def test_a_phone_of_a_domain_with_a_token_is_told_it(store: Command) -> None:
    plain = store("url", MAC, *URL, "--json").json
    assert (plain["domain"], plain["model"]) == (DOMAIN, "snom370")
    assert plain["url"] == f"http://10.1.2.3:8080/{MAC}.xml"
    token = store("domain", "token", "make", DOMAIN, "--json").json["token"]
    told = store("url", MAC, *URL, "--json").json
    assert told["url"] == f"http://10.1.2.3:8080/{token}/{MAC}.xml"
    rows = store("audit", "list", "--json").json
    assert rows[0]["action"] == "token.shown"


def test_any_models_url_may_have_the_token_of_a_domain(store: Command) -> None:
    without = store("url", "m9", "--domain", DOMAIN, *URL, "--json").json
    assert without["url"] == "http://10.1.2.3:8080/snomm9-{mac}.htm"
    token = store("domain", "token", "make", DOMAIN, "--json").json["token"]
    with_token = store("url", "m700", "--domain", DOMAIN.upper(), *URL, "--json").json
    assert with_token["url"] == f"http://10.1.2.3:8080/{token}/"
    assert "other.example.com" in refused(
        store("url", "370", "--domain", "other.example.com")
    )


def test_an_unknown_phone_is_taken_for_what_its_mac_says(store: Command) -> None:
    done = store("url", "000413930001", *URL)
    assert done.out.startswith("snom D385  000413930001\n")
    assert "bound to no account" in done.err


def test_a_model_without_a_field_says_what_to_do_instead(store: Command) -> None:
    out = store("url", "m3", *URL).out
    assert "URL:" not in out
    assert "bootwave dhcp render" in out
    assert store("url", "m3", *URL, "--json").json["url"] == ""


def test_without_a_phone_all_models_are_listed(store: Command) -> None:
    listed = store("url", *URL).out.splitlines()
    assert listed[0].split() == ["model", "URL", "field", "on", "its", "web", "page"]
    assert any(
        re.match(r"snomD865 +http://10.1.2.3:8080/\{mac\}.xml +", line)
        for line in listed
    )
    rows = store("url", *URL, "--json").json
    assert {"snomm9", "snomM900"} <= {row["model"] for row in rows}


@pytest.mark.parametrize("wrong", ["no such", "a/b"])
def test_what_is_neither_model_nor_mac_is_refused(store: Command, wrong: str) -> None:
    assert "is not a phone model" in refused(store("url", wrong))


@pytest.mark.parametrize(
    "wrong", ["foo", "ftp://x", "http://a b", "http://u:p@x", "http://x/{mac}.xml"]
)
def test_what_is_no_base_url_is_refused_before_a_token_is_shown(
    store: Command, wrong: str
) -> None:
    store("domain", "token", "make", DOMAIN)
    done = store("url", "370", "--domain", DOMAIN, "--url", wrong)
    assert "--url must be where phones reach" in refused(done, 2)
    actions = [row["action"] for row in store("audit", "list", "--json").json]
    assert "token.shown" not in actions
