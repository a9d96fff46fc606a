"""The base URL that phones are first told."""

from pathlib import Path

import pytest

from bootwave.cli import place
from bootwave.cli.firstcontact import first_contact_url
from bootwave.errors import StoreNotFound
from tests.cli.conftest import Command


def test_it_is_what_the_options_say_unless_told_otherwise(
    store: Command, tmp_path: Path
) -> None:
    options = tmp_path / "o.toml"
    options.write_text('[http]\nurl = "https://pbx.example.com/p/"\n')
    place.choose(options)
    assert first_contact_url("", "") == "https://pbx.example.com/p"
    assert first_contact_url("http://10.1.2.3/", "") == "http://10.1.2.3"


def test_the_token_of_a_domain_is_in_it_where_there_is_one(store: Command) -> None:
    assert first_contact_url("http://pbx", "pbx.example.com") == "http://pbx"
    token = store("domain", "token", "make", "pbx.example.com", "--json").json["token"]
    assert first_contact_url("http://pbx", "pbx.example.com") == f"http://pbx/{token}"
    with pytest.raises(StoreNotFound):
        first_contact_url("http://pbx", "other.example.com")
