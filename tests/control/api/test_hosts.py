"""By which names the API is asked."""

import socket

import httpx
import pytest

from bootwave.control.api.hosts import Hosts
from bootwave.control.api.problems import Problem
from tests.control.api.conftest import Served, problem


@pytest.mark.parametrize(
    "field_value",
    [
        *("localhost", "LOCALHOST:8095", "localhost.", "a.localhost:1", "127.0.0.1"),
        *("127.0.0.1:8095", "[::1]", "[::1]:8095", "192.0.2.7:8095", "[2001:db8::1]"),
        *("prov.example.com", "Prov.Example.Com.:443", "a.pbx.example.com"),
    ],
)
def test_addresses_this_machine_and_what_was_named_are_ours(field_value: str) -> None:
    hosts = Hosts(["prov.EXAMPLE.com.", "*.pbx.example.com"])
    assert hosts.is_ours(field_value)


@pytest.mark.parametrize(
    "field_value",
    [
        *("", "evil.example.com", "localhost.evil.example.com", "127.0.0.1.evil.test"),
        *("xprov.example.com", "a.b.pbx.example.com", "pbx.example.com", "*", "*.com"),
        *("[::1", "[::1]x", "[evil.example.com]", "::1", "evil.test:@127.0.0.1"),
        *("0x7f.1", "2130706433", "prov.example.com@evil.test", "localhost/"),
    ],
)
def test_everything_else_is_somebody_elses(field_value: str) -> None:
    hosts = Hosts(["prov.example.com", "*.pbx.example.com"])
    assert not hosts.is_ours(field_value)
    with pytest.raises(Problem, match=r"control\.hosts"):
        hosts.require(field_value)


def test_who_names_nobody_is_no_browser() -> None:
    Hosts([]).require(None)


@pytest.mark.parametrize("path", ["/health/live", "/openapi.json", "/api/v1/session"])
def test_no_page_of_another_name_reaches_anything(api: Served, path: str) -> None:
    answer = api.client().get(path, headers={"Host": "rebound.example.com:8095"})
    assert (answer.status_code, problem(answer)) == (421, "misdirected")


def test_a_name_of_the_options_is_let_in(api: Served) -> None:
    # As the engine makes it (listening).
    assert api.plane._api is not None
    hosts = api.plane._api._hosts
    assert hosts.is_ours("console.example.com")
    assert not hosts.is_ours("other.example.com")


def test_a_request_of_http_1_0_needs_no_host(api: Served) -> None:
    address = httpx.URL(api.url)
    with socket.create_connection((address.host, address.port or 0), 20) as end:
        end.sendall(b"GET /health/live HTTP/1.0\r\n\r\n")
        assert end.recv(65_536).startswith(b"HTTP/1.1 200 ")
