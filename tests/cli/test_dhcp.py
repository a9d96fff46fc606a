"""bootwave dhcp render."""

import pytest

from tests.cli.conftest import Command
from tests.cli.test_main import refused

DOMAIN = "pbx.example.com"
RENDER = ("dhcp", "render", "--url", "http://10.1.2.3:8080/", "--server")


@pytest.mark.parametrize("server", ["kea", "isc", "dnsmasq"])
def test_a_fragment_is_printed_and_nothing_else(store: Command, server: str) -> None:
    done = store(*RENDER, server)
    assert "http://10.1.2.3:8080" in done.out
    assert "{mac}.xml" in done.out
    assert done.err == ""
    assert store(*RENDER, server, "--json").json["fragment"] == done.out


def test_options_are_told_as_json(store: Command) -> None:
    vlan = ("--vlan", "114", "--vlan-priority", "5")
    options = store(*RENDER, "kea", *vlan, "--json").json["options"]
    assert options["desk"]["66"] == "http://10.1.2.3:8080"
    assert options["desk"]["132"] == "114"
    assert bytes.fromhex(options["desk"]["43"]).startswith(b"\x42\x15http://")
    assert options["m9"] == {"66": "http://10.1.2.3:8080/snomm9-{mac}.htm"}


def test_the_token_of_a_domain_is_in_it(store: Command) -> None:
    token = store("domain", "token", "make", DOMAIN, "--json").json["token"]
    assert f"{token}/{{mac}}.xml" in store(*RENDER, "isc", "--domain", DOMAIN).out
    assert token not in store(*RENDER, "isc").out


def test_what_cannot_be_said_is_refused_before_a_token_is_shown(
    store: Command,
) -> None:
    store("domain", "token", "make", DOMAIN)
    domain = ("--domain", DOMAIN)
    assert "no VLAN 5000" in refused(store(*RENDER, "isc", *domain, "--vlan", "5000"))
    wrong = ("dhcp", "render", "--server", "isc", "--url", "tftp://10.1.2.3")
    assert "no URL that DHCP can tell" in refused(store(*wrong, *domain))
    actions = [row["action"] for row in store("audit", "list", "--json").json]
    assert "token.shown" not in actions


def test_an_unknown_server_is_called_wrong(store: Command) -> None:
    done = store(*RENDER, "windows")
    assert done.status == 2
    assert "kea" in done.err
